//! Callbacks: signed, encrypted, retried, bent.

use provider_simulator::{
    ALIPAY_RETRIES_S, Config, Fault, KeyMode, Pay, PayerParams, Rule, SimClock, Site,
    WECHAT_RETRIES_S,
};
use serde_json::{Value, json};

use crate::receiver::{PATIENCE, Receiver};
use crate::wechat_merchant::{APPID, MCHID, Merchant, now_s, world};

#[tokio::test]
async fn a_payment_is_told_once_signed_and_sealed() {
    let (provider, merchant) = world(Config::default());
    let receiver = Receiver::start(&[(204, "")]);
    merchant.place("TOLD0001", 5_000, &receiver.url).await;
    let id = provider.pay_now("TOLD0001", Pay::default()).unwrap();
    let arrived = receiver.wait(1).await;
    assert!(merchant.callback_verifies(&arrived[0]));
    assert_eq!(arrived[0].header("content-type"), Some("application/json"));
    let content = merchant.content(&arrived[0]);
    assert_eq!(content["transaction_id"], json!(id));
    assert_eq!(content["amount"]["total"], 5_000);
    let timely = tokio::time::timeout(
        PATIENCE,
        provider.until("TOLD0001", |trade| trade.callbacks.acknowledged == 1),
    );
    timely.await.unwrap();
    assert_eq!(provider.pending(), 0);
}

#[tokio::test]
async fn an_unanswered_callback_is_retried_on_the_real_schedule() {
    let start_ms = now_s() * 1_000;
    let clock = SimClock::manual(start_ms);
    let config = Config { clock: clock.clone(), ..Config::default() };
    let (provider, merchant) = world(config);
    let receiver = Receiver::start(&[(500, "no"); 16]);
    merchant.place("RETRY001", 100, &receiver.url).await;
    provider.pay_now("RETRY001", Pay::default()).unwrap();
    let sent = async |count: u32| {
        let seen = provider.until("RETRY001", |trade| trade.callbacks.sent == count);
        tokio::time::timeout(PATIENCE, seen).await.unwrap();
    };
    sent(1).await;
    for (at, delay_s) in WECHAT_RETRIES_S.iter().enumerate() {
        clock.advance(delay_s * 1_000 - 1);
        assert_eq!(receiver.arrived().len(), at + 1, "not a moment too early");
        clock.advance(1);
        sent(u32::try_from(at).unwrap() + 2).await;
    }
    let trade = provider.trade("RETRY001").unwrap();
    assert_eq!((trade.callbacks.sent, trade.callbacks.given_up), (16, 1));
    assert_eq!(provider.pending(), 0);
    let arrived = receiver.arrived();
    assert!(arrived.iter().all(|one| one.body == arrived[0].body), "one event, one body");
    let stamp = |at: usize| arrived[at].header("wechatpay-timestamp").unwrap().to_owned();
    assert_ne!(stamp(0), stamp(1), "signed afresh");
    assert_eq!(ALIPAY_RETRIES_S[..3], [240, 600, 600]);
}

#[tokio::test]
async fn the_schedule_runs_faster_on_a_scaled_clock() {
    let (provider, merchant) = world(Config { time_scale: 15_000, ..Config::default() });
    let receiver = Receiver::start(&[(500, ""), (404, ""), (302, "")]);
    merchant.place("SCALE001", 100, &receiver.url).await;
    provider.pay_now("SCALE001", Pay::default()).unwrap();
    assert_eq!(receiver.wait(4).await.len(), 4);
}

/// What a test asks of one faulty callback: does the signature hold, does the tag, what differs.
async fn faulty(
    provider: &provider_simulator::Provider,
    merchant: &Merchant,
    receiver: &Receiver,
    fault: Fault,
) -> (bool, Option<Value>) {
    let before = receiver.arrived().len();
    provider.send_callback("FAULT001", &[fault]).await.unwrap();
    let arrived = receiver.arrived()[before].clone();
    let envelope: Value = serde_json::from_slice(&arrived.body).unwrap_or_default();
    let opened = envelope.get("resource").and_then(|resource| merchant.open(resource));
    let content = opened.and_then(|plain| serde_json::from_slice(&plain).ok());
    (merchant.callback_verifies(&arrived), content)
}

#[tokio::test]
async fn each_fault_breaks_exactly_what_it_names() {
    let (provider, merchant) = world(Config::default());
    let receiver = Receiver::start(&[]);
    merchant.place("FAULT001", 100, &receiver.url).await;
    provider.pay_now("FAULT001", Pay::silent()).unwrap();
    let state = |state: &str| Fault::WrongState { state: state.to_owned() };
    let currency = Fault::WrongCurrency { currency: "USD".to_owned() };
    // fault, signature holds, resource opens, pointer and value that differ
    for (fault, verifies, opens, pointer, value) in [
        (Fault::Forged, false, true, "/amount/total", json!(100)),
        (Fault::SignTest, false, true, "/amount/total", json!(100)),
        (Fault::UnknownSerial, false, true, "/amount/total", json!(100)),
        (Fault::Unsigned, false, true, "/amount/total", json!(100)),
        (Fault::BitFlip, false, false, "", Value::Null),
        (Fault::Truncated, false, false, "", Value::Null),
        (Fault::V2Xml, false, false, "", Value::Null),
        (Fault::BadCiphertext, true, false, "", Value::Null),
        (Fault::Stale { age_s: 3_600 }, true, true, "/amount/total", json!(100)),
        (Fault::WrongAmount { total_fen: 1 }, true, true, "/amount/total", json!(1)),
        (currency, true, true, "/amount/currency", json!("USD")),
        (Fault::WrongMerchant, true, true, "/mchid", json!("1999999999")),
        (Fault::WrongAppId, true, true, "/appid", json!("wx0000000000000000")),
        (Fault::WrongOrder, true, true, "/out_trade_no", json!("NOBODYPLACEDTHIS")),
        (state("CLOSED"), true, true, "/trade_state", json!("CLOSED")),
    ] {
        let name = format!("{fault:?}");
        let (held, content) = faulty(&provider, &merchant, &receiver, fault).await;
        assert_eq!((held, content.is_some()), (verifies, opens), "{name}");
        if let Some(content) = content {
            assert_eq!(content.pointer(pointer), Some(&value), "{name}");
        }
    }
    let letter = provider.letter("FAULT001", &[Fault::SignTest]).unwrap();
    let probe = letter.headers.iter().find(|(name, _)| name == "Wechatpay-Signature").unwrap();
    assert!(probe.1.starts_with("WECHATPAY/SIGNTEST/"));
    let letter = provider.letter("FAULT001", &[Fault::DuplicateHeader]).unwrap();
    let twice = letter.headers.iter().filter(|(name, _)| name == "Wechatpay-Signature").count();
    assert_eq!(twice, 2);
}

#[tokio::test]
async fn callbacks_can_be_swallowed_doubled_delayed_and_reordered() {
    let clock = SimClock::manual(now_s() * 1_000);
    let (provider, merchant) = world(Config { clock: clock.clone(), ..Config::default() });
    let receiver = Receiver::start(&[]);
    let rule = |fault, no: &str| Rule::new(Site::Callback, fault).order(no);
    provider.add_rule(rule(Fault::Never, "NEVER001")).unwrap();
    provider.add_rule(rule(Fault::Copies { count: 5 }, "COPY0001")).unwrap();
    provider.add_rule(rule(Fault::Delay { delay_ms: 60_000 }, "DELAY001")).unwrap();
    provider.add_rule(rule(Fault::HoldUntilNext, "HOLD0001")).unwrap();
    for no in ["NEVER001", "DELAY001", "HOLD0001", "COPY0001"] {
        merchant.place(no, 100, &receiver.url).await;
    }
    let timely = |wait| tokio::time::timeout(PATIENCE, wait);
    provider.pay_now("NEVER001", Pay::default()).unwrap();
    let swallowed = provider.until("NEVER001", |trade| trade.callbacks.swallowed == 1);
    timely(Box::pin(swallowed) as std::pin::Pin<Box<dyn Future<Output = ()> + '_>>).await.unwrap();
    provider.pay_now("HOLD0001", Pay::default()).unwrap();
    provider.pay_now("DELAY001", Pay::default()).unwrap();
    assert_eq!(receiver.arrived().len(), 0);
    provider.pay_now("COPY0001", Pay::default()).unwrap();
    let arrived = receiver.wait(6).await;
    let numbers: Vec<String> = arrived
        .iter()
        .map(|one| merchant.content(one)["out_trade_no"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(numbers[..5], ["COPY0001"; 5].map(str::to_owned));
    assert_eq!(numbers[5], "HOLD0001", "paid first, told after the others");
    clock.advance(60_000);
    assert_eq!(merchant.content(&receiver.wait(7).await[6])["out_trade_no"], "DELAY001");
}

#[tokio::test]
async fn the_payer_can_be_faster_than_the_order_answer() {
    let (provider, merchant) = world(Config::default());
    let receiver = Receiver::start(&[(500, "no such order yet")]);
    provider.add_rule(Rule::new(Site::Create, Fault::PaidBeforeAnswer).times(1)).unwrap();
    merchant.place("FIRST001", 100, &receiver.url).await;
    assert_eq!(receiver.arrived().len(), 1, "told before the order call was answered");
    assert_eq!(provider.pending(), 1, "and it will be told again");
}

#[tokio::test]
async fn an_old_callback_is_replayed_byte_for_byte() {
    let (provider, merchant) = world(Config::default());
    let receiver = Receiver::start(&[]);
    merchant.place("REPLAY01", 100, &receiver.url).await;
    assert!(provider.replay("REPLAY01").await.is_err(), "nothing to replay");
    provider.pay_now("REPLAY01", Pay::default()).unwrap();
    receiver.wait(1).await;
    let reply = provider.replay("REPLAY01").await.unwrap();
    assert_eq!((reply.status, reply.acknowledged), (200, true));
    let arrived = receiver.arrived();
    assert_eq!(arrived[0].body, arrived[1].body);
    for name in ["wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature"] {
        assert_eq!(arrived[0].header(name), arrived[1].header(name), "{name}");
    }
}

#[tokio::test]
async fn the_grey_switch_signs_a_share_of_callbacks_with_the_public_key() {
    let (provider, merchant) = world(Config::default());
    let receiver = Receiver::start(&[]);
    merchant.place("GREY0001", 100, &receiver.url).await;
    provider.pay_now("GREY0001", Pay::silent()).unwrap();
    for (mode, permille, low, high) in [
        (KeyMode::Certificate, 1_000, 0, 0),
        (KeyMode::Both, 0, 0, 0),
        (KeyMode::Both, 500, 20, 80),
        (KeyMode::Both, 1_000, 100, 100),
        (KeyMode::PublicKey, 0, 100, 100),
    ] {
        provider.set_key_mode(MCHID, mode, permille);
        let public = (0..100).filter(|_| {
            let letter = provider.letter("GREY0001", &[]).unwrap();
            letter.headers.contains(&("Wechatpay-Serial".into(), merchant.public_key_id.clone()))
        });
        let count = public.count();
        assert!((low..=high).contains(&count), "{mode:?} {permille}: {count}");
    }
    // An event sealed before the APIv3 key changed keeps the old key.
    provider.set_api_v3_key(MCHID, "0123456789abcdef0123456789abcdef");
    let letter = provider.letter("GREY0001", &[]).unwrap();
    let envelope: Value = serde_json::from_slice(&letter.body).unwrap();
    assert!(merchant.open(&envelope["resource"]).is_none(), "made with the new key");
}

#[tokio::test]
async fn the_wallet_opens_only_for_the_merchants_own_payer_parameters() {
    let (provider, merchant) = world(Config::default());
    let receiver = Receiver::start(&[]);
    let mut order = merchant.order("JSAPI001", 100, &receiver.url);
    order["payer"] = json!({"openid": "o-1"});
    let answer = merchant.post("/v3/pay/transactions/jsapi", &order).await.json();
    let package = format!("prepay_id={}", answer["prepay_id"].as_str().unwrap());
    let params = |app_id: &str, package: &str, signed: &str, sign_type: &str| PayerParams {
        app_id: app_id.to_owned(),
        time_stamp: "1767196800".to_owned(),
        nonce_str: "5K8264ILTKCH16CQ".to_owned(),
        package: package.to_owned(),
        sign_type: sign_type.to_owned(),
        pay_sign: merchant.sign(&format!("{APPID}\n1767196800\n5K8264ILTKCH16CQ\n{signed}\n")),
    };
    for (name, params, opens) in [
        ("hash", params(APPID, &package, &package, "SHA1"), false),
        ("other app", params("wx0", &package, &package, "RSA"), false),
        ("dead prepay", params(APPID, "prepay_id=wx20260101zzz", &package, "RSA"), false),
        ("signature", params(APPID, &package, "prepay_id=other", "RSA"), false),
        ("good", params(APPID, &package, &package, "RSA"), true),
    ] {
        assert_eq!(provider.pay_jsapi(&params, &Pay::default()).is_ok(), opens, "{name}");
    }
    assert_eq!(merchant.content(&receiver.wait(1).await[0])["payer"]["openid"], "o-1");
}
