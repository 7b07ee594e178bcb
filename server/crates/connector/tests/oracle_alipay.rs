//! The official Node SDK and our connector judge each other, live.
//!
//! Needs `YUFU_ORACLE_ALIPAY`: the folder `tests/oracles/alipay` after `npm ci`.

// The whole crate is a test; the lint only sees the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "alipay/support.rs"]
mod support;

use std::{
    collections::BTreeMap,
    env,
    io::Write,
    process::{Command, Stdio},
};

use connector::{
    Outcome, PaymentStatus, Request, Secret,
    alipay::{self, Merchant, Notify, Place, Placement, Refund, bill},
};
use domain::{BusinessDay, Channel, Money};
use serde_json::{Value, json};

use support::*;

/// Runs the oracle with this input. `None` if there is none here and none is required.
fn ask(input: &Value) -> Option<Value> {
    let Ok(folder) = env::var("YUFU_ORACLE_ALIPAY") else {
        let is_required = env::var("YUFU_ORACLES").is_ok_and(|value| value == "required");
        assert!(!is_required, "YUFU_ORACLES=required, but YUFU_ORACLE_ALIPAY is not set");
        eprintln!("SKIPPED: YUFU_ORACLE_ALIPAY is not set, the outside oracle was not asked");
        return None;
    };
    let mut node = Command::new("node")
        .arg("live.mjs")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    // Dropping the pipe tells the oracle that the question is complete.
    node.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed: {}", output.status);
    Some(serde_json::from_slice(&output.stdout).expect("the oracle answers in JSON"))
}

fn keys() -> Value {
    json!({
        "app.key": APP_KEY,
        "app.pub": include_str!("alipay/keys/app.pub.pem"),
        "app.crt": APP_CERT,
        "alipay.key": ALIPAY_KEY,
        "alipay.pub": ALIPAY_PUB,
        "alipay.crt": ALIPAY_CERT,
        "roots.crt": ROOTS,
    })
}

fn made(merchant: &Merchant, salt: &str) -> Vec<BTreeMap<String, String>> {
    let stamp = stamp();
    let number = format!("R_{salt}");
    let place = |channel| Place {
        channel,
        out_trade_no: number.clone(),
        subject: format!("水费 & \"{{{salt}}}\" + % 'x' \\ é 😀"),
        amount: Money::from_fen(12_345),
        expires_at: at("2026-11-20T21:00:00Z"),
        buyer: Some(alipay::Buyer::UserId("2088101117955611".to_owned())),
        quit_url: None,
    };
    let refund = Refund {
        out_trade_no: number.clone(),
        out_refund_no: format!("F_{salt}"),
        amount: Money::from_fen(1),
        reason: "a=1&b=2 +%".to_owned(),
    };
    let message = alipay::Message {
        to: alipay::Buyer::OpenId(format!("0{salt}")),
        template: "T=&+".to_owned(),
        page: "pages/order/order?id%3d1".to_owned(),
        values: BTreeMap::from([("keyword1".to_owned(), "电费 & \"{1}\" é 😀".to_owned())]),
    };
    let day = BusinessDay::of(stamp.now);
    let mut requests: Vec<BTreeMap<String, String>> = [
        alipay::query(merchant, &number, &stamp),
        alipay::close(merchant, &number, &stamp),
        alipay::cancel(merchant, &number, &stamp),
        alipay::refund(merchant, &refund, &stamp),
        alipay::query_refund(merchant, &number, &refund.out_refund_no, &stamp),
        bill::request_link(merchant, bill::Kind::Account, day, &stamp),
        alipay::tell(merchant, &message, &stamp),
    ]
    .into_iter()
    .map(|request: Result<Request, _>| params(&request.unwrap()))
    .collect();
    for channel in [Channel::AlipayPrecreate, Channel::AlipayCreate, Channel::AlipayWap] {
        requests.push(match alipay::place(merchant, &place(channel), &stamp).unwrap() {
            Placement::Call(request) => params(&request),
            Placement::Page { url } => form(url.split_once('?').unwrap().1),
        });
    }
    requests
}

#[test]
fn the_sdk_and_the_connector_believe_each_other() {
    let salt = std::process::id().to_string();
    let token = Merchant { app_auth_token: Some(Secret::new("token+/=")), ..merchant() };
    let merchants = [merchant(), with_certificates(&[ALIPAY_CERT]), with_content_key(), token];
    let requests: Vec<_> = merchants.iter().flat_map(|merchant| made(merchant, &salt)).collect();
    let input = json!({ "salt": salt, "keys": keys(), "requests": requests });
    let Some(output) = ask(&input) else { return };

    let judged = output["requests"].as_array().unwrap();
    assert_eq!(judged.len(), requests.len());
    for (request, judgement) in requests.iter().zip(judged) {
        assert_eq!(judgement["accepted"], true, "the SDK refuses {request:?}");
        assert_eq!(judgement["same"], true, "the SDK signs differently: {request:?}");
    }

    let answers = output["answers"].as_array().unwrap();
    assert_eq!(answers.len(), 3);
    for answer in answers {
        let alias = answer["alias"].as_str().unwrap();
        assert_eq!(answer["accepted"], true, "the SDK refuses its own side's answer: {alias}");
        let merchant = match alias {
            "certificate" => with_certificates(&[ALIPAY_CERT]),
            "encrypted" => with_content_key(),
            _ => merchant(),
        };
        let response = response(answer["body"].as_str().unwrap());
        let outcome = alipay::read_query(&merchant, "R1", &response);
        let Outcome::Done(fact) = outcome else { panic!("{alias}: {outcome:?}") };
        assert_eq!(fact.status, PaymentStatus::Paid);
        assert_eq!(fact.provider_trade_no, Some(format!("T{salt}")));
    }

    let notifies = output["notifies"].as_array().unwrap();
    assert_eq!(notifies.len(), 2);
    for notify in notifies {
        assert_eq!(notify["accepted"], true);
        let body = notify["body"].as_str().unwrap().as_bytes();
        let Ok(Notify::Payment(fact)) = alipay::read_notify(&merchant(), None, body) else {
            panic!("refused: {}", notify["body"]);
        };
        assert_eq!(fact.total, Some(Money::from_fen(5000)));
    }
}
