//! What stands on a receipt (凭条). There are three of them: the money has arrived, the money is
//! here and on its way, the money is on the card and wants to be carried to the meter.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::business_day::china_standard_time;
use kiosk_wire::{
    order::{OrderState, OrderView},
    receipt::{LINE_CHARS_MAX, LINES_MAX, Line, Receipt},
};
use mini_program_api::order::words::yuan;
use store::{account, kiosk::Kiosk, order::Order};

use crate::{
    content,
    desk::Desk,
    failure::{Failure, Result},
    order::{receipt_url, shown},
};

/// How the money stands, as a receipt says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Arrived,
    OnItsWay,
    OnCard,
    GivenBack,
}

/// The kind of receipt for a state.
///
/// Invariant: what has not arrived is never printed as if it had; proved by
/// `a_receipt_never_says_more_than_is_proven`.
fn kind_of(state: OrderState, money_model: &str) -> Kind {
    match (state, money_model) {
        (OrderState::CardWritten, _) => Kind::OnCard,
        (OrderState::Refunded, _) => Kind::GivenBack,
        (OrderState::OnMeter | OrderState::PowerOn, _) => Kind::Arrived,
        // The account itself is with us: credited is arrived.
        (OrderState::Paid | OrderState::PaidOffline, "platform") => Kind::Arrived,
        _ => Kind::OnItsWay,
    }
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Arrived => "已到账",
        Kind::OnItsWay => "已付款，待到账（处理中）",
        Kind::OnCard => "已写卡，请插表",
        Kind::GivenBack => "已退款",
    }
}

/// A copy of the receipt of an order.
pub async fn of(desk: &Arc<Desk>, kiosk: &Kiosk, order: &Order, copy: u32) -> Result<Receipt> {
    let view = shown(desk, order).await?;
    let holder =
        account::by_id(desk.store().read(), order.project(), domain::AccountId(order.account_id));
    let holder = holder.await?.ok_or(Failure::NotFound("order"))?;
    let link = receipt_url(desk, order).await?;
    let facts = Facts {
        view: &view,
        kiosk: &kiosk.number,
        account_no: &holder.account_no,
        trade_no: order.provider_trade_no.as_deref(),
        paid_at: order.credited_at.unwrap_or(order.placed_at),
        printed_at: desk.now(),
        phone: &desk.tenants.settings.service_phone,
        link: link.as_deref(),
        copy,
    };
    let logo = content::logo_of(desk, order.project()).await?;
    Ok(Receipt { lines: lines(&facts), logo })
}

/// Everything that stands on a receipt.
struct Facts<'a> {
    view: &'a OrderView,
    kiosk: &'a str,
    account_no: &'a str,
    trade_no: Option<&'a str>,
    paid_at: DateTime<Utc>,
    printed_at: DateTime<Utc>,
    phone: &'a str,
    link: Option<&'a str>,
    copy: u32,
}

/// What people typed, as paper may bear it: no control characters, and never longer than a line
/// may be.
fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LINE_CHARS_MAX).collect()
}

fn pair(name: &str, value: impl AsRef<str>) -> Line {
    Line::Pair { name: name.to_owned(), value: bare(value.as_ref()), strong: false }
}

fn moment(at: DateTime<Utc>) -> String {
    at.with_timezone(&china_standard_time()).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// All but the first and the last two characters in stars.
fn masked(number: &str) -> String {
    let shown: Vec<char> = number.chars().collect();
    match shown.as_slice() {
        [first, middle @ .., last, end] if !middle.is_empty() => {
            format!("{first}{}{last}{end}", "*".repeat(middle.len()))
        }
        _ => "**".to_owned(),
    }
}

fn lines(facts: &Facts<'_>) -> Vec<Line> {
    let view = facts.view;
    let kind = kind_of(view.state, &view.money_model);
    let text = |text: &str, centred| Line::Text { text: bare(text), centred };
    let mut lines = vec![Line::Title { text: bare(&view.payee) }, text("充值缴费凭条", true)];
    if facts.copy > 0 {
        lines.push(text(&format!("补打 第 {} 次", facts.copy), true));
    }
    lines.push(Line::Rule);
    lines.push(Line::Pair {
        name: "状态".to_owned(), value: words(kind).to_owned(), strong: true
    });
    lines
        .push(Line::Pair { name: "金额".to_owned(), value: yuan(view.amount_fen), strong: true });
    lines.push(Line::Rule);
    lines.push(pair("终端号", facts.kiosk));
    lines.push(pair("订单号", &view.order_no));
    lines.push(pair("渠道交易号", facts.trade_no.unwrap_or("—")));
    lines.push(pair("支付方式", wallet(&view.wallet)));
    lines.push(pair("用途", purpose(&view.purpose)));
    lines.push(pair("地址", &view.place));
    lines.push(pair("表号", format!("****{}", view.meter_tail)));
    lines.push(pair("户号", masked(facts.account_no)));
    lines.extend(balances(view, kind));
    lines.push(pair("付款时间", moment(facts.paid_at)));
    lines.push(pair("打印时间", moment(facts.printed_at)));
    lines.push(Line::Rule);
    if kind == Kind::OnItsWay {
        lines.push(text("到账后自动充入，请勿重复付款。扫码查看进度。", false));
    }
    if kind == Kind::OnCard {
        lines.push(text("请把卡插入电表，以表计显示为准。", false));
    }
    if let Some(link) = facts.link {
        lines.push(Line::Qr { content: link.to_owned() });
        lines.push(text("扫码查看电子凭条", true));
    }
    if !facts.phone.is_empty() {
        lines.push(pair("客服电话", facts.phone));
    }
    lines.push(text("本凭条不作为发票", true));
    lines.push(Line::Feed { lines: 3 });
    lines.push(Line::Cut);
    lines.truncate(LINES_MAX);
    lines
}

fn balances(view: &OrderView, kind: Kind) -> Vec<Line> {
    match (kind, view.balance_before_fen, view.balance_after_fen) {
        (Kind::Arrived, Some(before), Some(after)) => {
            vec![pair("充值前余额", yuan(before)), pair("充值后余额", yuan(after))]
        }
        (Kind::Arrived, _, Some(after)) => vec![pair("充值后余额", yuan(after))],
        (Kind::GivenBack, ..) => Vec::new(),
        _ => vec![pair("余额", "以表计显示为准")],
    }
}

fn wallet(name: &str) -> &'static str {
    match name {
        "wechat" => "微信支付",
        "alipay" => "支付宝",
        _ => "其他",
    }
}

fn purpose(name: &str) -> &'static str {
    match name {
        "water" => "水费",
        "gas" => "燃气费",
        _ => "电费",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(state: OrderState, money_model: &str) -> OrderView {
        OrderView {
            id: uuid::Uuid::nil(),
            order_no: "YF2611210000000001".to_owned(),
            state,
            amount_fen: 10_000,
            wallet: "wechat".to_owned(),
            qr: None,
            expires_in_ms: 0,
            payee: "和园\u{1b}@公寓".to_owned(),
            place: "和园公寓 5-1-0803".to_owned(),
            purpose: "electricity".to_owned(),
            meter_tail: "7735".to_owned(),
            money_model: money_model.to_owned(),
            steps: Vec::new(),
            what: Default::default(),
            safe: Default::default(),
            todo: Default::default(),
            balance_before_fen: Some(-120),
            balance_after_fen: Some(9_880),
            supply: "on".to_owned(),
            receipt_url: None,
        }
    }

    fn printed(view: &OrderView, copy: u32) -> String {
        let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        let facts = Facts {
            view,
            kiosk: "K-03",
            account_no: "A000502",
            trade_no: Some("4200000001"),
            paid_at: at,
            printed_at: at,
            phone: "0571-00001204",
            link: Some("https://pay.example/r/7Q2M"),
            copy,
        };
        serde_json::to_string(&lines(&facts)).unwrap()
    }

    #[test]
    fn a_receipt_never_says_more_than_is_proven() {
        use OrderState::*;
        let table = [
            (Paid, "meter", "待到账"),
            (PaidOffline, "meter", "待到账"),
            (InDoubt, "meter", "待到账"),
            (Held, "platform", "待到账"),
            (AwaitingCard, "card", "待到账"),
            (CardWritten, "card", "已写卡，请插表"),
            (Paid, "platform", "已到账"),
            (OnMeter, "meter", "已到账"),
            (PowerOn, "meter", "已到账"),
            (Refunded, "meter", "已退款"),
        ];
        for (state, model, want) in table {
            let text = printed(&view(state, model), 0);
            assert!(text.contains(want), "{state:?} {model}: {text}");
            assert!(!text.contains("成功"), "{state:?}");
            let others = ["待到账", "已到账", "已写卡，请插表", "已退款"];
            for other in others.iter().filter(|other| **other != want) {
                assert!(!text.contains(other), "{state:?} {model} says {other}");
            }
        }
    }

    #[test]
    fn a_receipt_bears_what_a_dispute_needs_and_no_whole_numbers() {
        let text = printed(&view(OrderState::PowerOn, "platform"), 2);
        for want in [
            "和园@公寓",
            "K-03",
            "YF2611210000000001",
            "4200000001",
            "****7735",
            "A****02",
            "¥100.00",
            "微信支付",
            "−¥1.20",
            "¥98.80",
            "0571-00001204",
            "/r/7Q2M",
            "补打 第 2 次",
            "本凭条不作为发票",
            "2026-11-18",
        ] {
            assert!(text.contains(want), "{want}: {text}");
        }
        assert!(!text.contains("A000502") && !text.contains('\u{1b}'));
        assert!(!printed(&view(OrderState::PowerOn, "platform"), 0).contains("补打"));
        assert_eq!(masked("A1"), "**");
    }
}
