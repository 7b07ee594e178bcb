use chrono::TimeDelta;
use domain::AttemptState;
use store::timeline::Event;

use super::{
    steps::{Story, steps},
    words::{Facts, tell, yuan},
    *,
};

fn noon() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-20T04:00:00Z").unwrap().to_utc()
}

/// A meter that keeps the money itself and can be switched, and nothing is wrong.
fn facts(state: OrderState) -> Facts<'static> {
    Facts {
        state,
        purpose: "electricity",
        amount_fen: 5_000,
        expires_at: noon() + TimeDelta::minutes(15),
        now: noon(),
        was_closed: false,
        attempt: None,
        with_us: false,
        offline: false,
        has_switch: true,
        supply: "off",
        dark: false,
        held_off: None,
        missing_fen: None,
        extra_fen: None,
    }
}

/// One row: what is so, and what is told: state, final, the three sentences, the title in English.
type Row = (Facts<'static>, (&'static str, bool, &'static str, &'static str));

/// Orders whose money is on its way; the sentences about doubt are those of the design, word by
/// word.
fn on_the_way() -> Vec<Row> {
    use OrderState::*;
    let of = facts;
    let attempt = |state, hint| Facts { attempt: Some((state, hint)), ..of(Placed) };
    let later = |facts: Facts<'static>| Facts { now: noon() + TimeDelta::hours(1), ..facts };
    let doubt = "正在确认支付结果 · 付过的钱不会丢 · 请不要再付一次，通常 1 分钟内有结果";
    let open = "待支付 · 还没有扣款 · 请在 12:15 前付款";
    let offline = "已付款，电表离线 · 钱已在你的电费账户 · 恢复联网后自动充入并通知你";
    vec![
        (of(Placed), ("awaiting-payment", false, open, "Awaiting payment")),
        (
            attempt(AttemptState::Unknown, false),
            ("awaiting-payment", false, open, "Awaiting payment"),
        ),
        (
            attempt(AttemptState::Awaiting, true),
            ("awaiting-payment", false, open, "Awaiting payment"),
        ),
        (attempt(AttemptState::Unknown, true), ("in-doubt", false, doubt, "Checking your payment")),
        (attempt(AttemptState::Closing, true), ("in-doubt", false, doubt, "Checking your payment")),
        (
            later(attempt(AttemptState::Awaiting, true)),
            ("in-doubt", false, doubt, "Checking your payment"),
        ),
        (of(Closed), ("closed", true, "已关闭 · 没有扣款 · 需要时重新下单", "Closed")),
        (
            Facts { was_closed: true, ..of(Credited) },
            (
                "credited",
                false,
                "付款晚了，订单已关闭 · 这笔钱已收到，会充入或原路退回 · 不用操作，结果会通知你",
                "Paid after closing",
            ),
        ),
        (
            of(Held),
            (
                "held",
                true,
                "金额对不上，已暂停 · 这笔钱已收到，正在人工核对 · 客服会联系你",
                "Held for review",
            ),
        ),
        (
            of(Refunded),
            ("refunded", true, "已退款 · ¥50.00 退回原支付账户 · 以支付平台到账为准", "Refunded"),
        ),
        (
            Facts { offline: true, ..of(Credited) },
            ("credited", false, offline, "Paid, meter offline"),
        ),
        (
            Facts { offline: true, ..of(Delivering) },
            ("sending", false, offline, "Paid, meter offline"),
        ),
        (
            of(Uncertain),
            (
                "in-doubt",
                false,
                "充入结果待确认 · 钱已到账，不会充两次 · 正在读表核对，有结果就通知你",
                "Top-up being checked",
            ),
        ),
    ]
}

/// Orders whose money has arrived.
fn arrived() -> Vec<Row> {
    use OrderState::*;
    let of = facts;
    let ours = |state| Facts { with_us: true, ..of(state) };
    vec![
        (
            Facts { dark: true, ..of(Delivered) },
            (
                "on-meter",
                false,
                "已充入，还没送电 · 钱已在电表里 · 正在重试合闸，已通知值班",
                "Topped up, power not back",
            ),
        ),
        (
            Facts { held_off: Some("by-tenant"), ..of(Delivered) },
            (
                "on-meter",
                false,
                "已充入，等你确认送电 · 钱已在电表里 · 关好电炉、电熨斗后点“送电”",
                "Confirm to switch on",
            ),
        ),
        (
            Facts { supply: "waiting", ..of(Delivered) },
            (
                "on-meter",
                false,
                "已充入，等你确认送电 · 钱已在电表里 · 关好电炉、电熨斗后，按一下电表上的按键",
                "Confirm to switch on",
            ),
        ),
        (
            Facts { extra_fen: Some(5_000), ..of(Restored) },
            (
                "restored",
                true,
                "收到两笔付款 · 多付的 ¥50.00 会原路退回 · 一般 1–3 天到账，无需申请",
                "Paid twice",
            ),
        ),
        (
            Facts { missing_fen: Some(1_234), ..ours(Delivered) },
            (
                "credited",
                true,
                "已到账，还不够恢复供电 · 钱已在你的电费账户 · 再充 ¥12.34 可恢复供电",
                "Credited, not enough to restore supply",
            ),
        ),
        (
            Facts { has_switch: false, ..ours(Delivered) },
            ("credited", true, "已到账 · 钱已在你的电费账户 · 不用操作", "Credited"),
        ),
        (
            Facts { purpose: "water", ..ours(Restored) },
            ("restored", true, "已供水 · 钱已在你的水费账户 · 不用操作", "Water restored"),
        ),
        (
            of(Restored),
            ("restored", true, "已送电，灯亮了 · 钱已在电表里 · 不用操作", "Power restored"),
        ),
    ]
}

#[test]
fn an_order_says_what_is_known_and_nothing_more() {
    for (facts, want) in on_the_way().into_iter().chain(arrived()) {
        let told = tell(&facts);
        let zh = [&told.sentence.zh, &told.safe.zh, &told.todo.zh];
        let zh = zh.map(String::as_str).join(" · ");
        let got = (told.state, told.is_final, zh.as_str(), told.sentence.en.as_str());
        assert_eq!(got, want, "{facts:?}");
        assert!(!told.safe.en.is_empty() && !told.todo.en.is_empty(), "{facts:?}");
    }
}

#[test]
fn only_a_read_back_makes_a_top_up_arrived_or_a_light_lit() {
    use OrderState::*;
    let arrived = ["已充入", "已送电", "灯亮"];
    for state in [Placed, Closed, Held, Refunded, Credited, Delivering, Uncertain] {
        for with_us in [true, false] {
            for offline in [true, false] {
                let told = tell(&Facts { with_us, offline, ..facts(state) });
                let all = format!("{}{}{}", told.sentence.zh, told.safe.zh, told.todo.zh);
                assert!(!arrived.iter().any(|word| all.contains(word)), "{state} {all}");
                assert!(!matches!(told.state, "on-meter" | "restored"), "{state}");
            }
        }
    }
}

fn order(state: OrderState) -> Order {
    let paid = state.is_paid().then_some(noon());
    Order {
        project_id: 1,
        id: Uuid::nil(),
        order_no: "YF261120".to_owned(),
        client_id: "x".to_owned(),
        account_id: Uuid::nil(),
        meter_id: Uuid::nil(),
        purpose: "electricity".to_owned(),
        channel: "wechat-jsapi".to_owned(),
        amount_fen: 5_000,
        price_micro_yuan: 600_000,
        state: state.as_str().to_owned(),
        operator_id: None,
        provider_trade_no: None,
        placed_at: noon(),
        expires_at: noon(),
        credited_at: paid,
        delivered_at: None,
        restored_at: None,
        closed_at: None,
        reason: None,
        version: 1,
    }
}

fn line(kind: &str, second: i64, detail: &str) -> Event {
    Event {
        project_id: 1,
        order_id: Uuid::nil(),
        id: Uuid::nil(),
        at: noon() + TimeDelta::seconds(second),
        kind: kind.to_owned(),
        detail: detail.to_owned(),
    }
}

#[test]
fn a_timeline_shows_what_is_done_with_its_proof_and_what_is_in_doubt() {
    let paid = line("paid", 7, r#"{"provider_trade_no":"4200007190"}"#);
    let credited = line("credited", 8, "{}");
    let read = line("precheck", 9, r#"{"balance_fen":-1564,"count":37}"#);
    let sent = line("sent", 10, r#"{"count":38}"#);
    let there = line("delivered", 13, r#"{"count":38,"balance_fen":8436}"#);
    let lit = line("restored", 16, "{}");
    use OrderState::*;
    let table = [
        (
            Placed,
            vec![],
            (false, true),
            "paid:waiting credited:waiting sent:waiting on-meter:waiting restored:waiting",
        ),
        (
            Credited,
            vec![&paid, &credited],
            (false, true),
            "paid:done credited:done sent:now on-meter:waiting restored:waiting",
        ),
        (
            Delivering,
            vec![&paid, &credited, &read, &sent],
            (false, true),
            "paid:done credited:done sent:done on-meter:now restored:waiting",
        ),
        (
            Uncertain,
            vec![&paid, &credited, &sent],
            (false, true),
            "paid:done credited:done sent:done on-meter:doubt restored:waiting",
        ),
        (
            Restored,
            vec![&paid, &credited, &read, &sent, &there, &lit],
            (false, true),
            "paid:done credited:done sent:done on-meter:done restored:done",
        ),
        (Credited, vec![&paid, &credited], (true, true), "paid:done credited:done restored:now"),
        (Delivered, vec![&paid, &credited], (true, false), "paid:done credited:done"),
    ];
    for (state, events, (with_us, has_switch), want) in table {
        let events: Vec<_> = events.into_iter().cloned().collect();
        let told = tell(&Facts { with_us, has_switch, ..facts(state) });
        let rows = steps(&order(state), &Story::of(&events), &told, (with_us, has_switch));
        let got: Vec<_> = rows.iter().map(|row| format!("{}:{}", row.step, row.state)).collect();
        assert_eq!(got.join(" "), want, "{state}");
    }
    let story = Story::of(&[paid, credited, read, sent, there, lit]);
    assert_eq!((story.balance_before_fen, story.balance_after_fen), (Some(-1564), Some(8436)));
    let told = tell(&facts(Restored));
    let rows = steps(&order(Restored), &story, &told, (false, true));
    let proofs: Vec<_> = rows.iter().map(|r| r.proof.as_ref().map(|p| p.zh.as_str())).collect();
    let want = [
        Some("交易号尾号 7190"),
        None,
        Some("第 38 次充值"),
        Some("第 38 次充值，回读余额 ¥84.36"),
        Some("电表回读：合闸"),
    ];
    assert_eq!(proofs, want);
}

#[test]
fn two_tenants_never_meet_in_one_client_id() {
    let (wang, li) = (PersonId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)));
    let id = "0f8b1c2e-7a55-4c10";
    let of = |person, text: &str| own_client_id(person, text).ok();
    assert_eq!(of(wang, id), of(wang, id));
    assert_ne!(of(wang, id), of(li, id));
    assert_eq!(of(wang, id).unwrap().len(), 50);
    for wrong in ["short", "with a space", "with_under", &"x".repeat(65), ""] {
        assert_eq!(of(wang, wrong), None, "{wrong}");
    }
}

#[test]
fn an_amount_is_printed_with_its_fen_and_a_true_minus() {
    let table = [(0, "¥0.00"), (2564, "¥25.64"), (-1260, "−¥12.60"), (5, "¥0.05")];
    for (fen, want) in table {
        assert_eq!(yuan(fen), want);
    }
}
