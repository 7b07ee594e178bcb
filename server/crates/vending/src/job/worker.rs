//! The workers: they claim what is due, do one turn with it, and say how it ended.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    AttemptId, GatewayId, MeterId, NoticeId, OrderId, ProjectId, VendId, vend::VendEvent,
};
use serde_json::Value;
use store::{
    StoreError,
    job::{self, Claim, End, GatewayFilter, Job, PRIORITY_BACKGROUND},
    meter,
};
use tokio::sync::Semaphore;

use super::JobEnd;
use crate::{
    house::House,
    refusal::{Refusal, Result, VendingError},
    supply::First,
};

/// The longest wait between two looks for work when nobody wakes us.
const POLL_MAX: Duration = Duration::from_secs(1);
/// The wait before a failed turn is tried again.
const FAILURE_BACKOFF: domain::retry::Backoff = domain::retry::Backoff::seconds(1, 60);

/// Of all turns at once this part may be background work: looking at arrears.
const BACKGROUND_PART: usize = 4;
/// No job waits longer than this by its own will; one that does was written by a clock that stood
/// elsewhere.
const WAIT_MAX: TimeDelta = TimeDelta::days(1);

/// How many turns may run at once, all together and of background work.
struct Room {
    all: Arc<Semaphore>,
    background: Arc<Semaphore>,
}

impl Room {
    /// Invariant: background work never takes every worker, so whoever has paid waits for nobody
    /// who owes; proved by `a_restore_never_waits_for_arrears`.
    fn of(at_once: usize) -> Self {
        let background = (at_once / BACKGROUND_PART).max(1);
        Room {
            all: Arc::new(Semaphore::new(at_once)),
            background: Arc::new(Semaphore::new(background)),
        }
    }
}

/// Works on jobs until told to stop; several of these may run on one database.
pub async fn work(house: House, owner: String, stop: tokio::sync::watch::Receiver<bool>) {
    let room = Room::of(house.settings().jobs_at_once);
    let mut stop = stop;
    if !house.settings().many_nodes {
        take_over(&house).await;
    }
    let mut stepped = house.clock_stepped_at();
    while !*stop.borrow() {
        heed_clock(&house, &mut stepped).await;
        let claimed = claim(&house, &owner, &room).await;
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
            let permit = Arc::clone(&room.all).acquire_owned().await;
            let waits = job.priority >= PRIORITY_BACKGROUND;
            let background = Arc::clone(&room.background);
            let share = if waits { Some(background.acquire_owned().await) } else { None };
            let house = house.clone();
            tokio::spawn(async move {
                take_turn(&house, job).await;
                drop((permit, share));
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
/// after the lease has run out (RTO, I9), and so does what waits for a day that is years away.
async fn take_over(house: &House) {
    let now = house.now();
    let freed = house.store().transact(move |tx| {
        Box::pin(async move {
            job::recall(tx, now + WAIT_MAX, now).await?;
            job::take_back_all(tx).await
        })
    });
    match freed.await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "jobs of the process before are taken over"),
        Err(error) => tracing::warn!(error = %error, "jobs could not be taken over"),
    }
}

/// After a step of the wall clock every waiting job looks at once: its wait was counted by another
/// time. A look too early does no harm, a look too late does.
async fn heed_clock(house: &House, heeded: &mut Option<DateTime<Utc>>) {
    let stepped = house.clock_stepped_at();
    if stepped == *heeded {
        return;
    }
    let now = house.now();
    match house.store().transact(move |tx| Box::pin(job::recall(tx, now, now))).await {
        Ok(count) => {
            tracing::warn!(at = ?stepped, count, "the clock was set; waiting jobs look at once");
            *heeded = stepped;
        }
        Err(error) => tracing::warn!(error = %error, "waiting jobs could not be recalled"),
    }
}

/// Claims what there is room for. One process alone counts its leases by a clock that never jumps;
/// several can only share the wall clock, so that none takes a lease back after its own was set.
async fn claim(house: &House, owner: &str, room: &Room) -> Result<Vec<Job>, StoreError> {
    let free = room.all.available_permits();
    if free == 0 {
        // Whoever ends a turn makes room; the claim after that one is the next.
        return Ok(Vec::new());
    }
    let bounded = |permits: usize| u32::try_from(permits).unwrap_or(u32::MAX);
    let many = house.settings().many_nodes;
    let gateways = match many {
        true => GatewayFilter::Within(house.owned().ids()),
        false => GatewayFilter::Any,
    };
    let claim = Claim {
        owner: owner.to_owned(),
        kinds: Vec::new(),
        gateways,
        limit: bounded(free),
        background_limit: bounded(room.background.available_permits()),
        lease: house.settings().job_lease,
        now: house.now(),
        lease_now: lease_now(house),
        take_back: !many || house.clock_is_settled(),
    };
    house.store().claim(claim).await
}

fn lease_now(house: &House) -> DateTime<Utc> {
    if house.settings().many_nodes { house.now() } else { house.steady_now() }
}

/// One turn with one job, renewed while it lasts.
async fn take_turn(house: &House, job: Job) {
    let lease = job.lease();
    if let Some(gateway) = moved_to(house, &job).await {
        return end_turn(house, &job, End::Elsewhere(gateway)).await;
    }
    let turn = run(house, &job);
    tokio::pin!(turn);
    let every = house.settings().job_lease / 3;
    let ended = loop {
        tokio::select! {
            ended = &mut turn => break ended,
            () = tokio::time::sleep(every) => {
                let until = lease_now(house) + span(house.settings().job_lease);
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
    end_turn(house, &job, end).await;
}

async fn end_turn(house: &House, job: &Job, end: End) {
    if let Err(error) = house.store().end_job(job.lease(), end, house.now()).await {
        tracing::warn!(job = %job.id, error = %error, "the end of a job could not be stored");
    }
}

/// The gateway a job's meter hangs on now, if it is not the one the job was written for.
async fn moved_to(house: &House, job: &Job) -> Option<GatewayId> {
    let written_for = job.gateway_id?;
    let payload: Value = serde_json::from_str(&job.payload).ok()?;
    let of_vend = job.order_key.as_deref().and_then(|key| key.strip_prefix("vend:"));
    let id: MeterId = payload["meter"].as_str().or(of_vend)?.parse().ok()?;
    if house.meters().get(&id.0)?.gateway.0 == written_for {
        return None;
    }
    // What this process knows of the meter may be older than the job: the row decides.
    let row = meter::by_id(house.store().read(), ProjectId(job.project_id), id).await;
    row.ok()?.filter(|row| row.gateway_id != written_for).map(|row| row.gateway())
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
                Some(order) => First::WantOn { order },
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
        "notice" => house.run_notice_job(project, job).await,
        "deliver" => {
            let id: NoticeId = text("notice").unwrap_or_default().parse()?;
            house.run_delivery_job(project, id).await
        }
        "ship" => {
            let id: OrderId = text("order").unwrap_or_default().parse()?;
            house.run_shipping_job(project, id).await
        }
        "switch" => house.run_switch_job(project, job).await,
        kind => Ok(JobEnd::Park(format!("no worker knows the kind {kind}"))),
    }
}

/// A wait as a stretch of the calendar; one that does not fit lasts for ever.
pub(crate) fn span(wait: Duration) -> TimeDelta {
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
