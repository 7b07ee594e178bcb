//! The control API, as a demo or an outside test drives it.

use provider_simulator::Config;
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::wechat_merchant::{Merchant, client, world};

async fn send(merchant: &Merchant, method: &str, path: &str, body: Value) -> (u16, Value) {
    let url = format!("{}/control{path}", merchant.base_url);
    let mut request = client().request(method.parse().unwrap(), url);
    if method == "POST" {
        request = request.header("Content-Type", "application/json").body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or_default())
}

#[tokio::test]
async fn money_faults_keys_and_clock_are_driven_by_json() {
    let (_provider, merchant) = world(Config::default());
    let receiver = Receiver::start(&[]);
    merchant.place("CONTROL1", 5_000, &receiver.url).await;
    let rule = json!({"site": "callback", "fault": {"kind": "never"}});
    let mode = json!({"mchid": "1900000001", "mode": "public_key"});
    let bad_rule = json!({"site": "callback", "fault": {"kind": "nonsense"}});
    // method, path, body, status, pointer into the answer, value
    for (method, path, body, status, pointer, value) in [
        ("GET", "/orders/NOBODY01", json!(null), 404, "/error", json!("no such order")),
        ("GET", "/orders/CONTROL1", json!(null), 200, "/0/total_fen", json!(5_000)),
        ("POST", "/faults", bad_rule, 400, "/none", Value::Null),
        ("POST", "/faults", rule, 200, "/id", json!(1)),
        ("GET", "/faults", json!(null), 200, "/0/rule/fault/kind", json!("never")),
        ("POST", "/orders/CONTROL1/pay", json!({"surprise": 1}), 400, "/none", Value::Null),
        ("POST", "/orders/CONTROL1/pay", json!({"coupon_fen": 100}), 200, "/none", Value::Null),
        (
            "POST",
            "/orders/CONTROL1/pay",
            json!({}),
            409,
            "/error",
            json!("the order is already paid"),
        ),
        ("GET", "/book", json!(null), 200, "/sum_paid_fen", json!(5_000)),
        ("POST", "/orders/CONTROL1/callback", json!([]), 200, "/acknowledged", json!(true)),
        (
            "POST",
            "/orders/CONTROL1/callback",
            json!([{"kind": "forged"}]),
            200,
            "/status",
            json!(200),
        ),
        ("DELETE", "/faults/1", json!(null), 204, "/none", Value::Null),
        ("GET", "/faults", json!(null), 200, "", json!([])),
        ("POST", "/keys/mode", mode, 204, "/none", Value::Null),
        ("POST", "/keys/rotate", json!({}), 200, "/none", Value::Null),
        ("POST", "/clock", json!({"skew_ms": 360_000}), 200, "/none", Value::Null),
    ] {
        let (answered, found) = send(&merchant, method, path, body).await;
        assert_eq!(answered, status, "{method} {path}: {found}");
        if pointer != "/none" {
            assert_eq!(found.pointer(pointer), Some(&value), "{method} {path}");
        }
    }
    let skewed = merchant.query("CONTROL1").await;
    assert_eq!(skewed.status, 401, "six minutes off, every call is refused");
}
