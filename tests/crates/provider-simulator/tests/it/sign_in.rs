//! Alipay: who a visitor is, and messages to them.

use provider_simulator::{AlipayApp, Button, Config, SimClock};
use serde_json::{Value, json};

use crate::alipay_merchant::{APP_ID, App, world};
use crate::wechat_merchant::client;

const TOKEN: &str = "alipay.system.oauth.token";
const TELL: &str = "alipay.open.app.mini.templatemessage.send";

/// A call whose parameters stand beside the common ones.
async fn exchange(app: &App, code: &str, grant_type: &str) -> (String, Value) {
    let mut app_params = app.params(TOKEN, "", "");
    app_params.remove("sign");
    let fields = [("code", code), ("grant_type", grant_type)];
    let mut bent = app_params;
    bent.extend(fields.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let form = app.signed_form(&bent);
    let answer = client().get(format!("{}?{form}", app.gateway_url)).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let json = serde_json::from_str(&text).unwrap_or_default();
    (text, json)
}

#[tokio::test]
async fn a_visitor_has_an_open_id_or_a_user_id_and_the_success_has_no_code() {
    for (open_id, kind, length) in [(true, "open_id", 47), (false, "user_id", 16)] {
        let alipay = AlipayApp { open_id, ..AlipayApp::default() };
        let (provider, app) = world(Config { alipay_apps: vec![alipay], ..Config::default() });
        let code = provider.press(APP_ID, "zhang", Button::Login).unwrap();
        let (text, answer) = exchange(&app, &code, "authorization_code").await;
        assert!(app.verifies(TOKEN, &text), "{text}");
        let node = &answer["alipay_system_oauth_token_response"];
        assert_eq!(node[kind], json!(provider.name_of(APP_ID, "zhang").unwrap()));
        assert_eq!(node[kind].as_str().unwrap().len(), length);
        assert!(node.get("code").is_none() && node["access_token"].is_string(), "{node}");
        assert!(node.get(if open_id { "user_id" } else { "open_id" }).is_none());
    }
}

#[tokio::test]
async fn a_code_is_taken_once_in_three_minutes_and_refusals_stand_under_error_response() {
    let clock = SimClock::manual(1_767_196_800_000);
    let (provider, app) = world(Config { clock: clock.clone(), ..Config::default() });
    let press = || provider.press(APP_ID, "zhang", Button::Login).unwrap();
    let used = press();
    exchange(&app, &used, "authorization_code").await;
    let late = press();
    clock.advance(180_000);
    for (name, code, grant, sub_code) in [
        ("used", used, "authorization_code", "isv.code-invalid"),
        ("late", late, "authorization_code", "isv.code-invalid"),
        ("nonsense", "x".to_owned(), "authorization_code", "isv.code-invalid"),
        ("another grant", press(), "password", "isv.grant-type-invalid"),
    ] {
        let (text, answer) = exchange(&app, &code, grant).await;
        let node = &answer["error_response"];
        assert_eq!(
            (&node["code"], &node["sub_code"]),
            (&json!("40002"), &json!(sub_code)),
            "{name}"
        );
        assert!(text.contains("\"sign\":"), "signed all the same: {text}");
    }
}

#[tokio::test]
async fn a_page_inside_alipay_sends_its_visitor_back_with_a_code() {
    let (provider, app) = world(Config::default());
    let link = format!(
        "{}/oauth2/publicAppAuthorize.htm?app_id={APP_ID}&scope=auth_base\
         &redirect_uri=http%3A%2F%2F127.0.0.1%2Fback%3Fx%3D1&state=s7",
        provider.base_url
    );
    let visit = async |link: &str| {
        let request = client().get(link).header("Cookie", "simulated_person=li");
        let answer = request.send().await.unwrap();
        let to = answer.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
        to.unwrap_or_default()
    };
    let to = visit(&link).await;
    let start = "http://127.0.0.1/back?x=1&app_id=2021000000000001&source=alipay_wallet\
         &scope=auth_base&state=s7&auth_code=";
    let code = to.strip_prefix(start).unwrap_or_else(|| panic!("{to}"));
    let (_, answer) = exchange(&app, code, "authorization_code").await;
    let name = &answer["alipay_system_oauth_token_response"]["open_id"];
    assert_eq!(name, &json!(provider.name_of(APP_ID, "li").unwrap()));
    assert_eq!(visit(&link.replace("auth_base", "auth_all")).await, "");
    assert_eq!(visit(&link.replace(APP_ID, "2021000000000009")).await, "");
}

#[tokio::test]
async fn a_message_needs_a_subscription() {
    let (provider, app) = world(Config::default());
    let to = provider.name_of(APP_ID, "zhang").unwrap();
    let data = json!({"keyword1": {"value": "20.00元"}}).to_string();
    let content = json!({"to_open_id": to, "user_template_id": "T1",
        "page": "pages/order/order?id%3d1", "data": data});
    assert_eq!(app.call(TELL, content.clone()).await["code"], "40004");
    provider.subscribe(APP_ID, "zhang", "T1", 1).unwrap();
    assert_eq!(app.call(TELL, content.clone()).await["code"], "10000");
    assert_eq!(app.call(TELL, content).await["code"], "40004");
    let sent = provider.messages(&to);
    assert_eq!((sent.len(), sent[0].channel), (1, "alipay"));
    assert_eq!(sent[0].data, json!({"keyword1": "20.00元"}));
}
