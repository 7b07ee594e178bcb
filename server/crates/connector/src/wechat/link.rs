//! A link that opens the mini-program from a text message (URL Link, C9).

use serde::{Deserialize, Serialize};

use super::{
    answer::{self, Undone},
    app::{App, OurFault, check_text, post},
    code::Call,
};
use crate::{
    http::{Request, Response},
    outcome::Outcome,
    secret::Secret,
};

/// The longest life of a link, in days.
pub const LINK_DAYS_MAX: u32 = 30;

/// The longest query, in bytes.
const QUERY_MAX: usize = 1_024;

/// The longest link we believe, in bytes.
const LINK_MAX: usize = 512;

#[derive(Serialize)]
struct Body<'a> {
    path: &'a str,
    query: &'a str,
    expire_type: u8,
    expire_interval: u32,
    env_version: &'static str,
}

/// Asks for a link to a page. It carries a random token that can be revoked, never the number of
/// an account; WeChat counts every link, so one is made per message and not per view.
///
/// # Errors
/// What is wrong with page, query or life; nothing was sent then.
pub fn url_link(
    app: &App,
    token: &Secret,
    page: &str,
    query: &str,
    days: u32,
) -> Result<Request, OurFault> {
    check_text("path", page, QUERY_MAX)?;
    let is_legal =
        |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&'()*+,/:;=?@-._~%".contains(&byte);
    if page.contains('?') || query.len() > QUERY_MAX || !query.bytes().all(is_legal) {
        return Err(OurFault::Text { field: "query", max: QUERY_MAX });
    }
    let body = Body {
        path: page.trim_start_matches('/'),
        query,
        expire_type: 1,
        expire_interval: days.clamp(1, LINK_DAYS_MAX),
        env_version: "release",
    };
    post(app, "/wxa/generate_urllink", Some(token), &body)
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    url_link: String,
}

/// Reads the answer to [`url_link`]: an https address.
pub fn read_url_link(response: &Response) -> Outcome<String> {
    let read = || -> Result<String, Undone> {
        let link = answer::fields::<Fields>(Call::Link, response)?.url_link;
        if !link.starts_with("https://") || link.len() > LINK_MAX {
            return Err(answer::unreadable());
        }
        Ok(link)
    };
    answer::settle(read())
}
