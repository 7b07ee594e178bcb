//! An order as its people see it, put together from what is stored about it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{AccountId, AttemptState, MoneyModel, OrderState, PersonId};
use gateway::Item;
use serde::Serialize;
use serde_json::Value;
use store::{
    account::Account,
    attempt,
    meter::Meter,
    order::Order,
    order_tenant::{self, OrderTenant},
    reading,
    supply::Supply,
    tariff, timeline,
};
use utoipa::ToSchema;
use uuid::Uuid;
use vending::posting;

use super::{
    steps::{StepView, Story, steps},
    words::{Facts, Text, Told, tell},
};
use crate::{
    desk::Desk,
    failure::{Failure, Result},
    home,
    meter::{self, supply::Seen},
};

/// What a person may do with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderCan {
    /// Pay it, or go on paying it.
    pub pay: bool,
    /// Cancel it.
    pub cancel: bool,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrderView {
    /// The order.
    pub id: Uuid,
    /// The number people read out.
    #[schema(example = "YF2611201431480417")]
    pub order_no: String,
    /// The home it was placed for.
    pub home: Uuid,
    /// The meter it tops up.
    pub meter: Uuid,
    /// `electricity`, `water` or `gas`.
    #[schema(example = "electricity")]
    pub purpose: String,
    /// Where that is.
    #[schema(example = "和园公寓 5-1-0803")]
    pub place: String,
    /// The last four digits of the meter's number.
    #[schema(example = "7735")]
    pub meter_no_tail: String,
    /// The amount, in fen.
    #[schema(example = 10_000)]
    pub amount_fen: i64,
    /// From which page it is paid; the channel for an order of the counter.
    #[schema(example = "wechat-mini")]
    pub way: String,
    /// `awaiting-payment`, `credited`, `sending`, `on-meter`, `restored`, `in-doubt`,
    /// `refunded`, `closed` or `held`.
    #[schema(example = "restored")]
    pub state: String,
    /// What happened.
    pub sentence: Text,
    /// Whether the money is safe.
    pub safe: Text,
    /// What to do.
    pub todo: Text,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When it stops being payable.
    pub expires_at: DateTime<Utc>,
    /// How far it has come, with time and proof.
    pub steps: Vec<StepView>,
    /// What was there before, in fen, as far as it is known.
    pub balance_before_fen: Option<i64>,
    /// What was there afterwards, in fen, as far as it is known.
    pub balance_after_fen: Option<i64>,
    /// The name of its receipt for anybody who is shown it, once there is one.
    pub receipt_token: Option<String>,
    /// True once nothing more happens by itself.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// What the caller may do.
    pub can: OrderCan,
    /// Whom to call.
    pub service_phone: Option<String>,
}

/// What stands around an order and is the same for all orders of a meter.
pub struct Scene {
    meter: Meter,
    place: String,
    offline: bool,
    has_switch: bool,
    supply: Option<Supply>,
    /// What supply was last read to be.
    actual: &'static str,
    balance_fen: Option<i64>,
    unbilled_fen: i64,
}

impl Scene {
    /// Looks it up for the meter of an order.
    pub async fn open(desk: &Desk, order: &Order) -> Result<Scene> {
        let (db, project) = (desk.house.store().read(), order.project());
        let meter = store::meter::by_id(db, project, order.meter()).await?;
        let meter = meter.ok_or(Failure::NotFound("order"))?;
        let account = store::account::by_id(db, project, AccountId(order.account_id)).await?;
        let account: Account = account.ok_or(Failure::NotFound("order"))?;
        let (_, place) = home::place_of(desk, project, &account).await?;
        let latest = reading::latest_of_meter(db, project, order.meter()).await?;
        let supply = store::supply::of_meter(db, project, order.meter()).await?;
        let price = match meter.tariff() {
            Some(id) => tariff::in_force(db, project, id, desk.clock.now()).await?,
            None => None,
        };
        let balance = meter::balance(desk, &account, &meter, &latest, price.as_ref()).await?;
        let offline_since = meter::offline_since(desk, &meter).await?;
        let item = if meter.purpose == "water" { Item::ValveState } else { Item::RelayState };
        let scanned = latest.iter().find(|row| row.item == item.code());
        let has_switch = desk.house.has_switch(&meter);
        let seen = Seen {
            meter: &meter,
            has_switch,
            offline_since,
            row: supply.as_ref(),
            scanned: scanned.map(|row| (row.value, row.at)),
            out_of_money: false,
        };
        let (actual, _) = seen.actual();
        Ok(Scene {
            offline: offline_since.is_some(),
            has_switch,
            actual,
            balance_fen: balance.fen,
            unbilled_fen: balance.unbilled_fen,
            place,
            supply,
            meter,
        })
    }

    /// True while the meter's gateway is gone.
    pub fn is_offline(&self) -> bool {
        self.offline
    }

    /// What supply was last read to be: `on`, `off`, `waiting` or `unknown`.
    pub fn supply(&self) -> &'static str {
        self.actual
    }

    /// The meter.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// True where we keep the money, and not the meter.
    pub fn with_us(&self) -> Result<bool> {
        Ok(self.meter.money_model()? == MoneyModel::PlatformHeld)
    }

    /// Paid for and not back: the alarm stands and supply was not read as on since.
    fn is_dark(&self) -> bool {
        self.supply.as_ref().is_some_and(|row| {
            row.desired == "on" && row.alarm_at.is_some() && row.restored_at < row.alarm_at
        })
    }

    /// Who cut it and has to bring it back.
    fn held_off(&self) -> Option<&'static str> {
        let row = self.supply.as_ref()?;
        let fields: BTreeMap<String, String> = serde_json::from_str(&row.state).ok()?;
        if fields.get("held_off").map(String::as_str) != Some("true") {
            return None;
        }
        let tenant = row.desired_reason == vending::supply::switch::REASON_TENANT;
        Some(if tenant { "by-tenant" } else { "by-operator" })
    }

    /// What is still missing before supply comes back.
    fn missing_fen(&self, minimum_fen: i64) -> Result<Option<i64>> {
        if !self.with_us()? || self.actual == "on" {
            return Ok(None);
        }
        let missing = |fen| {
            meter::restore::RestoreView::of(fen, self.unbilled_fen, minimum_fen)
                .map(|view| view.amount_fen)
        };
        Ok(self.balance_fen.and_then(missing))
    }
}

/// An order as `person` sees it.
pub async fn view(
    desk: &Desk,
    order: &Order,
    scene: &Scene,
    person: Option<PersonId>,
) -> Result<OrderView> {
    let (db, project, id) = (desk.house.store().read(), order.project(), order.order_id());
    let state = order.state()?;
    let tenant = order_tenant::of_order(db, project, id).await?;
    let events = timeline::of(db, project, id).await?;
    let story = Story::of(&events);
    let receipt = match state.is_paid() {
        true => order_tenant::receipt_of(db, project, id).await?,
        false => None,
    };
    let told = told(desk, order, scene, &story, state).await?;
    let with_us = scene.with_us()?;
    let (before, after) = match (with_us, state.is_paid()) {
        (_, false) => (None, None),
        (false, true) => (story.balance_before_fen, story.balance_after_fen),
        (true, true) => {
            let purse = posting::purse_of(AccountId(order.account_id), order.purpose()?);
            let after = store::ledger::after_order(db, project, purse, id).await?;
            let after = after.map(domain::Money::fen);
            (after.map(|fen| fen - order.amount_fen), after)
        }
    };
    Ok(OrderView {
        id: order.id,
        order_no: order.order_no.clone(),
        home: order.account_id,
        meter: order.meter_id,
        purpose: order.purpose.clone(),
        place: scene.place.clone(),
        meter_no_tail: tail(&scene.meter.meter_no),
        amount_fen: order.amount_fen,
        way: tenant.as_ref().map_or_else(|| order.channel.clone(), |row| row.way.clone()),
        state: told.state.to_owned(),
        steps: steps(order, &story, &told, (with_us, scene.has_switch)),
        can: can(desk, order, &told, tenant.as_ref(), person),
        sentence: told.sentence,
        safe: told.safe,
        todo: told.todo,
        placed_at: order.placed_at,
        expires_at: order.expires_at,
        balance_before_fen: before,
        balance_after_fen: after,
        receipt_token: receipt.map(|row| row.token),
        is_final: told.is_final,
        service_phone: home::service_phone(desk),
    })
}

async fn told(
    desk: &Desk,
    order: &Order,
    scene: &Scene,
    story: &Story,
    state: OrderState,
) -> Result<Told> {
    let newest = match state {
        OrderState::Placed => {
            let db = desk.house.store().read();
            let known = attempt::of_order(db, order.project(), order.order_id()).await?;
            known.last().map(|row| Ok::<_, Failure>((row.state()?, row.payer_hint.is_some())))
        }
        _ => None,
    };
    let attempt: Option<(AttemptState, bool)> = newest.transpose()?;
    let minimum = desk.house.settings().reconnect_minimum_fen.max(1);
    Ok(tell(&Facts {
        state,
        purpose: &order.purpose,
        amount_fen: order.amount_fen,
        expires_at: order.expires_at,
        now: desk.clock.now(),
        was_closed: order.closed_at.is_some(),
        attempt,
        with_us: scene.with_us()?,
        offline: scene.offline,
        has_switch: scene.has_switch,
        supply: scene.actual,
        dark: scene.is_dark(),
        held_off: scene.held_off(),
        missing_fen: scene.missing_fen(minimum)?,
        extra_fen: story.extra_fen,
    }))
}

fn can(
    desk: &Desk,
    order: &Order,
    told: &Told,
    tenant: Option<&OrderTenant>,
    person: Option<PersonId>,
) -> OrderCan {
    let open = told.state == "awaiting-payment" && order.expires_at > desk.clock.now();
    // A wallet is opened for the person who placed the order, and for nobody else.
    let own = tenant.zip(person).is_some_and(|(row, person)| row.person() == person);
    let unpaid = matches!(told.state, "awaiting-payment" | "in-doubt") && order.state == "placed";
    OrderCan { pay: open && own, cancel: unpaid && own }
}

/// The last four digits of a number.
pub fn tail(number: &str) -> String {
    let skip = number.chars().count().saturating_sub(4);
    number.chars().skip(skip).collect()
}

/// A number in a line's detail.
pub fn number(detail: &str, name: &str) -> Option<i64> {
    serde_json::from_str::<Value>(detail).ok()?.get(name)?.as_i64()
}

/// A text in a line's detail.
pub fn text(detail: &str, name: &str) -> Option<String> {
    Some(serde_json::from_str::<Value>(detail).ok()?.get(name)?.as_str()?.to_owned())
}
