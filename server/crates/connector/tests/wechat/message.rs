//! Telling somebody something: what is sent, and what the answers mean (C4–C6, C9).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use connector::{
    Outcome,
    wechat::{
        Language, OrderKey, OrderNotice, OurFault, PaidCheck, Shipment, Shipped, Subscribed,
        Template, notify_order, read_notify_order, read_ship, read_subscribed, read_template,
        read_url_link, send_subscribed, send_template, ship, url_link,
    },
};
use domain::Money;
use serde_json::{Value, json};

use crate::support::{app, class, refused, response, token};

const TEMPLATE: &str = "P1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0u1v";

fn values<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

fn message() -> Subscribed {
    Subscribed {
        openid: "o1".to_owned(),
        template: TEMPLATE.to_owned(),
        page: "/pages/order/order?id=1".to_owned(),
        language: Language::Chinese,
        values: values([("thing1", "和园公寓 3-2-1204"), ("amount2", "50.00元")]),
    }
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_196_800, 0).unwrap()
}

fn sent(request: &connector::Request, path: &str) -> Value {
    let url = format!("https://api.weixin.qq.com{path}?access_token=canary-token");
    assert_eq!(request.url, url);
    serde_json::from_slice(&request.body).unwrap()
}

#[test]
fn a_subscription_message_is_sent_with_values_that_fit() {
    let request = send_subscribed(&app(), &token(), &message()).unwrap();
    let want = json!({"touser": "o1", "template_id": TEMPLATE, "page": "pages/order/order?id=1",
        "miniprogram_state": "formal", "lang": "zh_CN",
        "data": {"thing1": {"value": "和园公寓 3-2-1204"}, "amount2": {"value": "50.00元"}}});
    assert_eq!(sent(&request, "/cgi-bin/message/subscribe/send"), want);
    let english = Subscribed { language: Language::English, ..message() };
    let request = send_subscribed(&app(), &token(), &english).unwrap();
    assert_eq!(sent(&request, "/cgi-bin/message/subscribe/send")["lang"], "en_US");
    let text = |field, max| Err(OurFault::Text { field, max });
    for (message, want) in [
        (Subscribed { openid: String::new(), ..message() }, text("touser", 128)),
        (Subscribed { template: String::new(), ..message() }, text("template_id", 64)),
        (Subscribed { page: String::new(), ..message() }, text("page", 1_024)),
        (
            Subscribed { values: values([("amount2", "五十")]), ..message() },
            Err(OurFault::Value { keyword: "amount2".to_owned() }),
        ),
        (
            Subscribed { values: values([("first", "x")]), ..message() },
            Err(OurFault::Value { keyword: "first".to_owned() }),
        ),
    ] {
        assert_eq!(send_subscribed(&app(), &token(), &message), want);
    }
}

#[test]
fn a_used_up_subscription_is_final_and_busy_is_a_doubt() {
    assert_eq!(read_subscribed(&response(r#"{"errcode":0,"errmsg":"ok"}"#)), Outcome::Done(()));
    for (errcode, want) in [
        (43101, "declined"),
        (40003, "declined"),
        (47003, "our-fault"),
        (40037, "our-fault"),
        (40001, "theirs"),
        (-1, "unknown"),
        (9999, "unknown"),
    ] {
        assert_eq!(class(&read_subscribed(&refused(errcode))), (want, errcode.to_string()));
    }
    let mut proxy = response(r#"{"errcode":0}"#);
    proxy.status = 502;
    assert_eq!(class(&read_subscribed(&proxy)).0, "unknown");
}

#[test]
fn a_template_message_carries_our_number_against_repetition() {
    let message = Template {
        openid: "o1".to_owned(),
        template: TEMPLATE.to_owned(),
        url: "https://pay.example.com/r/abc".to_owned(),
        client_msg_id: "N1".to_owned(),
        values: values([("thing1", "到账"), ("keyword2", "50.00元")]),
    };
    let request = send_template(&app(), &token(), &message).unwrap();
    let want = json!({"touser": "o1", "template_id": TEMPLATE,
        "url": "https://pay.example.com/r/abc", "client_msg_id": "N1",
        "data": {"thing1": {"value": "到账"}, "keyword2": {"value": "50.00元"}}});
    assert_eq!(sent(&request, "/cgi-bin/message/template/send"), want);
    let long = Template { client_msg_id: "N".repeat(33), ..message };
    let want = OurFault::Text { field: "client_msg_id", max: 32 };
    assert_eq!(send_template(&app(), &token(), &long), Err(want));
    let good = response(r#"{"errcode":0,"errmsg":"ok","msgid":200228332}"#);
    assert_eq!(read_template(&good), Outcome::Done(200_228_332));
    assert_eq!(class(&read_template(&response(r#"{"errcode":0}"#))).0, "unknown");
    assert_eq!(class(&read_template(&refused(43004))).0, "declined");
    assert_eq!(class(&read_template(&refused(-1))).0, "unknown");
}

#[test]
fn a_notice_by_order_number_holds_json_inside_texts() {
    let notice = OrderNotice {
        openid: "o1".to_owned(),
        notify_type: 2003,
        transaction_id: "4200000000202601010000000001".to_owned(),
        status: 1,
        page: "pages/order/order?id=1".to_owned(),
        product_name: "电".repeat(70),
        product_image: "https://pay.example.com/p.png".to_owned(),
        check: Some(PaidCheck { amount: Money::from_fen(5_000), paid_at: at() }),
    };
    let body = sent(&notify_order(&app(), &token(), &notice).unwrap(), "/wxa/set_user_notify");
    assert_eq!(body["notify_code"], "4200000000202601010000000001");
    let inner =
        |name: &str| -> Value { serde_json::from_str(body[name].as_str().unwrap()).unwrap() };
    let product = json!({"product_img": "https://pay.example.com/p.png",
        "product_name": "电".repeat(60), "product_path_query": "pages/order/order?id=1"});
    let want = json!({"cur_status": 1, "wxa_path_query": "pages/order/order?id=1",
        "product_count": 1, "product_list": {"info_list": [product]}});
    assert_eq!(inner("content_json"), want);
    assert_eq!(inner("check_json"), json!({"pay_amount": 5_000, "pay_time": 1_767_196_800}));
    let later = OrderNotice { check: None, status: 2, ..notice.clone() };
    let body = sent(&notify_order(&app(), &token(), &later).unwrap(), "/wxa/set_user_notify");
    assert!(body.get("check_json").is_none());
    let nothing = PaidCheck { amount: Money::ZERO, paid_at: at() };
    let free = OrderNotice { check: Some(nothing), ..notice };
    let want = OurFault::Amount { field: "pay_amount" };
    assert_eq!(notify_order(&app(), &token(), &free), Err(want));
    for (errcode, want) in [(0, "done"), (85437, "theirs"), (85438, "declined"), (-1, "theirs")] {
        assert_eq!(class(&read_notify_order(&refused(errcode))).0, want, "{errcode}");
    }
}

#[test]
fn shipping_is_uploaded_whole_and_virtual_and_once_is_enough() {
    let ours =
        OrderKey::OutTradeNo { mchid: "1900000001".to_owned(), out_trade_no: "YF1".to_owned() };
    let shipment = Shipment {
        order: OrderKey::TransactionId("4200".to_owned()),
        item_desc: "电费充值 50.00 元".to_owned(),
        openid: "o1".to_owned(),
        delivered_at: at(),
    };
    let path = "/wxa/sec/order/upload_shipping_info";
    let body = sent(&ship(&app(), &token(), &shipment).unwrap(), path);
    let want = json!({"order_key": {"order_number_type": 2, "transaction_id": "4200"},
        "logistics_type": 3, "delivery_mode": 1,
        "shipping_list": [{"item_desc": "电费充值 50.00 元"}],
        "upload_time": "2026-01-01T00:00:00.000+08:00", "payer": {"openid": "o1"}});
    assert_eq!(body, want);
    let by_ours = Shipment { order: ours, item_desc: "电".repeat(200), ..shipment.clone() };
    let body = sent(&ship(&app(), &token(), &by_ours).unwrap(), path);
    let key = json!({"order_number_type": 1, "mchid": "1900000001", "out_trade_no": "YF1"});
    assert_eq!(body["order_key"], key);
    let described = body["shipping_list"][0]["item_desc"].as_str().unwrap();
    assert_eq!(described.chars().count(), 120);
    let empty = Shipment { item_desc: String::new(), ..shipment };
    assert!(ship(&app(), &token(), &empty).is_err());
    for (errcode, want) in [
        (0, Some(Shipped::Now)),
        (10060002, Some(Shipped::Before)),
        (10060003, Some(Shipped::Before)),
        (10060023, Some(Shipped::Before)),
        (10060001, None),
        (10060004, None),
        (-1, None),
    ] {
        let outcome = read_ship(&refused(errcode));
        let got = if let Outcome::Done(shipped) = outcome { Some(shipped) } else { None };
        assert_eq!(got, want, "{errcode}");
    }
    assert_eq!(class(&read_ship(&refused(10060001))).0, "theirs");
}

#[test]
fn a_link_carries_plain_signs_and_lives_a_month_at_most() {
    let request = url_link(&app(), &token(), "/pages/order/order", "t=abc", 90).unwrap();
    let want = json!({"path": "pages/order/order", "query": "t=abc", "expire_type": 1,
        "expire_interval": 30, "env_version": "release"});
    assert_eq!(sent(&request, "/wxa/generate_urllink"), want);
    for (page, query) in [("pages/a?x=1", ""), ("pages/a", "订单"), ("pages/a", "a b"), ("", "")]
    {
        assert!(url_link(&app(), &token(), page, query, 1).is_err(), "{page} {query}");
    }
    let read =
        |link: &str| read_url_link(&response(json!({"errcode": 0, "url_link": link}).to_string()));
    assert_eq!(read("https://wxaurl.cn/abc"), Outcome::Done("https://wxaurl.cn/abc".to_owned()));
    for link in ["", "http://wxaurl.cn/abc", "javascript:alert(1)"] {
        assert_eq!(class(&read(link)).0, "unknown", "{link}");
    }
    assert_eq!(class(&read_url_link(&refused(85400))).0, "theirs");
}
