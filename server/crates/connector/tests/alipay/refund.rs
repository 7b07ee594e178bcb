//! Refunds: asked for, answered, queried.

use connector::{
    Doubt, Outcome, RefundFact, RefundStatus,
    alipay::{Refund, read_query_refund, read_refund, refund},
};
use domain::{Money, Provider};

use crate::support::*;

const METHOD: &str = "alipay.trade.refund";
const QUERY: &str = "alipay.trade.fastpay.refund.query";

fn asked() -> Refund {
    Refund {
        out_trade_no: ORDER.to_owned(),
        out_refund_no: REFUND.to_owned(),
        amount: Money::from_fen(2000),
        reason: String::new(),
    }
}

fn fact(status: RefundStatus, fen: Option<i64>) -> RefundFact {
    RefundFact {
        provider: Provider::Alipay,
        merchant_no: "2088000000000002".to_owned(),
        out_trade_no: ORDER.to_owned(),
        out_refund_no: REFUND.to_owned(),
        provider_refund_no: None,
        status,
        amount: fen.map(Money::from_fen),
        refunded_at: None,
    }
}

#[test]
fn accepted_is_not_refunded_unless_the_money_moved() {
    use RefundStatus::*;
    for (rest, want) in [
        // The fee is the trade's total over all refunds; the fact is about this one.
        (r#","fund_change":"Y","refund_fee":"20.00""#, Some(fact(Done, Some(2000)))),
        (r#","fund_change":"Y","refund_fee":"45.00""#, Some(fact(Done, Some(2000)))),
        (r#","fund_change":"N","refund_fee":"20.00""#, Some(fact(Processing, None))),
        ("", Some(fact(Processing, None))),
        // Moved, but less than was asked for.
        (r#","fund_change":"Y","refund_fee":"19.99""#, None),
        (r#","fund_change":"Y""#, None),
    ] {
        let node = format!(r#"{{"code":"10000","out_trade_no":"{ORDER}","trade_no":"T"{rest}}}"#);
        let outcome = read_refund(&merchant(), &asked(), &signed(METHOD, &node));
        let want = want.map_or(Outcome::Unknown(Doubt::Unreadable), Outcome::Done);
        assert_eq!(outcome, want, "{rest}");
    }
    let other = r#"{"code":"10000","out_trade_no":"R9","fund_change":"Y","refund_fee":"20.00"}"#;
    let outcome = read_refund(&merchant(), &asked(), &signed(METHOD, other));
    assert_eq!(outcome, Outcome::Unknown(Doubt::Unreadable));
}

#[test]
fn every_refusal_to_refund_has_its_class() {
    for (sub_code, want) in [
        ("ACQ.SYSTEM_ERROR", "unknown"),
        ("ACQ.TRADE_HAS_CLOSE", "unknown"),
        ("ACQ.TRADE_STATUS_ERROR", "unknown"),
        ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "theirs"),
        ("ACQ.REFUND_CHARGE_ERROR", "theirs"),
        ("ACQ.DISCORDANT_REPEAT_REQUEST", "our-fault"),
        ("ACQ.REASON_TRADE_REFUND_FEE_ERR", "declined"),
        ("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "declined"),
        ("ACQ.TRADE_HAS_FINISHED", "declined"),
        ("ACQ.TRADE_NOT_ALLOW_REFUND", "declined"),
        ("ACQ.REFUNDALLOC_UNAUTH_LIMIT", "declined"),
        ("ACQ.ALLOC_AMOUNT_VALIDATE_ERROR", "declined"),
        ("ACQ.BUYER_NOT_EXIST", "declined"),
        ("ACQ.BUYER_ERROR", "declined"),
        ("ACQ.CUSTOMER_VALIDATE_ERROR", "declined"),
        ("ACQ.TRADE_NOT_EXIST", "declined"),
        ("ACQ.SOMETHING_NEW", "unknown"),
    ] {
        let outcome = read_refund(&merchant(), &asked(), &refused(METHOD, "40004", sub_code));
        assert_eq!(outcome.class(), want, "{sub_code}");
    }
}

#[test]
fn a_refund_query_tells_done_from_never_arrived() {
    use RefundStatus::*;
    let both = format!(r#","out_trade_no":"{ORDER}","out_request_no":"{REFUND}""#);
    let amount = r#","refund_amount":"20.00""#;
    let read = |rest: &str| {
        let response = signed(QUERY, &format!(r#"{{"code":"10000","msg":"Success"{rest}}}"#));
        read_query_refund(&merchant(), ORDER, REFUND, &response)
    };
    let success = r#","refund_status":"REFUND_SUCCESS""#;
    let time = r#","gmt_refund_pay":"2026-11-21 05:00:00""#;
    let mut done = fact(Done, Some(2000));
    done.refunded_at = Some(at("2026-11-20T21:00:00Z"));
    assert_eq!(read(&format!("{both}{amount}{success}{time}")), Outcome::Done(done));
    let processing = format!(r#"{both}{amount},"refund_status":"REFUND_PROCESSING""#);
    assert_eq!(read(&processing), Outcome::Done(fact(Processing, Some(2000))));
    assert_eq!(read(""), Outcome::Done(fact(NotFound, None)));
    assert_eq!(read(&both), Outcome::Done(fact(NotFound, None)));
    for (rest, what) in [
        (format!(r#"{both},"refund_status":"REFUND_FAIL""#), "an unlisted status"),
        (success.to_owned(), "success of nothing"),
        (format!(r#","out_trade_no":"{ORDER}","out_request_no":"F9"{success}"#), "another refund"),
        (
            format!(r#","out_trade_no":"R9","out_request_no":"{REFUND}"{success}"#),
            "another payment",
        ),
    ] {
        assert_eq!(read(&rest).class(), "unknown", "{what}");
    }
    let missing = refused(QUERY, "40004", "ACQ.TRADE_NOT_EXIST");
    let outcome = read_query_refund(&merchant(), ORDER, REFUND, &missing);
    assert_eq!(outcome, Outcome::Done(fact(NotFound, None)));
    let busy = refused(QUERY, "20000", "aop.unknow-error");
    assert_eq!(read_query_refund(&merchant(), ORDER, REFUND, &busy).class(), "unknown");
}

#[test]
fn a_refund_alipay_would_refuse_is_refused_before_it_is_sent() {
    use connector::alipay::OurFault::*;
    type Change = fn(&mut Refund);
    let table: &[(Change, connector::alipay::OurFault)] = &[
        (|r| r.out_trade_no = "R 1".to_owned(), BadNumber),
        (|r| r.out_refund_no = String::new(), BadNumber),
        (|r| r.amount = Money::ZERO, BadAmount),
    ];
    for (change, want) in table {
        let mut asked = asked();
        change(&mut asked);
        assert_eq!(refund(&merchant(), &asked, &stamp()), Err(*want));
    }
}
