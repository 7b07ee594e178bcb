//! Gateways: which are connected, since when, and when they were not.

use chrono::{DateTime, TimeDelta, Utc};
use domain::GatewayId;
use serde::{Deserialize, Serialize};
use store::site;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The stretch that is shown when none is asked for.
const SINCE: TimeDelta = TimeDelta::days(7);

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/gateways", "gateway.list", |call| Box::pin(list(call)))
        .in_project(Perm::ViewSite)
        .says("网关列表", "Gateways with their connection now")
        .answers::<Gateways>(200),
    Route::get("/projects/{project}/gateways/{gateway}/intervals", "gateway.intervals", |call| {
        Box::pin(intervals(call))
    })
    .in_project(Perm::ViewSite)
    .says("网关在线时段", "When a gateway was connected, and why it was lost")
    .query::<Since>()
    .answers::<Intervals>(200),
];

/// Gateways.
#[derive(Serialize, ToSchema)]
pub struct Gateways {
    /// By name.
    pub items: Vec<GatewayView>,
}

/// A gateway.
#[derive(Serialize, ToSchema)]
pub struct GatewayView {
    /// The gateway.
    pub id: Uuid,
    /// Its name.
    #[schema(example = "3栋弱电间")]
    pub name: String,
    /// What it names itself with.
    pub registration: Option<String>,
    /// `dial-in`, `dial-out` or `modbus-tcp`.
    pub link: String,
    /// True while it is connected to this process.
    pub online: bool,
    /// Since when it is connected, or not.
    pub since: Option<DateTime<Utc>>,
    /// The other side's address.
    pub remote: Option<String>,
    /// True while two connections claim to be this gateway.
    pub contested: bool,
    /// Meters behind it.
    pub meters: u32,
    /// Meters that do not answer.
    pub silent: u32,
    /// Commands that wait for the bus.
    pub waiting: u32,
}

/// Since when.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// The earliest start; a week ago when not said.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
}

/// When a gateway was connected.
#[derive(Serialize, ToSchema)]
pub struct Intervals {
    /// Oldest first.
    pub items: Vec<IntervalView>,
}

/// A stretch of time.
#[derive(Serialize, ToSchema)]
pub struct IntervalView {
    /// Its start.
    pub from_at: DateTime<Utc>,
    /// Its end; absent while it lasts.
    pub to_at: Option<DateTime<Utc>>,
    /// Why it ended.
    #[schema(example = "silent")]
    pub reason: String,
    /// The other side's address.
    pub remote: Option<String>,
}

async fn list(call: Call) -> Result<Answer> {
    let rows = site::gateways(call.house().store().read(), Some(call.project()?)).await?;
    let lines = call.house().gateway().status();
    let view = |row: site::Gateway| {
        let line = lines.iter().find(|line| line.gateway == row.id);
        GatewayView {
            id: row.id,
            name: row.name,
            registration: row.registration,
            link: row.link,
            online: line.is_some_and(|line| line.remote.is_some()),
            since: line.and_then(|line| line.since),
            remote: line.and_then(|line| line.remote).map(|remote| remote.to_string()),
            contested: line.is_some_and(|line| line.contested),
            meters: line.map_or(0, |line| line.meters),
            silent: line.map_or(0, |line| line.silent),
            waiting: line.map_or(0, |line| line.waiting),
        }
    };
    Answer::ok(&Gateways { items: rows.into_iter().map(view).collect() })
}

async fn intervals(call: Call) -> Result<Answer> {
    let id: GatewayId = call.id("gateway")?;
    let since = call.query::<Since>()?.since;
    let since = since.unwrap_or_else(|| call.app.clock.now() - SINCE);
    let (project, db) = (call.project()?, call.house().store().read());
    let known = site::gateways(db, Some(project)).await?;
    if !known.iter().any(|row| row.id == id.0) {
        return Err(Problem::not_found("gateway"));
    }
    let rows = site::gateway_intervals(db, project, id, since).await?;
    let view = |row: site::GatewayInterval| IntervalView {
        from_at: row.from_at,
        to_at: row.to_at,
        reason: row.reason,
        remote: row.remote,
    };
    Answer::ok(&Intervals { items: rows.into_iter().map(view).collect() })
}
