//! WeChat beside the payment: sign-in, tokens, pages, messages, shipping.

use provider_simulator::{
    Button, Config, Fault, MessageTemplate, Pay, Person, Provider, Rule, Site, WechatApp, start,
};
use serde_json::{Value, json};

use crate::wechat_merchant::{Merchant, client};

const MINI: &str = "wx8888888888888888";
const PAGES: &str = "wx9999999999999999";
const TEMPLATE: &str = "P1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0u1v";

/// Both accounts at once, speaking plain HTTP.
struct Accounts {
    provider: Provider,
}

fn accounts(config: Config) -> Accounts {
    Accounts { provider: start(config).unwrap() }
}

fn secret(app_id: &str) -> String {
    let app = if app_id == MINI { WechatApp::default() } else { WechatApp::service_account() };
    app.secret
}

impl Accounts {
    async fn get(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.provider.base_url);
        let answer = client().get(url).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.provider.base_url);
        let answer = client().post(url).body(body.to_string()).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default()
    }

    async fn session(&self, code: &str) -> Value {
        let secret = secret(MINI);
        let grant = "grant_type=authorization_code";
        self.get(&format!(
            "/sns/jscode2session?appid={MINI}&secret={secret}&js_code={code}&{grant}"
        ))
        .await
    }

    async fn exchange(&self, code: &str) -> Value {
        let secret = secret(PAGES);
        let grant = "grant_type=authorization_code";
        self.get(&format!(
            "/sns/oauth2/access_token?appid={PAGES}&secret={secret}&code={code}&{grant}"
        ))
        .await
    }

    async fn stable(&self, app_id: &str, secret: &str) -> Value {
        let body = json!({"grant_type": "client_credential", "appid": app_id, "secret": secret,
            "force_refresh": false});
        self.post("/cgi-bin/stable_token", &body).await
    }

    async fn token(&self, app_id: &str) -> String {
        let answer = self.stable(app_id, &secret(app_id)).await;
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Somebody signs in; their openid.
    async fn sign_in(&self, person: &str) -> String {
        let code = self.provider.press(MINI, person, Button::Login).unwrap();
        self.session(&code).await["openid"].as_str().unwrap().to_owned()
    }

    /// Where a page's visitor is sent; the address.
    async fn authorize(&self, query: &str, cookie: &str) -> (String, String) {
        let url = format!("{}/connect/oauth2/authorize?{query}", self.provider.base_url);
        let answer = client().get(url).header("Cookie", cookie).send().await.unwrap();
        let header = |name: &str| {
            let value = answer.headers().get(name).map(|value| value.to_str().unwrap());
            value.unwrap_or_default().to_owned()
        };
        (header("location"), header("set-cookie"))
    }
}

fn after<'a>(text: &'a str, start: &str) -> &'a str {
    text.split_once(start).map_or("", |(_, rest)| rest).split('&').next().unwrap()
}

#[tokio::test]
async fn a_code_names_its_person_once_for_five_minutes_in_one_application() {
    let clock = provider_simulator::SimClock::manual(1_767_196_800_000);
    let accounts = accounts(Config { clock: clock.clone(), ..Config::default() });
    let press = || accounts.provider.press(MINI, "zhang", Button::Login).unwrap();
    let code = press();
    let first = accounts.session(&code).await;
    assert_eq!(first["openid"], json!(accounts.provider.name_of(MINI, "zhang").unwrap()));
    assert_eq!(first["session_key"].as_str().unwrap().len(), 24);
    assert!(first.get("errcode").is_none(), "success has no errcode: {first}");
    assert!(first["unionid"].is_string());
    assert_eq!(accounts.session(&code).await["errcode"], 40163);
    let late = press();
    clock.advance(300_000);
    assert_eq!(accounts.session(&late).await["errcode"], 40029);
    assert_eq!(accounts.session("nonsense").await["errcode"], 40029);
    // A page's code is no code of the mini-program, and the other way round.
    assert_eq!(accounts.exchange(&press()).await["errcode"], 40029);
    let wrong = format!(
        "/sns/jscode2session?appid={MINI}&secret=x&js_code=a&grant_type=authorization_code"
    );
    assert_eq!(accounts.get(&wrong).await["errcode"], 40125);
    let wrong = wrong.replace(MINI, "wx0000000000000000");
    assert_eq!(accounts.get(&wrong).await["errcode"], 40013);
    assert!(accounts.provider.press("wx0000000000000000", "zhang", Button::Login).is_none());
}

#[tokio::test]
async fn a_visitor_comes_back_with_code_and_state_and_only_the_right_order_of_parameters_lives() {
    let clock = provider_simulator::SimClock::manual(1_767_196_800_000);
    let accounts = accounts(Config { clock: clock.clone(), ..Config::default() });
    let redirect = "redirect_uri=http%3A%2F%2F127.0.0.1%2Fback%3Fx%3D1";
    let good = format!("appid={PAGES}&{redirect}&response_type=code&scope=snsapi_base&state=s7");
    let (to, cookie) = accounts.authorize(&good, "").await;
    assert!(to.starts_with("http://127.0.0.1/back?x=1&code=") && to.ends_with("&state=s7"), "{to}");
    assert!(cookie.starts_with("simulated_person="), "{cookie}");
    // The same browser is the same person, whatever else it carries.
    let cookie = format!("other=1; {}", cookie.split(';').next().unwrap());
    let first = accounts.exchange(after(&to, "code=")).await;
    let (to, again) = accounts.authorize(&good, &cookie).await;
    assert_eq!(again, "");
    let second = accounts.exchange(after(&to, "code=")).await;
    assert_eq!(first["openid"], second["openid"]);
    assert_eq!((&second["scope"], &second["expires_in"]), (&json!("snsapi_base"), &json!(7_200)));
    assert_eq!(accounts.exchange(after(&to, "code=")).await["errcode"], 40163);
    let (to, _) = accounts.authorize(&good, &cookie).await;
    clock.advance(300_000);
    assert_eq!(accounts.exchange(after(&to, "code=")).await["errcode"], 42003);
    let swapped = format!("appid={PAGES}&response_type=code&{redirect}&scope=snsapi_base&state=s7");
    for (name, query) in [
        ("another order", swapped),
        ("the mini-program's number", good.replace(PAGES, MINI)),
        ("a state with other signs", good.replace("s7", "s-7")),
        ("a long state", good.replace("s7", &"s".repeat(129))),
        ("no scope", good.replace("snsapi_base", "base")),
        ("no address", good.replace("http%3A%2F%2F", "")),
    ] {
        let (to, _) = accounts.authorize(&query, &cookie).await;
        assert_eq!(to, "", "{name}");
    }
}

#[tokio::test]
async fn a_page_comes_back_to_its_own_host_only() {
    let mut app = WechatApp::service_account();
    app.page_host = Some("pay.example.com".to_owned());
    let accounts = accounts(Config { wechat_apps: vec![app], ..Config::default() });
    for (host, lives) in [
        ("pay.example.com", true),
        ("pay.example.com%3A8443", true),
        ("www.pay.example.com", false),
        ("example.com", false),
        ("pay.example.com.evil.example", false),
    ] {
        let query = format!(
            "appid={PAGES}&redirect_uri=https%3A%2F%2F{host}%2Fb&response_type=code\
             &scope=snsapi_base&state=s"
        );
        let (to, _) = accounts.authorize(&query, "").await;
        assert_eq!(!to.is_empty(), lives, "{host}");
    }
}

#[tokio::test]
async fn a_snapshot_names_nobody_and_nobody_can_be_written_to_there() {
    let accounts = accounts(Config::default());
    accounts.provider.add_rule(Rule::new(Site::SignIn, Fault::Snapshot).times(1)).unwrap();
    let query = format!(
        "appid={PAGES}&redirect_uri=http%3A%2F%2Fa%2F&response_type=code&scope=snsapi_base&state=s"
    );
    let (to, _) = accounts.authorize(&query, "simulated_person=zhang").await;
    let snapshot = accounts.exchange(after(&to, "code=")).await;
    assert_eq!(snapshot["is_snapshotuser"], 1);
    assert_ne!(snapshot["openid"], json!(accounts.provider.name_of(PAGES, "zhang").unwrap()));
    let (to, _) = accounts.authorize(&query, "simulated_person=zhang").await;
    let real = accounts.exchange(after(&to, "code=")).await;
    assert_eq!(real["openid"], json!(accounts.provider.name_of(PAGES, "zhang").unwrap()));
    assert!(real.get("is_snapshotuser").is_none());
    // A visitor's own token is not the account's.
    let visitor = real["access_token"].as_str().unwrap();
    let ticket = format!("/cgi-bin/ticket/getticket?type=jsapi&access_token={visitor}");
    assert_eq!(accounts.get(&ticket).await["errcode"], 40001);
}

#[tokio::test]
async fn tokens_are_the_accounts_and_die_when_they_are_revoked() {
    let accounts = accounts(Config::default());
    let token = accounts.token(MINI).await;
    assert_eq!(accounts.token(MINI).await, token, "two nodes get the same one");
    assert_eq!(accounts.stable(MINI, "wrong").await["errcode"], 40125);
    assert_eq!(accounts.stable("wx0", "wrong").await["errcode"], 40013);
    let ticket =
        |token: String| format!("/cgi-bin/ticket/getticket?type=jsapi&access_token={token}");
    let first = accounts.get(&ticket(token.clone())).await;
    assert_eq!(first["errcode"], 0);
    assert_eq!(accounts.get(&ticket(token.clone())).await["ticket"], first["ticket"]);
    accounts.provider.revoke_tokens(MINI);
    assert_eq!(accounts.get(&ticket(token)).await["errcode"], 40001);
    assert_eq!(accounts.get("/cgi-bin/ticket/getticket?type=jsapi").await["errcode"], 41001);
}

#[tokio::test]
async fn a_phone_number_belongs_to_whoever_pressed_the_button() {
    let accounts = accounts(Config::default());
    let openid = accounts.sign_in("zhang").await;
    let zhang = accounts.provider.person("zhang");
    accounts.provider.set_person(Person { phone: "13912345678".into(), ..zhang });
    let path =
        format!("/wxa/business/getuserphonenumber?access_token={}", accounts.token(MINI).await);
    let press = || accounts.provider.press(MINI, "zhang", Button::Phone).unwrap();
    let code = press();
    let body = json!({"code": code, "openid": openid});
    let answer = accounts.post(&path, &body).await;
    assert_eq!(answer["phone_info"]["purePhoneNumber"], "13912345678");
    assert_eq!(answer["phone_info"]["watermark"]["appid"], MINI);
    assert_eq!(accounts.post(&path, &body).await["errcode"], 40029);
    let stranger = json!({"code": press(), "openid": "o-somebody-else"});
    assert_eq!(accounts.post(&path, &stranger).await["errcode"], 40029);
    let login = accounts.provider.press(MINI, "zhang", Button::Login).unwrap();
    assert_eq!(accounts.post(&path, &json!({"code": login})).await["errcode"], 40029);
}

#[tokio::test]
async fn one_tap_is_one_message_and_every_value_must_fit() {
    let template = MessageTemplate {
        id: TEMPLATE.to_owned(),
        keywords: ["thing1", "amount2"].map(str::to_owned).to_vec(),
    };
    let app = WechatApp { templates: vec![template], ..WechatApp::default() };
    let accounts = accounts(Config { wechat_apps: vec![app], ..Config::default() });
    let openid = accounts.sign_in("zhang").await;
    let path =
        format!("/cgi-bin/message/subscribe/send?access_token={}", accounts.token(MINI).await);
    let body = |to: &str, template: &str, thing: &str| {
        json!({"touser": to, "template_id": template, "page": "pages/order/order?id=1",
            "miniprogram_state": "formal", "lang": "zh_CN",
            "data": {"thing1": {"value": thing}, "amount2": {"value": "20.00元"}}})
    };
    let good = body(&openid, TEMPLATE, "和园公寓 3-2-1204");
    assert_eq!(accounts.post(&path, &good).await["errcode"], 43101);
    assert_eq!(accounts.provider.subscribe(MINI, "zhang", TEMPLATE, 2), Some(2));
    let mut short = good.clone();
    short["data"].as_object_mut().unwrap().remove("amount2");
    let long = "一二三四五六七八九十一二三四五六七八九十一";
    for (name, body, errcode) in [
        ("a stranger", body("o-stranger", TEMPLATE, "x"), 40003),
        ("another template", body(&openid, "other", "x"), 40037),
        ("a long value", body(&openid, TEMPLATE, long), 47003),
        ("an empty value", body(&openid, TEMPLATE, ""), 47003),
        ("a keyword missing", short, 47003),
        ("no JSON", Value::Null, 47001),
        ("good", good.clone(), 0),
        ("good again", good.clone(), 0),
        ("used up", good, 43101),
    ] {
        assert_eq!(accounts.post(&path, &body).await["errcode"], errcode, "{name}");
    }
    let sent = accounts.provider.messages(&openid);
    assert_eq!((sent.len(), sent[0].channel), (2, "subscription"));
    assert_eq!(sent[0].data, json!({"thing1": "和园公寓 3-2-1204", "amount2": "20.00元"}));
}

#[tokio::test]
async fn a_follower_gets_a_template_message_once_per_number_of_ours() {
    let accounts = accounts(Config::default());
    let query = format!(
        "appid={PAGES}&redirect_uri=http%3A%2F%2Fa%2F&response_type=code&scope=snsapi_base&state=s"
    );
    let (to, _) = accounts.authorize(&query, "simulated_person=zhang").await;
    let openid = accounts.exchange(after(&to, "code=")).await["openid"].clone();
    let path =
        format!("/cgi-bin/message/template/send?access_token={}", accounts.token(PAGES).await);
    let body = |msg: &str| {
        json!({"touser": openid, "template_id": "T1", "url": "https://pay.example.com/o/1",
            "client_msg_id": msg, "data": {"thing1": {"value": "到账"}}})
    };
    let first = accounts.post(&path, &body("m1")).await;
    assert_eq!(first["errcode"], 0);
    assert_eq!(accounts.post(&path, &body("m1")).await["msgid"], first["msgid"]);
    assert_ne!(accounts.post(&path, &body("m2")).await["msgid"], first["msgid"]);
    assert_eq!(accounts.provider.messages(openid.as_str().unwrap()).len(), 2);
    let zhang = accounts.provider.person("zhang");
    accounts.provider.set_person(Person { follows: false, ..zhang });
    assert_eq!(accounts.post(&path, &body("m3")).await["errcode"], 43004);
    let mini =
        format!("/cgi-bin/message/template/send?access_token={}", accounts.token(MINI).await);
    assert_eq!(accounts.post(&mini, &body("m4")).await["errcode"], 48001);
}

#[tokio::test]
async fn shipping_and_the_notice_hang_on_a_paid_order_of_the_same_payer() {
    let accounts = accounts(Config::default());
    let merchant = Merchant::of(&accounts.provider);
    let openid = accounts.sign_in("zhang").await;
    let mut order = merchant.order("SHIP0001", 5_000, "http://127.0.0.1:9/callback");
    order["payer"] = json!({"openid": openid});
    assert_eq!(merchant.post("/v3/pay/transactions/jsapi", &order).await.status, 200);
    let token = accounts.token(MINI).await;
    let ship = format!("/wxa/sec/order/upload_shipping_info?access_token={token}");
    let shipping = |key: Value, openid: &str| {
        json!({"order_key": key, "logistics_type": 3, "delivery_mode": 1,
            "shipping_list": [{"item_desc": "电费充值 50.00 元"}],
            "upload_time": "2026-01-01T10:00:00.000+08:00", "payer": {"openid": openid}})
    };
    let by_number =
        json!({"order_number_type": 1, "mchid": "1900000001", "out_trade_no": "SHIP0001"});
    let unpaid = accounts.post(&ship, &shipping(by_number.clone(), &openid)).await;
    assert_eq!(unpaid["errcode"], 10060004);
    let paid = accounts.provider.pay_now("SHIP0001", Pay::silent()).unwrap();
    let by_id = json!({"order_number_type": 2, "transaction_id": paid});
    for (name, body, errcode) in [
        ("no such payment", json!({"order_number_type": 2, "transaction_id": "4200"}), 10060001),
        ("by number", by_number, 0),
        ("twice", by_id.clone(), 10060002),
    ] {
        let answer = accounts.post(&ship, &shipping(body, &openid)).await;
        assert_eq!(answer["errcode"], errcode, "{name}");
    }
    assert_eq!(accounts.post(&ship, &shipping(by_id, "o-other")).await["errcode"], 40003);
    assert_eq!(accounts.provider.shipments()[0].item_desc, "电费充值 50.00 元");

    let notify = format!("/wxa/set_user_notify?access_token={token}");
    let pay_time = accounts.provider.trade("SHIP0001").unwrap().payments[0].paid_ms / 1_000;
    let notice = |code: &str, amount: i64, status: i64| {
        let content = json!({"cur_status": status, "wxa_path_query": "pages/order/order",
            "product_count": 1, "product_list": {"info_list": [{"product_name": "电费"}]}});
        let check = json!({"pay_amount": amount, "pay_time": pay_time});
        json!({"openid": openid, "notify_type": 2003, "notify_code": code,
            "content_json": content.to_string(), "check_json": check.to_string()})
    };
    for (name, body, errcode) in [
        ("another number", notice("4200000000", 5_000, 1), 85437),
        ("another amount", notice(&paid, 4_999, 1), 85433),
        ("good", notice(&paid, 5_000, 1), 0),
        ("again", notice(&paid, 5_000, 1), 0),
        ("further", notice(&paid, 0, 2), 0),
    ] {
        assert_eq!(accounts.post(&notify, &body).await["errcode"], errcode, "{name}");
    }
    assert_eq!(accounts.provider.messages(&openid).len(), 2, "the same state is told once");
}

#[tokio::test]
async fn an_openid_of_another_application_cannot_be_charged() {
    let accounts = accounts(Config::default());
    let merchant = Merchant::of(&accounts.provider);
    let openid = accounts.sign_in("zhang").await;
    for (name, appid, openid, status) in [
        ("the mini-program's own", MINI, openid.as_str(), 200),
        ("in the service account", PAGES, openid.as_str(), 400),
        ("a stranger in the service account", PAGES, "o-stranger", 200),
        ("an application of nobody", "wx0000000000000000", "o-stranger", 400),
    ] {
        let mut order = merchant.order(&format!("OPENID{}", name.len()), 100, "http://a/c");
        order["appid"] = json!(appid);
        order["payer"] = json!({"openid": openid});
        let answer = merchant.post("/v3/pay/transactions/jsapi", &order).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.json());
    }
}

#[tokio::test]
async fn a_link_is_made_for_a_page_and_a_query_of_plain_signs() {
    let accounts = accounts(Config::default());
    let path = format!("/wxa/generate_urllink?access_token={}", accounts.token(MINI).await);
    let body = |page: &str, query: &str, days: i64| {
        json!({"path": page, "query": query, "expire_type": 1, "expire_interval": days,
            "env_version": "release"})
    };
    let made = accounts.post(&path, &body("pages/order/order", "t=abc", 30)).await;
    assert!(made["url_link"].as_str().unwrap().starts_with("https://wxaurl.cn/"));
    for (page, query, days, errcode) in [
        ("pages/a?x=1", "", 1, 40165),
        ("pages/a", "订单", 1, 40212),
        ("pages/a", "t=1", 31, 85401),
    ] {
        let answer = accounts.post(&path, &body(page, query, days)).await;
        assert_eq!(answer["errcode"], errcode, "{page} {query} {days}");
    }
}

#[tokio::test]
async fn every_refusal_can_be_switched_on() {
    let accounts = accounts(Config::default());
    let status = |status, code: &str| Fault::Status { status, code: code.into(), effect: false };
    for (fault, errcode) in [
        (status(200, "40163"), json!(40163)),
        (status(200, "45011"), json!(45011)),
        (Fault::SystemError { effect: false }, json!(-1)),
        (status(502, ""), Value::Null),
        (Fault::Timeout { hold_ms: 1, effect: true }, Value::Null),
        (Fault::BrokenJson, Value::Null),
    ] {
        let name = format!("{fault:?}");
        accounts.provider.add_rule(Rule::new(Site::SignIn, fault).times(1)).unwrap();
        let code = accounts.provider.press(MINI, "zhang", Button::Login).unwrap();
        let answer = accounts.session(&code).await;
        assert_eq!(answer["errcode"], errcode, "{name}");
    }
}
