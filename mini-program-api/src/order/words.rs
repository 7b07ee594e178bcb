//! What an order tells a person: what happened, whether the money is safe, what to do. The middle
//! sentence is never left out.

use chrono::{DateTime, Utc};
use domain::{AttemptState, OrderState, business_day::china_standard_time};
use serde::Serialize;
use utoipa::ToSchema;

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Text {
    /// Chinese.
    #[schema(example = "已送电，灯亮了")]
    pub zh: String,
    /// English.
    #[schema(example = "Power restored")]
    pub en: String,
}

impl Text {
    /// A text.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Text {
        Text { zh: zh.into(), en: en.into() }
    }
}

/// Everything about an order that its words depend on.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Where it stands.
    pub state: OrderState,
    /// `electricity`, `water` or `gas`.
    pub purpose: &'a str,
    /// The amount, in fen.
    pub amount_fen: i64,
    /// When it stops being payable.
    pub expires_at: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
    /// True if it was closed at some time.
    pub was_closed: bool,
    /// The newest attempt to pay, and whether the payer could do anything with it.
    pub attempt: Option<(AttemptState, bool)>,
    /// True where we keep the money, and not the meter.
    pub with_us: bool,
    /// True while the meter's gateway is gone.
    pub offline: bool,
    /// True where the meter can be switched at all.
    pub has_switch: bool,
    /// What supply was last read to be.
    pub supply: &'a str,
    /// True while the alarm of a dark room stands.
    pub dark: bool,
    /// Who cut it and has to bring it back: `by-tenant` or `by-operator`.
    pub held_off: Option<&'a str>,
    /// What is still missing before supply comes back, in fen.
    pub missing_fen: Option<i64>,
    /// What came in besides the order's own payment, in fen.
    pub extra_fen: Option<i64>,
}

/// What an order tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The state, by its stable word.
    pub state: &'static str,
    /// What happened.
    pub sentence: Text,
    /// Whether the money is safe.
    pub safe: Text,
    /// What to do.
    pub todo: Text,
    /// True once nothing more happens by itself.
    pub is_final: bool,
}

/// An amount as it is printed.
pub fn yuan(fen: i64) -> String {
    let sign = if fen < 0 { "−" } else { "" };
    format!("{sign}¥{}.{:02}", fen.unsigned_abs() / 100, fen.unsigned_abs() % 100)
}

/// The words of a purpose: whose account, which meter, what comes back.
struct Words {
    account: (&'static str, &'static str),
    meter: &'static str,
    supply: (&'static str, &'static str),
    switch: &'static str,
    restore: &'static str,
}

fn words(purpose: &str) -> Words {
    match purpose {
        "water" => Words {
            account: ("水费账户", "water account"),
            meter: "水表",
            supply: ("供水", "Water"),
            switch: "开阀",
            restore: "恢复供水",
        },
        "gas" => Words {
            account: ("燃气账户", "gas account"),
            meter: "燃气表",
            supply: ("供气", "Gas"),
            switch: "开阀",
            restore: "恢复供气",
        },
        _ => Words {
            account: ("电费账户", "electricity account"),
            meter: "电表",
            supply: ("送电", "Power"),
            switch: "合闸",
            restore: "恢复供电",
        },
    }
}

fn three(
    state: &'static str,
    is_final: bool,
    sentence: (&str, &str),
    safe: (&str, &str),
    todo: (&str, &str),
) -> Told {
    let text = |(zh, en): (&str, &str)| Text::new(zh, en);
    Told { state, sentence: text(sentence), safe: text(safe), todo: text(todo), is_final }
}

/// What an order tells.
///
/// Invariant: nobody reads that the light is on, or the money on the meter, before the meter was
/// read to be so, and doubt is told as doubt (V2, T6); proved by
/// `an_order_says_what_is_known_and_nothing_more`.
pub fn tell(facts: &Facts<'_>) -> Told {
    let told = match facts.state {
        OrderState::Placed => unpaid(facts),
        OrderState::Closed => three(
            "closed",
            true,
            ("已关闭", "Closed"),
            ("没有扣款", "Nothing was charged"),
            ("需要时重新下单", "Order again when you need to"),
        ),
        OrderState::Held => three(
            "held",
            true,
            ("金额对不上，已暂停", "Held for review"),
            ("这笔钱已收到，正在人工核对", "The money is here and is being checked by a person"),
            ("客服会联系你", "We will contact you"),
        ),
        OrderState::Refunded => refunded(facts),
        OrderState::Credited if facts.was_closed && !facts.with_us => three(
            "credited",
            false,
            ("付款晚了，订单已关闭", "Paid after closing"),
            (
                "这笔钱已收到，会充入或原路退回",
                "The money is here; it will be topped up or paid back",
            ),
            ("不用操作，结果会通知你", "Nothing to do; we will tell you"),
        ),
        OrderState::Credited if facts.with_us => switching(facts),
        OrderState::Credited => credited(facts),
        OrderState::Delivering if facts.offline => offline(facts, "sending"),
        OrderState::Delivering => three(
            "sending",
            false,
            ("充入中", "Sending to meter"),
            ("钱已到账，不会充两次", "The money is credited and is never sent twice"),
            (
                "可以离开此页，送电后会通知你。不用再付一次",
                "You may leave this page; we will tell you. Do not pay again",
            ),
        ),
        OrderState::Uncertain => three(
            "in-doubt",
            false,
            ("充入结果待确认", "Top-up being checked"),
            ("钱已到账，不会充两次", "The money is credited and is never sent twice"),
            ("正在读表核对，有结果就通知你", "The meter is being read; we will tell you"),
        ),
        OrderState::Delivered => switching(facts),
        OrderState::Restored => restored(facts),
    };
    match facts.extra_fen {
        Some(extra) if facts.state != OrderState::Held => paid_twice(told, extra),
        _ => told,
    }
}

fn unpaid(facts: &Facts<'_>) -> Told {
    let expired = facts.expires_at <= facts.now;
    let doubtful = match facts.attempt {
        // The payer never got anything to pay with.
        None | Some((_, false)) => false,
        Some((AttemptState::Unknown | AttemptState::Closing, true)) => true,
        Some((state, true)) => expired && state.needs_query(),
    };
    if doubtful {
        return three(
            "in-doubt",
            false,
            ("正在确认支付结果", "Checking your payment"),
            ("付过的钱不会丢", "Money you paid is not lost"),
            (
                "请不要再付一次，通常 1 分钟内有结果",
                "Do not pay again; it usually takes less than a minute",
            ),
        );
    }
    let until = facts.expires_at.with_timezone(&china_standard_time()).format("%H:%M");
    let todo = match expired {
        true => ("付款时间已过，需要时重新下单".to_owned(), "Too late to pay; order again".into()),
        false => (format!("请在 {until} 前付款"), format!("Pay before {until}")),
    };
    three(
        "awaiting-payment",
        false,
        ("待支付", "Awaiting payment"),
        ("还没有扣款", "Nothing is charged yet"),
        (&todo.0, &todo.1),
    )
}

fn refunded(facts: &Facts<'_>) -> Told {
    let amount = yuan(facts.amount_fen);
    three(
        "refunded",
        true,
        ("已退款", "Refunded"),
        (&format!("{amount} 退回原支付账户"), &format!("{amount} went back to where it came from")),
        ("以支付平台到账为准", "Your wallet shows when it has arrived"),
    )
}

fn offline(facts: &Facts<'_>, state: &'static str) -> Told {
    let words = words(facts.purpose);
    let then =
        if facts.with_us { format!("自动{}", words.supply.0) } else { "自动充入".into() };
    let and_en = if facts.with_us { "switched on" } else { "topped up" };
    three(
        state,
        false,
        (&format!("已付款，{}离线", words.meter), "Paid, meter offline"),
        (
            &format!("钱已在你的{}", words.account.0),
            &format!("The money is in your {}", words.account.1),
        ),
        (
            &format!("恢复联网后{then}并通知你"),
            &format!("It is {and_en} as soon as the meter is back; we will tell you"),
        ),
    )
}

fn credited(facts: &Facts<'_>) -> Told {
    if facts.offline {
        return offline(facts, "credited");
    }
    let words = words(facts.purpose);
    three(
        "credited",
        false,
        ("已到账", "Credited"),
        (
            &format!("钱已在你的{}", words.account.0),
            &format!("The money is in your {}", words.account.1),
        ),
        (
            &format!("正在充入{}，有结果就通知你", words.meter),
            "It is on its way to the meter; we will tell you",
        ),
    )
}

/// The money is where it belongs; the light is not read to be on for this order yet.
fn switching(facts: &Facts<'_>) -> Told {
    let words = words(facts.purpose);
    let (state, have) = match facts.with_us {
        true => ("credited", ("已到账", "Credited")),
        false => ("on-meter", ("已充入", "Topped up")),
    };
    let (is_final, sentence, todo) = next_of(facts, &words, have);
    if sentence.zh.is_empty() {
        return offline(facts, state);
    }
    Told { state, sentence, safe: kept_safe(facts, &words), todo, is_final }
}

/// Where the money is, once it has arrived.
fn kept_safe(facts: &Facts<'_>, words: &Words) -> Text {
    match facts.with_us {
        true => Text::new(
            format!("钱已在你的{}", words.account.0),
            format!("The money is in your {}", words.account.1),
        ),
        false => Text::new(format!("钱已在{}里", words.meter), "The money is on the meter"),
    }
}

/// What stands between money that has arrived and the light, and what to do about it; an empty
/// sentence where only the line is missing.
fn next_of(facts: &Facts<'_>, words: &Words, have: (&str, &str)) -> (bool, Text, Text) {
    let ((have_zh, have_en), supply) = (have, words.supply);
    let supply_en = supply.1.to_lowercase();
    if !facts.has_switch {
        return (true, Text::new(have_zh, have_en), Text::new("不用操作", "Nothing to do"));
    }
    if let Some(missing) = facts.missing_fen.filter(|fen| *fen > 0) {
        let amount = yuan(missing);
        let sentence = Text::new(
            format!("{have_zh}，还不够{}", words.restore),
            format!("{have_en}, not enough to restore supply"),
        );
        let todo = Text::new(
            format!("再充 {amount} 可{}", words.restore),
            format!("{amount} more brings it back"),
        );
        return (true, sentence, todo);
    }
    if facts.held_off == Some("by-operator") {
        let sentence = Text::new(
            format!("{have_zh}，由物业断开，不会自动{}", supply.0),
            format!("{have_en}, switched off by the property"),
        );
        return (true, sentence, Text::new("请联系物业", "Ask the property"));
    }
    if facts.held_off.is_some() || facts.supply == "waiting" {
        let sentence =
            Text::new(format!("{have_zh}，等你确认{}", supply.0), "Confirm to switch on");
        return (false, sentence, confirm(facts, words));
    }
    if facts.dark {
        let sentence = Text::new(
            format!("{have_zh}，还没{}", supply.0),
            format!("{have_en}, {supply_en} not back"),
        );
        let todo = Text::new(
            format!("正在重试{}，已通知值班", words.switch),
            "We keep trying and have told somebody on duty",
        );
        return (false, sentence, todo);
    }
    if facts.offline {
        return (false, Text::default(), Text::default());
    }
    let sentence = Text::new(
        format!("{have_zh}，正在{}", supply.0),
        format!("{have_en}, {supply_en} is being switched on"),
    );
    let todo = Text::new(
        format!("可以离开此页，{}后会通知你", supply.0),
        "You may leave this page; we will tell you",
    );
    (false, sentence, todo)
}

/// How a tenant switches on what waits for them: here, or by the meter's button.
fn confirm(facts: &Facts<'_>, words: &Words) -> Text {
    match facts.held_off {
        Some(_) => Text::new(
            format!("关好电炉、电熨斗后点“{}”", words.supply.0),
            "Switch off heaters and irons, then switch on here",
        ),
        None => Text::new(
            format!("关好电炉、电熨斗后，按一下{}上的按键", words.meter),
            "Switch off heaters and irons, then press the meter's button",
        ),
    }
}

fn restored(facts: &Facts<'_>) -> Told {
    let words = words(facts.purpose);
    let zh = match facts.purpose {
        "electricity" => "已送电，灯亮了".to_owned(),
        _ => format!("已{}", words.supply.0),
    };
    Told {
        state: "restored",
        sentence: Text::new(zh, format!("{} restored", words.supply.1)),
        safe: kept_safe(facts, &words),
        todo: Text::new("不用操作", "Nothing to do"),
        is_final: true,
    }
}

/// A second payment does not change where the order stands, and goes before all else.
fn paid_twice(told: Told, extra_fen: i64) -> Told {
    let amount = yuan(extra_fen);
    Told {
        sentence: Text::new("收到两笔付款", "Paid twice"),
        safe: Text::new(
            format!("多付的 {amount} 会原路退回"),
            format!("The {amount} paid too much goes back to where it came from"),
        ),
        todo: Text::new("一般 1–3 天到账，无需申请", "It takes 1–3 days; nothing to do"),
        ..told
    }
}
