//! Gaps: when a meter was not read, why, and what it told about them afterwards.

use chrono::{DateTime, Utc};
use domain::MeterId;
use serde::Serialize;
use store::{
    meter,
    reading::gap::{self, Gap},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{Paging, cut, page_of};
use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The newest gaps of a meter that are shown.
const SHOWN_MAX: u64 = 200;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/gaps", "gap.list", |call| Box::pin(list(call)))
        .in_project(Perm::ViewSite)
        .says("正在缺抄的表计", "Meters that are not being read, the longest first; at most 1000")
        .query::<Paging>()
        .answers::<GapPage>(200),
    Route::get("/projects/{project}/meters/{meter}/gaps", "meter.gaps", |call| {
        Box::pin(of_meter(call))
    })
    .in_project(Perm::ViewSite)
    .says("表计缺抄时段", "When a meter was not read, the newest first; at most 200")
    .answers::<Gaps>(200),
];

/// A stretch of time in which a meter was not read.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GapView {
    /// The meter.
    pub meter_id: Uuid,
    /// The last believed reading before it.
    pub from_at: DateTime<Utc>,
    /// What the register showed then, in Wh or litres.
    pub from_value: i64,
    /// The first believed reading after it; absent while it lasts.
    pub to_at: Option<DateTime<Utc>>,
    /// What the register showed then.
    pub to_value: Option<i64>,
    /// `gateway-offline`, `meter-silent`, `quarantined` or `server-down`.
    #[schema(example = "gateway-offline")]
    pub reason: String,
    /// When it was noticed.
    pub noticed_at: DateTime<Utc>,
    /// Whether the meter was asked what it kept: `none`, `wanted`, `done` or `missed`.
    #[schema(example = "done")]
    pub back_fill: String,
    /// The moment of the value that the meter kept.
    pub filled_at: Option<DateTime<Utc>>,
    /// The value that the meter kept.
    pub filled_value: Option<i64>,
}

page_of!(
    /// Gaps that last.
    GapPage,
    GapView
);

/// Gaps of a meter.
#[derive(Serialize, ToSchema)]
pub struct Gaps {
    /// The newest first.
    pub items: Vec<GapView>,
}

fn view(gap: Gap) -> GapView {
    GapView {
        meter_id: gap.meter_id,
        from_at: gap.from_at,
        from_value: gap.from_value,
        to_at: gap.to_at,
        to_value: gap.to_value,
        reason: gap.reason,
        noticed_at: gap.noticed_at,
        back_fill: gap.back_fill,
        filled_at: gap.filled_at,
        filled_value: gap.filled_value,
    }
}

async fn list(call: Call) -> Result<Answer> {
    let (page, page_size) = call.query::<Paging>()?.bounds()?;
    let rows = gap::open(call.house().store().read(), call.project()?).await?;
    let total = rows.len();
    let items = cut(rows, page, page_size).into_iter().map(view).collect();
    Answer::ok(&GapPage { items, total, page, page_size })
}

async fn of_meter(call: Call) -> Result<Answer> {
    let (project, id): (_, MeterId) = (call.project()?, call.id("meter")?);
    let db = call.house().store().read();
    if meter::by_id(db, project, id).await?.is_none() {
        return Err(Problem::not_found("meter"));
    }
    let rows = gap::of_meter(db, project, id, SHOWN_MAX).await?;
    Answer::ok(&Gaps { items: rows.into_iter().map(view).collect() })
}
