//! Who the user of a mini-program is (C1).

use serde::Deserialize;
use zeroize::Zeroize;

use super::{
    answer::{self, Undone},
    app::{App, CODE_MAX, OPENID_MAX, OurFault, check_text, get, plain},
    code::Call,
};
use crate::{
    http::{Request, Response},
    outcome::Outcome,
    secret::Secret,
};

/// Somebody as WeChat knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The person within this account; another account knows them by another openid.
    pub openid: String,
    /// The person within all accounts of one Open Platform account, where there is one.
    pub unionid: Option<String>,
}

/// Asks who stands behind a code of `wx.login`. The code works once and for five minutes.
///
/// # Errors
/// What is wrong with the code or our configuration; nothing was sent then.
pub fn session(app: &App, js_code: &str) -> Result<Request, OurFault> {
    check_text("js_code", js_code, CODE_MAX)?;
    let query = [
        ("appid", app.app_id.as_str()),
        ("secret", plain(&app.secret)?),
        ("js_code", js_code),
        ("grant_type", "authorization_code"),
    ];
    get(app, "/sns/jscode2session", &query)
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    openid: String,
    #[serde(default)]
    unionid: Option<String>,
    #[serde(default)]
    session_key: Option<Secret>,
}

/// Reads the answer to [`session`] and wipes it: the `session_key` in it opens the user's data to
/// whoever has it, and we need none of that.
pub fn read_session(mut response: Response) -> Outcome<Person> {
    let read = || -> Result<Person, Undone> {
        let fields: Fields = answer::fields(Call::Session, &response)?;
        // An answer without the key is none of WeChat's; its type wipes it.
        let has_key = fields.session_key.is_some_and(|key| !key.expose().is_empty());
        if !has_key {
            return Err(answer::unreadable());
        }
        person(fields.openid, fields.unionid)
    };
    let outcome = answer::settle(read());
    response.body.zeroize();
    outcome
}

/// A person, if WeChat named one: an empty or absurd openid names nobody.
pub(super) fn person(openid: String, unionid: Option<String>) -> Result<Person, Undone> {
    if !is_name(&openid) {
        return Err(answer::unreadable());
    }
    Ok(Person { openid, unionid: unionid.filter(|name| is_name(name)) })
}

fn is_name(text: &str) -> bool {
    (1..=OPENID_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
