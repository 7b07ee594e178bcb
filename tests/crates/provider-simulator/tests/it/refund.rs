//! WeChat refunds.

use provider_simulator::{Config, Fault, Pay, RefundStatus, Rule, Site};
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::wechat_merchant::{Answer, Merchant, world};

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
    let (provider, merchant) = world(Config { refund_settle_ms: 0, ..Config::default() });
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
    let (provider, merchant) = world(Config { refund_settle_ms: 0, ..Config::default() });
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
    let (provider, merchant) = world(Config { refund_settle_ms: 0, ..Config::default() });
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
