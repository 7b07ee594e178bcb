//! Answers to our requests.

use chrono::TimeDelta;
use connector::{
    Doubt, Outcome, PaymentFact, PaymentStatus, RefundFact, RefundStatus, Rejection, Response,
    wechat_pay::*,
};
use domain::Money;

use crate::vectors::*;

fn answer(name: &str) -> Response {
    response("responses", name)
}

fn place_answer(response: &Response) -> Outcome<Placed> {
    read_place(&merchant(), response, now())
}

fn query_answer(response: &Response) -> Outcome<PaymentFact> {
    read_query(&merchant(), OUT_TRADE_NO, response, now())
}

fn refund_answer(response: &Response) -> Outcome<RefundFact> {
    read_refund(&merchant(), OUT_REFUND_NO, response, now())
}

#[test]
fn each_door_gives_what_the_payers_device_needs() {
    let code_url = Placed::CodeUrl("weixin://wxpay/bizpayurl?pr=p4lpSuKzz".to_owned());
    let prepay_id = Placed::PrepayId("wx26112221580621e9b071c00d9e093b0000".to_owned());
    let h5_url = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx2016&package=2";
    let unreadable = || Outcome::Unknown(Doubt::Unreadable);
    let table = [
        ("native", Outcome::Done(code_url.clone())),
        ("native, public key", Outcome::Done(code_url)),
        ("jsapi", Outcome::Done(prepay_id)),
        ("h5", Outcome::Done(Placed::H5Url(h5_url.to_owned()))),
        ("two answers in one", unreadable()),
        ("no answer in it", unreadable()),
        ("answer with a line feed", unreadable()),
    ];
    for (name, want) in table {
        assert_eq!(place_answer(&answer(name)), want, "{name}");
    }
}

#[test]
fn every_trade_state_has_its_meaning_and_an_unlisted_one_settles_nothing() {
    let table = [
        ("query SUCCESS", PaymentStatus::Paid, Some(5000), true),
        ("query REFUND", PaymentStatus::Paid, Some(5000), true),
        ("query NOTPAY", PaymentStatus::NotPaid, None, false),
        ("query USERPAYING", PaymentStatus::NotPaid, None, false),
        ("query CLOSED", PaymentStatus::Closed, None, false),
    ];
    for (name, status, total, paid) in table {
        let Outcome::Done(fact) = query_answer(&answer(name)) else { panic!("{name}") };
        assert_eq!(fact.status, status, "{name}");
        assert_eq!(fact.total.map(Money::fen), total, "{name}");
        assert_eq!(fact.provider_trade_no.is_some(), paid, "{name}");
        assert_eq!(fact.paid_at.is_some(), paid, "{name}");
    }
    let unlisted = query_answer(&answer("query, state nobody knows"));
    let why = Rejection::new("TELEPORTED", "a state that is not in the table").signed();
    assert_eq!(unlisted, Outcome::Unknown(Doubt::Unlisted(why)));
}

#[test]
fn an_answer_about_another_order_or_merchant_settles_nothing() {
    let mismatch = Outcome::Unknown(Doubt::Mismatch);
    assert_eq!(query_answer(&answer("query, other order")), mismatch);
    assert_eq!(query_answer(&answer("query, other merchant")), mismatch);
    assert_eq!(query_answer(&answer("query, partner")), mismatch);
    let by_partner = read_query(&partner(None), OUT_TRADE_NO, &answer("query, partner"), now());
    assert!(matches!(by_partner, Outcome::Done(fact) if fact.merchant_no == "1900000109"));
    let other_refund = refund_answer(&answer("refund, other number"));
    assert_eq!(other_refund, Outcome::Unknown(Doubt::Mismatch));
}

/// F4 no. 28: whoever answers "no such order" without a signature may be a broken proxy. The
/// class is *unknown*, and the rejection says that nobody signed it.
#[test]
fn an_unsigned_order_not_exist_never_turns_unknown_into_failed() {
    for code in ["ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS", "RESOURCE_NOT_EXIST"] {
        let body = format!(r#"{{"code":"{code}","message":"订单不存在"}}"#);
        let response = unsigned(404, &body);
        let hint = Rejection::new(code, "订单不存在");
        assert!(!hint.authenticated);
        let unproven = Doubt::Unproven(hint);
        assert_eq!(query_answer(&response), Outcome::Unknown(unproven.clone()));
        let queried = read_query_refund(&merchant(), OUT_REFUND_NO, &response, now());
        assert_eq!(queried, Outcome::Unknown(unproven.clone()));
        assert_eq!(refund_answer(&response), Outcome::Unknown(unproven.clone()));
        let closed = read_close(&merchant(), &response, now());
        assert_eq!(closed, Outcome::Unknown(unproven));
    }
    // Under a signature the same words are a fact.
    let Outcome::Done(fact) = query_answer(&answer("query, not found and signed")) else {
        panic!("a signed answer is a fact")
    };
    assert_eq!(fact.status, PaymentStatus::NotFound);
    assert_eq!(fact.out_trade_no, OUT_TRADE_NO);
}

#[test]
fn a_refusal_says_whether_anybody_signed_it() {
    let body = r#"{"code":"USER_ACCOUNT_ABNORMAL","message":"用户账户异常"}"#;
    let hint = Rejection::new("USER_ACCOUNT_ABNORMAL", "用户账户异常");
    assert_eq!(refund_answer(&unsigned(403, body)), Outcome::Declined(hint.clone()));
    let signed = answer("refund declined and signed");
    assert_eq!(refund_answer(&signed), Outcome::Declined(hint.signed()));
    // A refusal that claims a signature and has a wrong one is not even a hint.
    let forged = Response { body: body.replace("异常", "正常").into_bytes(), ..signed };
    assert_eq!(refund_answer(&forged), Outcome::Unknown(Doubt::BadSignature));
}

/// F4 no. 31: an altered answer never reaches a screen, nor any other reader.
#[test]
fn an_altered_answer_settles_nothing() {
    let bad = Outcome::Unknown(Doubt::BadSignature);
    let genuine = answer("native");
    let attacker = String::from_utf8(genuine.body.clone()).unwrap().replace("p4lpSuKzz", "evil");
    let altered = Response { body: attacker.into_bytes(), ..genuine.clone() };
    assert_eq!(place_answer(&altered), bad);
    for at in 0..genuine.body.len() {
        let mut body = genuine.body.clone();
        body[at] ^= 1 << (at % 8);
        assert_eq!(place_answer(&Response { body, ..genuine.clone() }), bad, "byte {at}");
    }
    let bare = unsigned(200, std::str::from_utf8(&genuine.body).unwrap());
    assert_eq!(place_answer(&bare), bad, "unsigned success is no success");
    let half = without_header(&genuine.headers, "Wechatpay-Nonce");
    assert_eq!(place_answer(&Response { headers: half, ..genuine.clone() }), bad);
    let twice = plus_header(&genuine.headers, "wechatpay-serial", "x");
    assert_eq!(place_answer(&Response { headers: twice, ..genuine.clone() }), bad);
}

/// F4 no. 13: a probe on an answer means: ask again.
#[test]
fn a_signature_probe_on_an_answer_settles_nothing() {
    let genuine = answer("query SUCCESS");
    let headers = with_header(&genuine.headers, "Wechatpay-Signature", "WECHATPAY/SIGNTEST/AAAA");
    let probe = Response { headers, ..genuine };
    assert_eq!(query_answer(&probe), Outcome::Unknown(Doubt::BadSignature));
}

/// F4 no. 12 and 24: an unknown key and a wrong clock are told apart from a wrong signature,
/// because the caller can do something about each.
#[test]
fn an_unknown_key_and_a_wrong_clock_have_their_own_names() {
    let genuine = answer("query SUCCESS");
    let serial = text(vectors(), "platform_a").to_owned();
    let nobody = Merchant { trust: Trust::new(), ..merchant() };
    let got = read_query(&nobody, OUT_TRADE_NO, &genuine, now());
    assert_eq!(got, Outcome::Unknown(Doubt::UnknownSerial(serial)));
    for minutes in [-6, 6] {
        let skewed = now() + TimeDelta::minutes(minutes);
        let got = read_query(&merchant(), OUT_TRADE_NO, &genuine, skewed);
        assert_eq!(got, Outcome::Unknown(Doubt::StaleTimestamp), "{minutes} min");
    }
    let refused = unsigned(401, r#"{"code":"SIGN_ERROR","message":"时间不得超过5分钟"}"#);
    assert_eq!(query_answer(&refused).class(), "our-fault");
}

#[test]
fn a_close_is_done_by_an_empty_signed_204_only() {
    let read = |response: &Response| read_close(&merchant(), response, now());
    assert_eq!(read(&answer("closed")), Outcome::Done(()));
    assert_eq!(read(&answer("closed with a body")), Outcome::Unknown(Doubt::Unreadable));
    assert_eq!(read(&unsigned(204, "")), Outcome::Unknown(Doubt::BadSignature));
    // Paid or closed already: the query after the close tells, under a signature.
    for (status, code) in [(400, "ORDER_PAID"), (400, "ORDERPAID"), (400, "ORDER_CLOSED")] {
        let response = unsigned(status, &format!(r#"{{"code":"{code}","message":""}}"#));
        let pending = Doubt::Pending(Rejection::new(code, ""));
        assert_eq!(read(&response), Outcome::Unknown(pending), "{code}");
    }
}

/// F4 no. 18: a refund answer of any state is a fact; the money is back in one of them only.
#[test]
fn a_refund_is_done_when_the_money_is_back_and_not_when_it_is_accepted() {
    let table = [
        ("refund PROCESSING", RefundStatus::Processing),
        ("refund SUCCESS", RefundStatus::Done),
        ("refund ABNORMAL", RefundStatus::Abnormal),
        ("refund CLOSED", RefundStatus::Closed),
    ];
    for (name, status) in table {
        let Outcome::Done(fact) = refund_answer(&answer(name)) else { panic!("{name}") };
        assert_eq!(fact.status, status, "{name}");
        assert_eq!(fact.amount, Some(Money::from_fen(1200)));
        assert_eq!(fact.merchant_no, "1900000001");
        assert_eq!(fact.out_trade_no, OUT_TRADE_NO);
    }
    let lost = refund_answer(&answer("refund, state nobody knows"));
    assert!(matches!(lost, Outcome::Unknown(Doubt::Unlisted(_))));
}

/// F4 no. 17: time-outs aside, these leave a refund in doubt; none may show it as failed.
#[test]
fn a_refund_in_doubt_stays_in_doubt() {
    let table = [
        (429, r#"{"code":"FREQUENCY_LIMITED","message":"频率限制"}"#),
        (429, r#"{"code":"RATELIMIT_EXCEEDED","message":""}"#),
        (500, r#"{"code":"SYSTEM_ERROR","message":"系统错误"}"#),
        (500, r#"{"code":"SYSTEMERROR","message":""}"#),
        (502, "<html>Bad Gateway</html>"),
        (503, ""),
        (504, r#"{"code":"BANK_ERROR","message":""}"#),
        (500, r#"{"code":"USER_ACCOUNT_ABNORMAL","message":"a refusal's code on a 5xx"}"#),
        (403, r#"{"code":"SOMETHING_NEW","message":""}"#),
        (404, ""),
        (302, ""),
        (202, r#"{"code":"ACCEPTED","message":""}"#),
    ];
    for (status, body) in table {
        let outcome = refund_answer(&unsigned(status, body));
        assert!(matches!(outcome, Outcome::Unknown(_)), "{status} {body}: {outcome:?}");
    }
}

#[test]
fn accepted_is_never_the_result() {
    let pending = Rejection::new("USERPAYING", "用户支付中").signed();
    let want = Outcome::Unknown(Doubt::Pending(pending));
    assert_eq!(query_answer(&answer("accepted")), want);
}

/// F4 no. 14: an error page of any size and kind is a class and never a panic.
#[test]
fn an_error_body_is_only_a_hint() {
    let deep = "[".repeat(100_000);
    let long = format!(r#"{{"code":"PARAM_ERROR","message":"{}"}}"#, "长".repeat(100_000));
    let table = [
        (400, long.as_str(), "our-fault"),
        (400, deep.as_str(), "unknown"),
        (400, r#"{"code":"PARAM_ERROR","code":"ORDER_PAID"}"#, "unknown"),
        (400, r#"{"code":42}"#, "unknown"),
        (400, "PARAM_ERROR", "unknown"),
        (405, "", "unknown"),
        (999, "", "unknown"),
        (100, "", "unknown"),
    ];
    for (status, body, class) in table {
        let outcome = place_answer(&unsigned(status, body));
        assert_eq!(outcome.class(), class, "{status} {:.40}", body);
    }
    let Outcome::OurFault(rejection) = place_answer(&unsigned(400, &long)) else { panic!() };
    assert_eq!(rejection.message.chars().count(), 300);
    let Outcome::Unknown(Doubt::Unlisted(empty)) = place_answer(&unsigned(404, "")) else {
        panic!()
    };
    assert_eq!(empty.code, "HTTP_404");
}
