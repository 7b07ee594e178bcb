//! The three pages: what can be paid, one order, and a code that leads nowhere.

use super::inbox;
use super::part::{
    BACK, CHEVRON, CLOCK, CROSS, Language, TICK, TICKET, TWO, grouped, icon, moment, money,
    provider, safe,
};
use crate::book::{RefundStatus, Trade, TradeState};
use crate::world::World;

/// How many orders the list shows.
const LIST_MAX: usize = 50;

pub(super) fn shell(language: Language, title: &str, here: &str, main: &str) -> String {
    let other = language.other();
    let switch = language.say("English", "中文");
    let banner = language.say("模拟钱包，付款不动真钱", "Simulated wallet, no real money moves");
    format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title>\
         <link rel=\"icon\" href=\"data:,\"><link rel=\"stylesheet\" href=\"/wallet/wallet.css\">\
         </head><body><p class=\"demo\">{banner}</p><header><h1>{title}</h1>\
         <a class=\"lnk\" href=\"{here}?lang={}\" lang=\"{}\">{switch}</a></header>\
         <main>{main}</main></body></html>",
        language.say("zh-CN", "en"),
        other.code(),
        other.say("zh-CN", "en"),
    )
}

/// What a state is called: word, colour class, icon.
fn state_words(
    trade: &Trade,
    now_ms: i64,
    language: Language,
) -> (&'static str, &'static str, &'static str) {
    match trade.state(now_ms) {
        TradeState::NotPay => (language.say("待支付", "Awaiting payment"), "off", CLOCK),
        TradeState::Success if trade.payments.len() > 1 => {
            (language.say("付了两笔", "Paid twice"), "warn", TWO)
        }
        TradeState::Success | TradeState::Finished => (language.say("已付款", "Paid"), "ok", TICK),
        TradeState::Refund => {
            let settled = trade.refunds.iter().filter(|one| one.status == RefundStatus::Success);
            let words = match settled.map(|refund| refund.refund_fen).sum::<i64>() {
                0 => language.say("退款处理中", "Refund in progress"),
                fen if fen < trade.paid_fen() => language.say("部分退款", "Partly refunded"),
                _ => language.say("已退款", "Refunded"),
            };
            (words, "off", BACK)
        }
        TradeState::Closed => (language.say("已关闭", "Closed"), "off", CROSS),
    }
}

/// The list of orders, newest first, open ones on top.
pub(crate) fn list(world: &World, language: Language) -> String {
    let now_ms = world.now_ms();
    let state = world.state();
    let newest = state.book.trades().iter().rev().take(LIST_MAX);
    let (open, past): (Vec<&Trade>, Vec<&Trade>) =
        newest.partition(|trade| trade.state(now_ms) == TradeState::NotPay);
    let rows = |trades: &[&Trade]| -> String {
        let rows = trades.iter().map(|trade| row(world, trade, now_ms, language));
        format!("<ul class=\"card rows\">{}</ul>", rows.collect::<String>())
    };
    let mut main = String::new();
    if open.is_empty() {
        main.push_str(&format!(
            "<section class=\"card empty\"><p>{}</p><p class=\"meta\">{}</p></section>",
            language.say("现在没有待付的订单", "Nothing to pay right now"),
            language.say("商家下单后，刷新这一页就能看到", "Place an order, then reload this page"),
        ));
    } else {
        main.push_str(&rows(&open));
    }
    if !past.is_empty() {
        main.push_str(&format!("<h2>{}</h2>", language.say("最近", "Recent")));
        main.push_str(&rows(&past));
    }
    drop(state);
    if inbox::is_used(world) {
        main.push_str(&format!(
            "<a class=\"btn sec\" href=\"/wallet/inbox?lang={}\">{}</a>",
            language.code(),
            language.say("短信和消息", "Texts and messages"),
        ));
    }
    shell(language, language.say("待付订单", "To pay"), "/wallet", &main)
}

fn row(world: &World, trade: &Trade, now_ms: i64, language: Language) -> String {
    let (word, class, paths) = state_words(trade, now_ms, language);
    format!(
        "<li><a href=\"/wallet/{}?lang={}\"><span><b>{}</b><span class=\"meta\">{}</span></span>\
         <span class=\"v\">{}<span class=\"state {class}\">{}{word}</span></span>{}</a></li>",
        safe(&trade.code),
        language.code(),
        safe(&trade.description),
        safe(&format!(
            "{}{}{}",
            world.merchant_name(trade.key.provider, &trade.merchant),
            language.say("，", ", "),
            provider(trade, language)
        )),
        money(trade.total_fen),
        icon(paths),
        icon(CHEVRON),
    )
}

/// A code nobody knows, or one that a newer code has replaced.
pub(crate) fn gone(language: Language) -> String {
    let main = format!(
        "<section class=\"card hero\"><span class=\"dot off\">{}</span><h2>{}</h2>\
         <p class=\"dim\">{}</p></section><a class=\"btn sec\" href=\"/wallet?lang={}\">{}</a>",
        icon(CROSS),
        language.say("二维码已失效", "This code has expired"),
        language.say("没有扣款，请商家出示新的二维码", "Nothing was charged, ask for a new code"),
        language.code(),
        language.say("看待付订单", "See orders to pay"),
    );
    shell(language, language.say("付款", "Pay"), "/wallet", &main)
}

/// One order: what it is, and what the payer may do.
pub(crate) fn order(
    world: &World,
    trade: &Trade,
    language: Language,
    done: Option<&str>,
    back: Option<&str>,
) -> String {
    let now_ms = world.now_ms();
    let state = trade.state(now_ms);
    let main = format!(
        "{}{}{}{}",
        hero(world, trade, state, language, done),
        facts(trade, now_ms, language),
        actions(trade, state, language, done),
        back.map(|url| {
            let words = language.say("返回商家", "Back to the merchant");
            format!("<a class=\"btn sec\" href=\"{}\">{words}</a>", safe(url))
        })
        .unwrap_or_default(),
    );
    let title = match state {
        TradeState::NotPay => language.say("付款", "Pay"),
        _ => language.say("订单", "Order"),
    };
    shell(language, title, &format!("/wallet/{}", safe(&trade.code)), &main)
}

/// The sentence at the top: what happened, and whether money moved.
fn verdict(
    state: TradeState,
    trade: &Trade,
    done: Option<&str>,
    language: Language,
) -> Option<[String; 4]> {
    let line = |class: &str, paths: &str, head: &str, text: &str| {
        Some([class.to_owned(), paths.to_owned(), head.to_owned(), text.to_owned()])
    };
    let late = trade.payments.iter().any(|payment| payment.after_close);
    match state {
        TradeState::NotPay if done == Some("declined") => line(
            "off",
            CROSS,
            language.say("已取消", "Cancelled"),
            language.say("没有扣款，还可以再付", "Nothing was charged, you can still pay"),
        ),
        TradeState::NotPay if done == Some("planned") => line(
            "off",
            CLOCK,
            language.say("等订单关闭再付", "Waiting to pay late"),
            language.say("商家关单后会立刻付款", "Pays the moment the merchant closes"),
        ),
        TradeState::NotPay if matches!(done, Some("closed" | "already" | "refused")) => line(
            "off",
            CROSS,
            language.say("没有付成", "Not paid"),
            language.say(
                "没有扣款，请看现在的状态再付",
                "Nothing was charged, look at how it stands and pay again",
            ),
        ),
        TradeState::NotPay => None,
        TradeState::Closed => line(
            "off",
            CROSS,
            language.say("订单已关闭", "Order closed"),
            language.say("没有扣款", "Nothing was charged"),
        ),
        TradeState::Success | TradeState::Finished if trade.payments.len() > 1 => line(
            "warn",
            TWO,
            language.say("付了两笔", "Paid twice"),
            language.say("商家应原路退回多付的一笔", "The merchant should return the second one"),
        ),
        TradeState::Success | TradeState::Finished if late => line(
            "warn",
            CLOCK,
            language.say("关单后付款", "Paid after closing"),
            language.say(
                "钱已付出，商家应充入或退回",
                "The money left, the merchant must use or return it",
            ),
        ),
        TradeState::Success | TradeState::Finished => {
            line("ok", TICK, language.say("已付款", "Paid"), told(trade, language))
        }
        TradeState::Refund => line(
            "off",
            BACK,
            state_words(trade, i64::MAX, language).0,
            language.say("退回原支付账户", "Back to the account it came from"),
        ),
    }
}

/// Whether the merchant knows, as far as its answers say.
fn told(trade: &Trade, language: Language) -> &'static str {
    let tally = trade.callbacks;
    if tally.acknowledged > 0 {
        language.say("商家已确认收到通知", "The merchant has confirmed the notice")
    } else if tally.sent > 0 {
        language.say("已通知商家，还没有确认", "The merchant was told, not confirmed yet")
    } else {
        language.say("还没有通知商家", "The merchant has not been told yet")
    }
}

fn hero(
    world: &World,
    trade: &Trade,
    state: TradeState,
    language: Language,
    done: Option<&str>,
) -> String {
    let verdict = verdict(state, trade, done, language).map(|[class, paths, head, text]| {
        format!(
            "<div class=\"verdict\"><span class=\"dot {class}\">{}</span><div><b>{head}</b>\
             <p class=\"dim\">{text}</p></div></div>",
            icon(&paths)
        )
    });
    format!(
        "<section class=\"card hero\">{}<p class=\"dim\">{}</p><p class=\"sum\">{}</p>\
         <p class=\"what\">{}</p></section>",
        verdict.unwrap_or_default(),
        safe(world.merchant_name(trade.key.provider, &trade.merchant)),
        money(trade.total_fen),
        safe(&trade.description),
    )
}

fn facts(trade: &Trade, now_ms: i64, language: Language) -> String {
    let mut rows = vec![
        (language.say("付款方式", "Pay with"), provider(trade, language).to_owned()),
        (language.say("商户单号", "Order number"), grouped(&trade.key.out_trade_no)),
    ];
    let open = trade.state(now_ms) == TradeState::NotPay;
    if let Some(expires_ms) = trade.expires_ms.filter(|_| open) {
        let format = language.say("%-m 月 %-d 日 %H:%M", "%-d %b, %H:%M");
        let text = crate::clock::china(expires_ms).format(format).to_string();
        rows.push((language.say("有效至", "Valid until"), text));
    }
    for payment in &trade.payments {
        let name = language.say("交易单号", "Transaction");
        rows.push((name, grouped(&payment.provider_trade_no)));
        let paid = format!("{} {}", moment(payment.paid_ms), money(payment.payer_total_fen));
        rows.push((language.say("实付", "Charged"), paid));
        let coupon_fen = payment.total_fen - payment.payer_total_fen;
        if coupon_fen > 0 {
            rows.push((language.say("券抵扣", "Coupon"), money(coupon_fen)));
        }
    }
    for refund in &trade.refunds {
        rows.push((language.say("退款", "Refund"), money(refund.refund_fen)));
    }
    let rows = rows.iter().map(|(name, value)| format!("<dt>{name}</dt><dd>{value}</dd>"));
    format!("<dl class=\"card facts\">{}</dl>", rows.collect::<String>())
}

fn button(action: &str, class: &str, content: &str) -> String {
    format!("<button class=\"{class}\" name=\"action\" value=\"{action}\">{content}</button>")
}

/// One way to misbehave: icon, name, what it does.
fn case(action: &str, paths: &str, head: &str, text: &str) -> String {
    let content = format!(
        "{}<span><b>{head}</b><span class=\"meta\">{text}</span></span>{}",
        icon(paths),
        icon(CHEVRON)
    );
    button(action, "case", &content)
}

fn actions(trade: &Trade, state: TradeState, language: Language, done: Option<&str>) -> String {
    let lang = format!("<input type=\"hidden\" name=\"lang\" value=\"{}\">", language.code());
    let again = case(
        "again",
        TWO,
        language.say("再付一次", "Pay once more"),
        language.say("同一订单，第二个交易单号", "A second transaction for this order"),
    );
    let inner = match state {
        TradeState::NotPay => {
            let pay = format!("{} {}", language.say("付款", "Pay"), money(trade.total_fen));
            let decline = if done == Some("declined") {
                String::new()
            } else {
                button("decline", "btn sec", language.say("不付了", "Decline"))
            };
            let cases = [
                case(
                    "coupon",
                    TICKET,
                    language.say("用一张券", "Use a coupon"),
                    language.say("实付少于订单金额", "Charged less than the order"),
                ),
                case(
                    "twice",
                    TWO,
                    language.say("连付两笔", "Pay twice"),
                    language.say("两个交易单号，同时通知", "Two transactions, told together"),
                ),
                case(
                    "late",
                    CLOCK,
                    language.say("等关单再付", "Pay after closing"),
                    language.say("商家一关单就付款", "The moment the merchant closes"),
                ),
            ];
            let more = language.say("更多付法", "Other ways to pay");
            format!(
                "{}{decline}<h2>{more}</h2><div class=\"card cases\">{}</div>",
                button("approve", "btn pri", &pay),
                cases.concat()
            )
        }
        TradeState::Closed => format!(
            "<h2>{}</h2><div class=\"card cases\">{}</div>",
            language.say("更多付法", "Other ways to pay"),
            case(
                "late",
                CLOCK,
                language.say("关单后仍付款", "Pay although closed"),
                language.say("模拟付款与关单同时发生", "As if payment and closing had crossed"),
            )
        ),
        TradeState::Success | TradeState::Finished => format!(
            "<h2>{}</h2><div class=\"card cases\">{again}</div>",
            language.say("更多付法", "Other ways to pay")
        ),
        TradeState::Refund => String::new(),
    };
    format!("<form method=\"post\" action=\"/wallet/{}\">{lang}{inner}</form>", safe(&trade.code))
}
