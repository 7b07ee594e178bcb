//! Jobs: what is to be done next, written with the fact that causes it, and the workers that do it.

mod worker;
pub(crate) use worker::span;
pub use worker::work;

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{GatewayId, HoldId, JobId, MeterId, OrderId, ProjectId, VendId};
use serde_json::{Value, json};
use store::{
    Tx,
    attempt::Attempt,
    job::{self, Job},
    ledger::Booking,
    meter::Meter,
    order::Order,
    vend::{self, Vend},
};

use crate::{
    directory::MeterInUse,
    house::House,
    posting,
    refusal::{Refusal, Result, VendingError},
};

/// Restoring supply comes first, whatever else waits.
const PRIORITY_SUPPLY: i16 = 0;
/// Money on its way to a meter.
const PRIORITY_VEND: i16 = 1;
/// Cutting somebody off is never urgent.
const PRIORITY_ARREARS: i16 = job::PRIORITY_BACKGROUND;
/// Asking a provider.
const PRIORITY_QUERY: i16 = 2;
/// Nobody waits for what a meter kept over a gap.
const PRIORITY_BACK_FILL: i16 = 4;
/// A turn that fails so often is parked and shown, never dropped.
const ATTEMPTS_MAX: i32 = 50;
/// How a turn with a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobEnd {
    /// Nothing is left to do.
    Done,
    /// It goes on after this wait.
    Again(Duration),
    /// Only a person can move it on.
    Park(String),
}

/// The rows a credit brings along, by who keeps the money.
pub(crate) struct Parts {
    pub vend: Option<Vend>,
    pub held: Option<Booking>,
    pub jobs: Vec<Job>,
}

/// Money for a meter that keeps it: held in the purse, carried by a vend.
pub(crate) fn vend_parts(
    house: &House,
    order: &Order,
    meter: Option<&Meter>,
    now: DateTime<Utc>,
) -> Result<Parts> {
    let vend_id = VendId::generate(house.clock(), house.rng());
    let hold_id = HoldId::generate(house.clock(), house.rng());
    let vend = Vend {
        project_id: order.project_id,
        id: vend_id.0,
        order_id: order.id,
        meter_id: order.meter_id,
        epoch: meter.map_or(1, |meter| meter.epoch),
        purchase_count: None,
        amount_fen: order.amount_fen,
        state: "queued".to_owned(),
        saga: "{}".to_owned(),
        hold_id: Some(hold_id.0),
        sent_count: 0,
        proof: None,
        created_at: now,
        intended_at: None,
        sent_at: None,
        ended_at: None,
        next_action_at: None,
        last_error: None,
        version: 1,
    };
    let held = posting::vend_held(house, order, (vend_id, hold_id), now)?;
    let job = Job {
        payload: json!({ "vend": vend_id.to_string() }).to_string(),
        order_key: Some(format!("vend:{}", order.meter_id)),
        gateway_id: meter.map(|meter| meter.gateway_id),
        priority: PRIORITY_VEND,
        ..draft(house, order.project(), "vend", &vend_id.to_string(), now)
    };
    Ok(Parts { vend: Some(vend), held: Some(held), jobs: vec![job] })
}

/// Money the platform keeps: there is nothing to carry, only the light to switch on.
pub(crate) fn supply_parts(
    house: &House,
    order: &Order,
    meter: Option<&Meter>,
    now: DateTime<Utc>,
) -> Result<Parts> {
    let gateway = meter.map(|meter| GatewayId(meter.gateway_id));
    let job = supply_job(house, order.project(), order.meter(), gateway, Some(order.order_id()));
    Ok(Parts { vend: None, held: None, jobs: vec![Job { run_at: now, ..job }] })
}

fn supply_job(
    house: &House,
    project: ProjectId,
    meter: MeterId,
    gateway: Option<GatewayId>,
    order: Option<OrderId>,
) -> Job {
    let why = order.map_or_else(|| format!("{meter}:wake"), |order| format!("{meter}:{order}"));
    let payload = json!({ "meter": meter.to_string(), "order": order.map(|id| id.to_string()) });
    Job {
        payload: payload.to_string(),
        gateway_id: gateway.map(|id| id.0),
        priority: PRIORITY_SUPPLY,
        ..draft(house, project, "supply", &why, house.now())
    }
}

pub(crate) fn draft(
    house: &House,
    project: ProjectId,
    kind: &str,
    key: &str,
    at: DateTime<Utc>,
) -> Job {
    let id = JobId::generate(house.clock(), house.rng());
    Job { attempts_max: ATTEMPTS_MAX, ..job::draft(project, id, kind, key, at) }
}

/// Asks for the light of an order's meter, in the transaction that proved the delivery.
pub(crate) async fn enqueue_supply(
    tx: &Tx,
    house: &House,
    order: &Order,
    meter: &Meter,
) -> Result<()> {
    let gateway = Some(meter.gateway());
    let job = supply_job(house, order.project(), order.meter(), gateway, Some(order.order_id()));
    job::insert(tx, &job).await?;
    Ok(())
}

/// Has the supply of a meter looked at now, whatever is wished.
pub(crate) async fn wake_supply(tx: &Tx, house: &House, meter: &Meter) -> Result<()> {
    let gateway = Some(meter.gateway());
    let job = supply_job(house, meter.project(), meter.meter_id(), gateway, None);
    job::schedule(tx, &job).await?;
    Ok(())
}

/// Has the provider asked about an attempt until its end is proven.
pub(crate) async fn enqueue_query(tx: &Tx, house: &House, attempt: &Attempt) -> Result<()> {
    let at = attempt.next_check_at.unwrap_or(attempt.created_at);
    let job = Job {
        payload: json!({ "attempt": attempt.attempt_id().to_string() }).to_string(),
        priority: PRIORITY_QUERY,
        ..draft(house, attempt.project(), "query", &attempt.attempt_id().to_string(), at)
    };
    job::insert(tx, &job).await?;
    Ok(())
}

/// Has a meter in arrears looked at, by what was billed just now.
pub(crate) fn arrears_job(house: &House, meter: &Meter, detail: Value) -> Job {
    Job {
        payload: json!({ "meter": meter.meter_id().to_string(), "why": detail }).to_string(),
        gateway_id: Some(meter.gateway_id),
        priority: PRIORITY_ARREARS,
        ..draft(house, meter.project(), "arrears", &meter.meter_id().to_string(), house.now())
    }
}

/// Has a meter asked what it kept over the gap that began at `from`.
pub(crate) async fn enqueue_back_fill(
    tx: &Tx,
    house: &House,
    meter: &MeterInUse,
    from: DateTime<Utc>,
    wait: Duration,
) -> Result<()> {
    let key = format!("{}:{}", meter.id, from.timestamp_micros());
    let payload = json!({ "meter": meter.id.to_string(), "from": from });
    let job = Job {
        payload: payload.to_string(),
        gateway_id: Some(meter.gateway.0),
        priority: PRIORITY_BACK_FILL,
        ..draft(house, meter.project, "back-fill", &key, house.now() + span(wait))
    };
    job::insert(tx, &job).await?;
    Ok(())
}

/// Has a vend taken up again at once.
pub(crate) async fn wake_vend(house: &House, row: &Vend) -> Result<()> {
    let meter = store::meter::by_id(house.store().read(), row.project(), row.meter()).await?;
    let meter = meter.ok_or(Refusal::NotFound { what: "meter" })?;
    let id = row.vend_id();
    let job = Job {
        payload: json!({ "vend": id.to_string(), "event": "resend" }).to_string(),
        order_key: Some(format!("vend:{}", row.meter_id)),
        gateway_id: Some(meter.gateway_id),
        priority: PRIORITY_VEND,
        ..draft(house, row.project(), "vend", &id.to_string(), house.now())
    };
    house
        .store()
        .transact(move |tx| {
            Box::pin(async move { Ok::<_, VendingError>(job::schedule(tx, &job).await?) })
        })
        .await
}

/// Has a vend that starts anew taken up, in the transaction that starts it.
pub(crate) async fn schedule_vend(tx: &Tx, house: &House, row: &Vend, meter: &Meter) -> Result<()> {
    let id = row.vend_id().to_string();
    let job = Job {
        payload: json!({ "vend": id }).to_string(),
        order_key: Some(format!("vend:{}", row.meter_id)),
        gateway_id: Some(meter.gateway_id),
        priority: PRIORITY_VEND,
        ..draft(house, row.project(), "vend", &id, house.now())
    };
    Ok(job::schedule(tx, &job).await?)
}

/// Has everything open about a meter looked at, because the meter was heard.
pub(crate) async fn wake_meter(house: &House, meter: &MeterInUse) -> Result<()> {
    let open = vend::open(house.store().read(), meter.project, Some(meter.id)).await?;
    for row in open.iter().filter(|row| row.state == "uncertain") {
        wake_vend(house, row).await?;
    }
    Ok(())
}
