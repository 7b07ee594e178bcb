//! Platform certificates and their first fetch.

use chrono::{DateTime, TimeDelta};
use connector::{
    Doubt, Outcome, Response, Secret,
    key::Certificate,
    wechat_pay::{CallbackError, Merchant, Trust, read_certificates, read_payment_callback},
};

use crate::vectors::*;

fn first_fetch() -> Merchant {
    Merchant { trust: Trust::new(), ..merchant() }
}

fn read(merchant: &Merchant, response: &Response) -> Outcome<Vec<String>> {
    let certificates = read_certificates(merchant, response, now());
    certificates.map(|list| list.into_iter().map(|c| c.serial_no).collect())
}

fn named(merchant: &Merchant, name: &str) -> Outcome<Vec<String>> {
    read(merchant, &response("certificates", name))
}

#[test]
fn certificates_are_believed_only_under_seal_and_signature() {
    let vectors = vectors();
    let serial = |name: &str| text(vectors, name).to_owned();
    let (a, b) = (serial("platform_a"), serial("platform_b"));
    let bad = || Outcome::Unknown(Doubt::BadSignature);
    let table = [
        ("one", Outcome::Done(vec![a.clone()])),
        ("two, signed by the newer", Outcome::Done(vec![a, b.clone()])),
        ("sealed with the former key", bad()),
        ("sealed with a strange key", bad()),
        ("signed by a certificate that is not inside", Outcome::Unknown(Doubt::UnknownSerial(b))),
        (
            "signed by a public key we know",
            Outcome::Unknown(Doubt::UnknownSerial(serial("public_key"))),
        ),
        ("serial beside the certificate differs", Outcome::Unknown(Doubt::Unreadable)),
        ("none inside", Outcome::Unknown(Doubt::Unreadable)),
    ];
    for (name, want) in table {
        assert_eq!(named(&first_fetch(), name), want, "{name}");
    }
    let genuine = response("certificates", "one");
    for at in 0..genuine.body.len() {
        let mut body = genuine.body.clone();
        body[at] ^= 1 << (at % 8);
        let outcome = read(&first_fetch(), &Response { body, ..genuine.clone() });
        assert!(matches!(outcome, Outcome::Unknown(_)), "byte {at}: {outcome:?}");
    }
    let nobody = unsigned(200, std::str::from_utf8(&genuine.body).unwrap());
    assert_eq!(read(&first_fetch(), &nobody), bad());
}

#[test]
fn a_key_we_already_believe_and_a_former_apiv3_key_serve_as_well() {
    let a = vec![text(vectors(), "platform_a").to_owned()];
    assert_eq!(named(&merchant(), "signed by a public key we know"), Outcome::Done(a.clone()));
    let mut both = first_fetch();
    both.api_v3_keys.push(Secret::new(text(vectors(), "former_api_v3_key")));
    assert_eq!(named(&both, "sealed with the former key"), Outcome::Done(a));
}

/// F4 no. 12: an unknown serial leads to one fetch, and then the callback is read.
#[test]
fn a_fetch_after_an_unknown_serial_makes_the_callback_readable() {
    let mut merchant = first_fetch();
    let callback = response("callbacks", "paid, second certificate");
    let read = |merchant: &Merchant| {
        read_payment_callback(merchant, &callback.headers, &callback.body, now())
    };
    assert!(matches!(read(&merchant), Err(CallbackError::UnknownSerial(_))));
    let answer = response("certificates", "two, signed by the newer");
    let Outcome::Done(certificates) = read_certificates(&merchant, &answer, now()) else {
        panic!("a genuine answer")
    };
    for certificate in &certificates {
        merchant.trust.add_certificate(certificate);
    }
    assert!(read(&merchant).is_ok());
}

#[test]
fn an_expired_certificate_is_not_returned() {
    let genuine = response("certificates", "one");
    let expired = DateTime::parse_from_rfc3339("2031-11-20T20:24:22Z").unwrap().to_utc();
    let got = read_certificates(&first_fetch(), &genuine, expired);
    assert_eq!(got, Outcome::Unknown(Doubt::StaleTimestamp), "the clock already refuses");
    let before = DateTime::parse_from_rfc3339("2026-12-01T02:00:03Z").unwrap().to_utc();
    assert!(matches!(read_certificates(&first_fetch(), &genuine, before),
        Outcome::Done(list) if list.len() == 1));
}

/// A certificate that lies in a folder for years: believed while it is valid, and then no more.
#[test]
fn an_expired_platform_certificate_is_believed_no_more() {
    let genuine = Certificate::from_pem(PLATFORM_A).unwrap();
    let callback = response("callbacks", "paid");
    let second = TimeDelta::seconds(1);
    let table = [
        (now() - second, now() + second, true),
        (now(), now(), true),
        (now() - second, now() - second, false),
        (now() + second, now() + second, false),
    ];
    for (not_before, not_after, believed) in table {
        let mut trust = Trust::new();
        trust.add_certificate(&Certificate { not_before, not_after, ..genuine.clone() });
        let merchant = Merchant { trust, ..merchant() };
        let read = read_payment_callback(&merchant, &callback.headers, &callback.body, now());
        let unknown = matches!(read, Err(CallbackError::UnknownSerial(_)));
        assert_eq!((read.is_ok(), unknown), (believed, !believed), "{not_before} {not_after}");
    }
}

#[test]
fn a_merchant_with_a_public_key_only_is_told_so() {
    let body = r#"{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}"#;
    assert_eq!(read(&first_fetch(), &unsigned(404, body)).class(), "our-fault");
}
