//! Meters: what they show, reading them now, their supply, the way out of quarantine.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{MeterId, ProjectId};
use gateway::{Item, profile::purchase_log::RECORDS_MAX};
use serde::{Deserialize, Serialize};
use store::{
    meter::{self, Meter},
    reading, supply,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use vending::{meter::purchases::Purchase, posting, supply::switch::Wanted};

use super::page::{Paging, cut, page_of};
use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The longest stretch of readings one request may ask for.
const RANGE_MAX: TimeDelta = TimeDelta::days(400);
/// The stretch that is shown when none is asked for.
const RANGE: TimeDelta = TimeDelta::days(1);
/// The most points one answer holds.
const POINTS_MAX: usize = 50_000;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/meters", "meter.list", |call| Box::pin(list(call)))
        .in_project(Perm::ViewSite)
        .says("表计列表", "Meters with balance, supply and the age of what is known")
        .query::<Paging>()
        .answers::<MeterPage>(200),
    Route::get("/projects/{project}/meters/{meter}", "meter.show", |call| Box::pin(show(call)))
        .in_project(Perm::ViewSite)
        .says("表计详情", "One meter")
        .answers::<MeterView>(200),
    Route::post("/projects/{project}/meters/{meter}/read", "meter.read", |call| {
        Box::pin(read_now(call))
    })
    .in_project(Perm::ReadMeter)
    .says("立即抄表", "Read a meter now")
    .answers::<LiveView>(200),
    Route::post("/projects/{project}/meters/{meter}/purchases", "meter.purchases", |call| {
        Box::pin(purchases(call))
    })
    .in_project(Perm::ReadMeter)
    .says("读取表内购电记录", "Read the meter's own log of its last purchases")
    .answers::<Purchases>(200),
    Route::get("/projects/{project}/meters/{meter}/readings", "meter.readings", |call| {
        Box::pin(readings(call))
    })
    .in_project(Perm::ViewSite)
    .says("历史读数", "Readings of one item over a stretch of time")
    .query::<Range>()
    .answers::<Readings>(200),
    Route::post("/projects/{project}/meters/{meter}/supply", "meter.supply", |call| {
        Box::pin(steer(call))
    })
    .in_project(Perm::SwitchSupply)
    .once()
    .says("拉合闸或保电", "Wish supply on, off, or kept on whatever the balance")
    .body::<SupplyWish>()
    .answers::<MeterView>(202),
    Route::post("/projects/{project}/meters/{meter}/release", "meter.release", |call| {
        Box::pin(release(call))
    })
    .in_project(Perm::ReleaseMeter)
    .once()
    .says("解除隔离", "Let a quarantined meter take money again")
    .body::<Release>()
    .answers::<MeterView>(200),
];

/// A meter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MeterView {
    /// The meter.
    pub id: Uuid,
    /// The number on its face.
    #[schema(example = "000000000502")]
    pub meter_no: String,
    /// The room it measures.
    pub room_id: Option<Uuid>,
    /// The account that pays.
    pub account_id: Option<Uuid>,
    /// The gateway it hangs on.
    pub gateway_id: Uuid,
    /// Its address on the bus.
    pub address: String,
    /// Its model.
    #[schema(example = "dlt645-2007-prepaid")]
    pub profile: String,
    /// `electricity`, `water` or `gas`.
    #[schema(example = "electricity")]
    pub purpose: String,
    /// Which life of the place this is; a replaced or initialised meter begins the next one.
    #[schema(example = 1)]
    pub epoch: i32,
    /// The purchase count the platform knows of, where the meter keeps one.
    #[schema(example = 7)]
    pub purchase_count: Option<i64>,
    /// `meter-held` or `platform-held`: who keeps the money.
    #[schema(example = "meter-held")]
    pub money_model: String,
    /// `in-service`, `quarantined` or `removed`.
    #[schema(example = "in-service")]
    pub state: String,
    /// Why it is quarantined.
    pub quarantine_reason: Option<String>,
    /// `auto`, `manual` or `keep-power`.
    #[schema(example = "auto")]
    pub supply_policy: String,
    /// What its relay or valve was last read to be: `on`, `off`, `waiting`, `unknown`.
    #[schema(example = "on")]
    pub supply: String,
    /// What it shall be: `on`, `off` or `none`.
    #[schema(example = "none")]
    pub wanted: String,
    /// What is left, in fen: in the meter, or in the purse where the platform keeps the money.
    #[schema(example = 4321)]
    pub balance_fen: Option<i64>,
    /// When it was last read.
    pub read_at: Option<DateTime<Utc>>,
    /// How old that is, in seconds.
    pub age_s: Option<i64>,
}

page_of!(
    /// Meters.
    MeterPage,
    MeterView
);

/// What a meter answered just now.
#[derive(Serialize, ToSchema)]
pub struct LiveView {
    /// When it answered.
    pub at: DateTime<Utc>,
    /// What it gave.
    pub values: Vec<ValueView>,
}

/// One value.
#[derive(Serialize, ToSchema)]
pub struct ValueView {
    /// The item's name.
    #[schema(example = "forward-energy")]
    pub item: String,
    /// The unit of the value.
    #[schema(example = "WattHour")]
    pub unit: String,
    /// The value; absent where the meter has none.
    #[schema(example = 1_234_560)]
    pub value: Option<i64>,
}

/// What a meter says of its last purchases.
#[derive(Serialize, ToSchema)]
pub struct Purchases {
    /// When it was asked.
    pub at: DateTime<Utc>,
    /// The newest first.
    pub purchases: Vec<PurchaseView>,
}

/// One purchase as the meter remembers it.
#[derive(Serialize, ToSchema)]
pub struct PurchaseView {
    /// The meter's count after it; absent where its log tells none.
    #[schema(example = 7)]
    pub count: Option<i64>,
    /// How much, in fen.
    #[schema(example = 5000)]
    pub amount_fen: Option<i64>,
    /// When, by the meter's clock.
    pub at: Option<DateTime<Utc>>,
}

/// Which readings.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The item, as in `forward-energy`, `volume`, `remaining-money`.
    #[param(example = "forward-energy")]
    pub item: String,
    /// From when; a day before the end when not said.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// Until when; now when not said. At most 400 days after the start.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
}

/// Readings of one item.
#[derive(Serialize, ToSchema)]
pub struct Readings {
    /// The item.
    pub item: String,
    /// Its unit.
    pub unit: String,
    /// True if there were more than one answer holds; ask for a shorter stretch.
    pub truncated: bool,
    /// Oldest first.
    pub points: Vec<PointView>,
}

/// One reading.
#[derive(Serialize, ToSchema)]
pub struct PointView {
    /// When.
    pub at: DateTime<Utc>,
    /// How much, in the item's unit.
    pub value: i64,
}

/// What somebody wants of a supply.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SupplyWish {
    /// `on` (合闸), `off` (拉闸), `keep-power` (保电) or `end-keep-power`. What a person cut stays
    /// cut until a person wants it on again, whatever is paid.
    #[schema(example = "on")]
    pub wanted: String,
    /// Why, for the log.
    #[schema(example = "租客来电，已现场确认")]
    pub reason: String,
}

/// A release from quarantine.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// True if the meter was replaced or reset: its old counts are no longer compared.
    pub new_epoch: bool,
    /// What was seen at the meter.
    #[schema(example = "换表，旧表已拆除")]
    pub reason: String,
}

/// Looked-up values of a whole project, so that a page costs a few statements and not hundreds.
struct Known {
    supplies: HashMap<Uuid, supply::Supply>,
    money: HashMap<Uuid, reading::Latest>,
    registers: HashMap<Uuid, reading::Latest>,
}

impl Known {
    async fn of_project(call: &Call, project: ProjectId) -> Result<Known> {
        let db = call.house().store().read();
        let by_meter = |rows: Vec<reading::Latest>| rows.into_iter().map(|row| (row.meter_id, row));
        let latest = async |item: Item| reading::latest_of_project(db, project, item.code()).await;
        let supplies = supply::list(db, project).await?;
        let mut registers: HashMap<_, _> = by_meter(latest(Item::ForwardEnergy).await?).collect();
        registers.extend(by_meter(latest(Item::Volume).await?));
        Ok(Known {
            supplies: supplies.into_iter().map(|row| (row.meter_id, row)).collect(),
            money: by_meter(latest(Item::RemainingMoney).await?).collect(),
            registers,
        })
    }

    async fn of_meter(call: &Call, row: &Meter) -> Result<Known> {
        let db = call.house().store().read();
        let (project, id) = (row.project(), row.meter_id());
        let register = if row.purpose == "water" { Item::Volume } else { Item::ForwardEnergy };
        let supply = supply::of_meter(db, project, id).await?;
        let money = reading::latest(db, project, id, Item::RemainingMoney.code()).await?;
        let register = reading::latest(db, project, id, register.code()).await?;
        Ok(Known {
            supplies: supply.into_iter().map(|row| (row.meter_id, row)).collect(),
            money: money.into_iter().map(|row| (row.meter_id, row)).collect(),
            registers: register.into_iter().map(|row| (row.meter_id, row)).collect(),
        })
    }
}

async fn view(call: &Call, row: Meter, known: &Known) -> Result<MeterView> {
    let supply = known.supplies.get(&row.id);
    let balance_fen = match (row.money_model.as_str(), row.account()) {
        ("platform-held", Some(account)) => {
            let purse = posting::purse_of(account, row.purpose()?);
            let db = call.house().store().read();
            Some(store::ledger::balance(db, row.project(), purse).await?.posted.fen())
        }
        ("platform-held", None) => None,
        _ => known.money.get(&row.id).map(|latest| latest.value),
    };
    let read_at = known.registers.get(&row.id).map(|latest| latest.at);
    let now = call.app.clock.now();
    Ok(MeterView {
        id: row.id,
        meter_no: row.meter_no,
        room_id: row.room_id,
        account_id: row.account_id,
        gateway_id: row.gateway_id,
        address: row.address,
        profile: row.profile,
        purpose: row.purpose,
        epoch: row.epoch,
        purchase_count: row.purchase_count,
        money_model: row.money_model,
        state: row.state,
        quarantine_reason: row.quarantine_reason,
        supply_policy: row.supply_policy,
        supply: supply.map_or("unknown", |row| row.actual.as_str()).to_owned(),
        wanted: supply.map_or("none", |row| row.desired.as_str()).to_owned(),
        balance_fen,
        read_at,
        age_s: read_at.map(|at| (now - at).num_seconds().max(0)),
    })
}

async fn list(call: Call) -> Result<Answer> {
    let (page, page_size) = call.query::<Paging>()?.bounds()?;
    let project = call.project()?;
    let rows = meter::list(call.house().store().read(), project).await?;
    let total = rows.len();
    let known = Known::of_project(&call, project).await?;
    let mut items = Vec::new();
    for row in cut(rows, page, page_size) {
        items.push(view(&call, row, &known).await?);
    }
    Answer::ok(&MeterPage { items, total, page, page_size })
}

pub(super) async fn find(call: &Call) -> Result<Meter> {
    let id: MeterId = call.id("meter")?;
    let found = meter::by_id(call.house().store().read(), call.project()?, id).await?;
    found.ok_or_else(|| Problem::not_found("meter"))
}

pub(super) async fn shown(call: &Call, row: Meter) -> Result<MeterView> {
    let known = Known::of_meter(call, &row).await?;
    view(call, row, &known).await
}

async fn show(call: Call) -> Result<Answer> {
    let row = find(&call).await?;
    Answer::ok(&shown(&call, row).await?)
}

async fn read_now(call: Call) -> Result<Answer> {
    let row = find(&call).await?;
    let live = call.house().read_now(row.project(), row.meter_id()).await?;
    let value = |(item, value): &(Item, Option<i64>)| ValueView {
        item: item.as_str().to_owned(),
        unit: format!("{:?}", item.unit()),
        value: *value,
    };
    Answer::ok(&LiveView { at: live.at, values: live.values.iter().map(value).collect() })
}

async fn purchases(call: Call) -> Result<Answer> {
    let row = find(&call).await?;
    let house = call.house();
    let found = house.read_purchases(row.project(), row.meter_id(), RECORDS_MAX).await?;
    let view = |purchase: &Purchase| PurchaseView {
        count: purchase.count,
        amount_fen: purchase.amount_fen,
        at: purchase.at,
    };
    let purchases = found.iter().map(view).collect();
    Answer::ok(&Purchases { at: call.app.clock.now(), purchases })
}

async fn readings(call: Call) -> Result<Answer> {
    let row = find(&call).await?;
    let wish: Range = call.query()?;
    let item: Item = wish.item.parse().map_err(|_| Problem::malformed("item"))?;
    let until = wish.until.unwrap_or_else(|| call.app.clock.now());
    // The calendar ends somewhere, and a stranger's date may stand right before its end.
    let usual = || until.checked_sub_signed(RANGE).ok_or_else(|| Problem::malformed("until"));
    let from = wish.from.map_or_else(usual, Ok)?;
    if from > until || until.signed_duration_since(from) > RANGE_MAX {
        return Err(Problem::malformed("from"));
    }
    let db = call.house().store().read();
    let found = reading::range(db, row.project(), row.meter_id(), item.code(), from, until);
    let found = found.await?;
    let truncated = found.len() > POINTS_MAX;
    let points = found.into_iter().take(POINTS_MAX);
    Answer::ok(&Readings {
        item: item.as_str().to_owned(),
        unit: format!("{:?}", item.unit()),
        truncated,
        points: points.map(|point| PointView { at: point.at, value: point.value }).collect(),
    })
}

async fn steer(call: Call) -> Result<Answer> {
    let wish: SupplyWish = call.body()?;
    let wanted = Wanted::from_name(&wish.wanted);
    let wanted = wanted.ok_or_else(|| Problem::malformed("wanted"))?;
    if wish.reason.trim().is_empty() {
        return Err(vending::Refusal::ReasonMissing.into());
    }
    let row = find(&call).await?;
    call.house().steer_supply(row.project(), row.meter_id(), wanted).await?;
    let row = find(&call).await?;
    Answer::accepted(&shown(&call, row).await?)
}

async fn release(call: Call) -> Result<Answer> {
    let wish: Release = call.body()?;
    let id: MeterId = call.id("meter")?;
    let house = call.house();
    let row = house.release_meter(call.project()?, id, wish.new_epoch, wish.reason).await?;
    Answer::ok(&shown(&call, row).await?)
}
