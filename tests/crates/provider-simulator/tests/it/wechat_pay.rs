//! Orders, queries, close, keys.

use provider_simulator::{Config, KeyMode, Pay, SimClock, TradeState, WechatMerchant};
use serde_json::{Value, json};

use crate::wechat_merchant::{APPID, Bend, MCHID, certificate_serial, now_s, world};

const URL: &str = "http://127.0.0.1:9/callback";

#[tokio::test]
async fn the_front_checks_in_the_order_of_the_real_one() {
    let (_provider, merchant) = world(Config::default());
    let order = merchant.order("FRONT001", 100, URL).to_string();
    let target = "/v3/pay/transactions/native";
    let syntax = Some("WECHATPAY2-SHA256-RSA2048 mchid=\"1\"".to_owned());
    let scheme = Some("WECHATPAY2-SM2-WITH-SM3 mchid=\"1\"".to_owned());
    let signed_body = Some("{}".to_owned());
    let serial_no = Some("00FF".to_owned());
    let wrong = Bend { serial_no, signed_body, timestamp_s: -301, ..Bend::default() };
    for (name, bend, status, code, message) in [
        (
            "all wrong",
            Bend { no_accept: true, authorization: syntax.clone(), ..wrong.clone() },
            400,
            "INVALID_REQUEST",
            "Http头缺少",
        ),
        (
            "syntax",
            Bend { authorization: syntax, ..wrong.clone() },
            401,
            "SIGN_ERROR",
            "值格式错误",
        ),
        (
            "scheme",
            Bend { authorization: scheme, ..wrong.clone() },
            401,
            "SIGN_ERROR",
            "认证类型不正确",
        ),
        ("clock", wrong.clone(), 401, "SIGN_ERROR", "不得超过5分钟"),
        (
            "clock ahead",
            Bend { timestamp_s: 302, ..wrong.clone() },
            401,
            "SIGN_ERROR",
            "不得超过5分钟",
        ),
        (
            "serial",
            Bend { timestamp_s: 0, ..wrong.clone() },
            401,
            "SIGN_ERROR",
            "商户证书序列号有误",
        ),
        (
            "signature",
            Bend { timestamp_s: 0, serial_no: None, ..wrong },
            401,
            "SIGN_ERROR",
            "签名信息错误",
        ),
    ] {
        let answer = merchant.send("POST", target, &order, now_s(), &bend).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{name}");
        let text = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(text.contains(message), "{name}: {text}");
        assert!(answer.header("Request-ID").is_some(), "{name}");
        assert!(answer.header("Wechatpay-Signature").is_none(), "{name}: errors are not signed");
    }
    for (method, path, status) in [("GET", "/v3/nothing", 404), ("GET", target, 405)] {
        let answer = merchant.send(method, path, "", now_s(), &Bend::default()).await;
        assert_eq!((answer.status, answer.body.len()), (status, 0), "{method} {path}");
    }
}

#[tokio::test]
async fn every_field_of_an_order_is_checked() {
    let (_provider, merchant) = world(Config::default());
    let good = merchant.order("FIELD0001", 100, URL);
    for (pointer, value, code) in [
        ("/appid", json!("wx0000000000000000"), "APPID_MCHID_NOT_MATCH"),
        ("/appid", Value::Null, "PARAM_ERROR"),
        ("/mchid", json!("1900000002"), "PARAM_ERROR"),
        ("/description", json!(""), "PARAM_ERROR"),
        ("/description", json!("电".repeat(128)), "PARAM_ERROR"),
        ("/out_trade_no", json!("A1234"), "PARAM_ERROR"),
        ("/out_trade_no", json!("A".repeat(33)), "PARAM_ERROR"),
        ("/out_trade_no", json!("ORDER 0001"), "PARAM_ERROR"),
        ("/notify_url", json!("ftp://a.cn/x"), "PARAM_ERROR"),
        ("/notify_url", json!("https://a.cn/x?y=1"), "PARAM_ERROR"),
        ("/amount/total", json!(0), "PARAM_ERROR"),
        ("/amount/total", json!("100"), "PARAM_ERROR"),
        ("/amount/total", json!(1.5), "PARAM_ERROR"),
        ("/amount/currency", json!("USD"), "PARAM_ERROR"),
        ("/time_expire", json!("tomorrow"), "PARAM_ERROR"),
        ("/time_expire", json!("2020-01-01T00:00:00+08:00"), "PARAM_ERROR"),
        ("/attach", json!("x".repeat(129)), "PARAM_ERROR"),
    ] {
        let mut order = good.clone();
        order["time_expire"] = json!("2049-01-01T00:00:00+08:00");
        order["attach"] = json!("a");
        *order.pointer_mut(pointer).unwrap() = value.clone();
        let answer = merchant.post("/v3/pay/transactions/native", &order).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{pointer} {value}");
    }
    for (path, extra, status) in [
        ("jsapi", json!({}), 400),
        ("jsapi", json!({"payer": {"openid": "o-1"}}), 200),
        ("h5", json!({}), 400),
        (
            "h5",
            json!({"scene_info": {"payer_client_ip": "1.2.3.4", "h5_info": {"type": "Wap"}}}),
            200,
        ),
    ] {
        let number = format!("KIND{path}{status}");
        let mut order = merchant.order(&number, 100, URL);
        order.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let answer = merchant.post(&format!("/v3/pay/transactions/{path}"), &order).await;
        assert_eq!(answer.status, status, "{path} {}", answer.json());
    }
}

#[tokio::test]
async fn an_order_goes_from_unpaid_to_paid_and_the_query_says_so() {
    let (provider, merchant) = world(Config::default());
    let answer = merchant.query("WALK0001").await;
    assert_eq!((answer.status, answer.code().as_str()), (404, "ORDER_NOT_EXIST"));
    let code_url = merchant.place("WALK0001", 5_000, URL).await;
    assert!(code_url.starts_with("weixin://wxpay/bizpayurl?pr="));
    let unpaid = merchant.query("WALK0001").await;
    assert!(merchant.answer_verifies(&unpaid));
    assert_eq!(unpaid.json()["trade_state"], "NOTPAY");
    assert!(unpaid.json().get("transaction_id").is_none());
    let id = provider.pay_now("WALK0001", Pay { coupon_fen: 300, ..Pay::silent() }).unwrap();
    let paid = merchant.query("WALK0001").await.json();
    assert_eq!(paid["trade_state"], "SUCCESS");
    assert_eq!(
        paid["amount"],
        json!({"total": 5_000, "payer_total": 4_700, "currency": "CNY",
        "payer_currency": "CNY"})
    );
    let by_id = merchant.get(&format!("/v3/pay/transactions/id/{id}?mchid={MCHID}")).await;
    assert_eq!(by_id.json()["out_trade_no"], "WALK0001");
    let second = provider.pay_now("WALK0001", Pay { again: true, ..Pay::silent() }).unwrap();
    let by_id = merchant.get(&format!("/v3/pay/transactions/id/{second}?mchid={MCHID}")).await;
    assert_eq!(by_id.json()["transaction_id"], json!(second));
    assert_eq!(merchant.query("WALK0001").await.json()["transaction_id"], json!(id));
    assert_eq!(provider.sum_paid_fen(), 10_000);
}

#[tokio::test]
async fn a_number_belongs_to_its_parameters_for_ever() {
    let (provider, merchant) = world(Config::default());
    let target = "/v3/pay/transactions/native";
    let first = merchant.place("NUMBER01", 100, URL).await;
    let second = merchant.place("NUMBER01", 100, URL).await;
    assert_ne!(first, second, "a repeated call gives a new code");
    let other = merchant.post(target, &merchant.order("NUMBER01", 200, URL)).await;
    assert_eq!((other.status, other.code().as_str()), (403, "OUT_TRADE_NO_USED"));
    provider.pay_now("NUMBER01", Pay::silent()).unwrap();
    let paid = merchant.post(target, &merchant.order("NUMBER01", 100, URL)).await;
    assert_eq!((paid.status, paid.code().as_str()), (400, "ORDER_PAID"));
}

#[tokio::test]
async fn close_answers_by_state_and_a_late_payer_can_still_pay() {
    let (provider, merchant) = world(Config::default());
    assert_eq!(merchant.close("CLOSE001").await.code(), "ORDER_NOT_EXIST");
    merchant.place("CLOSE001", 100, URL).await;
    for _ in 0..2 {
        let closed = merchant.close("CLOSE001").await;
        assert_eq!((closed.status, closed.body.len()), (204, 0));
        assert!(merchant.answer_verifies(&closed), "204 is signed over an empty body");
    }
    assert_eq!(merchant.query("CLOSE001").await.json()["trade_state"], "CLOSED");
    assert!(provider.pay_now("CLOSE001", Pay::silent()).is_err());
    provider.pay_now("CLOSE001", Pay { late: true, ..Pay::silent() }).unwrap();
    assert_eq!(merchant.query("CLOSE001").await.json()["trade_state"], "SUCCESS");
    assert_eq!(merchant.close("CLOSE001").await.code(), "ORDER_PAID");
}

#[tokio::test]
async fn an_order_expires_by_the_providers_clock() {
    let now_ms = 1_767_196_800_000;
    let clock = SimClock::manual(now_ms);
    let (provider, merchant) = world(Config { clock: clock.clone(), ..Config::default() });
    let mut order = merchant.order("EXPIRE01", 100, URL);
    order["time_expire"] = json!("2026-01-01T00:05:00+08:00");
    let target = "/v3/pay/transactions/native";
    let body = order.to_string();
    let bend = Bend::default();
    let answer = merchant.send("POST", target, &body, now_ms / 1_000, &bend).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    for (advance_ms, state) in [(299_000, TradeState::NotPay), (1_000, TradeState::Closed)] {
        clock.advance(advance_ms);
        let trade = provider.trade("EXPIRE01").unwrap();
        assert_eq!(trade.state(clock.now_ms()), state, "{advance_ms}");
    }
    // Half an hour later the merchant's signature of then is stale.
    clock.set_skew_ms(30 * 60 * 1_000);
    let answer = merchant.send("POST", target, &body, now_ms / 1_000 + 300, &bend).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "SIGN_ERROR"));
}

#[tokio::test]
async fn a_partner_speaks_for_its_sub_merchants_only() {
    let partner = WechatMerchant { sub_mchids: vec!["1600000001".into()], ..Default::default() };
    let (_provider, merchant) =
        world(Config { wechat_merchants: vec![partner], ..Config::default() });
    for (sub, payer, status) in [
        ("1600000001", json!({"sp_openid": "o-1"}), 200),
        ("1600000001", json!({"sp_openid": "o-1", "sub_openid": "o-2"}), 400),
        ("1600000002", json!({"sp_openid": "o-1"}), 400),
    ] {
        let order = json!({
            "sp_appid": APPID, "sp_mchid": MCHID, "sub_mchid": sub, "description": "电费",
            "out_trade_no": format!("PARTNER{status}"), "notify_url": URL,
            "amount": {"total": 100}, "payer": payer,
        });
        let answer = merchant.post("/v3/pay/partner/transactions/jsapi", &order).await;
        assert_eq!(answer.status, status, "{sub} {}", answer.json());
    }
    let target = format!(
        "/v3/pay/partner/transactions/out-trade-no/PARTNER200?sp_mchid={MCHID}&sub_mchid=1600000001"
    );
    let found = merchant.get(&target).await.json();
    assert_eq!(found["sub_mchid"], "1600000001");
    assert!(found.get("mchid").is_none());
    assert_eq!(merchant.query("PARTNER200").await.code(), "ORDER_NOT_EXIST");
}

#[tokio::test]
async fn answers_are_signed_by_the_key_the_request_names_and_certificates_can_be_fetched() {
    let (provider, merchant) = world(Config::default());
    let platform = certificate_serial(&merchant.platform_pem);
    let public = merchant.public_key_id.clone();
    merchant.place("KEYS0001", 100, URL).await;
    let target = format!("/v3/pay/transactions/out-trade-no/KEYS0001?mchid={MCHID}");
    for (mode, wanted, serial) in [
        (KeyMode::Both, None, &platform),
        (KeyMode::Both, Some(&public), &public),
        (KeyMode::Both, Some(&platform), &platform),
        (KeyMode::PublicKey, None, &public),
        (KeyMode::PublicKey, Some(&platform), &public),
        (KeyMode::Certificate, Some(&public), &platform),
    ] {
        provider.set_key_mode(MCHID, mode, 0);
        let bend = Bend { wanted_serial: wanted.cloned(), ..Bend::default() };
        let answer = merchant.send("GET", &target, "", now_s(), &bend).await;
        let named = answer.header("Wechatpay-Serial").unwrap();
        assert_eq!(&named, serial, "{mode:?} {wanted:?}");
        assert!(merchant.answer_verifies(&answer), "{mode:?} {wanted:?}");
    }
    let newest = provider.rotate_platform_certificate().unwrap();
    let list = merchant.get("/v3/certificates").await.json();
    let rows = list["data"].as_array().unwrap();
    let serials: Vec<_> = rows.iter().map(|row| row["serial_no"].as_str().unwrap()).collect();
    assert_eq!(serials, [platform.as_str(), newest.as_str()], "old and new overlap");
    for row in rows {
        let pem = String::from_utf8(merchant.open(&row["encrypt_certificate"]).unwrap()).unwrap();
        assert_eq!(certificate_serial(&pem), row["serial_no"].as_str().unwrap());
    }
    provider.retire_platform_certificates();
    let list = merchant.get("/v3/certificates").await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    provider.set_key_mode(MCHID, KeyMode::PublicKey, 0);
    let none = merchant.get("/v3/certificates").await;
    assert_eq!((none.status, none.code().as_str()), (404, "RESOURCE_NOT_EXISTS"));
}
