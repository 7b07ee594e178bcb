//! Telling somebody something: a subscription message (C4) or a template message of a service
//! account (C5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    answer::{self, Undone},
    app::{App, OPENID_MAX, OurFault, check_text, post},
    code::Call,
    value::{Keywords, fit},
};
use crate::{
    http::{Request, Response},
    outcome::Outcome,
    secret::Secret,
};

/// The longest number of a template, in characters; real ones have 43.
const TEMPLATE_MAX: usize = 64;

/// The longest page with its query, in characters.
const PAGE_MAX: usize = 1_024;

/// The longest number of ours for a template message, in characters.
const CLIENT_MSG_ID_MAX: usize = 32;

/// The language the mini-program opens in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Simplified Chinese.
    Chinese,
    /// English.
    English,
}

/// One subscription message. The reader has agreed to exactly one per tap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Who reads it.
    pub openid: String,
    /// The template.
    pub template: String,
    /// The page it opens, without a slash in front: `pages/order/order?id=…`.
    pub page: String,
    /// The language the page opens in.
    pub language: Language,
    /// The values by keyword; each is made to fit ([`fit`]).
    pub values: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Entry {
    value: String,
}

type Values = BTreeMap<String, Entry>;

fn values(given: &BTreeMap<String, String>, keywords: Keywords) -> Result<Values, OurFault> {
    let entry = |(keyword, value): (&String, &String)| {
        Ok((keyword.clone(), Entry { value: fit(keyword, value, keywords)? }))
    };
    given.iter().map(entry).collect()
}

#[derive(Serialize)]
struct SubscribedBody<'a> {
    touser: &'a str,
    template_id: &'a str,
    page: &'a str,
    miniprogram_state: &'static str,
    lang: &'static str,
    data: Values,
}

/// Sends a subscription message.
///
/// # Errors
/// What is wrong with the message; nothing was sent then.
pub fn send_subscribed(
    app: &App,
    token: &Secret,
    message: &Subscribed,
) -> Result<Request, OurFault> {
    check_text("touser", &message.openid, OPENID_MAX)?;
    check_text("template_id", &message.template, TEMPLATE_MAX)?;
    check_text("page", &message.page, PAGE_MAX)?;
    let body = SubscribedBody {
        touser: &message.openid,
        template_id: &message.template,
        page: message.page.trim_start_matches('/'),
        miniprogram_state: "formal",
        lang: match message.language {
            Language::Chinese => "zh_CN",
            Language::English => "en_US",
        },
        data: values(&message.values, Keywords::Listed)?,
    };
    post(app, "/cgi-bin/message/subscribe/send", Some(token), &body)
}

#[derive(Deserialize)]
struct Nothing {}

/// Reads the answer to [`send_subscribed`]. `Declined` with 43101 means that the agreement is
/// used up or was withdrawn: count it as zero, do not send again.
pub fn read_subscribed(response: &Response) -> Outcome<()> {
    answer::settle(answer::fields::<Nothing>(Call::Subscribed, response).map(drop))
}

/// One template message of a service account, for a follower.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Who reads it.
    pub openid: String,
    /// The template.
    pub template: String,
    /// The page it opens.
    pub url: String,
    /// Our number for the message: within ten minutes WeChat sends the same one once, so the
    /// same number may be sent again after a doubt.
    pub client_msg_id: String,
    /// The values by keyword; each is made to fit ([`fit`]).
    pub values: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct TemplateBody<'a> {
    touser: &'a str,
    template_id: &'a str,
    url: &'a str,
    client_msg_id: &'a str,
    data: Values,
}

/// Sends a template message.
///
/// # Errors
/// What is wrong with the message; nothing was sent then.
pub fn send_template(app: &App, token: &Secret, message: &Template) -> Result<Request, OurFault> {
    check_text("touser", &message.openid, OPENID_MAX)?;
    check_text("template_id", &message.template, TEMPLATE_MAX)?;
    check_text("url", &message.url, PAGE_MAX)?;
    check_text("client_msg_id", &message.client_msg_id, CLIENT_MSG_ID_MAX)?;
    let body = TemplateBody {
        touser: &message.openid,
        template_id: &message.template,
        url: &message.url,
        client_msg_id: &message.client_msg_id,
        data: values(&message.values, Keywords::Any)?,
    };
    post(app, "/cgi-bin/message/template/send", Some(token), &body)
}

#[derive(Deserialize)]
struct Sent {
    msgid: u64,
}

/// Reads the answer to [`send_template`]: WeChat's number of the message. Whether it arrived
/// comes later, by push.
pub fn read_template(response: &Response) -> Outcome<u64> {
    let read =
        || -> Result<u64, Undone> { Ok(answer::fields::<Sent>(Call::Template, response)?.msgid) };
    answer::settle(read())
}
