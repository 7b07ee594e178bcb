//! Projects and what stands in them: rooms, tariffs, alarms.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use store::{account, site, tariff, work_item};
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{Paging, cut, page_of};
use crate::{
    access::Perm,
    http::{
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects", "project.list", |call| Box::pin(projects(call)))
        .says("可见的项目", "The projects one may see")
        .answers::<Projects>(200),
    Route::get("/projects/{project}/rooms", "room.list", |call| Box::pin(rooms(call)))
        .in_project(Perm::ViewSite)
        .says("房间列表", "Rooms by building, floor and number")
        .query::<Paging>()
        .answers::<RoomPage>(200),
    Route::get("/projects/{project}/tariffs", "tariff.list", |call| Box::pin(tariffs(call)))
        .in_project(Perm::ViewSite)
        .says("费率版本", "Every version of every tariff")
        .answers::<Tariffs>(200),
    Route::get("/projects/{project}/alarms", "alarm.list", |call| Box::pin(alarms(call)))
        .in_project(Perm::ViewSite)
        .says("未消除的告警", "The alarms that stand, the newest first")
        .query::<Paging>()
        .answers::<AlarmPage>(200),
];

/// Projects.
#[derive(Serialize, ToSchema)]
pub struct Projects {
    /// By number.
    pub items: Vec<ProjectView>,
}

/// A project.
#[derive(Serialize, ToSchema)]
pub struct ProjectView {
    /// Its number.
    #[schema(example = 1)]
    pub id: i64,
    /// Its name.
    #[schema(example = "云谷公寓")]
    pub name: String,
    /// Its name in English.
    #[schema(example = "Cloud Valley")]
    pub name_en: String,
}

/// A room.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RoomView {
    /// The room.
    pub id: Uuid,
    /// The building.
    #[schema(example = "3栋")]
    pub building: String,
    /// The floor.
    #[schema(example = 5)]
    pub floor: i32,
    /// The number.
    #[schema(example = "502")]
    pub number: String,
}

page_of!(
    /// Rooms.
    RoomPage,
    RoomView
);

/// Tariffs.
#[derive(Serialize, ToSchema)]
pub struct Tariffs {
    /// By name and date.
    pub items: Vec<TariffView>,
}

/// One version of a tariff.
#[derive(Serialize, ToSchema)]
pub struct TariffView {
    /// The version.
    pub id: Uuid,
    /// The tariff's name, the same for all its versions.
    #[schema(example = "居民电价")]
    pub name: String,
    /// `electricity`, `water` or `gas`.
    #[schema(example = "electricity")]
    pub purpose: String,
    /// From when it is in force.
    pub valid_from: DateTime<Utc>,
    /// Micro-yuan for one kWh or one cubic metre.
    #[schema(example = 610_000)]
    pub micro_yuan: i64,
}

/// An alarm.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AlarmView {
    /// The alarm.
    pub id: Uuid,
    /// What is wrong, as in `supply.paid_but_dark`.
    #[schema(example = "supply.paid_but_dark")]
    pub kind: String,
    /// What it is about: `meter`, `gateway`, `order`, `merchant`.
    #[schema(example = "meter")]
    pub subject_kind: String,
    /// Which one.
    pub subject_id: String,
    /// Since when.
    pub raised_at: DateTime<Utc>,
    /// What is known about it.
    #[schema(value_type = Object)]
    pub detail: Value,
}

page_of!(
    /// Alarms.
    AlarmPage,
    AlarmView
);

/// A stored JSON text for showing; what is none shows as nothing.
pub fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

async fn projects(call: Call) -> Result<Answer> {
    let reach = &call.caller()?.reach;
    let all = site::projects(call.house().store().read()).await?;
    let seen = all.into_iter().filter(|row| reach.sees(domain::ProjectId(row.id)));
    let items = seen.map(|row| ProjectView { id: row.id, name: row.name, name_en: row.name_en });
    Answer::ok(&Projects { items: items.collect() })
}

async fn rooms(call: Call) -> Result<Answer> {
    let (page, page_size) = call.query::<Paging>()?.bounds()?;
    let rows = account::rooms(call.house().store().read(), call.project()?).await?;
    let total = rows.len();
    let view = |row: account::Room| RoomView {
        id: row.id,
        building: row.building,
        floor: row.floor,
        number: row.number,
    };
    let items = cut(rows, page, page_size).into_iter().map(view).collect();
    Answer::ok(&RoomPage { items, total, page, page_size })
}

async fn tariffs(call: Call) -> Result<Answer> {
    let rows = tariff::list(call.house().store().read(), call.project()?).await?;
    let view = |row: tariff::Tariff| TariffView {
        id: row.id,
        name: row.name,
        purpose: row.purpose,
        valid_from: row.valid_from,
        micro_yuan: row.micro_yuan,
    };
    Answer::ok(&Tariffs { items: rows.into_iter().map(view).collect() })
}

async fn alarms(call: Call) -> Result<Answer> {
    let (page, page_size) = call.query::<Paging>()?.bounds()?;
    let rows = work_item::alarms(call.house().store().read(), call.project()?).await?;
    let total = rows.len();
    let view = |row: work_item::Alarm| AlarmView {
        id: row.id,
        kind: row.kind,
        subject_kind: row.subject_kind,
        subject_id: row.subject_id,
        raised_at: row.raised_at,
        detail: json_of(&row.detail),
    };
    let items = cut(rows, page, page_size).into_iter().map(view).collect();
    Answer::ok(&AlarmPage { items, total, page, page_size })
}
