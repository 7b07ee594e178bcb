//! What we make of callbacks.

use connector::{
    PaymentFact, PaymentStatus,
    alipay::{Merchant, NOTIFY_MAX, NOTIFY_REPLY, Notify, NotifyError, read_notify},
};
use domain::{Money, Provider};

use crate::support::*;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded; charset=utf-8");

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

fn read(name: &str) -> Result<Notify, NotifyError> {
    read_notify(&merchant(), FORM, &callback(name))
}

/// F4 no. 15: `+`, `%`, `&quot;`, a blank parameter, an unknown one and a `passback_params` that
/// was encoded twice stand in every fixture.
#[test]
fn a_callback_is_believed_in_every_dialect_alipay_speaks() {
    for name in [
        "paid",
        "paid, sign_type signed",
        "paid, blanks not signed",
        "paid, sign_type signed, blanks not",
        "paid, GBK",
        "paid, gb2312",
    ] {
        let body = callback(name);
        for content_type in [
            FORM,
            None,
            Some("application/x-www-form-urlencoded"),
            // The parameter inside goes before the header.
            Some("Application/X-WWW-Form-Urlencoded;charset=\"GBK\""),
        ] {
            let got = read_notify(&merchant(), content_type, &body);
            assert_eq!(got, Ok(Notify::Payment(paid())), "{name} {content_type:?}");
        }
    }
    let by_open_id = PaymentFact { payer: Some("074a1CcTG1LelxKe".to_owned()), ..paid() };
    assert_eq!(read("paid, open id"), Ok(Notify::Payment(by_open_id)));
    assert_eq!(NOTIFY_REPLY, b"success");
}

#[test]
fn a_callback_in_certificate_mode_is_believed_by_any_known_certificate() {
    let body = callback("paid");
    for known in [&[ALIPAY_CERT][..], &[NEXT_CERT, ALIPAY_CERT]] {
        let got = read_notify(&with_certificates(known), FORM, &body);
        assert_eq!(got, Ok(Notify::Payment(paid())));
    }
    let got = read_notify(&with_certificates(&[NEXT_CERT]), FORM, &body);
    assert_eq!(got, Err(NotifyError::BadSignature));
    let named = [body.as_slice(), b"&alipay_cert_sn=0123"].concat();
    let got = read_notify(&with_certificates(&[ALIPAY_CERT]), FORM, &named);
    assert_eq!(got, Err(NotifyError::UnknownCertificate { sn: "0123".to_owned() }));
}

/// F4 no. 21, and the part of 20 that callbacks tell.
#[test]
fn every_status_and_every_refund_is_told_apart() {
    let payment = |status| Ok(Notify::Payment(PaymentFact { status, ..paid() }));
    let unpaid = |status| Ok(Notify::Payment(PaymentFact { status, paid_at: None, ..paid() }));
    assert_eq!(read("waiting"), unpaid(PaymentStatus::NotPaid));
    assert_eq!(read("closed unpaid"), unpaid(PaymentStatus::Closed));
    // Months later, and no news: paid is paid.
    assert_eq!(read("finished"), payment(PaymentStatus::Paid));
    assert_eq!(read("finished after a part refund"), payment(PaymentStatus::Paid));
    for (name, number, fen, is_whole) in
        [("part refund", REFUND, 2000, false), ("full refund", "F20261121_0002", 5000, true)]
    {
        let Ok(Notify::Refund(notice)) = read(name) else { panic!("{:?}", read(name)) };
        assert_eq!(notice.payment, paid(), "what went back had come in");
        assert_eq!(notice.out_refund_no.as_deref(), Some(number));
        assert_eq!(notice.refunded_total, Some(Money::from_fen(fen)));
        assert_eq!(notice.is_whole, is_whole);
        assert!(notice.refunded_at.is_some());
    }
    for (name, kind) in [("another kind", "dut_user_sign"), ("a new status", "trade_status_sync")] {
        let out_trade_no = Some(ORDER.to_owned());
        assert_eq!(read(name), Ok(Notify::Other { kind: kind.to_owned(), out_trade_no }));
    }
    assert_eq!(read("no number"), Err(NotifyError::Incomplete { field: "out_trade_no" }));
}

/// F4 no. 9, the part of it that is ours.
#[test]
fn a_callback_in_dollars_names_no_amount() {
    let fact = PaymentFact { total: None, ..paid() };
    assert_eq!(read("dollars"), Ok(Notify::Payment(fact)));
}

/// F4 nos. 10 and 11.
#[test]
fn a_callback_for_another_merchant_is_refused_however_well_signed() {
    let foreign = |field| Err(NotifyError::ForeignMerchant { field });
    assert_eq!(read("another application"), foreign("app_id"));
    assert_eq!(read("another seller"), foreign("seller_id"));
    assert_eq!(read("no seller"), foreign("seller_id"));
    // Tenant A's callback at tenant B's address.
    let other = Merchant { app_id: "2021000000000002".to_owned(), ..merchant() };
    assert_eq!(read_notify(&other, FORM, &callback("paid")), foreign("app_id"));
    let any_seller = Merchant { seller_id: None, ..merchant() };
    let Ok(Notify::Payment(fact)) = read_notify(&any_seller, FORM, &callback("another seller"))
    else {
        panic!("without a configured seller any seller of the application is ours");
    };
    assert_eq!(fact.merchant_no, "2021000000000001", "never taken from the wire");
}

/// F4 no. 14, the part of it that is the body.
#[test]
fn a_body_that_is_no_whole_form_is_refused() {
    let good = callback("paid");
    let text = String::from_utf8(good.clone()).unwrap();
    let with = |tail: &str| format!("{text}{tail}").into_bytes();
    let many: String = (0..300).map(|n| format!("&p{n}=")).collect();
    for (what, content_type, body, want) in [
        ("nothing", FORM, Vec::new(), NotifyError::Unsigned),
        ("half", FORM, good[..good.len() / 2].to_vec(), NotifyError::Unsigned),
        ("cut by one", FORM, good[..good.len() - 1].to_vec(), NotifyError::NotAForm),
        ("too large", FORM, vec![b'a'; NOTIFY_MAX + 1], NotifyError::TooLarge),
        ("too many parameters", FORM, with(&many), NotifyError::NotAForm),
        ("JSON", Some("application/json"), b"{}".to_vec(), NotifyError::NotAForm),
        ("XML", Some("text/xml"), b"<xml/>".to_vec(), NotifyError::NotAForm),
        ("XML dressed up", FORM, b"<xml><a>1</a></xml>".to_vec(), NotifyError::Unsigned),
        ("an amount twice", FORM, with("&total_amount=0.01"), NotifyError::Repeated),
        ("a sign twice", FORM, with("&sign=AAAA"), NotifyError::Repeated),
        ("a name twice, escaped", FORM, with("&%73ign_type=RSA2"), NotifyError::Repeated),
        ("a bad escape", FORM, with("&x=%G0"), NotifyError::NotAForm),
        ("one parameter more", FORM, with("&x=1"), NotifyError::BadSignature),
        (
            "RSA",
            FORM,
            text.replace("sign_type=RSA2", "sign_type=RSA").into_bytes(),
            NotifyError::NotRsa2,
        ),
        (
            "no sign_type",
            FORM,
            text.replace("sign_type=RSA2", "x=").into_bytes(),
            NotifyError::NotRsa2,
        ),
        ("an empty sign", FORM, b"sign=&sign_type=RSA2".to_vec(), NotifyError::Unsigned),
        (
            "a sign that is no base64",
            FORM,
            b"sign=%25&sign_type=RSA2".to_vec(),
            NotifyError::BadSignature,
        ),
        (
            "another amount",
            FORM,
            text.replace("total_amount=50.00", "total_amount=0.01").into_bytes(),
            NotifyError::BadSignature,
        ),
        (
            "unescaped once more",
            FORM,
            text.replace("%2525", "%25").into_bytes(),
            NotifyError::BadSignature,
        ),
        (
            "entities resolved",
            FORM,
            text.replace("%26quot%3B", "%22").into_bytes(),
            NotifyError::BadSignature,
        ),
    ] {
        let got = read_notify(&merchant(), content_type, &body);
        assert_eq!(got, Err(want), "{what}");
    }
}

fn signed_form(pairs: &[(&str, &[u8])]) -> Vec<u8> {
    let mut pairs = pairs.to_vec();
    pairs.sort();
    let mut text = Vec::new();
    for (name, value) in &pairs {
        text.extend_from_slice(if text.is_empty() { b"" } else { b"&" });
        text.extend_from_slice(name.as_bytes());
        text.push(b'=');
        text.extend_from_slice(value);
    }
    let signature = sign(&text);
    pairs.push(("sign", signature.as_bytes()));
    pairs.push(("sign_type", b"RSA2"));
    let encode = |bytes: &[u8]| form_urlencoded::byte_serialize(bytes).collect::<String>();
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    pairs.join("&").into_bytes()
}

#[test]
fn text_that_is_not_in_the_declared_charset_is_refused() {
    // 电 in GBK is no UTF-8; 0xFF is neither.
    for (charset, subject, want) in [
        ("utf-8", &b"\xb5\xe7"[..], Err(NotifyError::BadCharset)),
        ("GBK", b"\xb5\xe7", Ok(())),
        ("GBK", b"\xff", Err(NotifyError::BadCharset)),
        ("UTF-16", b"ab", Err(NotifyError::BadCharset)),
        ("big5", b"ab", Err(NotifyError::BadCharset)),
        ("klingon", b"ab", Err(NotifyError::BadCharset)),
    ] {
        let body = signed_form(&[
            ("app_id", b"2021000000000001"),
            ("seller_id", b"2088000000000002"),
            ("notify_type", b"trade_status_sync"),
            ("trade_status", b"TRADE_SUCCESS"),
            ("trade_no", TRADE.as_bytes()),
            ("out_trade_no", ORDER.as_bytes()),
            ("charset", charset.as_bytes()),
            ("subject", subject),
        ]);
        let got = read_notify(&merchant(), FORM, &body);
        assert_eq!(got.map(|_| ()), want, "{charset}");
    }
}

#[test]
fn no_altered_byte_of_a_callback_gets_through() {
    for name in ["paid", "paid, GBK"] {
        let good = callback(name);
        for index in 0..good.len() {
            let mut body = good.clone();
            body[index] ^= 1;
            // The case of an escape's digits and the order of parameters carry no meaning, so
            // such a body may still be the same callback; it must not become another one.
            match read_notify(&merchant(), FORM, &body) {
                Err(_) => {}
                Ok(notify) => assert_eq!(notify, Notify::Payment(paid()), "{name} byte {index}"),
            }
        }
    }
}
