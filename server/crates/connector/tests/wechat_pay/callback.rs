//! Callbacks: the rows of `payments.md` F4 that the reader of callbacks owns.

use chrono::{DateTime, TimeDelta, Utc};
use connector::{
    Headers, PaymentStatus, RefundStatus, Response, Secret,
    key::VerifyingKey,
    wechat_pay::{Callback, CallbackError, Merchant, Notified, Trust, read_payment_callback},
};
use domain::Money;

use crate::vectors::*;

fn check(merchant: &Merchant, callback: &Response) -> Result<Callback, CallbackError> {
    read_payment_callback(merchant, &callback.headers, &callback.body, now())
}

fn named(merchant: &Merchant, name: &str) -> Result<Callback, CallbackError> {
    check(merchant, &response("callbacks", name))
}

/// What a test table compares of a believed callback.
fn short(callback: Callback) -> String {
    match callback.fact {
        Notified::Payment(fact) => {
            assert_eq!(fact.status, PaymentStatus::Paid);
            let amount = |money: Option<Money>| money.map_or("-".to_owned(), Money::to_yuan);
            let payer = fact.payer.unwrap_or_default();
            let (merchant_no, total) = (fact.merchant_no, amount(fact.total));
            format!("{merchant_no} {total} {} {payer}", amount(fact.payer_total))
        }
        Notified::Refund(fact) => {
            let amount = fact.amount.unwrap().to_yuan();
            format!("{} {:?} {amount} {}", fact.merchant_no, fact.status, fact.out_refund_no)
        }
    }
}

fn refused(table: &[(&str, CallbackError)], merchant: &Merchant) {
    for (name, why) in table {
        assert_eq!(named(merchant, name).as_ref(), Err(why), "{name}");
        assert!((400..=599).contains(&why.http_status()), "{name}: WeChat must send it again");
    }
}

#[test]
fn a_genuine_payment_is_read_to_the_last_field() {
    let callback = named(&merchant(), "paid").unwrap();
    assert_eq!(callback.id, "29a61973-babf-599a-966d-6bcdcf17360c");
    assert_eq!(callback.event_type, "TRANSACTION.SUCCESS");
    assert_eq!(callback.created_at.to_rfc3339(), "2026-12-01T02:00:01+00:00");
    assert!(callback.plaintext.starts_with(br#"{"appid":"wx1900000001abcdef""#));
    let Notified::Payment(fact) = callback.fact else { panic!("not a payment") };
    assert_eq!(fact.provider, domain::Provider::WechatPay);
    assert_eq!(fact.merchant_no, "1900000001");
    assert_eq!(fact.app_id, "wx1900000001abcdef");
    assert_eq!(fact.out_trade_no, OUT_TRADE_NO);
    assert_eq!(fact.provider_trade_no.as_deref(), Some("4200000000202612010000000001"));
    assert_eq!(fact.status, PaymentStatus::Paid);
    assert_eq!(fact.total, Some(Money::from_fen(5000)));
    assert_eq!(fact.payer_total, Some(Money::from_fen(5000)));
    assert_eq!(fact.payer.as_deref(), Some("o-payer"));
    assert_eq!(fact.paid_at.unwrap().to_rfc3339(), "2026-12-01T02:00:00+00:00");
}

#[test]
fn a_refund_is_read_in_every_state_it_is_notified_in() {
    let table = [
        ("refunded", RefundStatus::Done, true),
        ("refund abnormal", RefundStatus::Abnormal, false),
        ("refund closed", RefundStatus::Closed, false),
    ];
    for (name, status, has_time) in table {
        let Notified::Refund(fact) = named(&merchant(), name).unwrap().fact else {
            panic!("not a refund")
        };
        assert_eq!(fact.status, status, "{name}");
        assert_eq!(fact.out_refund_no, OUT_REFUND_NO);
        assert_eq!(fact.out_trade_no, OUT_TRADE_NO);
        assert_eq!(fact.provider_refund_no.as_deref(), Some("50300000002026120100000001"));
        assert_eq!(fact.amount, Some(Money::from_fen(1200)));
        assert_eq!(fact.refunded_at.is_some(), has_time, "{name}");
    }
}

/// F4 no. 6: the same callback later is read again (the ledger's key makes it a no-op), but a
/// recording whose timestamp is stale is refused before its signature is even looked at.
#[test]
fn a_replay_with_a_stale_timestamp_is_refused() {
    let genuine = response("callbacks", "paid");
    let mut spoilt = genuine.clone();
    spoilt.body[10] ^= 1;
    let at = |seconds: i64| signed_at() + TimeDelta::seconds(seconds);
    let read = |callback: &Response, now: DateTime<Utc>| {
        read_payment_callback(&merchant(), &callback.headers, &callback.body, now)
    };
    for seconds in [-300, 0, 300] {
        assert!(read(&genuine, at(seconds)).is_ok(), "{seconds} s");
    }
    for seconds in [-301, 301, 3600, 30 * 86_400, -30 * 86_400] {
        let refusal = Err(CallbackError::StaleTimestamp);
        assert_eq!(read(&genuine, at(seconds)), refusal, "{seconds} s");
        assert_eq!(read(&spoilt, at(seconds)), refusal, "the clock comes first");
    }
}

/// F4 no. 9: the amounts arrive as they are, so that the reducer can hold what does not fit; a
/// coupon lowers what the payer paid and never what is credited; a foreign currency has no
/// amount at all and so fits no order.
#[test]
fn amounts_arrive_unbent_and_a_foreign_currency_has_none() {
    let table = [
        ("paid", "1900000001 50.00 50.00 o-payer"),
        ("paid, coupon", "1900000001 50.00 40.00 o-payer"),
        ("paid, one fen less", "1900000001 49.99 49.99 o-payer"),
        ("paid, one fen more", "1900000001 50.01 50.01 o-payer"),
        ("paid, dollars", "1900000001 - - o-payer"),
    ];
    for (name, want) in table {
        assert_eq!(named(&merchant(), name).map(short).as_deref(), Ok(want), "{name}");
    }
    let unreadable = [
        "paid, amount with a fraction",
        "paid, amount as text",
        "paid, amount NaN",
        "paid, negative amount",
        "paid, amount twice",
        "paid, no amount",
        "paid, no transaction_id",
    ];
    refused(&unreadable.map(|name| (name, CallbackError::Unreadable)), &merchant());
}

/// F4 no. 10: a valid signature does not make another merchant's payment ours.
#[test]
fn a_genuine_callback_about_another_merchant_is_refused_and_alarms() {
    let wrong = |field| CallbackError::WrongMerchant(field);
    let ordinary = [
        ("paid, other appid", wrong("appid")),
        ("paid, other mchid", wrong("mchid")),
        ("paid, no mchid", wrong("mchid")),
        ("paid, sub_mchid out of nowhere", wrong("sub_mchid")),
        ("refunded, other mchid", wrong("mchid")),
        ("partner paid", wrong("appid")),
    ];
    refused(&ordinary, &merchant());
    let by_partner = [
        ("partner paid, other sub_mchid", wrong("sub_mchid")),
        ("partner paid, other sp_mchid", wrong("sp_mchid")),
        ("partner paid, other sub_appid", wrong("sub_appid")),
        ("paid", wrong("sp_appid")),
        ("refunded", wrong("sp_mchid")),
    ];
    refused(&by_partner, &partner(Some("wxsub")));
    assert!(ordinary.iter().chain(&by_partner).all(|(_, why)| why.is_alarming()));
}

#[test]
fn a_partner_reads_its_sub_merchants_callbacks() {
    let table = [
        (None, "partner paid", "1900000109 50.00 50.00 o-at-partner"),
        (Some("wxsub"), "partner paid, sub application", "1900000109 50.00 50.00 o-at-sub"),
        (None, "partner refunded", "1900000109 Done 12.00 F20261201000001"),
    ];
    for (sub_appid, name, want) in table {
        let got = named(&partner(sub_appid), name).map(short);
        assert_eq!(got.as_deref(), Ok(want), "{name}");
    }
}

/// F4 no. 11: tenant A's callback at tenant B's address. B trusts the same platform certificate
/// (WeChat's are shared), yet has another APIv3 key; and if even that were shared, another
/// number.
#[test]
fn a_callback_for_one_tenant_is_refused_at_anothers_address() {
    let other_key = Secret::new("another-tenant-has-another-key!!");
    let tenant_b = Merchant { api_v3_keys: vec![other_key], ..merchant() };
    refused(&[("paid", CallbackError::NotDecryptable)], &tenant_b);
    refused(&[("partner paid, other sub_mchid", CallbackError::WrongMerchant("sub_mchid"))], &{
        partner(None)
    });
    let stranger_to_a = Merchant { trust: Trust::new(), ..merchant() };
    let serial = text(vectors(), "platform_a").to_owned();
    refused(&[("paid", CallbackError::UnknownSerial(serial))], &stranger_to_a);
}

/// F4 no. 12: platform certificates and the public key side by side, any number of them, each
/// under exactly its serial; an unknown one is named, so that the caller can fetch it.
#[test]
fn keys_rotate_in_mid_flight_and_an_unknown_serial_is_named() {
    let vectors = vectors();
    let full = trust();
    let by_serial = [
        ("paid", text(vectors, "platform_a")),
        ("paid, second certificate", text(vectors, "platform_b")),
        ("paid, public key", text(vectors, "public_key")),
    ];
    for (name, serial) in by_serial {
        assert!(named(&merchant(), name).is_ok(), "{name}");
        let mut others = Trust::new();
        for known in full.serials().filter(|known| *known != serial) {
            others.add(known, full.key(known).unwrap().clone());
        }
        let merchant = Merchant { trust: others, ..merchant() };
        refused(&[(name, CallbackError::UnknownSerial(serial.to_owned()))], &merchant);
    }
    // Nearly the right serial is a wrong one: another case, no prefix, one digit less.
    let genuine = response("callbacks", "paid, public key");
    let id = text(vectors, "public_key");
    for near in [&id.to_lowercase(), id.trim_start_matches("PUB_KEY_ID_"), &id[..id.len() - 1]] {
        let headers = with_header(&genuine.headers, "Wechatpay-Serial", near);
        let got = read_payment_callback(&merchant(), &headers, &genuine.body, now());
        assert_eq!(got, Err(CallbackError::UnknownSerial(near.to_owned())));
    }
}

/// F4 no. 12: after a change of the APIv3 key, callbacks sealed with the former one are still
/// under way for a day.
#[test]
fn two_apiv3_keys_are_accepted_for_a_window() {
    let former = Secret::new(text(vectors(), "former_api_v3_key"));
    let sealed_before = "paid, former APIv3 key";
    refused(&[(sealed_before, CallbackError::NotDecryptable)], &merchant());
    let mut both = merchant();
    both.api_v3_keys.push(former);
    assert!(named(&both, sealed_before).is_ok());
    assert!(named(&both, "paid").is_ok());
    refused(&[("paid, strange APIv3 key", CallbackError::NotDecryptable)], &both);
}

/// F4 no. 13: the probe simply fails, and its prefix opens no door.
#[test]
fn a_signature_probe_fails_like_any_wrong_signature() {
    let genuine = response("callbacks", "paid");
    let signature = genuine.headers.one("Wechatpay-Signature").unwrap();
    for probe in [
        "WECHATPAY/SIGNTEST/jE1nVLiuBzWWVqM3oa0vBRTQdvCRwMAyyO0GQdlWvVjw3jzsxJmAxfG6".to_owned(),
        format!("WECHATPAY/SIGNTEST/{signature}"),
        format!("WECHATPAY/SIGNTEST/{}", &signature[20..]),
    ] {
        let headers = with_header(&genuine.headers, "Wechatpay-Signature", &probe);
        let got = read_payment_callback(&merchant(), &headers, &genuine.body, now());
        assert_eq!(got, Err(CallbackError::BadSignature), "{probe}");
        assert!(!CallbackError::BadSignature.is_alarming());
    }
    assert!(named(&merchant(), "paid").is_ok(), "the genuine one that follows");
}

/// F4 no. 14: bodies that are cut, swollen, of the second version, ambiguous or bottomless.
#[test]
fn a_broken_body_is_refused_without_harm() {
    let genuine = response("callbacks", "paid");
    let read = |body: &[u8]| read_payment_callback(&merchant(), &genuine.headers, body, now());
    for length in 0..genuine.body.len() {
        assert_eq!(read(&genuine.body[..length]), Err(CallbackError::BadSignature), "{length}");
    }
    for tail in [" ", "\n", "{}", "\0"] {
        let longer = [&genuine.body, tail.as_bytes()].concat();
        assert_eq!(read(&longer), Err(CallbackError::BadSignature), "{tail:?}");
    }
    assert_eq!(read(&vec![b'{'; 10 << 20]), Err(CallbackError::TooLarge));
    assert_eq!(CallbackError::TooLarge.http_status(), 413);
    let unreadable = [
        "xml of the second version",
        "empty",
        "envelope with a key twice",
        "envelope nested too deeply",
    ];
    refused(&unreadable.map(|name| (name, CallbackError::Unreadable)), &merchant());
}

/// F4 no. 14: each signature header exactly once and in its one form.
#[test]
fn signature_headers_are_read_strictly() {
    let genuine = response("callbacks", "paid");
    let read =
        |headers: &Headers| read_payment_callback(&merchant(), headers, &genuine.body, now());
    for name in
        ["Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"]
    {
        let missing = without_header(&genuine.headers, name);
        assert_eq!(read(&missing), Err(CallbackError::MissingHeader(name)));
        let value = genuine.headers.one(name).unwrap().to_owned();
        let lower = name.to_lowercase();
        let spelled = plus_header(&missing, &lower, &value);
        assert!(read(&spelled).is_ok(), "names compare without case");
        let twice = plus_header(&genuine.headers, &lower, &value);
        assert_eq!(read(&twice), Err(CallbackError::BadHeader(name)), "even the same twice");
        for bad in ["", " ", "a b", "\u{7f}", "值", &format!("{value}\n"), &"A".repeat(5000)] {
            let headers = with_header(&genuine.headers, name, bad);
            assert_eq!(read(&headers), Err(CallbackError::BadHeader(name)), "{name}: {bad:?}");
        }
    }
    for bad in ["+1796090402", "-1", "1796090402.0", "0x6B0E", "1e9", "１７９６"] {
        let headers = with_header(&genuine.headers, "Wechatpay-Timestamp", bad);
        let refusal = Err(CallbackError::BadHeader("Wechatpay-Timestamp"));
        assert_eq!(read(&headers), refusal, "{bad}");
    }
    let other =
        with_header(&genuine.headers, "Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3");
    assert_eq!(read(&other), Err(CallbackError::BadHeader("Wechatpay-Signature-Type")));
    let unnamed = without_header(&genuine.headers, "Wechatpay-Signature-Type");
    assert!(read(&unnamed).is_ok(), "the type is documented for one language only");
}

/// F4 no. 14, A3: the signature covers time, nonce and every byte of the body.
#[test]
fn every_altered_byte_of_a_callback_is_refused() {
    let genuine = response("callbacks", "paid");
    let merchant = merchant();
    let bad = Err(CallbackError::BadSignature);
    for at in 0..genuine.body.len() {
        let mut body = genuine.body.clone();
        body[at] ^= 1 << (at % 8);
        let got = read_payment_callback(&merchant, &genuine.headers, &body, now());
        assert_eq!(got, bad, "byte {at}");
    }
    let read = |headers: &Headers| read_payment_callback(&merchant, headers, &genuine.body, now());
    let nonce = genuine.headers.one("Wechatpay-Nonce").unwrap();
    for other in ["EcuZkMBvCJk2vqZcKhHmLqkYtYJgnAnk", &nonce[1..], &nonce.to_lowercase()] {
        assert_eq!(read(&with_header(&genuine.headers, "Wechatpay-Nonce", other)), bad);
    }
    for other in ["1796090401", "1796090403", "01796090402"] {
        assert_eq!(read(&with_header(&genuine.headers, "Wechatpay-Timestamp", other)), bad);
    }
    let signature = genuine.headers.one("Wechatpay-Signature").unwrap();
    for at in 0..signature.len() {
        let mut altered = signature.as_bytes().to_vec();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        let headers = with_header(&genuine.headers, "Wechatpay-Signature", &altered);
        assert_eq!(read(&headers), bad, "signature character {at}");
    }
    let swapped = response("callbacks", "paid, coupon");
    let got = read_payment_callback(&merchant, &swapped.headers, &genuine.body, now());
    assert_eq!(got, bad, "another callback's headers");
}

#[test]
fn a_signature_by_the_wrong_key_is_refused() {
    let merchant_serial = text(&vectors()["merchant"], "serial").to_owned();
    let table = [
        ("paid, signed by a stranger under a known serial", CallbackError::BadSignature),
        (
            "paid, merchant certificate as platform certificate",
            CallbackError::UnknownSerial(merchant_serial),
        ),
    ];
    refused(&table, &merchant());
    // Two serials whose keys are swapped verify nothing.
    let vectors = vectors();
    let mut swapped = Trust::new();
    swapped.add(text(vectors, "platform_a"), VerifyingKey::from_pem(PLATFORM_B).unwrap());
    let merchant = Merchant { trust: swapped, ..merchant() };
    refused(&[("paid", CallbackError::BadSignature)], &merchant);
}

#[test]
fn a_genuine_callback_that_contradicts_itself_is_refused() {
    let table = [
        ("paid, state NOTPAY", CallbackError::Contradiction),
        ("paid, state nobody knows", CallbackError::Contradiction),
        ("refunded, event and status disagree", CallbackError::Contradiction),
        ("payment under a refund event", CallbackError::Contradiction),
        ("profit sharing", CallbackError::UnknownEvent("PROFITSHARING.SUCCESS".to_owned())),
        ("unknown algorithm", CallbackError::NotDecryptable),
    ];
    refused(&table, &merchant());
    assert!(named(&merchant(), "paid, no associated data").is_ok(), "documents show it empty");
}
