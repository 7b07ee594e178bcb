//! A meter was replaced, or initialised where it hangs: two persons say what they saw, and the
//! rest of the old meter is carried to the new one (V7).

use domain::vend::Finding;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;
use vending::meter::replace::{Replaced, Replacement, Shown};

use super::{
    meter::{MeterView, find, shown},
    vend::{SecondPerson, agreeing},
};
use crate::{
    access::Perm,
    http::{
        Code, Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The routes.
pub const ROUTES: &[Route] =
    &[Route::post("/projects/{project}/meters/{meter}/replace", "meter.replace", |call| {
        Box::pin(replace(call))
    })
    .in_project(Perm::ReplaceMeter)
    .once()
    .says("换表或表内钱包初始化", "Two persons end a meter's life and carry its rest to the next")
    .body::<Replace>()
    .answers::<ReplacedView>(200)];

/// What two persons saw.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// The life that ends, as `epoch` of the meter showed it; a repeat names the same one.
    #[schema(example = 1)]
    pub epoch: i32,
    /// The meter that is taken away: its display, or what was read last.
    pub old: Display,
    /// What the meter in its place shows.
    pub new: Display,
    /// The number on the new meter's face; left out where the same meter was initialised.
    #[serde(default)]
    #[schema(example = "000000000777")]
    pub meter_no: Option<String>,
    /// Its address on the bus; left out where it stays.
    #[serde(default)]
    #[schema(example = "000000000777")]
    pub address: Option<String>,
    /// What became of a purchase in doubt: `applied` or `not-delivered`, by the old display.
    #[serde(default)]
    #[schema(example = "not-delivered")]
    pub open: Option<String>,
    /// What happened.
    #[schema(example = "旧表烧毁，现场换表")]
    pub reason: String,
    /// True to see what would happen; nothing changes, and no second person is needed.
    #[serde(default)]
    pub dry_run: bool,
    /// The second person, who enters this themselves.
    #[serde(default)]
    pub second: Option<SecondPerson>,
}

/// A meter's display.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Display {
    /// The purchase count; needed of a new meter that keeps one.
    #[serde(default)]
    #[schema(example = 7)]
    pub count: Option<i64>,
    /// The money left, in fen, a debt below zero; needed where the meter keeps the money.
    #[serde(default)]
    #[schema(example = 4800)]
    pub balance_fen: Option<i64>,
    /// The register of use, in Wh or litres; needed of a new meter whose use is billed.
    #[serde(default)]
    #[schema(example = 1_234_560)]
    pub register: Option<i64>,
}

/// What the replacement did, or would do.
#[derive(Serialize, ToSchema)]
pub struct ReplacedView {
    /// True if nothing was changed, because only a look was asked for.
    pub dry_run: bool,
    /// True if it had been done before; nothing was done again.
    pub repeated: bool,
    /// Used up on the old meter, booked as earned, in fen.
    pub used_fen: i64,
    /// On a meter without the books having known, in fen; taken from what was earned.
    pub found_fen: i64,
    /// Due to the tenant on the new meter, in fen.
    pub carried_fen: i64,
    /// What somebody has to settle besides, in fen: a debt is below zero.
    pub by_hand_fen: i64,
    /// The order that carries the rest.
    pub order_id: Option<Uuid>,
    /// Its number.
    pub order_no: Option<String>,
    /// The purchase in doubt that was settled.
    pub settled: Option<Uuid>,
    /// Paid purchases that go to the new meter.
    pub moved: Vec<Uuid>,
    /// The place afterwards.
    pub meter: MeterView,
}

async fn replace(call: Call) -> Result<Answer> {
    let row = find(&call).await?;
    let wish: Replace = call.body()?;
    let open = match wish.open.as_deref() {
        None => None,
        Some("applied") => Some(Finding::Applied),
        Some("not-delivered") => Some(Finding::NotDelivered),
        Some(_) => return Err(Problem::malformed("open")),
    };
    let operator = call.caller()?.id();
    let second = match (wish.dry_run, wish.second) {
        // Nobody signs a look; any other id stands for who will.
        (true, _) => domain::OperatorId(Uuid::nil()),
        (false, Some(second)) => agreeing(&call, row.project(), Perm::ReplaceMeter, second).await?,
        (false, None) => return Err(Problem::new(Code::SecondPersonRefused)),
    };
    let display = |shown: &Display| Shown {
        count: shown.count,
        balance_fen: shown.balance_fen,
        register: shown.register,
    };
    let replacement = Replacement {
        epoch: wish.epoch,
        old: display(&wish.old),
        new: display(&wish.new),
        meter_no: wish.meter_no,
        address: wish.address,
        open,
        operator,
        second,
        reason: wish.reason,
    };
    let house = call.house();
    let done =
        house.replace_meter(row.project(), row.meter_id(), replacement, wish.dry_run).await?;
    if !wish.dry_run {
        // The bus asks the new meter from now on; should this fail, the server's care does it.
        if let Err(error) = house.configure_lines().await {
            tracing::warn!(%error, "the lines could not be set up for a replaced meter");
        }
    }
    Answer::ok(&view(&call, done, wish.dry_run).await?)
}

async fn view(call: &Call, done: Replaced, dry_run: bool) -> Result<ReplacedView> {
    Ok(ReplacedView {
        dry_run,
        repeated: done.repeated,
        used_fen: done.ended.used_fen,
        found_fen: done.ended.found_fen,
        carried_fen: done.ended.carried_fen,
        by_hand_fen: done.by_hand_fen,
        order_id: done.order.as_ref().filter(|_| !dry_run).map(|order| order.id),
        order_no: done.order.filter(|_| !dry_run).map(|order| order.order_no),
        settled: done.settled.map(|id| id.0),
        moved: done.moved.iter().map(|id| id.0).collect(),
        meter: shown(call, done.meter).await?,
    })
}
