//! Jobs: what is to be done next, written with the fact that causes it, and the workers that do it.

mod worker;
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

fn draft(house: &House, project: ProjectId, kind: &str, key: &str, at: DateTime<Utc>) -> Job {
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
<<<<<<< HEAD

/// Works on jobs until told to stop; several of these may run on one database.
pub async fn work(house: House, owner: String, stop: tokio::sync::watch::Receiver<bool>) {
    let at_once = Arc::new(Semaphore::new(house.settings().jobs_at_once));
    let mut stop = stop;
    if !house.settings().many_nodes {
        take_over(&house).await;
    }
    while !*stop.borrow() {
        let free = at_once.available_permits();
        let claimed = if free == 0 { Ok(Vec::new()) } else { claim(&house, &owner, free).await };
        let jobs = match claimed {
            Ok(jobs) => jobs,
            Err(StoreError::Stopped) => return,
            Err(error) => {
                tracing::warn!(error = %error, "jobs could not be claimed");
                Vec::new()
            }
        };
        let idle = jobs.is_empty();
        for job in jobs {
            let permit = Arc::clone(&at_once).acquire_owned().await;
            let house = house.clone();
            tokio::spawn(async move {
                take_turn(&house, job).await;
                drop(permit);
            });
        }
        if idle {
            tokio::select! {
                () = house.store().wait_for_work(house.paced(POLL_MAX)) => {}
                _ = stop.changed() => {}
            }
        }
    }
}

/// The one process of a site starts again: what its predecessor held goes on at once, instead of
/// after the lease has run out (RTO, I9).
async fn take_over(house: &House) {
    let freed = house.store().transact(|tx| Box::pin(job::take_back_all(tx))).await;
    match freed {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "jobs of the process before are taken over"),
        Err(error) => tracing::warn!(error = %error, "jobs could not be taken over"),
    }
}

async fn claim(house: &House, owner: &str, free: usize) -> Result<Vec<Job>, StoreError> {
    let ask = |gateways: GatewayFilter, room: usize| {
        house.store().claim(Claim {
            owner: owner.to_owned(),
            kinds: Vec::new(),
            gateways,
            limit: u32::try_from(room).unwrap_or(u32::MAX),
            lease: house.settings().job_lease,
            now: house.now(),
        })
    };
    if !house.settings().many_nodes {
        return ask(GatewayFilter::Any, free).await;
    }
    // Where several processes share the database a meter's job is its gateway's owner's.
    let mut jobs = ask(GatewayFilter::These(house.owned().ids()), free).await?;
    let room = free.saturating_sub(jobs.len());
    jobs.extend(ask(GatewayFilter::None, room).await?);
    Ok(jobs)
}

/// One turn with one job, renewed while it lasts.
async fn take_turn(house: &House, job: Job) {
    let lease = job.lease();
    let turn = run(house, &job);
    tokio::pin!(turn);
    let every = house.settings().job_lease / 3;
    let ended = loop {
        tokio::select! {
            ended = &mut turn => break ended,
            () = tokio::time::sleep(every) => {
                let until = house.now() + span(house.settings().job_lease);
                let renewed = house.store().transact(move |tx| {
                    Box::pin(async move { job::renew(tx, lease, until).await })
                });
                if let Err(error) = renewed.await {
                    // Somebody else holds the job now: this turn's word no longer counts.
                    tracing::warn!(job = %job.id, error = %error, "a lease was lost");
                    return;
                }
            }
        }
    };
    let now = house.now();
    let end = match ended {
        Ok(JobEnd::Done) => End::Done,
        Ok(JobEnd::Again(wait)) => End::Again(now + span(wait)),
        Ok(JobEnd::Park(why)) => {
            tracing::warn!(kind = job.kind, key = job.key, why, "a job was parked");
            End::Park(why)
        }
        Err(error) => {
            let why = with_causes(&error);
            tracing::warn!(kind = job.kind, key = job.key, why, "a job failed");
            let failures = u32::try_from(job.attempts).unwrap_or(u32::MAX);
            let wait = house.paced(FAILURE_BACKOFF.drawn(failures, house.rng()));
            End::Retry(now + span(wait), why)
        }
    };
    if let Err(error) = house.store().end_job(lease, end, now).await {
        tracing::warn!(job = %job.id, error = %error, "the end of a job could not be stored");
    }
}

/// What a turn does, by its kind. An unknown kind is parked: a newer node may have written it.
async fn run(house: &House, job: &Job) -> Result<JobEnd> {
    let project = ProjectId(job.project_id);
    let payload: Value =
        serde_json::from_str(&job.payload).map_err(|_| Refusal::Malformed { field: "payload" })?;
    let text = |name: &str| payload[name].as_str();
    match job.kind.as_str() {
        "vend" => {
            let id: VendId = text("vend").unwrap_or_default().parse()?;
            let resend = text("event") == Some("resend") && job.attempts <= 1;
            let event = if resend { VendEvent::Resend } else { VendEvent::Wake };
            house.run_vend_job(project, id, event).await
        }
        "supply" => {
            let id: MeterId = text("meter").unwrap_or_default().parse()?;
            let order = text("order").map(str::parse::<OrderId>).transpose()?;
            let first = match order {
                Some(order) => First::WantOn { order: Some(order) },
                None => First::Wake,
            };
            house.run_supply_job(project, id, first).await
        }
        "query" => {
            let id: AttemptId = text("attempt").unwrap_or_default().parse()?;
            house.run_query_job(project, id).await
        }
        "arrears" => {
            let id: MeterId = text("meter").unwrap_or_default().parse()?;
            house.run_arrears_job(project, id).await
        }
        "back-fill" => {
            let id: MeterId = text("meter").unwrap_or_default().parse()?;
            let from = text("from").and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            let from = from.ok_or(Refusal::Malformed { field: "payload" })?.to_utc();
            house.run_back_fill_job(project, id, from).await
        }
        kind => Ok(JobEnd::Park(format!("no worker knows the kind {kind}"))),
    }
}

fn span(wait: Duration) -> TimeDelta {
    TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)
}

/// An error with what caused it, on one line.
fn with_causes(error: &VendingError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
=======
>>>>>>> fb1c732 (Hold the hourly budget of trips under concurrency, take queued trips back, and hear every call of a job)
