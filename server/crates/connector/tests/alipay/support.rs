//! The merchant of the fixtures and the means to sign as Alipay.

#![allow(dead_code)]

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use connector::{
    Headers, Request, Response, Secret, Stamp,
    alipay::{Merchant, Trust, certificate},
    key::{SigningKey, VerifyingKey},
};
use serde_json::Value;

pub const ORDER: &str = "R20261121_0001";
pub const REFUND: &str = "F20261121_0001";
pub const TRADE: &str = "2026112122001400000000000001";
pub const AES_KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZg==";

pub const APP_KEY: &str = include_str!("keys/app.key.pem");
pub const ALIPAY_KEY: &str = include_str!("keys/alipay.key.pem");
pub const ALIPAY_PUB: &str = include_str!("keys/alipay.pub.pem");
pub const APP_CERT: &str = include_str!("keys/app.crt.pem");
pub const ALIPAY_CERT: &str = include_str!("keys/alipay.crt.pem");
pub const NEXT_CERT: &str = include_str!("keys/alipay-next.crt.pem");
pub const ROOTS: &str = include_str!("keys/roots.crt.pem");

pub fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

pub fn merchant() -> Merchant {
    Merchant {
        app_id: "2021000000000001".to_owned(),
        seller_id: Some("2088000000000002".to_owned()),
        op_app_id: None,
        signing_key: SigningKey::from_pem(APP_KEY).unwrap(),
        trust: Trust::Keys(vec![VerifyingKey::from_pem(ALIPAY_PUB).unwrap()]),
        aes_key: None,
        gateway_url: "https://openapi.example.com/gateway.do".to_owned(),
        notify_url: "https://pay.example.com/callback/alipay/m1".to_owned(),
        return_url: Some("https://pay.example.com/back?a=1&b=电".to_owned()),
        app_auth_token: None,
    }
}

pub fn with_certificates(certificates: &[&str]) -> Merchant {
    let known = certificates.iter().map(|pem| certificate::alipay_certificate(pem).unwrap());
    let trust = Trust::Certificates {
        by_sn: known.collect(),
        app_cert_sn: certificate::number(APP_CERT).unwrap(),
        alipay_root_cert_sn: certificate::root_numbers(ROOTS).unwrap(),
    };
    Merchant { trust, ..merchant() }
}

pub fn with_content_key() -> Merchant {
    Merchant { aes_key: Some(Secret::new(AES_KEY)), ..merchant() }
}

pub fn at(rfc3339: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(rfc3339).unwrap().to_utc()
}

/// 04:30 in Shanghai, still the day before in Greenwich.
pub fn stamp() -> Stamp {
    Stamp { now: at("2026-11-20T20:30:00Z"), nonce: "0".repeat(32) }
}

pub fn response(body: impl Into<Vec<u8>>) -> Response {
    Response { status: 200, headers: Headers::default(), body: body.into() }
}

/// A fixture of the answers by its name.
pub fn answer(name: &str) -> Response {
    let vectors = vectors();
    let answers = vectors["answers"].as_array().unwrap();
    let found = answers.iter().find(|answer| answer["name"] == name);
    response(found.unwrap_or_else(|| panic!("no answer {name}"))["body"].as_str().unwrap())
}

/// A fixture of the callbacks by its name.
pub fn callback(name: &str) -> Vec<u8> {
    let vectors = vectors();
    let notifies = vectors["notifies"].as_array().unwrap();
    let found = notifies.iter().find(|notify| notify["name"] == name);
    let body = found.unwrap_or_else(|| panic!("no callback {name}"))["body"].as_str().unwrap();
    body.as_bytes().to_vec()
}

pub fn sign(text: &[u8]) -> String {
    SigningKey::from_pem(ALIPAY_KEY).unwrap().sign_sha256(text).unwrap()
}

/// An answer whose node is signed by the throw-away Alipay key.
pub fn signed(method: &str, node: &str) -> Response {
    let root = format!("{}_response", method.replace('.', "_"));
    response(format!("{{\"{root}\":{node},\"sign\":\"{}\"}}", sign(node.as_bytes())))
}

/// A signed refusal.
pub fn refused(method: &str, code: &str, sub_code: &str) -> Response {
    signed(
        method,
        &format!(r#"{{"code":"{code}","msg":"m","sub_code":"{sub_code}","sub_msg":"说"}}"#),
    )
}

/// Every parameter of a request, decoded, whichever half of it carried it.
pub fn params(request: &Request) -> BTreeMap<String, String> {
    let (_, query) = request.url.split_once('?').unwrap();
    form(&format!("{query}&{}", std::str::from_utf8(&request.body).unwrap()))
}

pub fn form(text: &str) -> BTreeMap<String, String> {
    let mut params = BTreeMap::new();
    for (name, value) in
        form_urlencoded::parse(text.as_bytes()).filter(|(name, _)| !name.is_empty())
    {
        let before = params.insert(name.to_string(), value.into_owned());
        assert_eq!(before, None, "{name} stands twice");
    }
    params
}
