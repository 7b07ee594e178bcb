//! Who somebody is inside Alipay, and messages to them (payments.md C10).

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use super::request::Request;
use super::{Failure, Outcome};
use crate::code::Purpose;
use crate::people;
use crate::wechat::Message;
use crate::wechat::page::{extended, holder, sent_on};
use crate::wechat_pay::call::query_value;
use crate::world::World;

/// The method that takes its parameters beside the common ones and answers without a code.
pub(crate) const OAUTH_TOKEN: &str = "alipay.system.oauth.token";

/// The method that sends a message.
pub(crate) const TELL: &str = "alipay.open.app.mini.templatemessage.send";

/// `publicAppAuthorize.htm`: recognises the visitor silently and sends them back with a code.
pub(crate) async fn authorize(request: HttpRequest, world: web::Data<World>) -> HttpResponse {
    let param = |name: &str| query_value(request.query_string(), name).unwrap_or_default();
    let (app_id, back, scope) = (param("app_id"), param("redirect_uri"), param("scope"));
    let is_web = back.starts_with("https://") || back.starts_with("http://");
    if world.alipay_app(&app_id).is_none() || !is_web || scope != "auth_base" {
        let words =
            "<!doctype html><meta charset=\"utf-8\"><title>支付宝</title><p>授权链接参数错误</p>";
        return HttpResponse::Ok().content_type("text/html; charset=utf-8").body(words);
    }
    let (person, cookie) = holder(&world, &request);
    let code = auth_code(&world, &app_id, &person);
    let pairs = [
        ("app_id", app_id.as_str()),
        ("source", "alipay_wallet"),
        ("scope", "auth_base"),
        ("state", &param("state")),
        ("auth_code", &code),
    ];
    sent_on(extended(&back, &pairs), cookie)
}

/// A code as `my.getAuthCode` hands it to a mini-program.
pub(crate) fn auth_code(world: &World, app_id: &str, person: &str) -> String {
    let now_ms = world.now_ms();
    let mut state = world.state();
    let state = &mut *state;
    state.codes.make(&mut state.chance, app_id, person, Purpose::Alipay, now_ms)
}

/// `alipay.system.oauth.token`.
pub(crate) fn token(world: &World, request: &Request) -> Outcome {
    let refuse = |sub_code: &str, sub_msg| {
        Err(Failure { code: "40002", sub_code: sub_code.to_owned(), sub_msg })
    };
    if request.text("grant_type").as_deref() != Some("authorization_code") {
        return refuse("isv.grant-type-invalid", "授权类型无效");
    }
    let Some(app) = world.alipay_app(&request.app_id) else {
        return refuse("isv.invalid-app-id", "无效的AppID参数");
    };
    let now_ms = world.now_ms();
    let mut state = world.state();
    let code = request.text("code").unwrap_or_default();
    let taken = state.codes.take(&code, &app.app_id, &[Purpose::Alipay], now_ms);
    let Ok((person, _)) = taken else {
        return refuse("isv.code-invalid", "授权码code无效");
    };
    let mut fields = json!({
        "access_token": format!("authbseB{}", state.chance.letters(32)),
        "refresh_token": format!("authbseB{}", state.chance.letters(32)),
        "expires_in": 1_296_000,
        // A text where a number is due: both are seen.
        "re_expires_in": "2592000",
        "auth_start": crate::clock::plain(now_ms),
    });
    let (kind, name) = if app.open_id {
        ("open_id", people::open_id(&app.app_id, &person))
    } else {
        ("user_id", people::user_id(&person))
    };
    state.people.introduce(&app.app_id, &name, &person);
    fields[kind] = name.into();
    Ok(fields)
}

/// `alipay.open.app.mini.templatemessage.send`. The real codes are not documented; these are ours.
pub(crate) fn tell(world: &World, request: &Request) -> Outcome {
    let to = request.text("to_open_id").or(request.text("to_user_id")).unwrap_or_default();
    let data: Value =
        request.text("data").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let Some(template) = request.text("user_template_id") else {
        return Err(Failure::new("USER_TEMPLATE_ILLEGAL", "模板错误"));
    };
    let values = data.as_object().filter(|values| {
        !values.is_empty() && values.values().all(|entry| entry["value"].is_string())
    });
    let Some(values) = values else {
        return Err(Failure::new("KEYWORD_ILLEGAL", "关键词错误"));
    };
    let values: serde_json::Map<_, _> =
        values.iter().map(|(key, entry)| (key.clone(), entry["value"].clone())).collect();
    let now_ms = world.now_ms();
    let mut state = world.state();
    let known = state.people.behind(&to).is_some_and(|(app_id, _)| app_id == request.app_id);
    if !known || !state.post.use_up(&to, &template) {
        return Err(Failure::new("USER_NOT_SUBSCRIBED", "用户未订阅"));
    }
    state.post.send(Message {
        channel: "alipay",
        app_id: request.app_id.clone(),
        openid: to,
        template,
        page: request.text("page").unwrap_or_default(),
        data: Value::Object(values),
        client_msg_id: String::new(),
        msgid: 0,
        at_ms: now_ms,
    });
    Ok(json!({}))
}
