//! What was wrong with the meters of a home, and for how long.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::{account, meter, work_item};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use vending::notice;

use crate::{
    answer::Answer,
    call::Call,
    failure::{Failure, Result},
    page::{Cursor, bounds},
    route::{Need, Route},
};

/// The route.
pub const ROUTES: &[Route] =
    &[Route::get("/homes/{home}/alarms", "alarm.list", |call| Box::pin(list(call)))
        .needs(Need::Home)
        .says("告警", "What was wrong with the home's meters, the newest first")
        .query::<Paging>()
        .answers::<Alarms>(200)];

/// Which part of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Paging {
    /// The `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// How many at most; 20 when not said, 100 at most.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// An alarm.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlarmView {
    /// The alarm.
    pub id: Uuid,
    /// What it is.
    #[schema(example = "supply.dark")]
    pub kind: String,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Until when; `null` while it stands.
    pub cleared_at: Option<DateTime<Utc>>,
    /// In Chinese.
    #[schema(example = "已付款，还没送电")]
    pub text_zh: String,
    /// In English.
    #[schema(example = "Paid, power not back")]
    pub text_en: String,
}

/// Alarms.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Alarms {
    /// The newest first.
    pub items: Vec<AlarmView>,
    /// Where the next page begins.
    pub next: Option<String>,
}

async fn list(call: Call) -> Result<Answer> {
    let wish: Paging = call.query()?;
    let (limit, after) = (bounds(wish.limit)?, Cursor::read(wish.after.as_deref())?);
    let (home, db) = (call.home()?, call.desk.house.store().read());
    let account = account::by_id(db, home.project, home.account).await?;
    let account = account.ok_or(Failure::NotFound("home"))?;
    let meters = meter::of_account(db, home.project, home.account).await?;
    let subjects: Vec<_> = meters.iter().map(|meter| meter.id.to_string()).collect();
    let before = after.map(|cursor| (cursor.at, cursor.id));
    // What happened before the account was opened was another tenant's.
    let since = account.opened_at;
    let found = work_item::alarms_about(db, home.project, &subjects, since, before, limit + 1);
    let mut found = found.await?;
    let more = found.len() as u64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let last = found.last().filter(|_| more);
    let next = last.map(|row| Cursor { at: row.raised_at, id: row.id }.to_string());
    let view = |row: work_item::Alarm| {
        let (zh, en) = notice::titles(&row.kind).unwrap_or(("表计告警", "An alarm of the meter"));
        AlarmView {
            id: row.id,
            at: row.raised_at,
            cleared_at: row.cleared_at,
            text_zh: zh.to_owned(),
            text_en: en.to_owned(),
            kind: row.kind,
        }
    };
    Answer::ok(&Alarms { items: found.into_iter().map(view).collect(), next })
}
