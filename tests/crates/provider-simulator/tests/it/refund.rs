//! WeChat refunds.

use provider_simulator::{Config, Fault, Pay, RefundStatus, Rule, SimClock, Site};
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::wechat_merchant::{Answer, Bend, Merchant, world};

/// Refunds that settle at once and need no minute between them.
fn quick() -> Config {
    Config { refund_settle_ms: 0, refund_gaps: false, ..Config::default() }
}

async fn refund(
    merchant: &Merchant,
    out_trade_no: &str,
    out_refund_no: &str,
    refund_fen: i64,
    notify_url: &str,
) -> Answer {
    let body = json!({
        "out_trade_no": out_trade_no, "out_refund_no": out_refund_no, "reason": "重复付款",
        "notify_url": notify_url,
        "amount": {"refund": refund_fen, "total": 500, "currency": "CNY"},
    });
    merchant.post("/v3/refund/domestic/refunds", &body).await
}

async fn status(merchant: &Merchant, out_refund_no: &str) -> Value {
    let path = format!("/v3/refund/domestic/refunds/{out_refund_no}");
    merchant.get(&path).await.json()["status"].clone()
}

#[tokio::test]
async fn a_refund_is_accepted_then_settled_then_told() {
    let (provider, merchant) = world(quick());
    let receiver = Receiver::start(&[]);
    merchant.place("REFUND01", 500, &receiver.url).await;
    let early = refund(&merchant, "REFUND01", "R1", 100, &receiver.url).await;
    assert_eq!((early.status, early.code().as_str()), (403, "TRADE_ERROR"));
    let path = "/v3/refund/domestic/refunds/R1";
    assert_eq!(merchant.get(path).await.code(), "RESOURCE_NOT_EXISTS");
    provider.pay_now("REFUND01", Pay { coupon_fen: 100, ..Pay::silent() }).unwrap();
    let placed = refund(&merchant, "REFUND01", "R1", 250, &receiver.url).await;
    assert_eq!((placed.status, placed.json()["status"].as_str()), (200, Some("PROCESSING")));
    assert!(merchant.answer_verifies(&placed));
    let arrived = receiver.wait(1).await;
    let envelope: Value = serde_json::from_slice(&arrived[0].body).unwrap();
    assert_eq!(envelope["event_type"], "REFUND.SUCCESS");
    let content = merchant.content(&arrived[0]);
    assert_eq!(content["refund_status"], "SUCCESS");
    assert!(content.get("status").is_none());
    assert_eq!(
        content["amount"],
        json!({"total": 500, "refund": 250, "payer_total": 400,
        "payer_refund": 200})
    );
    assert_eq!(status(&merchant, "R1").await, "SUCCESS");
    assert_eq!(merchant.query("REFUND01").await.json()["trade_state"], "REFUND");
    assert_eq!((provider.sum_paid_fen(), provider.sum_refunded_fen()), (500, 250));
    for (no, fen, code) in
        [("R1", 250, ""), ("R1", 251, "INVALID_REQUEST"), ("R2", 251, "INVALID_REQUEST")]
    {
        assert_eq!(refund(&merchant, "REFUND01", no, fen, &receiver.url).await.code(), code);
    }
    assert_eq!(provider.sum_refunded_fen(), 250, "the same number never refunds twice");
}

#[tokio::test]
async fn a_refund_can_end_badly_and_be_told_as_old_xml() {
    let (provider, merchant) = world(quick());
    let receiver = Receiver::start(&[]);
    merchant.place("REFUND02", 500, &receiver.url).await;
    provider.pay_now("REFUND02", Pay::silent()).unwrap();
    let ends = |status| Rule::new(Site::Refund, Fault::RefundEnds { status }).times(1);
    for (at, (no, end, event)) in [
        ("R1", RefundStatus::Abnormal, "REFUND.ABNORMAL"),
        ("R2", RefundStatus::Closed, "REFUND.CLOSED"),
    ]
    .into_iter()
    .enumerate()
    {
        provider.add_rule(ends(end)).unwrap();
        assert_eq!(refund(&merchant, "REFUND02", no, 100, &receiver.url).await.status, 200);
        let arrived = receiver.wait(at + 1).await;
        let envelope: Value = serde_json::from_slice(&arrived[at].body).unwrap();
        assert_eq!(envelope["event_type"], event);
    }
    assert_eq!(provider.sum_refunded_fen(), 0);
    provider.add_rule(Rule::new(Site::RefundCallback, Fault::V2Xml).times(1)).unwrap();
    refund(&merchant, "REFUND02", "R3", 100, &receiver.url).await;
    let arrived = receiver.wait(3).await;
    assert!(arrived[2].body.starts_with(b"<xml>"));
    assert_eq!(provider.sum_refunded_fen(), 100);
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_has_still_happened() {
    let (provider, merchant) = world(quick());
    merchant.place("REFUND03", 500, "http://127.0.0.1:9/x").await;
    provider.pay_now("REFUND03", Pay::silent()).unwrap();
    for (no, effect, known) in [("R1", true, "SUCCESS"), ("R2", false, "")] {
        let fault = Fault::SystemError { effect };
        provider.add_rule(Rule::new(Site::Refund, fault).times(1)).unwrap();
        let answer = refund(&merchant, "REFUND03", no, 100, "http://127.0.0.1:9/x").await;
        assert_eq!((answer.status, answer.code().as_str()), (500, "SYSTEM_ERROR"));
        let settled = provider.until("REFUND03", |trade| {
            trade.refunds.iter().all(|refund| refund.settled_ms.is_some())
        });
        tokio::time::timeout(crate::receiver::PATIENCE, settled).await.unwrap();
        let found = status(&merchant, no).await;
        assert_eq!(found.as_str().unwrap_or_default(), known, "{no}");
    }
}

#[tokio::test]
async fn refunds_of_an_order_keep_a_minute_between_them_and_end_after_a_year() {
    const DAY_MS: i64 = 86_400_000;
    let clock = SimClock::manual(1_767_283_200_000);
    let config = Config { clock: clock.clone(), refund_settle_ms: 0, ..Config::default() };
    let (provider, merchant) = world(config);
    let send = async |target: &str, body: Value| {
        let now_s = clock.now_ms() / 1_000;
        merchant.send("POST", target, &body.to_string(), now_s, &Bend::default()).await
    };
    let order = merchant.order("LIMITS01", 500, "http://127.0.0.1:9/x");
    send("/v3/pay/transactions/native", order).await;
    provider.pay_now("LIMITS01", Pay::silent()).unwrap();
    // milliseconds after the step before, number, code
    for (later_ms, no, code) in [
        (0, "R1", ""),
        (59_999, "R2", "FREQUENCY_LIMITED"),
        (0, "R1", ""),
        (1, "R2", ""),
        (364 * DAY_MS, "R3", ""),
        (DAY_MS, "R4", "TRADE_OVERDUE"),
        (0, "R3", ""),
    ] {
        clock.advance(later_ms);
        let body = json!({"out_trade_no": "LIMITS01", "out_refund_no": no,
            "amount": {"refund": 100, "total": 500, "currency": "CNY"}});
        let answer = send("/v3/refund/domestic/refunds", body).await;
        assert_eq!(answer.code(), code, "{no} {later_ms} ms later");
    }
}

#[tokio::test]
async fn an_abnormal_refund_goes_to_a_bank_card_when_it_is_taken_up() {
    let (provider, merchant) = world(quick());
    let receiver = Receiver::start(&[]);
    merchant.place("REFUND04", 500, &receiver.url).await;
    provider.pay_now("REFUND04", Pay::silent()).unwrap();
    let status = RefundStatus::Abnormal;
    provider.add_rule(Rule::new(Site::Refund, Fault::RefundEnds { status }).times(1)).unwrap();
    let placed = refund(&merchant, "REFUND04", "R1", 500, &receiver.url).await;
    receiver.wait(1).await;
    let refund_id = placed.json()["refund_id"].as_str().unwrap().to_owned();
    let take_up = async |refund_id: &str, kind: &str| {
        let body = json!({"out_refund_no": "R1", "type": kind});
        let target = format!("/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund");
        merchant.post(&target, &body).await
    };
    for (refund_id, kind, code) in [
        ("5000000", "MERCHANT_BANK_CARD", "RESOURCE_NOT_EXISTS"),
        (&refund_id, "USER_BANK_CARD", "PARAM_ERROR"),
        (&refund_id, "PURSE", "PARAM_ERROR"),
        (&refund_id, "MERCHANT_BANK_CARD", ""),
    ] {
        assert_eq!(take_up(refund_id, kind).await.code(), code, "{refund_id} {kind}");
    }
    let arrived = receiver.wait(2).await;
    assert_eq!(merchant.content(&arrived[1])["refund_status"], "SUCCESS");
    assert_eq!(provider.sum_refunded_fen(), 500);
    assert_eq!(take_up(&refund_id, "MERCHANT_BANK_CARD").await.code(), "INVALID_REQUEST");
}

#[tokio::test]
async fn a_refund_callback_can_be_early_and_can_lie_under_a_true_signature() {
    let (provider, merchant) = world(Config { refund_settle_ms: 60_000, ..quick() });
    let receiver = Receiver::start(&[]);
    merchant.place("REFUND05", 500, &receiver.url).await;
    provider.pay_now("REFUND05", Pay::silent()).unwrap();
    let early = Rule::new(Site::Refund, Fault::RefundedBeforeAnswer).times(1);
    provider.add_rule(early).unwrap();
    let placed = refund(&merchant, "REFUND05", "R1", 100, &receiver.url).await;
    assert_eq!(placed.json()["status"], "PROCESSING");
    assert_eq!(receiver.wait(1).await.len(), 1, "the callback came before the answer");
    for (fault, pointer, lie) in [
        (Fault::WrongAmount { total_fen: 99 }, "/amount/refund", json!(99)),
        (Fault::WrongState { state: "CLOSED".to_owned() }, "/refund_status", json!("CLOSED")),
        (Fault::WrongMerchant, "/mchid", json!("1999999999")),
    ] {
        let letter = provider.refund_letter("REFUND05", "R1", &[fault]).unwrap();
        provider.post(provider_simulator::ProviderKind::WechatPay, &letter).await.unwrap();
        let arrived = receiver.wait(1).await;
        let last = arrived.last().unwrap();
        assert!(merchant.callback_verifies(last));
        assert_eq!(merchant.content(last).pointer(pointer), Some(&lie));
    }
    assert!(provider.refund_letter("REFUND05", "R2", &[]).is_err());
}
