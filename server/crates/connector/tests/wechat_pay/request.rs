//! The requests we build.

use connector::{
    Method, Request,
    wechat_pay::{bill::*, *},
};
use domain::{BusinessDay, Channel, Money};
use serde_json::{Value, json};

use crate::vectors::*;

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn order(channel: Channel) -> Place {
    Place {
        channel,
        out_trade_no: OUT_TRADE_NO.to_owned(),
        description: "预付电费 3栋201".to_owned(),
        amount: Money::from_fen(5000),
        expires_at: signed_at() + chrono::TimeDelta::minutes(15),
        payer_openid: Some("o-payer".to_owned()),
        payer_ip: Some("203.0.113.9".parse().unwrap()),
        attach: String::new(),
    }
}

/// The fields of an Authorization header, whatever their order (A2).
fn parts(header: &str) -> Vec<String> {
    let (scheme, fields) = header.split_once(' ').unwrap();
    let mut parts: Vec<String> = fields.split(',').map(str::to_owned).collect();
    parts.sort();
    parts.insert(0, scheme.to_owned());
    parts
}

#[test]
fn our_authorization_is_the_oracles_to_the_byte() {
    let vectors = vectors();
    let (merchant, stamp) = (merchant(), stamp());
    let built = [
        request_certificates(&merchant, &stamp).unwrap(),
        query(&merchant, OUT_TRADE_NO, &stamp).unwrap(),
        close(&merchant, OUT_TRADE_NO, &stamp).unwrap(),
    ];
    for (request, oracle) in built.iter().zip(vectors["requests"].as_array().unwrap()) {
        let url = format!("https://api.mch.weixin.qq.com{}", text(oracle, "uri"));
        assert_eq!(request.url, url);
        assert_eq!(request.method.as_str(), text(oracle, "method"));
        assert_eq!(request.body, text(oracle, "body").as_bytes());
        let ours = header(request, "Authorization").unwrap();
        assert_eq!(parts(ours), parts(text(oracle, "header")), "{url}");
        assert_eq!(header(request, "Accept"), Some("application/json"));
        assert!(header(request, "User-Agent").is_some_and(|agent| agent.starts_with("yufu/")));
        let typed = header(request, "Content-Type");
        assert_eq!(typed.is_some(), request.method == Method::Post);
    }
}

#[test]
fn our_pay_sign_is_the_oracles_to_the_byte() {
    let vectors = vectors();
    let oracle = &vectors["pay_sign"];
    let prepay_id = "wx26112221580621e9b071c00d9e093b0000";
    let parameters = payer_parameters(&merchant(), prepay_id, &stamp()).unwrap();
    assert_eq!(parameters.pay_sign, text(oracle, "signature"));
    let package = "prepay_id=wx26112221580621e9b071c00d9e093b0000";
    let sign = text(oracle, "signature");
    let time = "1796090402";
    let mini_program = json!({
        "timeStamp": time, "nonceStr": NONCE, "package": package, "signType": "RSA",
        "paySign": sign,
    });
    assert_eq!(parameters.mini_program(), mini_program);
    let mut bridge = mini_program;
    bridge["appId"] = json!("wx1900000001abcdef");
    assert_eq!(parameters.bridge(), bridge);
    let js_sdk = parameters.js_sdk();
    assert_eq!(js_sdk["timestamp"], time);
    assert_eq!(js_sdk.get("timeStamp"), None);
    // The payer's openid lives under the sub-application where there is one.
    for (sub_appid, app_id) in [(None, "wx1900000001abcdef"), (Some("wxsub"), "wxsub")] {
        let parameters = payer_parameters(&partner(sub_appid), prepay_id, &stamp()).unwrap();
        assert_eq!(parameters.app_id, app_id);
    }
}

#[test]
fn each_door_asks_for_what_it_needs() {
    let common = json!({
        "description": "预付电费 3栋201",
        "out_trade_no": OUT_TRADE_NO,
        "time_expire": "2026-12-01T10:15:02+08:00",
        "notify_url": "https://yufu.example/callback/wechat-pay/m1",
        "amount": {"total": 5000, "currency": "CNY"},
        "scene_info": {"payer_client_ip": "203.0.113.9"},
    });
    let with = |fields: Value| {
        let mut all = common.clone();
        for (name, value) in fields.as_object().unwrap() {
            all[name] = value.clone();
        }
        all
    };
    let us = json!({"appid": "wx1900000001abcdef", "mchid": "1900000001"});
    let them = json!({
        "sp_appid": "wx1900000001abcdef", "sp_mchid": "1900000001", "sub_mchid": "1900000109",
    });
    let h5 = json!({"scene_info": {
        "payer_client_ip": "203.0.113.9", "h5_info": {"type": "Wap"},
    }});
    let table = [
        (merchant(), Channel::WechatNative, "transactions/native", &us, json!({})),
        (
            merchant(),
            Channel::WechatJsapi,
            "transactions/jsapi",
            &us,
            json!({"payer": {"openid": "o-payer"}}),
        ),
        (merchant(), Channel::WechatH5, "transactions/h5", &us, h5.clone()),
        (partner(None), Channel::WechatNative, "partner/transactions/native", &them, json!({})),
        (
            partner(None),
            Channel::WechatJsapi,
            "partner/transactions/jsapi",
            &them,
            json!({"payer": {"sp_openid": "o-payer"}}),
        ),
        (
            partner(Some("wxsub")),
            Channel::WechatJsapi,
            "partner/transactions/jsapi",
            &them,
            json!({"payer": {"sub_openid": "o-payer"}, "sub_appid": "wxsub"}),
        ),
    ];
    for (merchant, channel, path, account, special) in table {
        let request = place(&merchant, &order(channel), &stamp()).unwrap();
        assert_eq!(request.url, format!("https://api.mch.weixin.qq.com/v3/pay/{path}"));
        let mut want = with(account.clone());
        for (name, value) in special.as_object().unwrap() {
            want[name] = value.clone();
        }
        assert_eq!(body(&request), want, "{path}");
    }
}

#[test]
fn what_wechat_would_refuse_is_not_sent() {
    let good = order(Channel::WechatNative);
    let number = |value: &str| OurFault::Number { field: "out_trade_no", value: value.to_owned() };
    let long = "长".repeat(128);
    let table = [
        (Place { out_trade_no: "short".to_owned(), ..good.clone() }, number("short")),
        (Place { out_trade_no: "R/../1".to_owned(), ..good.clone() }, number("R/../1")),
        (Place { out_trade_no: "R".repeat(33), ..good.clone() }, number(&"R".repeat(33))),
        (
            Place { description: long.clone(), ..good.clone() },
            OurFault::Text { field: "description", max: 127 },
        ),
        (
            Place { description: String::new(), ..good.clone() },
            OurFault::Text { field: "description", max: 127 },
        ),
        (
            Place { attach: long + "一", ..good.clone() },
            OurFault::Text { field: "attach", max: 128 },
        ),
        (Place { amount: Money::ZERO, ..good.clone() }, OurFault::Amount { field: "amount.total" }),
        (
            Place { amount: Money::from_fen(-1), ..good.clone() },
            OurFault::Amount { field: "amount.total" },
        ),
        (Place { channel: Channel::AlipayWap, ..good.clone() }, OurFault::Channel),
        (
            Place { payer_openid: None, ..order(Channel::WechatJsapi) },
            OurFault::Missing("the payer's openid"),
        ),
        (
            Place { payer_ip: None, ..order(Channel::WechatH5) },
            OurFault::Missing("the payer's address"),
        ),
    ];
    for (order, why) in table {
        assert_eq!(place(&merchant(), &order, &stamp()), Err(why));
    }
    for base_url in ["", "api.mch.weixin.qq.com", "ftp://x", "https://", "https://u@h", "http://?"]
    {
        let merchant = Merchant { base_url: base_url.to_owned(), ..merchant() };
        assert_eq!(query(&merchant, OUT_TRADE_NO, &stamp()), Err(OurFault::BaseUrl), "{base_url}");
    }
}

#[test]
fn an_order_is_queried_and_closed_by_our_number_in_both_modes() {
    let order = format!("out-trade-no/{OUT_TRADE_NO}");
    let ours = query(&merchant(), OUT_TRADE_NO, &stamp()).unwrap().url;
    assert!(ours.ends_with(&format!("/v3/pay/transactions/{order}?mchid=1900000001")), "{ours}");
    let theirs = query(&partner(None), OUT_TRADE_NO, &stamp()).unwrap().url;
    let tail =
        format!("/v3/pay/partner/transactions/{order}?sp_mchid=1900000001&sub_mchid=1900000109");
    assert!(theirs.ends_with(&tail), "{theirs}");
    let closing = close(&partner(None), OUT_TRADE_NO, &stamp()).unwrap();
    assert!(closing.url.ends_with(&format!("/v3/pay/partner/transactions/{order}/close")));
    let numbers = json!({"sp_mchid": "1900000001", "sub_mchid": "1900000109"});
    assert_eq!(body(&closing), numbers);
}

#[test]
fn a_refund_names_its_own_callback_address_and_never_exceeds_its_order() {
    let good = RefundOrder {
        out_trade_no: OUT_TRADE_NO.to_owned(),
        out_refund_no: OUT_REFUND_NO.to_owned(),
        reason: "表计未充入".to_owned(),
        amount: Money::from_fen(1200),
        total: Money::from_fen(5000),
    };
    let request = refund(&merchant(), &good, &stamp()).unwrap();
    assert!(request.url.ends_with("/v3/refund/domestic/refunds"));
    let want = json!({
        "out_trade_no": OUT_TRADE_NO, "out_refund_no": OUT_REFUND_NO, "reason": "表计未充入",
        "notify_url": "https://yufu.example/callback/wechat-pay/m1",
        "amount": {"refund": 1200, "total": 5000, "currency": "CNY"},
    });
    assert_eq!(body(&request), want);
    let theirs = refund(&partner(None), &good, &stamp()).unwrap();
    assert_eq!(body(&theirs)["sub_mchid"], "1900000109");
    assert!(theirs.url.ends_with("/v3/refund/domestic/refunds"), "no partner prefix");
    let asked = query_refund(&partner(None), OUT_REFUND_NO, &stamp()).unwrap().url;
    assert!(asked.ends_with("/refunds/F20261201000001?sub_mchid=1900000109"), "{asked}");
    for (fen, total) in [(0, 5000), (-1, 5000), (5001, 5000), (1, i64::MIN)] {
        let (amount, total) = (Money::from_fen(fen), Money::from_fen(total));
        let order = RefundOrder { amount, total, ..good.clone() };
        let why = OurFault::Amount { field: "amount.refund" };
        assert_eq!(refund(&merchant(), &order, &stamp()), Err(why), "{fen} of {total}");
    }
}

#[test]
fn answers_are_asked_for_under_the_preferred_key_if_it_is_known() {
    let id = text(vectors(), "public_key").to_owned();
    let mut merchant = merchant();
    let asked = |merchant: &Merchant| {
        let request = query(merchant, OUT_TRADE_NO, &stamp()).unwrap();
        header(&request, "Wechatpay-Serial").map(str::to_owned)
    };
    assert_eq!(asked(&merchant), None);
    merchant.trust.prefer(id.clone());
    assert_eq!(asked(&merchant), Some(id));
    merchant.trust.prefer("PUB_KEY_ID_nobody");
    assert_eq!(asked(&merchant), None);
}

#[test]
fn a_path_in_the_base_address_is_signed_too() {
    let mut merchant = merchant();
    merchant.base_url = "http://127.0.0.1:8080/wechat".to_owned();
    let request = query(&merchant, OUT_TRADE_NO, &stamp()).unwrap();
    let path = request.url.strip_prefix("http://127.0.0.1:8080").unwrap();
    let message = format!("GET\n{path}\n{}\n{NONCE}\n\n", stamp().now.timestamp());
    let signature = merchant.signing_key.sign_sha256(message.as_bytes()).unwrap();
    assert!(header(&request, "Authorization").unwrap().contains(&signature));
}

#[test]
fn bills_are_asked_for_by_day_and_kind() {
    let day = BusinessDay::of(signed_at());
    let url = |request: Result<Request, OurFault>| {
        request.unwrap().url.replace("https://api.mch.weixin.qq.com", "")
    };
    let trade = |kind| url(request_trade(&merchant(), day, kind, &stamp()));
    let flow = |account| url(request_fund_flow(&merchant(), day, account, &stamp()));
    let path = "/v3/bill/tradebill?bill_date=2026-12-01&bill_type=";
    assert_eq!(trade(TradeKind::All), format!("{path}ALL&tar_type=GZIP"));
    assert_eq!(trade(TradeKind::Success), format!("{path}SUCCESS&tar_type=GZIP"));
    assert_eq!(trade(TradeKind::Refund), format!("{path}REFUND&tar_type=GZIP"));
    let theirs = url(request_trade(&partner(None), day, TradeKind::All, &stamp()));
    assert_eq!(theirs, format!("{path}ALL&tar_type=GZIP&sub_mchid=1900000109"));
    let path = "/v3/bill/fundflowbill?bill_date=2026-12-01&account_type=";
    assert_eq!(flow(FundAccount::Basic), format!("{path}BASIC&tar_type=GZIP"));
    assert_eq!(flow(FundAccount::Operation), format!("{path}OPERATION&tar_type=GZIP"));
    assert_eq!(flow(FundAccount::Fees), format!("{path}FEES&tar_type=GZIP"));
}
