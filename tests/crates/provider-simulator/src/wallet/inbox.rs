//! What somebody's phone received: texts and messages, newest first, so that a person at a demo can
//! read the code that was sent to them.

use serde_json::Value;

use super::page::shell;
use super::part::{Language, moment, safe};
use crate::sms::SentText;
use crate::wechat::Message;
use crate::world::World;

/// How many of each kind the page shows.
const SHOWN_MAX: usize = 30;

/// Whether anything was ever received.
pub(crate) fn is_used(world: &World) -> bool {
    let state = world.state();
    !state.texts.to("").is_empty() || !state.post.to("").is_empty()
}

/// The page.
pub(crate) fn inbox(world: &World, language: Language) -> String {
    let (texts, messages) = {
        let state = world.state();
        (state.texts.to(""), state.post.to(""))
    };
    let mut cards: Vec<(i64, String)> =
        texts.iter().rev().take(SHOWN_MAX).map(|one| (one.at_ms, text(one, language))).collect();
    let messages = messages.iter().rev().take(SHOWN_MAX);
    cards.extend(messages.map(|one| (one.at_ms, message(one, language))));
    cards.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    let mut main: String = cards.into_iter().map(|(_, card)| card).collect();
    if main.is_empty() {
        main = format!(
            "<section class=\"card empty\"><p>{}</p></section>",
            language.say("还没有收到短信和消息", "No texts or messages yet"),
        );
    }
    shell(language, language.say("短信和消息", "Texts and messages"), "/wallet/inbox", &main)
}

fn text(one: &SentText, language: Language) -> String {
    let head = format!("{} {}", language.say("短信", "Text to"), one.phone);
    let under = format!("【{}】 {}", one.sign_name, one.template);
    card(&head, one.at_ms, &under, &one.params)
}

fn message(one: &Message, language: Language) -> String {
    let head = match one.channel {
        "alipay" => language.say("支付宝消息", "Alipay message"),
        "template" => language.say("服务号消息", "Service account message"),
        _ => language.say("微信服务通知", "WeChat notice"),
    };
    card(head, one.at_ms, &one.template, &one.data)
}

fn card(head: &str, at_ms: i64, under: &str, values: &Value) -> String {
    let row =
        |name: &str, value: &str| format!("<dt>{}</dt><dd><b>{}</b></dd>", safe(name), safe(value));
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let rows: String = match values {
        Value::Object(fields) => fields.iter().map(|(name, v)| row(name, &plain(v))).collect(),
        Value::Array(list) => {
            list.iter().enumerate().map(|(at, v)| row(&(at + 1).to_string(), &plain(v))).collect()
        }
        other => row("", &plain(other)),
    };
    format!(
        "<section class=\"card\"><dl class=\"facts\"><dt>{}</dt><dd class=\"num\">{}</dd>\
         <dt>{}</dt><dd></dd>{rows}</dl></section>",
        safe(head),
        moment(at_ms),
        safe(under),
    )
}
