//! What the kiosk says of itself, in both languages. What an order says comes from the server.

use kiosk_wire::text::{Problem, Text};

/// What went wrong: what happened, whether the money is safe, what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Its stable code.
    pub code: String,
    /// What happened.
    pub what: Text,
    /// Whether the money is safe.
    pub safe: Text,
    /// What to do.
    pub todo: Text,
}

type Pair = (&'static str, &'static str);

fn text((zh, en): Pair) -> Text {
    Text::new(zh, en)
}

/// Nothing has been paid.
const UNTOUCHED: Pair = ("还没有付款，钱没有动", "Nothing has been paid, your money has not moved");
/// Money that was paid is kept.
const KEPT: Pair = ("付过的钱不会丢", "Money you have paid is not lost");
/// Come back later.
const LATER: Pair =
    ("请稍后再试，或用手机充值", "Please try again later, or top up with your phone");

/// Every trouble of the kiosk's own: code, what, safe, to do.
const TROUBLES: [(&str, Pair, Pair, Pair); 14] = [
    ("offline", ("网络中断，暂不能缴费", "Connection lost, payments paused"), UNTOUCHED, LATER),
    ("slow", ("等了很久没有答复", "No answer for a long time"), UNTOUCHED, LATER),
    ("order_unknown", ("没有收到订单的答复", "No answer about the order"), UNTOUCHED, LATER),
    (
        "confirming",
        ("正在确认支付结果", "Checking your payment"),
        KEPT,
        (
            "请不要再付一次，通常 1 分钟内有结果",
            "Please do not pay again; a result usually comes within a minute",
        ),
    ),
    (
        "qr_offline",
        ("网络断了，二维码已收起", "Connection lost, code hidden"),
        (
            "付过的钱不会丢，也不会重复入账",
            "Money you have paid is not lost, and is not credited twice",
        ),
        (
            "若已付款请勿重复付款；到账后可在本机按订单号查询或补打凭条。没付款不用管",
            "If you have paid, do not pay again; find the order here later by its number. If you \
             have not, there is nothing to do",
        ),
    ),
    (
        "not_found",
        ("没有查到", "Nothing found"),
        UNTOUCHED,
        ("请核对号码后再试，或联系客服", "Please check the number, or call us"),
    ),
    (
        "meter_silent",
        ("没有读到电表，暂不能在本机缴费", "The meter did not answer, payments paused"),
        UNTOUCHED,
        LATER,
    ),
    (
        "printer_required",
        ("打印机不能用，暂不能缴费", "The printer does not work, payments paused"),
        UNTOUCHED,
        LATER,
    ),
    (
        "clock",
        ("本机时间不准，暂不能缴费", "The clock is wrong, payments paused"),
        UNTOUCHED,
        LATER,
    ),
    ("disk", ("本机暂停服务", "Out of service"), UNTOUCHED, LATER),
    (
        "disk_paying",
        ("本机暂停服务，二维码已收起", "Out of service, code hidden"),
        KEPT,
        (
            "若已付款请勿重复付款，到账后会通知你",
            "If you have paid, do not pay again; you will be told once it is credited",
        ),
    ),
    (
        "card_unreadable",
        ("卡片读不出来", "The card cannot be read"),
        UNTOUCHED,
        ("请重新贴卡，或联系客服", "Please lay it on again, or call us"),
    ),
    (
        "card_needed",
        ("这是卡表，请刷卡充值", "This meter takes a card"),
        UNTOUCHED,
        ("请选“刷卡充值”，把卡贴在读卡区", "Choose card top-up and lay the card on the reader"),
    ),
    (
        "receipt_failed",
        ("没有打出凭条", "The receipt was not printed"),
        ("充值不受影响", "Your top-up is not affected"),
        ("请稍后补打", "Please print it later"),
    ),
];

/// The trouble of this code; the first of the list for a code that is not there.
pub fn trouble(code: &str) -> Trouble {
    let row = TROUBLES.iter().find(|row| row.0 == code).unwrap_or(&TROUBLES[0]);
    let (code, what, safe, todo) = row;
    Trouble { code: (*code).to_owned(), what: text(*what), safe: text(*safe), todo: text(*todo) }
}

/// What the server said no to, before anything was paid.
pub fn refused(problem: &Problem) -> Trouble {
    let said = Text::new(problem.title.clone(), problem.title_en.clone());
    let what =
        if said.zh.is_empty() { text(("现在办不了", "Not possible now")) } else { said };
    Trouble { code: problem.code.clone(), what, safe: text(UNTOUCHED), todo: text(LATER) }
}

/// Beside the greyed tile while there is no link.
pub fn closed_offline() -> Text {
    text(("离线，暂不能缴费", "Offline, payments paused"))
}

/// Beside it while the clock is wrong.
pub fn closed_clock() -> Text {
    text(("本机时间不准，暂不能缴费", "The clock is wrong, payments paused"))
}

/// Beside it where the operator wants a receipt for every payment.
pub fn closed_printer() -> Text {
    text(("打印机不能用，暂不能缴费", "The printer does not work, payments paused"))
}

/// Beside it where no wallet is set up.
pub fn closed_wallets() -> Text {
    text(("还没有开通收款，暂不能缴费", "No wallet is set up, payments paused"))
}

/// The meter did not answer.
pub fn closed_silent() -> Text {
    text(("没有读到电表，暂不能在本机缴费", "The meter did not answer, payments paused"))
}

/// A card meter without its card.
pub fn closed_card() -> Text {
    text(("这是卡表，请刷卡充值", "This meter takes a card"))
}

/// The server does not let this kiosk in.
pub fn out_revoked() -> Text {
    text(("本机未授权，请联系客服", "This kiosk is not authorised"))
}

/// Nothing can be written down, so nothing is begun.
pub fn out_disk() -> Text {
    text(("本机故障，暂停服务", "Out of service: a fault of this kiosk"))
}

/// Locked without a word of the operator's.
pub fn out_locked() -> Text {
    text(("暂停服务", "Out of service"))
}

/// On the home screen, without any name.
pub fn unfinished_card() -> Text {
    text(("上次写卡未完成，请重新贴卡", "A card was not finished: please lay it on again"))
}

/// A number that cannot be one.
pub fn wrong_number() -> Text {
    text(("号码不对，请核对", "That is not such a number"))
}

/// A look-up that found nothing; the same for what is somebody else's.
pub fn nothing_found() -> Text {
    text(("没有查到，请核对", "Nothing found, please check"))
}

/// An amount beyond what may be paid.
pub fn wrong_amount() -> Text {
    text(("金额超出范围", "That amount is out of range"))
}

/// No answer while a price was asked for.
pub fn no_quote() -> Text {
    text(("网络中断，没有算出金额，请再点一次", "No connection, please choose again"))
}

/// The room a number is asked for.
pub fn room(labels: &str) -> Text {
    Text::new(labels, labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_says_what_happened_whether_the_money_is_safe_and_what_to_do() {
        for (code, ..) in TROUBLES {
            let trouble = trouble(code);
            assert_eq!(trouble.code, code);
            for text in [&trouble.what, &trouble.safe, &trouble.todo] {
                assert!(!text.zh.is_empty() && !text.en.is_empty(), "{code}");
                for word in ["失败", "成功", "恭喜"] {
                    assert!(!text.zh.contains(word), "{code}: {}", text.zh);
                }
                assert!(!text.en.to_lowercase().contains("fail"), "{code}: {}", text.en);
            }
        }
    }
}
