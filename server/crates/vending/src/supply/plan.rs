//! Switching many meters, and switching later (批量与定时, G6).

use chrono::{DateTime, TimeDelta, Utc};
use domain::{JobId, MeterId, OperatorId, ProjectId};
use serde_json::json;
use store::{
    StoreError,
    job::{self, Job},
    meter,
    work_item::{self, WorkItem},
};

use super::switch::{Wanted, forbidden};
use crate::{
    house::House,
    job::JobEnd,
    notice,
    refusal::{Refusal, Result, VendingError},
};

/// The most meters one order may name.
pub const BATCH_MAX: usize = 500;
/// The furthest an order may lie ahead.
pub const AHEAD_MAX: TimeDelta = TimeDelta::days(92);
/// A cut that comes later than this after its time is not made any more: whoever planned it for the
/// night does not expect it in the morning. Supply is switched on however late it is.
pub const LATE_MAX: TimeDelta = TimeDelta::minutes(15);
/// The kind of these jobs.
const KIND: &str = "switch";

/// An order to switch meters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switching {
    /// The meters.
    pub meters: Vec<MeterId>,
    /// What is wanted of all of them.
    pub wanted: Wanted,
    /// Who ordered it.
    pub operator: OperatorId,
    /// Why.
    pub reason: String,
}

/// What became of one meter of an order, or would become of it.
pub type Fate = (MeterId, std::result::Result<(), Refusal>);

/// An order that waits for its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its number.
    pub id: JobId,
    /// The meter.
    pub meter: MeterId,
    /// What is wanted.
    pub wanted: Wanted,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
}

impl House {
    /// What would become of each meter, by the rules of this moment. Nothing changes.
    pub async fn preview_switching(
        &self,
        project: ProjectId,
        wish: &Switching,
    ) -> Result<Vec<Fate>> {
        check(wish)?;
        let mut fates = Vec::with_capacity(wish.meters.len());
        for id in &wish.meters {
            let fate = self.may_switch(project, *id, wish.wanted).await;
            fates.push((*id, refusal_only(fate)?));
        }
        Ok(fates)
    }

    /// Switches each meter now, by a transaction of its own; one that is refused stops no other.
    pub async fn switch_many(&self, project: ProjectId, wish: &Switching) -> Result<Vec<Fate>> {
        check(wish)?;
        let mut fates = Vec::with_capacity(wish.meters.len());
        for id in &wish.meters {
            let fate = self.steer_supply(project, *id, wish.wanted).await;
            fates.push((*id, refusal_only(fate)?));
        }
        Ok(fates)
    }

    /// Writes down that the meters are switched at a later moment: all of them or none.
    ///
    /// Errors: [`Refusal::Malformed`] for a moment that is past or too far ahead; the refusal of
    /// the first meter that could not be switched by today's rules.
    pub async fn plan_switching(
        &self,
        project: ProjectId,
        wish: &Switching,
        at: DateTime<Utc>,
    ) -> Result<()> {
        check(wish)?;
        let now = self.now();
        if at <= now || at > now + AHEAD_MAX {
            return Err(Refusal::Malformed { field: "at" }.into());
        }
        let mut jobs = Vec::with_capacity(wish.meters.len());
        for id in &wish.meters {
            self.may_switch(project, *id, wish.wanted).await?;
            jobs.push(self.switch_job(project, *id, wish, at));
        }
        self.store()
            .transact(move |tx| Box::pin(async move { job::schedule_all(tx, &jobs).await }))
            .await?;
        Ok(())
    }

    /// What waits for its time, the next one first.
    pub async fn planned_switchings(&self, project: ProjectId) -> Result<Vec<Planned>> {
        let rows = job::waiting(self.store().read(), project, KIND, job::LIST_MAX).await?;
        Ok(rows.iter().filter_map(planned).collect())
    }

    /// Takes one order back before its time.
    pub async fn withdraw_switching(&self, project: ProjectId, id: JobId) -> Result<()> {
        let now = self.now();
        let done = self
            .store()
            .transact(move |tx| Box::pin(job::withdraw(tx, project, (KIND, id), now)))
            .await;
        match done {
            Err(StoreError::Gone(_)) => Err(Refusal::NotFound { what: "switching" }.into()),
            done => Ok(done?),
        }
    }

    /// The time of one planned order has come.
    ///
    /// Invariant: a cut is never made long after its time, and one that is refused is shown to a
    /// person; proved by `a_planned_cut_that_comes_too_late_is_shown_and_not_made`.
    pub(crate) async fn run_switch_job(&self, project: ProjectId, job: &Job) -> Result<JobEnd> {
        let Some(plan) = planned(job) else {
            return Ok(JobEnd::Park("a planned switching cannot be read".to_owned()));
        };
        let late = plan.wanted == Wanted::Off && self.now() > plan.at + LATE_MAX;
        let done = match late {
            true => Err(Refusal::SwitchRefused { why: "too-late" }.into()),
            false => self.steer_supply(project, plan.meter, plan.wanted).await,
        };
        let Err(refusal) = refusal_only(done)? else { return Ok(JobEnd::Done) };
        let detail = json!({
            "wanted": plan.wanted.as_str(),
            "at": plan.at,
            "reason": plan.reason,
            "why": refusal.to_string(),
        });
        let titles = ("定时拉合闸没有执行", "A planned switching was not carried out");
        let subject = ("meter", plan.meter.to_string());
        let kind = "supply.plan_refused";
        let item = notice::work_item_about(self, project, subject, kind, titles, &detail);
        // A turn that is done again after a crash tells it once.
        let item = WorkItem { id: work_item::id_of(&[kind, &job.id.to_string()]).0, ..item };
        self.store()
            .transact(move |tx| Box::pin(async move { work_item::open_once(tx, item).await }))
            .await?;
        Ok(JobEnd::Done)
    }

    async fn may_switch(&self, project: ProjectId, id: MeterId, wanted: Wanted) -> Result<()> {
        let row = meter::by_id(self.store().read(), project, id).await?;
        let row = row.ok_or(Refusal::NotFound { what: "meter" })?;
        self.actuator(&row).ok_or(Refusal::NotSupported)?;
        if wanted != Wanted::Off {
            return Ok(());
        }
        self.store().transact(move |tx| Box::pin(async move { forbidden(tx, &row).await })).await
    }

    fn switch_job(
        &self,
        project: ProjectId,
        meter: MeterId,
        wish: &Switching,
        at: DateTime<Utc>,
    ) -> Job {
        let payload = json!({
            "meter": meter.to_string(),
            "wanted": wish.wanted.as_str(),
            "at": at,
            "operator": wish.operator.to_string(),
            "reason": wish.reason,
        });
        // One meter has one wish for one moment: a later order for the same moment takes its place.
        let key = format!("{meter}:{}", at.timestamp_micros());
        let job = crate::job::draft(self, project, KIND, &key, at);
        Job { payload: payload.to_string(), ..job }
    }
}

fn check(wish: &Switching) -> Result<()> {
    if wish.reason.trim().is_empty() {
        return Err(Refusal::ReasonMissing.into());
    }
    if wish.meters.is_empty() || wish.meters.len() > BATCH_MAX {
        return Err(Refusal::Malformed { field: "meters" }.into());
    }
    Ok(())
}

fn planned(job: &Job) -> Option<Planned> {
    let payload: serde_json::Value = serde_json::from_str(&job.payload).ok()?;
    let text = |name: &str| payload[name].as_str();
    Some(Planned {
        id: JobId(job.id),
        meter: text("meter")?.parse().ok()?,
        wanted: Wanted::from_name(text("wanted")?)?,
        at: DateTime::parse_from_rfc3339(text("at")?).ok()?.to_utc(),
        reason: text("reason")?.to_owned(),
    })
}

/// A refusal is an answer about one meter; a failure of the store ends the whole order.
fn refusal_only(done: Result<()>) -> Result<std::result::Result<(), Refusal>> {
    match done {
        Ok(()) => Ok(Ok(())),
        Err(VendingError::Refused(refusal)) => Ok(Err(refusal)),
        Err(failure) => Err(failure),
    }
}
