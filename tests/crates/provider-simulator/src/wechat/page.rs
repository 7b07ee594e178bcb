//! The page a visitor is sent to, and links that open the mini-program (payments.md C7, C9).

use actix_web::http::header::{COOKIE, LOCATION, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::json;

use super::answer::{Outcome, Refusal};
use super::call::Ask;
use crate::code::Purpose;
use crate::config::{WechatApp, WechatKind};
use crate::wallet::part::safe;
use crate::wechat_pay::call::query_value;
use crate::world::World;

/// The cookie that says who holds the phone; without it somebody new does.
pub(crate) const PERSON_COOKIE: &str = "simulated_person";

/// The order of the parameters, which WeChat matches with a regular expression.
const ORDER: [&str; 5] = ["appid", "redirect_uri", "response_type", "scope", "state"];

/// The longest `state`.
const STATE_MAX: usize = 128;

/// The longest life of a link that opens the mini-program, in days.
const LINK_DAYS_MAX: i64 = 30;

fn dead(code: u32, words: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(format!(
        "<!doctype html><meta charset=\"utf-8\"><title>Oops</title><p>Oops! Something went \
         wrong:(</p><p>{words}</p><p>错误码:{code}</p>"
    ))
}

/// Who holds the phone, by its cookie; else somebody new, whose cookie is to be set.
pub(crate) fn holder(world: &World, request: &HttpRequest) -> (String, Option<String>) {
    let cookies = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).map(str::trim);
    let mine = |pair: &str| Some(pair.strip_prefix(PERSON_COOKIE)?.strip_prefix('=')?.to_owned());
    match pairs.find_map(mine).filter(|name| !name.is_empty()) {
        Some(name) => (name, None),
        None => {
            let name = world.state().chance.letters(12);
            let cookie = format!("{PERSON_COOKIE}={name}; Path=/; HttpOnly; SameSite=Lax");
            (name, Some(cookie))
        }
    }
}

/// Sends a browser on, with the cookie of somebody new.
pub(crate) fn sent_on(to: String, cookie: Option<String>) -> HttpResponse {
    let mut found = HttpResponse::Found();
    found.insert_header((LOCATION, to));
    if let Some(cookie) = cookie {
        found.insert_header((SET_COOKIE, cookie));
    }
    found.finish()
}

/// An address with more parameters in its query, before its fragment.
pub(crate) fn extended(url: &str, pairs: &[(&str, &str)]) -> String {
    let (bare, fragment) = match url.split_once('#') {
        Some((bare, fragment)) => (bare, format!("#{fragment}")),
        None => (url, String::new()),
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    let query = query.extend_pairs(pairs).finish();
    let joint = if bare.contains('?') { '&' } else { '?' };
    format!("{bare}{joint}{query}{fragment}")
}

/// The host of an address, without its port.
fn host(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    authority.split(':').next().filter(|host| !host.is_empty())
}

/// `/connect/oauth2/authorize`: recognises the visitor and sends them back with a code.
pub(crate) async fn authorize(request: HttpRequest, world: web::Data<World>) -> HttpResponse {
    let query = request.query_string();
    let names: Vec<&str> =
        query.split('&').map(|pair| pair.split('=').next().unwrap_or_default()).collect();
    if names != ORDER && names != ORDER[..4] {
        return dead(10_000, "参数顺序不对，链接无法访问");
    }
    let param = |name: &str| query_value(query, name).unwrap_or_default();
    let Some(app) = world.wechat_app(&param("appid")) else {
        return dead(10_012, "appid参数错误");
    };
    if app.kind != WechatKind::ServiceAccount || param("response_type") != "code" {
        return dead(10_005, "该公众号没有这些scope的权限");
    }
    let back = param("redirect_uri");
    let here = host(&back);
    let allowed = app.page_host.as_deref().is_none_or(|allowed| here == Some(allowed));
    if here.is_none() || !allowed {
        return dead(10_003, "redirect_uri域名与后台配置不一致");
    }
    let state = param("state");
    if state.len() > STATE_MAX || !state.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return dead(10_013, "state参数错误");
    }
    let purpose = match param("scope").as_str() {
        "snsapi_base" => Purpose::Base,
        "snsapi_userinfo" => Purpose::UserInfo,
        _ => return dead(10_010, "scope参数错误"),
    };
    let (person, cookie) = holder(&world, &request);
    let now_ms = world.now_ms();
    let code = {
        let mut state = world.state();
        let state = &mut *state;
        state.codes.make(&mut state.chance, &app.app_id, &person, purpose, now_ms)
    };
    let to = extended(&back, &[("code", &code), ("state", &state)]);
    if purpose == Purpose::Base {
        return sent_on(to, cookie);
    }
    let refused = extended(&back, &[("state", &state)]);
    let mut page = HttpResponse::Ok();
    if let Some(cookie) = cookie {
        page.insert_header((SET_COOKIE, cookie));
    }
    page.content_type("text/html; charset=utf-8").body(format!(
        "<!doctype html><meta charset=\"utf-8\"><title>微信登录</title><p>{} 申请获得你的昵称、头像</p>\
         <p><a id=\"allow\" href=\"{}\">允许</a> <a id=\"refuse\" href=\"{}\">拒绝</a></p>",
        safe(&app.name),
        safe(&to),
        safe(&refused)
    ))
}

/// `generate_urllink`.
pub(crate) fn link(world: &World, app: &WechatApp, ask: &Ask) -> Outcome {
    if app.kind != WechatKind::MiniProgram {
        return Err(Refusal::new(40002, "invalid grant"));
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&'()*+,/:;=?@-._~%".contains(&byte);
    if ask.text("/path").contains('?') {
        return Err(Refusal::new(40165, "invalid weapp pagepath"));
    }
    let query = ask.text("/query");
    if query.len() > 1_024 || !query.bytes().all(legal) {
        return Err(Refusal::new(40212, "invalid query"));
    }
    let days = ask.number("/expire_interval").unwrap_or_default();
    if ask.number("/expire_type") != Some(1) || !(1..=LINK_DAYS_MAX).contains(&days) {
        return Err(Refusal::new(85401, "invalid expire time"));
    }
    let ticket = world.state().chance.letters(11);
    Ok(json!({"errcode": 0, "errmsg": "ok", "url_link": format!("https://wxaurl.cn/{ticket}")}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_goes_into_the_query_before_the_fragment() {
        for (url, want) in [
            ("http://a.example/back", "http://a.example/back?code=1"),
            ("http://a.example/back?x=2", "http://a.example/back?x=2&code=1"),
            ("http://a.example/#/pages/x", "http://a.example/?code=1#/pages/x"),
        ] {
            assert_eq!(extended(url, &[("code", "1")]), want);
        }
        assert_eq!(host("http://127.0.0.1:80/a"), Some("127.0.0.1"));
        assert_eq!(host("javascript:alert(1)"), None);
    }
}
