//! Who the visitor of a page or mini-program inside Alipay is (`payments.md` C10).

use serde::Deserialize;

use super::{
    Buyer, Merchant, OurFault,
    answer::Answers,
    class::{Class, Table},
    request::{escaped, plain_request},
    wire,
};
use crate::{
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome, Rejection},
    secret::Secret,
};

/// The longest code a visitor may come back with, in bytes; real ones have 32.
const CODE_MAX: usize = 512;

/// The longest state we send; Alipay's own limit is not documented.
const STATE_MAX: usize = 100;

const METHOD: &str = "alipay.system.oauth.token";

/// The link a page inside Alipay redirects to. It asks for nothing but the name (`auth_base`,
/// silent). `authorize_url` is `https://openauth.alipay.com/oauth2/publicAppAuthorize.htm` or a
/// simulator's.
///
/// # Errors
/// [`OurFault::BadReturn`] where `state` is not 1 to 100 letters and digits, or the address of
/// return no http(s) address.
pub fn authorize_link(
    merchant: &Merchant,
    authorize_url: &str,
    redirect_uri: &str,
    state: &str,
) -> Result<String, OurFault> {
    let is_plain = state.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_web = redirect_uri.starts_with("https://") || redirect_uri.starts_with("http://");
    if !is_plain || !(1..=STATE_MAX).contains(&state.len()) || !is_web {
        return Err(OurFault::BadReturn);
    }
    Ok(format!(
        "{authorize_url}?app_id={}&scope=auth_base&redirect_uri={}&state={state}",
        escaped(&merchant.app_id),
        escaped(redirect_uri),
    ))
}

/// Asks who stands behind an `auth_code`, from a page or a mini-program. It works once and for
/// three minutes at the least: exchange it at once.
///
/// # Errors
/// What is wrong with the code or our keys; nothing was sent then.
pub fn sign_in(merchant: &Merchant, auth_code: &str, stamp: &Stamp) -> Result<Request, OurFault> {
    let is_sound = auth_code.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_sound || !(1..=CODE_MAX).contains(&auth_code.len()) {
        return Err(OurFault::BadCode);
    }
    let fields = [("grant_type", "authorization_code"), ("code", auth_code)];
    plain_request(merchant, METHOD, &fields, stamp)
}

/// Somebody as Alipay knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The name to remember and to charge: `open_id` where there is one, else `user_id`. Never
    /// to be mixed in one column: an `open_id` means something within its application only.
    pub name: Buyer,
    /// The name across the applications of one owner, where there is one.
    pub union_id: Option<String>,
}

const REFUSALS: &Table = &[
    // Used, expired, or of another application: the visitor starts again.
    ("code-invalid", Class::Declined),
];

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    access_token: Option<Secret>,
    #[serde(default, deserialize_with = "wire::text")]
    open_id: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    user_id: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    union_id: Option<String>,
}

/// Reads the answer to [`sign_in`]. Success has no `code`: it is an access token and a name.
///
/// An application made since 2023 gets no `user_id` (it may arrive as `null`, or as nothing), an
/// old one no `open_id`; an answer that names nobody is unreadable.
pub fn read_sign_in(merchant: &Merchant, response: &Response) -> Outcome<Visitor> {
    let done = |fields: Fields| {
        let has_token = fields.access_token.is_some_and(|token| !token.expose().is_empty());
        let name = fields.open_id.map(Buyer::OpenId).or(fields.user_id.map(Buyer::UserId));
        match name {
            Some(name) if has_token => Outcome::Done(Visitor { name, union_id: fields.union_id }),
            _ => Outcome::Unknown(Doubt::Unreadable),
        }
    };
    let absent = || Outcome::Unknown(Doubt::Unreadable);
    Answers { method: METHOD, table: REFUSALS, bare: true }.read(merchant, response, done, absent)
}

/// True if the visitor's code is used, expired or of another application, whether that was signed
/// or not: starting the sign-in again, once, costs nothing.
pub fn wants_new_code(why: &Rejection) -> bool {
    why.code.ends_with("code-invalid")
}
