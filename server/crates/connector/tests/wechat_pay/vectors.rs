//! What the outside oracle made: `tests/oracles/wechatpay`, with the keys in `tests/keys`.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use connector::{
    Headers, Response, Secret, Stamp,
    key::{Certificate, SigningKey, VerifyingKey},
    wechat_pay::{Merchant, Mode, Trust},
};
use serde_json::Value;

pub const MERCHANT_KEY: &str = include_str!("../keys/merchant.pkcs8.pem");
pub const PLATFORM_A: &str = include_str!("../keys/platform-a.certificate.pem");
pub const PLATFORM_B: &str = include_str!("../keys/platform-b.certificate.pem");
pub const PUBLIC_KEY: &str = include_str!("../keys/wechat-public-key.public.pem");
pub const NONCE: &str = "593BEC0C930BF1AFEB40B4A08C8FB242";
pub const OUT_TRADE_NO: &str = "R20261201000001";
pub const OUT_REFUND_NO: &str = "F20261201000001";

static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("vectors.json")).unwrap());

pub fn vectors() -> &'static Value {
    &VECTORS
}

pub fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name:?}"))
}

/// The second the vectors were signed in.
pub fn signed_at() -> DateTime<Utc> {
    DateTime::from_timestamp(vectors()["signed_at"].as_i64().unwrap(), 0).unwrap()
}

/// A moment later, when the answer or callback arrives.
pub fn now() -> DateTime<Utc> {
    signed_at() + TimeDelta::seconds(1)
}

pub fn stamp() -> Stamp {
    Stamp { now: signed_at(), nonce: NONCE.to_owned() }
}

/// Believes both platform certificates and the public key.
pub fn trust() -> Trust {
    let vectors = vectors();
    let mut trust = Trust::new();
    for pem in [PLATFORM_A, PLATFORM_B] {
        trust.add_certificate(&Certificate::from_pem(pem).unwrap());
    }
    trust.add(text(vectors, "public_key"), VerifyingKey::from_pem(PUBLIC_KEY).unwrap());
    trust
}

pub fn merchant() -> Merchant {
    let vectors = vectors();
    Merchant {
        mode: Mode::Ordinary {
            appid: "wx1900000001abcdef".to_owned(),
            mchid: text(&vectors["merchant"], "mchid").to_owned(),
        },
        serial_no: text(&vectors["merchant"], "serial").to_owned(),
        signing_key: SigningKey::from_pem(MERCHANT_KEY).unwrap(),
        api_v3_keys: vec![Secret::new(text(vectors, "api_v3_key"))],
        trust: trust(),
        base_url: "https://api.mch.weixin.qq.com".to_owned(),
        notify_url: "https://yufu.example/callback/wechat-pay/m1".to_owned(),
        refund_notify_url: "https://yufu.example/callback/wechat-pay/m1".to_owned(),
    }
}

pub fn partner(sub_appid: Option<&str>) -> Merchant {
    let mode = Mode::Partner {
        sp_appid: "wx1900000001abcdef".to_owned(),
        sp_mchid: "1900000001".to_owned(),
        sub_appid: sub_appid.map(str::to_owned),
        sub_mchid: "1900000109".to_owned(),
    };
    Merchant { mode, ..merchant() }
}

/// A callback or answer the oracle made, by its name.
pub fn response(kind: &str, name: &str) -> Response {
    let vectors = vectors();
    let case = &vectors[kind][name];
    assert!(case.is_object(), "no {kind} named {name:?}");
    let headers = case["headers"].as_array().unwrap().iter().map(|pair| {
        let half = |at: usize| pair[at].as_str().unwrap().to_owned();
        (half(0), half(1))
    });
    Response {
        status: u16::try_from(case["status"].as_u64().unwrap()).unwrap(),
        headers: Headers::new(headers.collect()),
        body: text(case, "body").as_bytes().to_vec(),
    }
}

/// An answer nobody signed.
pub fn unsigned(status: u16, body: &str) -> Response {
    Response { status, headers: Headers::default(), body: body.as_bytes().to_vec() }
}

/// The same headers with every value of one name replaced.
pub fn with_header(headers: &Headers, name: &str, value: &str) -> Headers {
    let fields = headers.iter().map(|(n, v)| {
        let value = if n.eq_ignore_ascii_case(name) { value } else { v };
        (n.to_owned(), value.to_owned())
    });
    Headers::new(fields.collect())
}

/// The same headers without one name.
pub fn without_header(headers: &Headers, name: &str) -> Headers {
    let fields = headers.iter().filter(|(n, _)| !n.eq_ignore_ascii_case(name));
    Headers::new(fields.map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
}

/// The same headers with one more field.
pub fn plus_header(headers: &Headers, name: &str, value: &str) -> Headers {
    let fields = headers.iter().map(|(n, v)| (n.to_owned(), v.to_owned()));
    let more = std::iter::once((name.to_owned(), value.to_owned()));
    Headers::new(fields.chain(more).collect())
}
