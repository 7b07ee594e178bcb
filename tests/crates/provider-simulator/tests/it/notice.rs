//! Alipay notices.

use std::collections::BTreeMap;

use encoding_rs::{GBK, UTF_8};
use provider_simulator::{AlipayApp, Charset, Config, Fault, Pay, Rule, SimClock, Site};
use serde_json::json;

use crate::alipay_merchant::{App, world};
use crate::receiver::{Arrived, PATIENCE, Receiver};

/// Decodes a notice once, by the charset it declares.
fn fields(arrived: &Arrived) -> BTreeMap<String, String> {
    let raw = |part: &[u8]| -> Vec<u8> {
        let spaced: Vec<u8> =
            part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        percent_encoding::percent_decode(&spaced).collect()
    };
    let gbk = arrived.body.windows(11).any(|window| window == b"charset=GBK");
    let encoding = if gbk { GBK } else { UTF_8 };
    let pairs = arrived.body.split(|byte| *byte == b'&').map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let text = |part: &[u8]| encoding.decode(&raw(part)).0.into_owned();
        (text(&pair[..at]), text(pair.get(at + 1..).unwrap_or_default()))
    });
    pairs.collect()
}

/// Whether the notice verifies by the documented rule; `sign_type` kept or dropped.
fn verifies(app: &App, fields: &BTreeMap<String, String>, keep_sign_type: bool) -> bool {
    let kept = fields
        .iter()
        .filter(|(name, _)| *name != "sign" && (keep_sign_type || *name != "sign_type"));
    let pairs: Vec<String> = kept.map(|(name, value)| format!("{name}={value}")).collect();
    let text = pairs.join("&");
    let gbk = fields.get("charset").is_some_and(|charset| charset == "GBK");
    let bytes = if gbk { GBK.encode(&text).0.into_owned() } else { text.into_bytes() };
    app.holds(&bytes, fields.get("sign").map_or("", String::as_str))
}

#[tokio::test]
async fn a_notice_is_signed_in_the_charset_it_declares() {
    for charset in [Charset::Utf8, Charset::Gbk] {
        let one = AlipayApp { notify_charset: charset, ..AlipayApp::default() };
        let (provider, app) = world(Config { alipay_apps: vec![one], ..Config::default() });
        let receiver = Receiver::start(&[]);
        app.precreate("NOTICE01", "50.00", &receiver.url).await;
        let id = provider.pay_now("NOTICE01", Pay { coupon_fen: 100, ..Pay::default() }).unwrap();
        let arrived = receiver.wait(1).await;
        let found = fields(&arrived[0]);
        assert!(verifies(&app, &found, false), "{charset:?}");
        for (name, value) in [
            ("trade_status", "TRADE_SUCCESS"),
            ("total_amount", "50.00"),
            ("buyer_pay_amount", "49.00"),
            ("seller_id", "2088000000000001"),
            ("subject", "电费充值"),
            ("trade_no", &id),
        ] {
            assert_eq!(found[name], value, "{charset:?} {name}");
        }
    }
}

#[tokio::test]
async fn odd_notices_verify_and_false_ones_do_not() {
    let (provider, app) = world(Config::default());
    let receiver = Receiver::start(&[]);
    app.precreate("ODD00001", "50.00", &receiver.url).await;
    provider.pay_now("ODD00001", Pay::silent()).unwrap();
    let state = Fault::WrongState { state: "TRADE_CLOSED".into() };
    // fault, holds, sign_type kept, field, value
    for (fault, holds, kept, field, value) in [
        (Fault::Gbk, true, false, "charset", "GBK"),
        (Fault::SignTypeKept, true, true, "sign_type", "RSA2"),
        (Fault::BlankParams, true, false, "body", ""),
        (Fault::ExtraParams, true, false, "new_field_of_2027", "50%+1 & \"quoted\""),
        (
            Fault::HtmlQuotes,
            true,
            false,
            "fund_bill_list",
            "[{&quot;amount&quot;:&quot;1.00&quot;}]",
        ),
        (Fault::WrongAmount { total_fen: 1 }, true, false, "total_amount", "0.01"),
        (Fault::WrongMerchant, true, false, "seller_id", "2088999999999999"),
        (Fault::WrongAppId, true, false, "app_id", "2021999999999999"),
        (Fault::WrongOrder, true, false, "out_trade_no", "NOBODYPLACEDTHIS"),
        (state, true, false, "trade_status", "TRADE_CLOSED"),
        (Fault::Forged, false, false, "total_amount", "50.00"),
        (Fault::Unsigned, false, false, "total_amount", "50.00"),
    ] {
        let name = format!("{fault:?}");
        let before = receiver.arrived().len();
        provider.send_callback("ODD00001", &[fault]).await.unwrap();
        let found = fields(&receiver.arrived()[before]);
        assert_eq!(verifies(&app, &found, kept), holds, "{name}");
        assert_eq!(found[field], value, "{name}");
    }
}

#[tokio::test]
async fn only_the_word_success_ends_the_retries_and_the_notice_id_stays() {
    let clock = SimClock::manual(1_767_196_800_000);
    let (provider, app) = world(Config { clock: clock.clone(), ..Config::default() });
    let receiver = Receiver::start(&[(200, "SUCCESS"), (200, "success\n"), (500, "success")]);
    app.precreate("RETRY001", "1.00", &receiver.url).await;
    provider.pay_now("RETRY001", Pay::default()).unwrap();
    for (sent, delay_s) in [(1, 240), (2, 600), (3, 600), (4, 0)] {
        let seen = provider.until("RETRY001", |trade| trade.callbacks.sent == sent);
        tokio::time::timeout(PATIENCE, seen).await.unwrap();
        clock.advance(delay_s * 1_000);
    }
    let trade = provider.trade("RETRY001").unwrap();
    assert_eq!((trade.callbacks.acknowledged, provider.pending()), (1, 0));
    let ids: Vec<String> =
        receiver.arrived().iter().map(|one| fields(one)["notify_id"].clone()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn refunds_and_the_end_of_a_trade_come_to_the_same_address() {
    let (provider, app) = world(Config { refund_gaps: false, ..Config::default() });
    let receiver = Receiver::start(&[]);
    for no in ["LATER001", "LATER002", "LATER003"] {
        app.precreate(no, "5.00", &receiver.url).await;
    }
    provider.pay_now("LATER001", Pay::silent()).unwrap();
    provider.pay_now("LATER002", Pay::silent()).unwrap();
    let refund = |amount: &str, request: &str| {
        json!({"out_trade_no": "LATER001", "refund_amount": amount,
            "out_request_no": request})
    };
    let mut seen = Vec::new();
    for step in 0..4 {
        match step {
            0 => drop(app.call("alipay.trade.refund", refund("2.00", "Q1")).await),
            1 => drop(app.call("alipay.trade.refund", refund("3.00", "Q2")).await),
            2 => provider.finish("LATER002"),
            _ => provider.close("LATER003"),
        }
        let found = fields(&receiver.wait(step + 1).await[step]);
        assert!(verifies(&app, &found, false), "{step}");
        let field = |name: &str| found.get(name).cloned().unwrap_or_default();
        seen.push([field("out_trade_no"), field("trade_status"), field("refund_fee")]);
    }
    assert_eq!(
        seen,
        [
            ["LATER001", "TRADE_SUCCESS", "2.00"],
            ["LATER001", "TRADE_CLOSED", "5.00"],
            ["LATER002", "TRADE_FINISHED", ""],
            ["LATER003", "TRADE_CLOSED", ""],
        ]
    );
    let late = app.call(
        "alipay.trade.refund",
        json!({"out_trade_no": "LATER002",
        "refund_amount": "1.00", "out_request_no": "Q3"}),
    );
    assert_eq!(late.await["sub_code"], "ACQ.TRADE_HAS_FINISHED");
}

#[tokio::test]
async fn an_unpaid_trade_that_exists_is_told_closed_when_its_time_is_over() {
    let clock = SimClock::manual(1_767_196_800_000);
    let (provider, app) = world(Config { clock: clock.clone(), ..Config::default() });
    let receiver = Receiver::start(&[]);
    for no in ["UNSEEN01", "SCANNED1", "PAID0001"] {
        app.precreate(no, "1.00", &receiver.url).await;
    }
    provider.scan("SCANNED1").unwrap();
    provider.pay_now("PAID0001", Pay::silent()).unwrap();
    clock.advance(3 * 3_600 * 1_000);
    let found = fields(&receiver.wait(1).await[0]);
    assert_eq!([&found["out_trade_no"], &found["trade_status"]], ["SCANNED1", "TRADE_CLOSED"]);
    assert!(verifies(&app, &found, false));
    let acknowledged = provider.until("SCANNED1", |trade| trade.callbacks.acknowledged == 1);
    tokio::time::timeout(PATIENCE, acknowledged).await.unwrap();
    assert_eq!((receiver.arrived().len(), provider.pending()), (1, 0), "only the scanned one");
}

#[tokio::test]
async fn a_notice_can_come_before_the_order_answer() {
    let (provider, app) = world(Config::default());
    let receiver = Receiver::start(&[]);
    let rule = Rule::new(Site::Create, Fault::PaidBeforeAnswer).times(1);
    provider.add_rule(rule).unwrap();
    app.precreate("BEFORE01", "1.00", &receiver.url).await;
    assert_eq!(fields(&receiver.arrived()[0])["out_trade_no"], "BEFORE01");
}
