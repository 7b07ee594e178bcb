//! What may be topped up, and how: the limits, what brings the light back, the ways to pay.

use chrono::{DateTime, Utc};
use domain::MeterId;
use serde::Serialize;
use store::{order as orders, person};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    call::Call,
    failure::Result,
    meter::{self, restore::RestoreView},
    order::{self, pay},
    route::{Need, Route},
};

/// The amounts that are offered, in fen; nobody is led to a larger one.
const AMOUNTS_FEN: [i64; 6] = [2_000, 5_000, 10_000, 20_000, 30_000, 50_000];
/// The latest orders of a home that are looked through for one that is open.
const RECENT_MAX: u64 = 20;

/// The route.
pub const ROUTES: &[Route] =
    &[Route::get("/homes/{home}/meters/{meter}/top-up", "top_up.show", |call| {
        Box::pin(show(call))
    })
    .needs(Need::Home)
    .says("充值前", "Limits, what brings the light back, ways to pay, an order that is still open")
    .answers::<TopUpView>(200)];

/// What may be topped up.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TopUpView {
    /// The smallest order, in fen.
    #[schema(example = 100)]
    pub minimum_fen: i64,
    /// The largest order, in fen.
    #[schema(example = 500_000)]
    pub maximum_fen: i64,
    /// Amounts to choose from, in fen.
    pub amounts_fen: Vec<i64>,
    /// What brings the light back, where it is out for want of money.
    pub restore: Option<RestoreView>,
    /// What is left, in fen.
    pub balance_fen: Option<i64>,
    /// The moment that is true of.
    pub balance_at: Option<DateTime<Utc>>,
    /// The ways the caller can pay here.
    #[schema(example = json!(["wechat-mini", "alipay-page"]))]
    pub ways: Vec<String>,
    /// An order for this meter that may still be paid.
    pub open_order_id: Option<Uuid>,
}

async fn show(call: Call) -> Result<Answer> {
    let (desk, home, id) = (&call.desk, call.home()?, call.id::<MeterId>("meter")?);
    let (db, person) = (desk.house.store().read(), call.caller()?.person);
    let meter = meter::of_home(desk, home, id).await?;
    let known = person::identities(db, person).await?;
    let ways = pay::ways(desk, home.project, &known);
    let settings = desk.house.settings();
    let (minimum, maximum) = (settings.order_min.fen(), settings.order_max.fen());
    let recent = orders::of_account(db, (home.project, home.account), None, RECENT_MAX).await?;
    let now = desk.clock.now();
    let mut open_order_id = None;
    for row in recent.iter().filter(|row| row.meter_id == id.0 && order::is_open(row, now)) {
        let placed = crate::reach::PlacedOrder { project: row.project(), order: row.order_id() };
        if pay::placed_by(desk, placed, person).await?.is_some() {
            open_order_id = Some(row.id);
            break;
        }
    }
    Answer::ok(&TopUpView {
        minimum_fen: minimum,
        maximum_fen: maximum,
        amounts_fen: AMOUNTS_FEN
            .into_iter()
            .filter(|fen| (minimum..=maximum).contains(fen))
            .collect(),
        restore: meter.restore,
        balance_fen: meter.balance_fen,
        balance_at: meter.balance_at,
        ways: ways.into_iter().map(|way| way.as_str().to_owned()).collect(),
        open_order_id,
    })
}
