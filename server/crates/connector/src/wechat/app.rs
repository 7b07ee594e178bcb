//! Whose account it is, and the two shapes of request it makes.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::{
    http::{Method, RESPONSE_MAX, Request},
    secret::Secret,
};

/// One mini-program or service account. Cheap enough to clone; prints no secret.
#[derive(Clone, Debug)]
pub struct App {
    /// The account (`appid`, `wx…`).
    pub app_id: String,
    /// Its AppSecret.
    pub secret: Secret,
    /// Scheme and host without a slash at the end: `https://api.weixin.qq.com`, or a simulator.
    pub base_url: String,
    /// Where a page sends its visitor to be recognised (service accounts only):
    /// `https://open.weixin.qq.com/connect/oauth2/authorize`.
    pub authorize_url: String,
}

/// Why no request could be made: what we were asked or configured with is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OurFault {
    /// The base address is no absolute http or https address.
    #[error("the base address is not an absolute http(s) address without a query")]
    BaseUrl,
    /// A configured secret or token is not text.
    #[error("the secret is not text")]
    Secret,
    /// A text is empty where it must not be, or longer than WeChat takes.
    #[error("{field} must have 1 to {max} characters")]
    Text {
        /// Which one, in WeChat's spelling.
        field: &'static str,
        /// The most characters allowed.
        max: usize,
    },
    /// `state` has signs WeChat answers with an error page.
    #[error("state must be 1 to 128 letters and digits")]
    State,
    /// The address of a page is not one of ours, so it is not signed.
    #[error("the page does not belong to us")]
    ForeignPage,
    /// A value does not fit its keyword and cannot be cut to fit; WeChat would answer 47003.
    #[error("the value of {keyword} does not fit")]
    Value {
        /// The keyword, `thing1`.
        keyword: String,
    },
    /// An amount below one fen.
    #[error("{field} is out of range")]
    Amount {
        /// Which one, in WeChat's spelling.
        field: &'static str,
    },
    /// The body could not be written as JSON.
    #[error("the body cannot be written as JSON")]
    Body,
}

/// What WeChat's servers are told about the caller.
const USER_AGENT: &str = concat!("yufu/", env!("CARGO_PKG_VERSION"));

/// The longest code a front end hands us, in characters; real ones have 32 to 64.
pub(super) const CODE_MAX: usize = 512;

/// The longest openid we believe, in characters; real ones have 28.
pub(super) const OPENID_MAX: usize = 128;

/// Everything but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A text as one value of a query.
pub(super) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// A secret as the text that goes into an address or a body.
pub(super) fn plain(secret: &Secret) -> Result<&str, OurFault> {
    std::str::from_utf8(secret.expose()).map_err(|_| OurFault::Secret)
}

/// Checks a text's length in characters.
pub(super) fn check_text(field: &'static str, value: &str, max: usize) -> Result<(), OurFault> {
    let length = value.chars().count();
    if (1..=max).contains(&length) { Ok(()) } else { Err(OurFault::Text { field, max }) }
}

/// A GET with these parameters in this order.
pub(super) fn get(app: &App, path: &str, query: &[(&str, &str)]) -> Result<Request, OurFault> {
    build(app, Method::Get, path, query, Vec::new())
}

/// A POST of a JSON body with the account's access token in the query.
pub(super) fn post(
    app: &App,
    path: &str,
    token: Option<&Secret>,
    body: &impl Serialize,
) -> Result<Request, OurFault> {
    let body = serde_json::to_vec(body).map_err(|_| OurFault::Body)?;
    let token = token.map(plain).transpose()?;
    let query = token.map(|token| ("access_token", token));
    build(app, Method::Post, path, query.as_slice(), body)
}

fn build(
    app: &App,
    method: Method,
    path: &str,
    query: &[(&str, &str)],
    body: Vec<u8>,
) -> Result<Request, OurFault> {
    if !is_origin(&app.base_url) {
        return Err(OurFault::BaseUrl);
    }
    let pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let joint = if pairs.is_empty() { "" } else { "?" };
    let url = format!("{}{path}{joint}{}", app.base_url, pairs.join("&"));
    let mut headers = vec![
        ("accept".to_owned(), "application/json".to_owned()),
        ("user-agent".to_owned(), USER_AGENT.to_owned()),
    ];
    if method == Method::Post {
        headers.push(("content-type".to_owned(), "application/json; charset=utf-8".to_owned()));
    }
    Ok(Request { method, url, headers, body, response_max: RESPONSE_MAX })
}

/// True for an absolute http(s) address without query, fragment or blank.
pub(super) fn is_origin(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#', '@', ' '])
    })
}
