//! Notices (T8): what a person was told, in which channels they want to be told, and how many
//! subscription messages WeChat lets us send them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{Language, NOTICE_CHOICES, NoticeChannel, NoticeId, NoticeKind, QuietHours};
use serde::{Deserialize, Serialize};
use store::{
    StoreError,
    notice::{
        self, Notice,
        choice::{self, Choices},
        delivery::{self, Delivery},
        quota::{self, Subscription},
    },
    person,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use vending::notice::{Params, words};

use crate::{
    answer::Answer,
    call::Call,
    failure::{Failure, Result},
    page,
    route::{Need, Route},
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/notices", "notice.list", |call| Box::pin(list(call)))
        .says("我的通知", "What the caller was told, the newest first")
        .query::<Behind>()
        .answers::<Notices>(200),
    Route::post("/notices/{notice}/read", "notice.read", |call| Box::pin(read(call)))
        .says("已读一条", "Marks a notice as read"),
    Route::post("/notices/read-all", "notice.read_all", |call| Box::pin(read_all(call)))
        .says("全部已读", "Marks all notices as read"),
    Route::get("/me/notices", "notice.choices", |call| Box::pin(choices(call)))
        .says("通知方式与免打扰", "In which channels the caller is told what, and quiet hours")
        .answers::<ChoicesView>(200),
    Route::put("/me/notices", "notice.choose", |call| Box::pin(choose(call)))
        .says("修改通知方式", "Sets them; the pages always show every notice")
        .body::<ChoicesView>()
        .answers::<ChoicesView>(200),
    Route::get("/subscriptions", "subscription.list", |call| Box::pin(subscriptions(call)))
        .says("微信订阅消息余量", "Subscription templates, and how many messages are agreed to")
        .answers::<Subscriptions>(200),
    Route::post("/subscriptions", "subscription.add", |call| Box::pin(subscribe(call)))
        .says("记录订阅结果", "Notes what the caller said to WeChat's question")
        .body::<SubscriptionAnswers>(),
    Route::post("/orders/{order}/consents", "order.consents", |call| Box::pin(consent(call)))
        .needs(Need::Order)
        .says("记录支付后的订阅结果", "The same, asked beside a payment")
        .body::<Consents>(),
];

/// The most templates one question may be about (C9).
const TEMPLATES_MAX: usize = 5;
/// Minutes from the start of the local day at which people are left in peace who say nothing.
const USUAL_QUIET: (u16, u16) = (22 * 60, 8 * 60);

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
pub struct Behind {
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most 100; 20 when not said.
    #[param(minimum = 1, maximum = 100, example = 20)]
    pub limit: Option<u64>,
}

/// A text in both languages.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoticeText {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// What became of a notice in one channel.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoticeChannelView {
    /// `wechat`, `service-account`, `sms` or `in-app`.
    #[schema(example = "sms")]
    pub channel: String,
    /// `waiting`, `sent`, `delivered`, `failed` or `skipped`.
    #[schema(example = "sent")]
    pub state: String,
    /// Why it failed or was skipped: a stable code.
    #[schema(example = "notice.no_quota")]
    pub why: Option<String>,
}

/// A notice.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoticeView {
    /// The notice.
    pub id: Uuid,
    /// When it was told.
    pub at: DateTime<Utc>,
    /// What it is about.
    #[schema(example = "credited")]
    pub kind: String,
    /// The home it is about.
    pub home: Option<Uuid>,
    /// The order it is about.
    pub order_id: Option<Uuid>,
    /// The event.
    pub title: NoticeText,
    /// Amount, balance, room and time.
    pub body: NoticeText,
    /// True once it was read.
    pub read: bool,
    /// What became of it in each channel.
    pub deliveries: Vec<NoticeChannelView>,
}

/// Notices, the newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Notices {
    /// The notices of this page.
    pub items: Vec<NoticeView>,
    /// What to ask for the next page with; `null` on the last.
    pub next: Option<String>,
}

/// A delivery as it is shown.
fn shown(row: &Delivery) -> NoticeChannelView {
    NoticeChannelView {
        channel: row.channel.clone(),
        state: row.state.clone(),
        why: row.why.clone(),
    }
}

fn view(row: &Notice, deliveries: &[Delivery]) -> Result<NoticeView> {
    let kind: NoticeKind = row.kind.parse().map_err(|error| Failure::internal(&error))?;
    let params: Params =
        serde_json::from_str(&row.params).map_err(|error| Failure::internal(&error))?;
    let zh = words(kind, &params, Language::ZhCn);
    let en = words(kind, &params, Language::En);
    let own = deliveries.iter().filter(|one| one.notice_id == row.id);
    Ok(NoticeView {
        id: row.id,
        at: row.created_at,
        kind: row.kind.clone(),
        home: row.account_id,
        order_id: row.order_id,
        title: NoticeText { zh: zh.title, en: en.title },
        body: NoticeText { zh: zh.body, en: en.body },
        read: row.read_at.is_some(),
        deliveries: own.map(shown).collect(),
    })
}

async fn list(call: Call) -> Result<Answer> {
    let (asked, person) = (call.query::<Behind>()?, call.caller()?.person);
    let limit = page::bounds(asked.limit)?;
    let after = asked.after.as_deref().map(str::parse::<NoticeId>).transpose();
    let after = after.map_err(|_| Failure::Malformed("after"))?;
    let db = call.desk.house.store().read();
    let rows = notice::of_person(db, person, after, limit).await?;
    let deliveries = delivery::of_notices(db, &rows).await?;
    let whole = rows.len() as u64 == limit;
    let next = rows.last().filter(|_| whole).map(|row| row.id.to_string());
    let items = rows.iter().map(|row| view(row, &deliveries)).collect::<Result<_>>()?;
    Answer::ok(&Notices { items, next })
}

/// Marks one of the caller's notices as read; one of somebody else is none.
async fn read(call: Call) -> Result<Answer> {
    let (id, person) = (call.id::<NoticeId>("notice")?, call.caller()?.person);
    let store = call.desk.house.store();
    if notice::own(store.read(), person, id).await?.is_none() {
        return Err(Failure::NotFound("notice"));
    }
    mark(&call, Some(id)).await
}

async fn read_all(call: Call) -> Result<Answer> {
    mark(&call, None).await
}

async fn mark(call: &Call, one: Option<NoticeId>) -> Result<Answer> {
    let (person, now) = (call.caller()?.person, call.desk.clock.now());
    let store = call.desk.house.store();
    store
        .transact(move |tx| Box::pin(async move { notice::read(tx, person, one, now).await }))
        .await?;
    Answer::none()
}

/// The channels of one kind.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoiceView {
    /// Of `wechat`, `service-account` and `sms`; none leaves it to the pages.
    pub channels: Vec<String>,
}

/// When to be left in peace, in China.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietView {
    /// `HH:MM`.
    #[schema(example = "22:00")]
    pub from: String,
    /// `HH:MM`.
    #[schema(example = "08:00")]
    pub until: String,
}

/// In which channels somebody is told what. The light being gone or back is told at any hour.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChoicesView {
    /// By kind: `low-balance`, `warning`, `cut-off`, `restored`, `credited`, `refunded`, `alarm`,
    /// `binding`; a kind that is not named is left to the house.
    pub kinds: BTreeMap<String, ChoiceView>,
    /// When to be left in peace.
    pub quiet: QuietView,
}

/// `HH:MM` as minutes since midnight.
fn minute(text: &str, field: &'static str) -> Result<u16> {
    let wrong = || Failure::Malformed(field);
    let (hour, minute) = text.split_once(':').ok_or_else(wrong)?;
    let two = |part: &str| -> Result<u16> {
        let is_two = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if is_two { part.parse().map_err(|_| wrong()) } else { Err(wrong()) }
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    if hour < 24 && minute < 60 { Ok(hour * 60 + minute) } else { Err(wrong()) }
}

fn hour(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The channels the house tells a choice through where nobody chose: those of its first kind.
fn usual(choice: &str) -> Vec<NoticeChannel> {
    let kind = NoticeKind::ALL.iter().find(|kind| kind.choice() == choice);
    kind.map(|kind| kind.usual_channels().to_vec()).unwrap_or_default()
}

fn chosen(choices: &Choices) -> ChoicesView {
    let kinds = NOTICE_CHOICES.iter().map(|choice| {
        let channels = choices.of(choice).map_or_else(|| usual(choice), <[_]>::to_vec);
        let names = channels.iter().map(|channel| channel.as_str().to_owned()).collect();
        ((*choice).to_owned(), ChoiceView { channels: names })
    });
    let usual = QuietHours::new(USUAL_QUIET.0, USUAL_QUIET.1);
    let quiet = choices.quiet.or(usual).map_or((0, 0), |q| (q.from_minute(), q.until_minute()));
    ChoicesView {
        kinds: kinds.collect(),
        quiet: QuietView { from: hour(quiet.0), until: hour(quiet.1) },
    }
}

async fn choices(call: Call) -> Result<Answer> {
    let db = call.desk.house.store().read();
    Answer::ok(&chosen(&choice::of_person(db, call.caller()?.person).await?))
}

async fn choose(call: Call) -> Result<Answer> {
    let (wish, person) = (call.body::<ChoicesView>()?, call.caller()?.person);
    let mut kinds = Vec::new();
    for (kind, view) in &wish.kinds {
        if !NOTICE_CHOICES.contains(&kind.as_str()) {
            return Err(Failure::Malformed("kinds"));
        }
        let mut channels = Vec::new();
        for name in &view.channels {
            let channel: NoticeChannel =
                name.parse().map_err(|_| Failure::Malformed("channels"))?;
            // In the pages everything is always to be seen; that is nobody's choice.
            if channel != NoticeChannel::InApp && !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        kinds.push((kind.clone(), channels));
    }
    let times = (minute(&wish.quiet.from, "from")?, minute(&wish.quiet.until, "until")?);
    let quiet = QuietHours::new(times.0, times.1).ok_or(Failure::Malformed("until"))?;
    let wanted = Choices { kinds, quiet: Some(quiet) };
    let store = call.desk.house.store();
    let kept = wanted.clone();
    store.transact(move |tx| Box::pin(async move { choice::set(tx, person, &kept).await })).await?;
    Answer::ok(&chosen(&wanted))
}

/// A template that may be asked about.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SubscriptionView {
    /// WeChat's number of the template.
    pub id: String,
    /// The kind of notice it is for.
    #[schema(example = "credited")]
    pub kind: String,
    /// How many messages the caller has agreed to that were not sent yet.
    #[schema(example = 1)]
    pub left: i64,
}

/// The subscription templates of the mini-program.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Subscriptions {
    /// The mini-program; `null` where there is none.
    pub app_id: Option<String>,
    /// Its templates.
    pub templates: Vec<SubscriptionView>,
}

/// What the caller said to WeChat's question, by template: `accept`, `reject`, `ban` or `filter`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionAnswers {
    /// The mini-program that asked.
    #[schema(example = "wx8888888888888888")]
    pub app_id: String,
    /// By template.
    pub results: BTreeMap<String, String>,
}

/// The same, asked beside a payment.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Consents {
    /// By template.
    pub template_ids: BTreeMap<String, String>,
}

/// The caller's openid in the mini-program, if both are there.
async fn openid(call: &Call) -> Result<Option<(String, String)>> {
    let Some(app) = &call.desk.house.settings().notices.mini else { return Ok(None) };
    let db = call.desk.house.store().read();
    let known = person::identities(db, call.caller()?.person).await?;
    let mine = known.iter().find(|row| row.kind == "wechat-mini" && row.scope == app.app_id);
    Ok(mine.map(|row| (app.app_id.clone(), row.value.clone())))
}

async fn subscriptions(call: Call) -> Result<Answer> {
    let channels = &call.desk.house.settings().notices;
    let left = match openid(&call).await? {
        Some((app, openid)) => {
            quota::of_openid(call.desk.house.store().read(), &app, &openid).await?
        }
        None => Vec::new(),
    };
    let template = |(kind, template): (&NoticeKind, &vending::notice::Template)| {
        let known = left.iter().find(|row| row.template_id == template.id);
        SubscriptionView {
            id: template.id.clone(),
            kind: kind.as_str().to_owned(),
            left: known.map_or(0, |row| row.messages_left),
        }
    };
    Answer::ok(&Subscriptions {
        app_id: channels.mini.as_ref().map(|app| app.app_id.clone()),
        templates: channels.mini_templates.iter().map(template).collect(),
    })
}

/// Counts what was said. Who did not sign in by the mini-program has no openid there, so there is
/// nothing to count.
async fn note(
    call: &Call,
    results: BTreeMap<String, String>,
    field: &'static str,
) -> Result<Answer> {
    let words = ["accept", "reject", "ban", "filter"];
    if results.len() > TEMPLATES_MAX || !results.values().all(|v| words.contains(&v.as_str())) {
        return Err(Failure::Malformed(field));
    }
    let templates = &call.desk.house.settings().notices.mini_templates;
    let ours = |id: &str| templates.values().any(|template| template.id == id);
    let results: Vec<_> = results.into_iter().filter(|(id, _)| ours(id)).collect();
    let Some((app_id, openid)) = openid(call).await? else { return Answer::none() };
    let now = call.desk.clock.now();
    let store = call.desk.house.store();
    store
        .transact(move |tx| {
            Box::pin(async move {
                for (template_id, said) in results {
                    let (app_id, openid) = (app_id.clone(), openid.clone());
                    let to = Subscription { app_id, openid, template_id };
                    match said.as_str() {
                        "accept" => quota::add(tx, &to, now).await?,
                        "ban" => quota::clear(tx, &to, now).await?,
                        _ => {}
                    }
                }
                Ok::<_, StoreError>(())
            })
        })
        .await?;
    Answer::none()
}

async fn subscribe(call: Call) -> Result<Answer> {
    let said: SubscriptionAnswers = call.body()?;
    let ours = call.desk.house.settings().notices.mini.as_ref();
    if ours.is_some_and(|app| app.app_id != said.app_id) {
        return Err(Failure::Malformed("app_id"));
    }
    note(&call, said.results, "results").await
}

async fn consent(call: Call) -> Result<Answer> {
    let said: Consents = call.body()?;
    note(&call, said.template_ids, "template_ids").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_chose_is_shown_as_the_house_does_it() {
        let view = chosen(&Choices::default());
        assert_eq!((view.quiet.from.as_str(), view.quiet.until.as_str()), ("22:00", "08:00"));
        assert_eq!(view.kinds.len(), NOTICE_CHOICES.len());
        assert_eq!(view.kinds["cut-off"].channels, ["wechat", "service-account", "sms"]);
        assert_eq!(view.kinds["credited"].channels, ["wechat", "service-account"]);
    }

    #[test]
    fn a_time_is_two_digits_and_two_digits() {
        for (text, want) in [
            ("22:00", Some(1_320)),
            ("00:00", Some(0)),
            ("24:00", None),
            ("7:30", None),
            ("07:60", None),
            ("+7:30", None),
            ("", None),
        ] {
            assert_eq!(minute(text, "from").ok(), want, "{text}");
        }
    }
}
