//! Switching many meters, and switching later (批量与定时拉合闸, G6).

use chrono::{DateTime, Utc};
use domain::{JobId, MeterId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use vending::supply::{
    plan::{Fate, Planned, Switching},
    switch::Wanted,
};

use super::{
    page::{Paging, cut, page_of},
    vend::{SecondPerson, agreeing},
};
use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// Up to so many meters one person may cut alone; beyond it a second one agrees (N21, S31).
pub const ALONE_MAX: usize = 5;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/projects/{project}/switchings", "supply.batch", |call| Box::pin(order(call)))
        .in_project(Perm::SwitchSupply)
        .once()
        .says("批量或定时拉合闸", "Switch many meters, now or later; dry run first")
        .body::<Order>()
        .answers::<Outcome>(200),
    Route::get("/projects/{project}/switchings", "supply.planned", |call| Box::pin(list(call)))
        .in_project(Perm::ViewSite)
        .says("定时拉合闸列表", "Switchings that wait for their time, the next one first")
        .query::<Paging>()
        .answers::<PlannedPage>(200),
    Route::delete("/projects/{project}/switchings/{switching}", "supply.withdraw", |call| {
        Box::pin(withdraw(call))
    })
    .in_project(Perm::SwitchSupply)
    .says("撤销定时拉合闸", "Take a planned switching back"),
];

/// An order to switch meters.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The meters, at most 500.
    pub meters: Vec<Uuid>,
    /// `on`, `off`, `keep-power` or `end-keep-power`.
    #[schema(example = "off")]
    pub wanted: String,
    /// When; at once when not said. At most 92 days ahead.
    #[serde(default)]
    pub at: Option<DateTime<Utc>>,
    /// Why, for the log.
    #[schema(example = "配电房检修")]
    pub reason: String,
    /// True to see what would happen; nothing changes, and no second person is needed.
    #[serde(default)]
    pub dry_run: bool,
    /// The second person, needed to cut more than five meters.
    #[serde(default)]
    pub second: Option<SecondPerson>,
}

/// What became of an order.
#[derive(Serialize, ToSchema)]
pub struct Outcome {
    /// True if nothing was changed.
    pub dry_run: bool,
    /// When it will be done; absent for at once.
    pub at: Option<DateTime<Utc>>,
    /// Meter by meter, as they were named.
    pub meters: Vec<FateView>,
}

/// What became of one meter.
#[derive(Serialize, ToSchema)]
pub struct FateView {
    /// The meter.
    pub meter: Uuid,
    /// `wished`, `planned`, `would` or `refused`.
    #[schema(example = "wished")]
    pub outcome: String,
    /// The stable code of the refusal.
    pub code: Option<String>,
    /// Why it was refused.
    pub why: Option<String>,
}

/// A switching that waits for its time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlannedView {
    /// Its number.
    pub id: Uuid,
    /// The meter.
    pub meter: Uuid,
    /// What is wanted.
    #[schema(example = "on")]
    pub wanted: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

page_of!(
    /// Switchings that wait for their time.
    PlannedPage,
    PlannedView
);

async fn order(call: Call) -> Result<Answer> {
    let wish: Order = call.body()?;
    let project = call.project()?;
    let wanted = Wanted::from_name(&wish.wanted);
    let wanted = wanted.ok_or_else(|| Problem::malformed("wanted"))?;
    let switching = Switching {
        meters: wish.meters.iter().map(|id| MeterId(*id)).collect(),
        wanted,
        operator: call.caller()?.id(),
        reason: wish.reason,
    };
    let alone = wanted != Wanted::Off || switching.meters.len() <= ALONE_MAX;
    match (wish.dry_run || alone, wish.second) {
        (true, _) => {}
        (false, Some(second)) => {
            agreeing(&call, project, Perm::SwitchSupply, second).await?;
        }
        (false, None) => return Err(Problem::malformed("second")),
    }
    let house = call.house();
    let (fates, done) = if wish.dry_run {
        (house.preview_switching(project, &switching).await?, "would")
    } else if let Some(at) = wish.at {
        house.plan_switching(project, &switching, at).await?;
        (switching.meters.iter().map(|id| (*id, Ok(()))).collect(), "planned")
    } else {
        (house.switch_many(project, &switching).await?, "wished")
    };
    let meters = fates.into_iter().map(|fate| shown(fate, done)).collect();
    Answer::ok(&Outcome { dry_run: wish.dry_run, at: wish.at, meters })
}

fn shown((meter, fate): Fate, done: &str) -> FateView {
    let refusal = fate.err();
    FateView {
        meter: meter.0,
        outcome: if refusal.is_some() { "refused" } else { done }.to_owned(),
        code: refusal.as_ref().map(|refusal| refusal.code().to_owned()),
        why: refusal.map(|refusal| refusal.to_string()),
    }
}

async fn list(call: Call) -> Result<Answer> {
    let (page, page_size) = call.query::<Paging>()?.bounds()?;
    let rows = call.house().planned_switchings(call.project()?).await?;
    let total = rows.len();
    let view = |row: Planned| PlannedView {
        id: row.id.0,
        meter: row.meter.0,
        wanted: row.wanted.as_str().to_owned(),
        at: row.at,
        reason: row.reason,
    };
    let items = cut(rows, page, page_size).into_iter().map(view).collect();
    Answer::ok(&PlannedPage { items, total, page, page_size })
}

async fn withdraw(call: Call) -> Result<Answer> {
    let id: JobId = call.id("switching")?;
    call.house().withdraw_switching(call.project()?, id).await?;
    Answer::none()
}
