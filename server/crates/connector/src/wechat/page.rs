//! Who the visitor of a page inside WeChat is (网页授权, C7).

use serde::Deserialize;
use zeroize::Zeroize;

use super::{
    answer::{self, Undone},
    app::{App, CODE_MAX, OurFault, check_text, escaped, get, is_origin, plain},
    code::Call,
    session::{Person, person},
};
use crate::{
    http::{Request, Response},
    outcome::Outcome,
};

/// What is asked of the visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nothing: the openid comes silently. Enough to pay.
    Base,
    /// A consent page; on the entry of a page it opens a snapshot with a virtual account.
    UserInfo,
}

/// The longest `state`, in bytes.
pub const STATE_MAX: usize = 128;

/// The link a page inside WeChat redirects to.
///
/// The order of the parameters is mandatory: WeChat matches the link with a regular expression,
/// and any other order gives a dead page.
///
/// # Errors
/// [`OurFault::State`] where `state` is not 1 to 128 letters and digits, [`OurFault::BaseUrl`]
/// where an address is none.
pub fn authorize_link(
    app: &App,
    scope: Scope,
    redirect_uri: &str,
    state: &str,
) -> Result<String, OurFault> {
    let is_plain = state.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_plain || !(1..=STATE_MAX).contains(&state.len()) {
        return Err(OurFault::State);
    }
    let is_web = redirect_uri.starts_with("https://") || redirect_uri.starts_with("http://");
    if !is_web || !is_origin(&app.authorize_url) {
        return Err(OurFault::BaseUrl);
    }
    let scope = match scope {
        Scope::Base => "snsapi_base",
        Scope::UserInfo => "snsapi_userinfo",
    };
    Ok(format!(
        "{}?appid={}&redirect_uri={}&response_type=code&scope={scope}&state={state}\
         #wechat_redirect",
        app.authorize_url,
        escaped(&app.app_id),
        escaped(redirect_uri),
    ))
}

/// Asks who stands behind the code a visitor came back with. It works once and for five minutes,
/// and the page may be loaded twice: exchange once and remember the result.
///
/// # Errors
/// What is wrong with the code or our configuration; nothing was sent then.
pub fn exchange(app: &App, code: &str) -> Result<Request, OurFault> {
    check_text("code", code, CODE_MAX)?;
    let query = [
        ("appid", app.app_id.as_str()),
        ("secret", plain(&app.secret)?),
        ("code", code),
        ("grant_type", "authorization_code"),
    ];
    get(app, "/sns/oauth2/access_token", &query)
}

/// Who came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// A person.
    Person(Person),
    /// A virtual account of a snapshot page (快照页): never bind or charge it, ask for the full
    /// service (使用完整服务).
    Snapshot,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    openid: String,
    #[serde(default)]
    unionid: Option<String>,
    #[serde(default)]
    is_snapshotuser: i64,
}

/// Reads the answer to [`exchange`] and wipes it: both tokens in it are the visitor's, and the
/// openid is all we need.
pub fn read_exchange(mut response: Response) -> Outcome<Visitor> {
    let read = || -> Result<Visitor, Undone> {
        let fields: Fields = answer::fields(Call::Exchange, &response)?;
        // Anything but an absent or zero mark is a snapshot: in doubt nobody is charged.
        if fields.is_snapshotuser != 0 {
            return Ok(Visitor::Snapshot);
        }
        person(fields.openid, fields.unionid).map(Visitor::Person)
    };
    let outcome = answer::settle(read());
    response.body.zeroize();
    outcome
}
