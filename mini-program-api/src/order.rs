//! Orders by phone: placed once, paid in the wallet of whoever placed them, told as they are.

pub mod pay;
pub mod steps;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod view;
pub mod words;

use std::collections::{HashMap, hash_map::Entry};

use chrono::{DateTime, Utc};
use domain::{AccountId, MeterId, Money, OrderState, PayWay, PersonId};
use serde::{Deserialize, Serialize};
use store::{
    order::{self as orders, Order},
    order_tenant,
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use vending::order::{PlaceOrder, PlacedBy};

use crate::{
    answer::Answer,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    home, meter,
    page::{Cursor, bounds},
    reach::{self, Home},
    route::{Need, Route},
};
use view::{OrderView, Scene};

/// Orders of one person that may wait for their payment at once.
pub const OPEN_MAX: usize = 5;
/// The latest orders of a person that are looked through for those.
const RECENT_MAX: u64 = 50;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/orders", "tenant_order.place", |call| Box::pin(place(call)))
        .says("下单充值", "Place an order; the same client_id finds the same order for ever")
        .body::<OrderDraft>()
        .answers::<OrderView>(201),
    Route::get("/orders", "tenant_order.list", |call| Box::pin(list(call)))
        .says("我的订单", "Orders of the caller's homes, the newest first")
        .query::<Wanted>()
        .answers::<Orders>(200),
    Route::get("/orders/{order}", "tenant_order.show", |call| Box::pin(show(call)))
        .needs(Need::Order)
        .says("订单进度", "One order with its timeline")
        .answers::<OrderView>(200),
    Route::post("/orders/{order}/cancel", "tenant_order.cancel", |call| Box::pin(cancel(call)))
        .needs(Need::Order)
        .says("取消订单", "Cancel an order; the answer says where it stands, it may be paid")
        .answers::<OrderView>(200),
];

/// An order as somebody wishes it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderDraft {
    /// The id the client made and keeps for repeats, 8 to 64 of `[0-9A-Za-z-]`.
    #[schema(example = "0f8b1c2e-7a55-4c10-9d2f-3b1f0c6a9e11")]
    pub client_id: String,
    /// The home.
    pub home: Uuid,
    /// The meter to top up.
    pub meter: Uuid,
    /// How much, in fen.
    #[schema(example = 5000)]
    pub amount_fen: i64,
    /// `wechat-mini`, `wechat-page`, `wechat-h5`, `alipay-mini` or `alipay-page`.
    #[schema(example = "wechat-mini")]
    pub way: String,
    /// Heaters and irons are switched off, so that supply may come back by itself.
    #[schema(example = true)]
    pub appliances_off: bool,
}

/// Which orders.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Only those of this home.
    #[serde(default)]
    pub home: Option<Uuid>,
    /// The `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// How many at most; 20 when not said, 100 at most.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// Orders.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Orders {
    /// The newest first.
    pub items: Vec<OrderView>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// The id under which the books know what a person's client called `client_id`: made the person's
/// own, so that two tenants never meet in one.
fn own_client_id(person: PersonId, client_id: &str) -> Result<String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !(8..=64).contains(&client_id.len()) || !client_id.bytes().all(legal) {
        return Err(Failure::Refused(vending::Refusal::ClientIdMalformed));
    }
    let text = format!("{person}\n{client_id}");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let hex = digest.as_ref().iter().take(24).map(|byte| format!("{byte:02x}"));
    Ok(format!("t-{}", hex.collect::<String>()))
}

async fn place(call: Call) -> Result<Answer> {
    let wish: OrderDraft = call.body()?;
    let way: PayWay = wish.way.parse().map_err(|_| Failure::Malformed("way"))?;
    let (desk, person) = (&call.desk, call.caller()?.person);
    let client_id = own_client_id(person, &wish.client_id)?;
    let home = reach::home_of(desk, person, AccountId(wish.home)).await?;
    let (account, meter) = meter::own(desk, &home, MeterId(wish.meter)).await?;
    let known = orders::by_client_id(desk.house.store().read(), home.project, &client_id).await?;
    let first = known.is_none();
    if first {
        may_order(desk, person).await?;
        let seen = meter::view(desk, &account, &meter).await?;
        let dark = matches!(seen.supply.state.as_str(), "off" | "waiting");
        if dark && !wish.appliances_off {
            // What was left on heats up unseen when the light comes back (T7).
            return Err(Failure::Malformed("appliances_off"));
        }
    }
    let placed = PlaceOrder {
        client_id,
        meter: MeterId(wish.meter),
        channel: way.channel(),
        amount: Money::from_fen(wish.amount_fen),
        operator: None,
    };
    let by = PlacedBy { person, way, appliances_off: wish.appliances_off };
    let order = desk.house.place_order_by(home.project, placed, by).await?;
    let scene = Scene::open(desk, &order).await?;
    let view = view::view(desk, &order, &scene, Some(person)).await?;
    Answer::json(if first { 201 } else { 200 }, &view)
}

/// A person has so many orders open at most: each may hold a payment with a provider.
async fn may_order(desk: &Desk, person: PersonId) -> Result<()> {
    let (db, now) = (desk.house.store().read(), desk.clock.now());
    let mut open = 0;
    for row in order_tenant::of_person(db, person, RECENT_MAX).await? {
        let (project, id) = row.order();
        if row.placed_at + chrono::TimeDelta::hours(2) < now {
            break;
        }
        let order = orders::by_id(db, project, id).await?;
        if order.is_some_and(|order| is_open(&order, now)) {
            open += 1;
        }
    }
    if open >= OPEN_MAX {
        return Err(Failure::TooMany { retry_after_s: 60 });
    }
    Ok(())
}

/// True while an order may still be paid.
pub fn is_open(order: &Order, now: DateTime<Utc>) -> bool {
    order.state == OrderState::Placed.as_str() && order.expires_at > now
}

/// The order of the path.
pub async fn of_path(call: &Call) -> Result<Order> {
    let placed = call.order()?;
    let db = call.desk.house.store().read();
    let found = orders::by_id(db, placed.project, placed.order).await?;
    found.ok_or(Failure::NotFound("order"))
}

async fn shown(call: &Call) -> Result<OrderView> {
    let order = of_path(call).await?;
    let scene = Scene::open(&call.desk, &order).await?;
    view::view(&call.desk, &order, &scene, Some(call.caller()?.person)).await
}

async fn show(call: Call) -> Result<Answer> {
    Answer::ok(&shown(&call).await?)
}

async fn cancel(call: Call) -> Result<Answer> {
    let placed = *call.order()?;
    let own = pay::placed_by(&call.desk, placed, call.caller()?.person).await?;
    if own.is_none() {
        return Err(Failure::OwnerOnly);
    }
    call.desk.house.cancel_order(placed.project, placed.order).await?;
    Answer::ok(&shown(&call).await?)
}

async fn list(call: Call) -> Result<Answer> {
    let wish: Wanted = call.query()?;
    let (limit, after) = (bounds(wish.limit)?, Cursor::read(wish.after.as_deref())?);
    let person = call.caller()?.person;
    let homes: Vec<Home> = match wish.home {
        Some(id) => vec![reach::home_of(&call.desk, person, AccountId(id)).await?],
        None => home::of_caller(&call).await?,
    };
    let db = call.desk.house.store().read();
    let before = after.map(|cursor| (cursor.at, cursor.id));
    let mut found = Vec::new();
    for home in homes {
        let key = (home.project, home.account);
        found.extend(orders::of_account(db, key, before, limit + 1).await?);
    }
    found.sort_by_key(|order| std::cmp::Reverse((order.placed_at, order.id)));
    let more = found.len() as u64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let last = found.last().filter(|_| more);
    let next = last.map(|order| Cursor { at: order.placed_at, id: order.id }.to_string());
    let mut scenes: HashMap<Uuid, Scene> = HashMap::new();
    let mut items = Vec::new();
    for order in &found {
        let scene = match scenes.entry(order.meter_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Scene::open(&call.desk, order).await?),
        };
        items.push(view::view(&call.desk, order, scene, Some(person)).await?);
    }
    Answer::ok(&Orders { items, next })
}
