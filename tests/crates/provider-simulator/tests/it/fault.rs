//! Faults of answers.

use provider_simulator::{Config, Fault, Rule, Site};
use serde_json::Value;

use crate::wechat_merchant::{Bend, MCHID, now_s, world};

const URL: &str = "http://127.0.0.1:9/callback";

#[tokio::test]
async fn an_injected_answer_replaces_the_call_with_or_without_its_effect() {
    let (provider, merchant) = world(Config::default());
    let status = |status, code: &str, effect| Fault::Status { status, code: code.into(), effect };
    for (at, (fault, answer, exists)) in [
        (status(429, "FREQUENCY_LIMITED", false), (429, "FREQUENCY_LIMITED"), false),
        (status(403, "NO_AUTH", false), (403, "NO_AUTH"), false),
        (status(404, "ORDER_NOT_EXIST", true), (404, "ORDER_NOT_EXIST"), true),
        (status(202, "USER_PAYING", true), (202, "USER_PAYING"), true),
        (Fault::SystemError { effect: true }, (500, "SYSTEM_ERROR"), true),
        (Fault::SystemError { effect: false }, (500, "SYSTEM_ERROR"), false),
        (Fault::UnsignedMissing, (404, "ORDER_NOT_EXIST"), false),
        (Fault::Timeout { hold_ms: 1, effect: true }, (504, "SYSTEM_ERROR"), true),
        (Fault::Timeout { hold_ms: 1, effect: false }, (504, "SYSTEM_ERROR"), false),
    ]
    .into_iter()
    .enumerate()
    {
        let no = format!("INJECT{at:02}");
        let name = format!("{fault:?}");
        provider.add_rule(Rule::new(Site::Create, fault).order(&no).times(1)).unwrap();
        let order = merchant.order(&no, 100, URL);
        let answered = merchant.post("/v3/pay/transactions/native", &order).await;
        assert_eq!((answered.status, answered.code().as_str()), answer, "{name}");
        assert!(answered.header("Wechatpay-Signature").is_none(), "{name}");
        assert_eq!(provider.trade(&no).is_some(), exists, "{name}");
        let again = merchant.post("/v3/pay/transactions/native", &order).await;
        assert_eq!(again.status, 200, "{name}: the rule is used up");
    }
}

#[tokio::test]
async fn a_success_can_be_bent_so_that_only_a_careful_reader_notices() {
    let (provider, merchant) = world(Config::default());
    merchant.place("BENT0001", 100, URL).await;
    let target = format!("/v3/pay/transactions/out-trade-no/BENT0001?mchid={MCHID}");
    // fault, status, signature holds, JSON reads
    for (fault, status, verifies, reads) in [
        (Fault::SignTest, 200, false, true),
        (Fault::Forged, 200, false, true),
        (Fault::UnknownSerial, 200, false, true),
        (Fault::Unsigned, 200, false, true),
        (Fault::Tampered, 200, false, true),
        (Fault::Stale { age_s: 301 }, 200, true, true),
        (Fault::BrokenJson, 200, true, false),
        (Fault::Huge { bytes: 9 << 20 }, 200, true, false),
        (Fault::Redirect { to: "http://127.0.0.1:9/".into() }, 302, false, false),
        (Fault::Slow { delay_ms: 1 }, 200, true, true),
        (Fault::Cut { effect: true }, 200, false, false),
    ] {
        let name = format!("{fault:?}");
        provider.add_rule(Rule::new(Site::Query, fault).times(1)).unwrap();
        let answer = merchant.send("GET", &target, "", now_s(), &Bend::default()).await;
        assert_eq!(answer.status, status, "{name}");
        assert_eq!(merchant.answer_verifies(&answer), verifies, "{name}");
        assert_eq!(answer.json() != Value::Null, reads, "{name}");
    }
    provider.add_rule(Rule::new(Site::Create, Fault::Tampered).times(1)).unwrap();
    let order = merchant.order("BENT0002", 100, URL);
    let answer = merchant.post("/v3/pay/transactions/native", &order).await;
    assert!(answer.json()["code_url"].as_str().unwrap().contains("EVIL"));
    assert!(!merchant.answer_verifies(&answer));
}

#[tokio::test]
async fn chance_comes_from_one_seed() {
    let run = async |seed| {
        let rule = Rule::new(Site::Query, Fault::SystemError { effect: false }).permille(300);
        let (_provider, merchant) = world(Config { seed, rules: vec![rule], ..Config::default() });
        merchant.place("CHANCE01", 100, URL).await;
        let mut outcomes = Vec::new();
        for _ in 0..40 {
            outcomes.push(merchant.query("CHANCE01").await.status);
        }
        outcomes
    };
    let (one, again, other) = (run(1).await, run(1).await, run(2).await);
    assert_eq!(one, again);
    assert_ne!(one, other);
    assert!(one.contains(&200) && one.contains(&500));
}
