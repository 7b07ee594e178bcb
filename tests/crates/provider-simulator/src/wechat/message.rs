//! Messages to people: subscriptions by their quota, templates for followers
//! (payments.md C4, C5).

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{Outcome, Refusal, fine};
use super::call::Ask;
use super::value;
use crate::config::{WechatApp, WechatKind};
use crate::world::World;

/// How many messages are remembered; the oldest goes first.
pub const MESSAGES_MAX: usize = 10_000;

/// How long the same `client_msg_id` to the same person is the same message, in milliseconds.
const SAME_MS: i64 = 600_000;

/// A message as the person sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `subscription`, `template`, `order-notice` or `alipay`.
    pub channel: &'static str,
    /// The application that sent it.
    pub app_id: String,
    /// To whom.
    pub openid: String,
    /// The template; of a notice by order number its `notify_type`.
    pub template: String,
    /// The page it opens.
    pub page: String,
    /// The values by keyword; of a notice by order number its content.
    pub data: Value,
    /// The caller's number against repetition.
    pub client_msg_id: String,
    /// The provider's number.
    pub msgid: u64,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// The messages sent, and the rights to send them.
#[derive(Default)]
pub(crate) struct Post {
    sent: Vec<Message>,
    issued: u64,
    /// How many messages a person has agreed to, by openid and template.
    quota: BTreeMap<(String, String), u32>,
}

impl Post {
    /// Messages to this person, oldest first; to everybody when empty.
    pub(crate) fn to(&self, openid: &str) -> Vec<Message> {
        let meant = |one: &&Message| openid.is_empty() || one.openid == openid;
        self.sent.iter().filter(meant).cloned().collect()
    }

    /// Sends a message; answers its number.
    pub(crate) fn send(&mut self, mut message: Message) -> u64 {
        if self.sent.len() >= MESSAGES_MAX {
            self.sent.remove(0);
        }
        self.issued += 1;
        message.msgid = 1_000_000_000 + self.issued;
        let msgid = message.msgid;
        self.sent.push(message);
        msgid
    }

    /// The person agrees to more messages; answers how many there are.
    pub(crate) fn subscribe(&mut self, openid: &str, template: &str, times: u32) -> u32 {
        let left = self.quota.entry((openid.to_owned(), template.to_owned())).or_default();
        *left = left.saturating_add(times);
        *left
    }

    /// Uses one agreement up; false when there is none.
    pub(crate) fn use_up(&mut self, openid: &str, template: &str) -> bool {
        match self.quota.get_mut(&(openid.to_owned(), template.to_owned())) {
            Some(left @ 1..) => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

/// The addressee must be somebody this application was told of.
pub(super) fn addressee(world: &World, app: &WechatApp, openid: &str) -> Result<bool, Refusal> {
    let state = world.state();
    let known = state.people.behind(openid).filter(|(app_id, _)| *app_id == app.app_id);
    known.map(|(_, person)| person.follows).ok_or_else(|| Refusal::new(40003, "invalid openid"))
}

/// The values of a message, each checked by the kind of its keyword, all there that the template
/// has.
fn data(app: &WechatApp, template: &str, ask: &Ask) -> Result<Value, Refusal> {
    let known = app.templates.iter().find(|one| one.id == template);
    if template.is_empty() || (known.is_none() && !app.templates.is_empty()) {
        return Err(Refusal::new(40037, "invalid template_id"));
    }
    let invalid = |keyword: &str| {
        Refusal::new(47003, &format!("argument invalid! data.{keyword}.value invalid"))
    };
    let given = ask.json["data"].as_object().ok_or_else(|| invalid("any"))?;
    let mut values = serde_json::Map::new();
    for (keyword, entry) in given {
        let text = entry["value"].as_str().unwrap_or_default();
        if !value::fits(keyword, text) {
            return Err(invalid(keyword));
        }
        values.insert(keyword.clone(), text.into());
    }
    if let Some(template) = known {
        let missing = template.keywords.iter().find(|keyword| !values.contains_key(*keyword));
        let extra = values.keys().find(|keyword| !template.keywords.contains(keyword));
        if let Some(keyword) = missing.or(extra) {
            return Err(invalid(keyword));
        }
    }
    Ok(Value::Object(values))
}

/// `subscribe/send`.
pub(crate) fn subscribed(world: &World, app: &WechatApp, ask: &Ask) -> Outcome {
    if app.kind != WechatKind::MiniProgram {
        return Err(Refusal::new(48001, "api unauthorized"));
    }
    let (openid, template) = (ask.text("/touser"), ask.text("/template_id"));
    addressee(world, app, openid)?;
    let data = data(app, template, ask)?;
    let page = ask.text("/page");
    if page.starts_with('/') || page.contains("://") {
        return Err(Refusal::new(41030, "invalid page"));
    }
    let state_of = ask.text("/miniprogram_state");
    if !["", "formal", "trial", "developer"].contains(&state_of) {
        return Err(Refusal::new(47001, "data format error"));
    }
    let now_ms = world.now_ms();
    let mut state = world.state();
    if !state.post.use_up(openid, template) {
        return Err(Refusal::new(43101, "user refuse to accept the msg"));
    }
    state.post.send(Message {
        channel: "subscription",
        app_id: app.app_id.clone(),
        openid: openid.to_owned(),
        template: template.to_owned(),
        page: page.to_owned(),
        data,
        client_msg_id: String::new(),
        msgid: 0,
        at_ms: now_ms,
    });
    fine()
}

/// `template/send`.
pub(crate) fn template(world: &World, app: &WechatApp, ask: &Ask) -> Outcome {
    if app.kind != WechatKind::ServiceAccount {
        return Err(Refusal::new(48001, "api unauthorized"));
    }
    let (openid, template) = (ask.text("/touser"), ask.text("/template_id"));
    if !addressee(world, app, openid)? {
        return Err(Refusal::new(43004, "require subscribe"));
    }
    let data = data(app, template, ask)?;
    let client_msg_id = ask.text("/client_msg_id");
    let page = match ask.text("/miniprogram/pagepath") {
        "" => ask.text("/url"),
        path => path,
    };
    let now_ms = world.now_ms();
    let mut state = world.state();
    let same = |one: &&Message| {
        one.openid == openid
            && one.client_msg_id == client_msg_id
            && !client_msg_id.is_empty()
            && now_ms - one.at_ms < SAME_MS
    };
    let before = state.post.sent.iter().find(same).map(|one| one.msgid);
    let msgid = before.unwrap_or_else(|| {
        state.post.send(Message {
            channel: "template",
            app_id: app.app_id.clone(),
            openid: openid.to_owned(),
            template: template.to_owned(),
            page: page.to_owned(),
            data,
            client_msg_id: client_msg_id.to_owned(),
            msgid: 0,
            at_ms: now_ms,
        })
    });
    Ok(json!({"errcode": 0, "errmsg": "ok", "msgid": msgid}))
}
