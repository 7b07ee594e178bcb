//! What we make of synchronous answers.

use connector::{
    Doubt, Outcome, PaymentFact, PaymentStatus, Rejection, Response,
    alipay::{
        CancelAction, Closed, Merchant, Placed, UNKNOWN_CERTIFICATE, read_cancel, read_close,
        read_place, read_query,
    },
    key::SigningKey,
};
use domain::{Channel, Money, Provider};

use crate::support::*;

fn paid() -> PaymentFact {
    PaymentFact {
        provider: Provider::Alipay,
        merchant_no: "2088000000000002".to_owned(),
        app_id: "2021000000000001".to_owned(),
        out_trade_no: ORDER.to_owned(),
        provider_trade_no: Some(TRADE.to_owned()),
        status: PaymentStatus::Paid,
        total: Some(Money::from_fen(5000)),
        payer_total: Some(Money::from_fen(4900)),
        payer: Some("2088101117955611".to_owned()),
        paid_at: Some(at("2026-11-20T20:31:05Z")),
    }
}

fn altered(response: &Response, from: &str, to: &str) -> Response {
    let body = std::str::from_utf8(&response.body).unwrap();
    assert!(body.contains(from), "{from} is not in {body}");
    crate::support::response(body.replacen(from, to, 1))
}

#[test]
fn answers_the_sdk_accepts_are_read() {
    let precreate =
        Outcome::Done(Placed::QrCode("https://qr.alipay.com/bax00001abcdef".to_owned()));
    let read =
        |merchant: &Merchant, channel, name| read_place(merchant, channel, ORDER, &answer(name));
    assert_eq!(read(&merchant(), Channel::AlipayPrecreate, "precreate"), precreate);
    let encrypted = "precreate, encrypted";
    assert_eq!(read(&with_content_key(), Channel::AlipayPrecreate, encrypted), precreate);
    assert_eq!(
        read(&merchant(), Channel::AlipayCreate, "create"),
        Outcome::Done(Placed::TradeNo(TRADE.to_owned()))
    );
    for (merchant, name) in [
        (merchant(), "query paid"),
        (with_certificates(&[ALIPAY_CERT, NEXT_CERT]), "query paid, certificate"),
        (with_certificates(&[ALIPAY_CERT, NEXT_CERT]), "query paid, next certificate"),
        (with_content_key(), "query paid, encrypted"),
        // Whoever encrypts may still be answered in the open: the signature is what counts.
        (with_content_key(), "query paid"),
    ] {
        assert_eq!(read_query(&merchant, ORDER, &answer(name)), Outcome::Done(paid()), "{name}");
    }
}

/// F4 no. 31.
#[test]
fn a_tampered_qr_code_never_reaches_the_screen() {
    let good = answer("precreate");
    let bad_signature = Outcome::Unknown(Doubt::BadSignature);
    let unreadable = Outcome::Unknown(Doubt::Unreadable);
    let node = r#"{"code":"10000","out_trade_no":"R20261121_0001","qr_code":"https://evil"}"#;
    for (what, response, want) in [
        ("another code", altered(&good, "bax00001abcdef", "bax00001abcdeg"), &bad_signature),
        ("an escape less", altered(&good, "https:\\/\\/", "https://"), &bad_signature),
        ("another blank", altered(&good, ",\"msg\"", ", \"msg\""), &bad_signature),
        ("no signature", altered(&good, "\"sign\"", "\"sing\""), &bad_signature),
        (
            "an empty signature",
            altered(&good, "\"sign\":\"", "\"sign\":\"\",\"x\":\""),
            &bad_signature,
        ),
        (
            "a second node before",
            altered(&good, "{", &format!(r#"{{"alipay_trade_precreate_response":{node},"#)),
            &unreadable,
        ),
        (
            "a second node under an escaped name",
            altered(&good, "{", &format!(r#"{{"alipay_trade_precreate\u005fresponse":{node},"#)),
            &unreadable,
        ),
        (
            "a good answer to another method",
            altered(&good, "trade_precreate", "trade_create"),
            &unreadable,
        ),
        ("half an answer", response(&good.body[..good.body.len() / 2]), &unreadable),
        ("a page", response("<html>502 Bad Gateway</html>"), &unreadable),
        ("nothing", response(""), &unreadable),
    ] {
        let got = read_place(&merchant(), Channel::AlipayPrecreate, ORDER, &response);
        assert_eq!(got, *want, "{what}");
    }
    let other = read_place(&merchant(), Channel::AlipayPrecreate, "R20261121_0002", &good);
    assert_eq!(other, unreadable, "a signed answer about another number");
}

/// F4 no. 28.
#[test]
fn an_unsigned_error_never_decides_anything() {
    let query = |response: &Response| read_query(&merchant(), ORDER, response);
    let missing = Rejection::new("unsigned:ACQ.TRADE_NOT_EXIST", "交易不存在");
    assert_eq!(
        query(&answer("query not exist, unsigned")),
        Outcome::Unknown(Doubt::Unlisted(missing))
    );
    let ours = Rejection::new("unsigned:isv.invalid-app-id", "无效的AppID参数");
    assert_eq!(query(&answer("invalid app id, unsigned")), Outcome::OurFault(ours));
    let root = |node: &str, sign: &str| response(format!(r#"{{"error_response":{node}{sign}}}"#));
    let accepted =
        r#"{"code":"10000","out_trade_no":"R20261121_0001","trade_status":"TRADE_CLOSED"}"#;
    let limited = r#"{"code":"40005","sub_code":"isv.app-call-limited"}"#;
    let busy = r#"{"code":"40002","sub_code":"ACQ.SYSTEM_ERROR"}"#;
    for (response, want) in [
        (root(accepted, ""), Outcome::Unknown(Doubt::BadSignature)),
        // Not even a rightly signed error node can say "accepted".
        (
            root(accepted, &format!(",\"sign\":\"{}\"", sign(accepted.as_bytes()))),
            Outcome::Unknown(Doubt::Unreadable),
        ),
        (root(limited, ",\"sign\":\"AAAA\""), Outcome::Unknown(Doubt::BadSignature)),
        (
            root(limited, ""),
            Outcome::Unknown(Doubt::Unlisted(Rejection::new("unsigned:isv.app-call-limited", ""))),
        ),
        (
            root(busy, ""),
            Outcome::Unknown(Doubt::Unlisted(Rejection::new("unsigned:ACQ.SYSTEM_ERROR", ""))),
        ),
        (root("[1]", ""), Outcome::Unknown(Doubt::BadSignature)),
    ] {
        assert_eq!(query(&response), want, "{:?}", String::from_utf8_lossy(&response.body));
    }
}

/// F4 no. 19: "not there" is proven, and yet no end.
#[test]
fn a_code_nobody_scanned_is_not_found_and_not_closed() {
    let outcome = read_query(&merchant(), ORDER, &answer("query not exist"));
    let Outcome::Done(fact) = outcome else { panic!("{outcome:?}") };
    assert_eq!(fact.status, PaymentStatus::NotFound);
    assert_eq!((fact.provider_trade_no, fact.total), (None, None));
    let refused = refused("alipay.trade.close", "40004", "ACQ.TRADE_NOT_EXIST");
    assert_eq!(read_close(&merchant(), ORDER, &refused), Outcome::Done(Closed::NothingThere));
    let closed = r#"{"code":"10000","out_trade_no":"R20261121_0001","trade_no":"T"}"#;
    let closed = signed("alipay.trade.close", closed);
    assert_eq!(read_close(&merchant(), ORDER, &closed), Outcome::Done(Closed::ForGood));
}

#[test]
fn closing_what_was_paid_meanwhile_is_unknown_until_queried() {
    for code in [
        "ACQ.TRADE_STATUS_ERROR",
        "ACQ.REASON_TRADE_STATUS_INVALID",
        "ACQ.REASON_ILLEGAL_STATUS",
        "aop.ACQ.SYSTEM_ERROR",
    ] {
        let outcome = read_close(&merchant(), ORDER, &refused("alipay.trade.close", "40004", code));
        let want = Outcome::Unknown(Doubt::Pending(Rejection::new(code, "说")));
        assert_eq!(outcome, want);
    }
}

#[test]
fn every_trade_status_is_read_and_a_new_one_is_unknown() {
    for (status, want) in [
        ("WAIT_BUYER_PAY", Some(PaymentStatus::NotPaid)),
        ("TRADE_SUCCESS", Some(PaymentStatus::Paid)),
        ("TRADE_FINISHED", Some(PaymentStatus::Paid)),
        ("TRADE_CLOSED", Some(PaymentStatus::Closed)),
        ("TRADE_PENDING", None),
        ("", None),
    ] {
        let node = format!(
            r#"{{"code":"10000","out_trade_no":"{ORDER}","trade_no":"T","trade_status":"{status}",
            "total_amount":"50.00"}}"#
        );
        let outcome = read_query(&merchant(), ORDER, &signed("alipay.trade.query", &node));
        match (outcome, want) {
            (Outcome::Done(fact), Some(want)) => assert_eq!(fact.status, want),
            (Outcome::Unknown(Doubt::Unlisted(why)), None) => assert_eq!(why.code, status),
            (outcome, _) => panic!("{status}: {outcome:?}"),
        }
    }
}

/// F4 no. 9, the part of it that is ours: an amount we cannot read equals no order's.
#[test]
fn an_amount_in_another_currency_or_spelling_is_no_amount() {
    for (fields, want) in [
        (r#""total_amount":"49.99""#, Some(4999)),
        (r#""total_amount":"50.00","trans_currency":"CNY""#, Some(5000)),
        (r#""total_amount":"50.00","trans_currency":"USD""#, None),
        (r#""total_amount":"50.001""#, None),
        (r#""trade_no":"T""#, None),
    ] {
        let node = format!(
            r#"{{"code":"10000","out_trade_no":"{ORDER}","trade_status":"TRADE_SUCCESS",{fields}}}"#
        );
        let outcome = read_query(&merchant(), ORDER, &signed("alipay.trade.query", &node));
        let Outcome::Done(fact) = outcome else { panic!("{outcome:?}") };
        assert_eq!(fact.total.map(Money::fen), want, "{fields}");
    }
}

/// F4 no. 20.
#[test]
fn a_cancel_says_whether_it_closed_or_gave_money_back() {
    let method = "alipay.trade.cancel";
    let node = |rest: &str| {
        let node = format!(r#"{{"code":"10000","out_trade_no":"{ORDER}","trade_no":"T"{rest}}}"#);
        read_cancel(&merchant(), ORDER, &signed(method, &node))
    };
    for (rest, action, retry) in [
        (r#","retry_flag":"N","action":"close""#, CancelAction::Close, false),
        (
            r#","retry_flag":"N","action":"refund","gmt_refund_pay":"2026-11-21 04:40:00""#,
            CancelAction::Refund,
            false,
        ),
        (r#","retry_flag":"Y""#, CancelAction::None, true),
        (r#","retry_flag":"N""#, CancelAction::None, false),
        ("", CancelAction::None, true),
    ] {
        let outcome = node(rest);
        let Outcome::Done(cancelled) = outcome else { panic!("{rest}: {outcome:?}") };
        assert_eq!((cancelled.action, cancelled.retry), (action, retry), "{rest}");
        let refunded_at = (action == CancelAction::Refund).then(|| at("2026-11-20T20:40:00Z"));
        assert_eq!(cancelled.refunded_at, refunded_at);
    }
    assert_eq!(node(r#","action":"explode""#), Outcome::Unknown(Doubt::Unreadable));
    for (code, class) in [
        ("ACQ.TRADE_CANCEL_TIME_OUT", "declined"),
        ("ACQ.CANCEL_NOT_ALLOWED", "declined"),
        ("ACQ.SELLER_BALANCE_NOT_ENOUGH", "theirs"),
        ("ACQ.SYSTEM_ERROR", "unknown"),
        ("ACQ.TRADE_NOT_EXIST", "done"),
    ] {
        let outcome = read_cancel(&merchant(), ORDER, &refused(method, "40004", code));
        assert_eq!(outcome.class(), class, "{code}");
    }
}

#[test]
fn every_refusal_to_place_has_its_class() {
    for (code, sub_code, want) in [
        ("40004", "ACQ.TRADE_HAS_SUCCESS", "unknown"),
        ("40004", "ACQ.TRADE_HAS_CLOSE", "unknown"),
        ("40004", "ACQ.APPLY_PC_MERCHANT_CODE_ERROR", "unknown"),
        ("40004", "ACQ.CONTEXT_INCONSISTENT", "our-fault"),
        ("40004", "ACQ.TOTAL_FEE_EXCEED", "declined"),
        ("40004", "ACQ.BUYER_SELLER_EQUAL", "declined"),
        ("40004", "ACQ.EXIST_FORBIDDEN_WORD", "declined"),
        ("40004", "ACQ.MERCHANT_STATUS_NOT_NORMAL", "our-fault"),
        ("20000", "isp.unknow-error", "unknown"),
        ("40005", "isv.method-call-limited", "theirs"),
        ("40004", "ACQ.NEVER_HEARD_OF", "unknown"),
    ] {
        let response = refused("alipay.trade.precreate", code, sub_code);
        let outcome = read_place(&merchant(), Channel::AlipayPrecreate, ORDER, &response);
        assert_eq!(outcome.class(), want, "{sub_code}");
    }
}

#[test]
fn a_certificate_we_do_not_have_is_told_apart_from_a_wrong_signature() {
    let name = "query paid, next certificate";
    let outcome = read_query(&with_certificates(&[ALIPAY_CERT]), ORDER, &answer(name));
    let sn = vectors()["numbers"]["next"].as_str().unwrap().to_owned();
    let why = Rejection::new(UNKNOWN_CERTIFICATE, sn);
    assert_eq!(outcome, Outcome::Unknown(Doubt::Unlisted(why)));
    // A known number with another key's signature is simply wrong.
    let numbers = &vectors()["numbers"];
    let (next, first) = (numbers["next"].as_str().unwrap(), numbers["alipay"].as_str().unwrap());
    let swapped = altered(&answer(name), next, first);
    let outcome = read_query(&with_certificates(&[ALIPAY_CERT, NEXT_CERT]), ORDER, &swapped);
    assert_eq!(outcome, Outcome::Unknown(Doubt::BadSignature));
}

#[test]
fn content_under_another_key_is_unreadable_and_never_success() {
    let other = connector::Secret::new("ZmVkY2JhOTg3NjU0MzIxMA==");
    let other = Merchant { aes_key: Some(other), ..merchant() };
    for merchant in [merchant(), other] {
        let outcome = read_query(&merchant, ORDER, &answer("query paid, encrypted"));
        assert_eq!(outcome, Outcome::Unknown(Doubt::Unreadable));
    }
}

#[test]
fn our_own_signature_is_not_alipays() {
    let node = r#"{"code":"10000","out_trade_no":"R20261121_0001","trade_status":"TRADE_SUCCESS"}"#;
    let ours = SigningKey::from_pem(APP_KEY).unwrap().sign_sha256(node.as_bytes()).unwrap();
    let body = format!(r#"{{"alipay_trade_query_response":{node},"sign":"{ours}"}}"#);
    let outcome = read_query(&merchant(), ORDER, &response(body));
    assert_eq!(outcome, Outcome::Unknown(Doubt::BadSignature));
}

#[test]
fn no_altered_byte_of_an_answer_gets_through() {
    let good = answer("query paid");
    for index in 0..good.body.len() {
        let mut body = good.body.clone();
        body[index] ^= 1;
        let outcome = read_query(&merchant(), ORDER, &response(body));
        assert_eq!(outcome.class(), "unknown", "byte {index}");
    }
}

/// F4 no. 14, the part of it that is a signed body: rightly signed and still not an answer.
#[test]
fn a_signed_node_that_is_no_plain_answer_settles_nothing() {
    let deep = format!(r#"{{"code":"10000","x":{}{}}}"#, "[".repeat(60), "]".repeat(60));
    for node in [
        // Which of the two would it be?
        r#"{"code":"10000","code":"40004","out_trade_no":"R20261121_0001"}"#,
        r#"{"code":"10000","out_trade_no":"R20261121_0001","trade_status":"TRADE_CLOSED",
            "trade_status":"TRADE_SUCCESS"}"#,
        r#"{"code":"10000","out_trade_no":"R20261121_0001","trade_status":"TRADE_SUCCESS",
            "total_amount":NaN}"#,
        r#"{"code":10000,"out_trade_no":"R20261121_0001","trade_status":"TRADE_SUCCESS"}"#,
        r#"{"code":"10000","trade_status":"TRADE_SUCCESS"}"#,
        r#"{"code":"10000",}"#,
        r#"["10000"]"#,
        "\"10000\"",
        "null",
        "{}",
        deep.as_str(),
    ] {
        let outcome = read_query(&merchant(), ORDER, &signed("alipay.trade.query", node));
        assert_eq!(outcome.class(), "unknown", "{node}");
    }
}
