//! What we send, against the same calls signed by the SDK.

use std::collections::BTreeMap;

use connector::{
    Method, Secret,
    alipay::{
        self, Buyer, Merchant, Message, OurFault, Place, Placement, Refund, bill, certificate,
    },
};
use domain::{BusinessDay, Channel, Money};

use crate::support::*;

const OPEN_ID: &str = "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5";

pub fn payment(channel: Channel) -> Place {
    Place {
        channel,
        out_trade_no: ORDER.to_owned(),
        subject: "电费 3/502 \"A{b}\"".to_owned(),
        amount: Money::from_fen(5000),
        expires_at: at("2026-11-20T20:45:00Z"),
        buyer: Some(Buyer::OpenId(OPEN_ID.to_owned())),
        quit_url: Some("https://pay.example.com/quit".to_owned()),
    }
}

fn placed(merchant: &Merchant, channel: Channel) -> BTreeMap<String, String> {
    match alipay::place(merchant, &payment(channel), &stamp()).unwrap() {
        Placement::Call(request) => params(&request),
        Placement::Page { url } => form(url.split_once('?').unwrap().1),
    }
}

/// The same call as the fixture of this name.
fn made(merchant: &Merchant, name: &str) -> BTreeMap<String, String> {
    let stamp = stamp();
    let request = match name {
        "precreate" => return placed(merchant, Channel::AlipayPrecreate),
        "create" => return placed(merchant, Channel::AlipayCreate),
        "wap" => return placed(merchant, Channel::AlipayWap),
        "query" => alipay::query(merchant, ORDER, &stamp),
        "close" => alipay::close(merchant, ORDER, &stamp),
        "cancel" => alipay::cancel(merchant, ORDER, &stamp),
        "refund" => {
            let refund = Refund {
                out_trade_no: ORDER.to_owned(),
                out_refund_no: REFUND.to_owned(),
                amount: Money::from_fen(2000),
                reason: "退款 100% + &quot;".to_owned(),
            };
            alipay::refund(merchant, &refund, &stamp)
        }
        "query_refund" => alipay::query_refund(merchant, ORDER, REFUND, &stamp),
        "bill" => {
            let day = BusinessDay::of(at("2026-11-20T01:00:00Z"));
            bill::request_link(merchant, bill::Kind::Trade, day, &stamp)
        }
        "sign_in" => alipay::sign_in(merchant, "4b203fe6c11548bcabd8da5bb087a83b", &stamp),
        "tell" => {
            let values = [("keyword1", "20.00元"), ("keyword2", "和园公寓 3-2-1204")];
            let message = Message {
                to: Buyer::OpenId(OPEN_ID.to_owned()),
                template: "MDI4YzIxMDE2M2I5YTQzYjUxNWE4MjA4NmU1MTIyYmM=".to_owned(),
                page: "pages/order/order?id%3dYF1".to_owned(),
                values: values.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            };
            alipay::tell(merchant, &message, &stamp)
        }
        other => panic!("no call {other}"),
    };
    params(&request.unwrap())
}

#[test]
fn every_request_carries_the_very_signature_the_sdk_makes() {
    let vectors = vectors();
    let requests = vectors["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 44);
    for request in requests {
        let (name, mode) = (request["name"].as_str().unwrap(), request["mode"].as_str().unwrap());
        let merchant = match mode {
            "key" => merchant(),
            "certificates" => with_certificates(&[ALIPAY_CERT]),
            "encrypted" => with_content_key(),
            "token" => {
                Merchant { app_auth_token: Some(Secret::new("202611BB_token")), ..merchant() }
            }
            other => panic!("no mode {other}"),
        };
        let want: BTreeMap<String, String> =
            serde_json::from_value(request["params"].clone()).unwrap();
        assert_eq!(made(&merchant, name), want, "{name} {mode}");
    }
}

#[test]
fn certificate_numbers_are_those_the_sdk_computes_and_sm2_roots_are_skipped() {
    let numbers = &vectors()["numbers"];
    assert_eq!(certificate::number(APP_CERT).unwrap(), numbers["app"]);
    assert_eq!(certificate::alipay_certificate(ALIPAY_CERT).unwrap().0, numbers["alipay"]);
    assert_eq!(certificate::alipay_certificate(NEXT_CERT).unwrap().0, numbers["next"]);
    assert_eq!(certificate::root_numbers(ROOTS).unwrap(), numbers["roots"]);
    assert_eq!(ROOTS.matches("BEGIN CERTIFICATE").count(), 3);
    assert_eq!(numbers["roots"].as_str().unwrap().split('_').count(), 2);
}

#[test]
fn charset_stands_in_the_query_and_only_the_content_in_the_body() {
    let request = alipay::query(&merchant(), ORDER, &stamp()).unwrap();
    assert_eq!(request.method, Method::Post);
    assert!(request.url.contains("&charset=utf-8&"), "{}", request.url);
    assert!(request.body.starts_with(b"biz_content=%7B%22"));
    assert!(!request.url.contains("biz_content"));
    assert!(request.url.is_ascii() && !request.url.contains('+'), "{}", request.url);
}

#[test]
fn a_payment_alipay_would_refuse_is_refused_before_it_is_sent() {
    use OurFault::*;
    type Change = fn(&mut Place);
    let table: &[(Change, OurFault)] = &[
        (|p| p.channel = Channel::WechatH5, ForeignChannel),
        (|p| p.channel = Channel::Cash, ForeignChannel),
        (|p| p.out_trade_no = String::new(), BadNumber),
        (|p| p.out_trade_no = "R-1".to_owned(), BadNumber),
        (|p| p.out_trade_no = "R".repeat(65), BadNumber),
        (|p| p.amount = Money::ZERO, BadAmount),
        (|p| p.amount = Money::from_fen(-1), BadAmount),
        (|p| p.amount = Money::from_fen(10_000_000_001), BadAmount),
        (|p| p.expires_at = at("2026-11-20T20:30:00Z"), AlreadyExpired),
        (|p| p.buyer = None, NoBuyer),
        (|p| p.subject = " \n ".to_owned(), NoSubject),
    ];
    for (change, want) in table {
        let mut payment = payment(Channel::AlipayCreate);
        change(&mut payment);
        assert_eq!(alipay::place(&merchant(), &payment, &stamp()), Err(*want), "{payment:?}");
    }
    let bad_key = Merchant { aes_key: Some(Secret::new("c2hvcnQ=")), ..merchant() };
    assert_eq!(alipay::query(&bad_key, ORDER, &stamp()), Err(BadContentKey));
}

#[test]
fn an_odd_subject_is_mended_and_never_stops_a_payment() {
    for (subject, want) in [
        ("3/502=A&B", "3／502＝A＆B".to_owned()),
        ("a\tb", "a b".to_owned()),
        (&*"电".repeat(300), "电".repeat(256)),
    ] {
        let place = Place { subject: subject.to_owned(), ..payment(Channel::AlipayPrecreate) };
        let Placement::Call(request) = alipay::place(&merchant(), &place, &stamp()).unwrap() else {
            panic!("a QR code is a call");
        };
        let content: serde_json::Value =
            serde_json::from_str(&params(&request)["biz_content"]).unwrap();
        assert_eq!(content["subject"], want);
    }
}

#[test]
fn the_buyer_and_the_mini_program_are_named_as_configured() {
    let merchant = Merchant { op_app_id: Some("2021000000000077".to_owned()), ..merchant() };
    let buyer = Some(Buyer::UserId("2088101117955611".to_owned()));
    let place = Place { buyer, ..payment(Channel::AlipayCreate) };
    let Placement::Call(request) = alipay::place(&merchant, &place, &stamp()).unwrap() else {
        panic!("a mini-program trade is a call");
    };
    let content: serde_json::Value =
        serde_json::from_str(&params(&request)["biz_content"]).unwrap();
    assert_eq!(content["buyer_id"], "2088101117955611");
    assert_eq!(content["buyer_open_id"], serde_json::Value::Null);
    assert_eq!(content["op_app_id"], "2021000000000077");
}

#[test]
fn a_merchant_prints_no_secret() {
    let token = Some(Secret::new("canary-token"));
    let printed = format!("{:?}", Merchant { app_auth_token: token, ..with_content_key() });
    assert!(!printed.contains("canary") && !printed.contains(AES_KEY), "{printed}");
    assert!(!printed.contains("BEGIN"), "{printed}");
}
