//! Vends: money on its way into a meter. `domain::vend` says what follows upon what; this room
//! stores every state before its actions, carries the actions out, and reports what happened.

pub mod exchange;
pub mod resolve;
mod save;

use chrono::{DateTime, Utc};
use domain::{
    AccountId, ProjectId, VendId,
    fields::Fields,
    vend::{Vend as Saga, VendAction, VendEvent, VendRequest, VendState},
};
use gateway::Action;
use store::{
    account,
    meter::{self, Meter},
    order,
    vend::{self, Vend},
};

use crate::{
    house::House,
    job::JobEnd,
    refusal::{Refusal, Result},
};

/// The most steps one turn of a vend may take before it gives the bus to others.
const STEPS_MAX: usize = 64;

/// The most earlier vends of a meter that are searched for the number it gave.
const IDENTITY_LOOK_MAX: u64 = 8;

/// How long a vend waits before it looks again whether safe mode is over.
const SAFE_MODE_WAIT: std::time::Duration = std::time::Duration::from_secs(15);

/// What one turn of a vend works with.
pub(crate) struct Turn {
    /// The vend as stored.
    pub row: Vend,
    /// The meter it goes to.
    pub meter: Meter,
    /// The account that paid.
    pub account: AccountId,
    /// The customer number the meter knows, twelve digits.
    pub customer_no: String,
    /// The saga in the state that is stored.
    pub saga: Saga,
    /// Frames not yet written down.
    pub frames: Vec<vend::Frame>,
}

impl House {
    /// The vend job: takes a vend as far as it goes now.
    ///
    /// Invariant: every state is committed before its actions are carried out, so a crash between
    /// the two leaves a doubt and never a second write (9K, 10K); proved by
    /// `a_process_killed_at_any_moment_loses_nothing_and_pays_nothing_twice`.
    pub(crate) async fn run_vend_job(
        &self,
        project: ProjectId,
        id: VendId,
        first: VendEvent,
    ) -> Result<JobEnd> {
        let Some(mut turn) = self.open_turn(project, id).await? else { return Ok(JobEnd::Done) };
        if let Some(end) = waits_for_a_person(&turn) {
            return Ok(end);
        }
        if self.setting_is_on(crate::arrears::SETTING_SAFE_MODE).await? {
            // After a restore the meters may be ahead of the books: nothing is pushed (20B).
            return Ok(JobEnd::Again(self.paced(SAFE_MODE_WAIT)));
        }
        let mut event = first;
        for _ in 0..STEPS_MAX {
            let now = self.now();
            let (next, actions) = turn.saga.clone().step(event, now);
            if self.save(&mut turn, next, event, &actions).await? == save::Saved::CountTaken {
                event = VendEvent::IntentTaken;
                continue;
            }
            match self.carry_out(&mut turn, &actions).await {
                Next::Event(told) => event = told,
                Next::End(end) => {
                    self.gather_evidence(&turn, &actions);
                    return Ok(end);
                }
            }
        }
        Ok(JobEnd::Again(self.paced(domain::vend::UNSENT_BACKOFF.first)))
    }

    /// A meter that was quarantined because its count is not ours is asked who else sold to it.
    /// The job does not wait for it: a person's word may reach a parked job only.
    fn gather_evidence(&self, turn: &Turn, actions: &[VendAction]) {
        let quarantined = actions.iter().find_map(|action| match action {
            VendAction::Quarantine { reason } => Some(*reason),
            _ => None,
        });
        let VendState::Quarantined { flight, seen, .. } = &turn.saga.state else { return };
        let Some(reason) = quarantined else { return };
        let before = flight.and_then(|flight| flight.before.count);
        let known = before.or(turn.saga.request.platform_count);
        let counts = (reason, known, seen.and_then(|proof| proof.count));
        let (house, meter, order) = (self.clone(), turn.meter.clone(), turn.row.order());
        tokio::spawn(async move { house.note_purchases(&meter, order, counts).await });
    }

    async fn open_turn(&self, project: ProjectId, id: VendId) -> Result<Option<Turn>> {
        let db = self.store().read();
        let Some(row) = vend::by_id(db, project, id).await? else { return Ok(None) };
        let meter = meter::by_id(db, project, row.meter()).await?;
        let meter = meter.ok_or(Refusal::NotFound { what: "meter" })?;
        let order = order::by_id(db, project, row.order()).await?;
        let order = order.ok_or(Refusal::NotFound { what: "order" })?;
        let account = AccountId(order.account_id);
        let holder = account::by_id(db, project, account).await?;
        let customer_no = holder.ok_or(Refusal::NotFound { what: "account" })?.customer_no;
        let mut saga = self.load(&row, &meter, order.price_micro_yuan)?;
        if matches!(saga.state, VendState::Queued | VendState::Prechecking { .. }) {
            saga.request.identity = self.identity_seen(&meter).await?;
        }
        Ok(Some(Turn { row, meter, account, customer_no, saga, frames: Vec::new() }))
    }

    /// The saga as stored; a vend nobody has touched yet is made from its order and its meter.
    fn load(&self, row: &Vend, meter: &Meter, price_micro_yuan: i64) -> Result<Saga> {
        let stored: std::collections::BTreeMap<String, String> =
            serde_json::from_str(&row.saga).map_err(|_| unreadable(row))?;
        if stored.is_empty() {
            return Ok(Saga::queued(self.request(row, meter, price_micro_yuan)));
        }
        let mut saga = Saga::from_fields(&Fields(stored)).map_err(|_| unreadable(row))?;
        if matches!(saga.state, VendState::Queued | VendState::Prechecking { .. }) {
            // An earlier vend of the same meter has moved the count meanwhile.
            saga.request.platform_count = platform_count(meter);
        }
        Ok(saga)
    }

    /// The number the meter of this epoch gave when it was first topped up; every vend since has
    /// carried it on. `None`: none was read yet.
    ///
    /// Invariant: a meter that gives another number takes no money (H.1 no. 10; test
    /// `a_meter_that_counts_otherwise_is_quarantined_and_takes_no_money`).
    async fn identity_seen(&self, meter: &Meter) -> Result<Option<u64>> {
        let db = self.store().read();
        let (project, id) = (meter.project(), meter.meter_id());
        let before =
            vend::intended_in_epoch(db, project, id, meter.epoch, IDENTITY_LOOK_MAX).await?;
        let told = before.iter().find_map(|row| {
            let fields: std::collections::BTreeMap<String, String> =
                serde_json::from_str(&row.saga).ok()?;
            fields.get("identity")?.parse().ok()
        });
        Ok(told)
    }

    fn request(&self, row: &Vend, meter: &Meter, price_micro_yuan: i64) -> VendRequest {
        VendRequest {
            amount_fen: row.amount_fen,
            price_micro_yuan,
            count_rule: exchange::count_rule(self, &meter.profile),
            platform_count: platform_count(meter),
            identity: None,
            quantity_step_milli: exchange::quantity_step_milli(),
            jitter: self.rng().below(u64::MAX),
        }
    }

    /// Carries out what the saga asked for and answers with what happened.
    async fn carry_out(&self, turn: &mut Turn, actions: &[VendAction]) -> Next {
        let mut end = None;
        for action in actions {
            match action {
                VendAction::ReadProof => {
                    let event = exchange::read_proof(self, turn, Action::ReadSight).await;
                    if let VendEvent::ProofRead(proof) = event {
                        // The first number seen is this epoch's; later vends are held against it.
                        let known = &mut turn.saga.request.identity;
                        *known = known.or(proof.identity);
                    }
                    return Next::Event(event);
                }
                VendAction::ReadBack => {
                    return Next::Event(exchange::read_proof(self, turn, Action::ReadProof).await);
                }
                // The intent was committed with the state that asked for it.
                VendAction::PersistIntent { .. } => {
                    return Next::Event(VendEvent::IntentPersisted);
                }
                VendAction::SendTopUp { count, amount_fen } => {
                    return Next::Event(exchange::top_up(self, turn, *count, *amount_fen).await);
                }
                VendAction::RetryAfter(wait) => end = Some(JobEnd::Again(self.paced(*wait))),
                VendAction::Applied { .. } | VendAction::Voided => end = Some(JobEnd::Done),
                VendAction::Quarantine { reason } => {
                    end = Some(JobEnd::Park(format!("quarantined: {}", reason.as_str())));
                }
                VendAction::Alarm(_) => {}
            }
        }
        Next::End(end.unwrap_or_else(|| self.rest(turn)))
    }

    /// Where a turn ends that asked for nothing more.
    ///
    /// Invariant: the job of a vend that is still open is never done (I9); proved by
    /// `a_resend_of_a_vend_that_waits_for_its_meter_is_delivered_when_it_returns`.
    fn rest(&self, turn: &Turn) -> JobEnd {
        match &turn.saga.state {
            VendState::NotApplied { parked: true, .. } => {
                JobEnd::Park("the meter refused it or never took it".to_owned())
            }
            _ => waits_for_a_person(turn)
                .unwrap_or_else(|| JobEnd::Again(self.paced(domain::vend::UNSENT_BACKOFF.first))),
        }
    }

    /// Has a parked or waiting vend tried again at once, by an operator (V3).
    ///
    /// A vend whose outcome is in doubt is *read* again by this, never blindly re-sent.
    pub async fn resend_vend(&self, project: ProjectId, id: VendId) -> Result<Vend> {
        let row = vend::by_id(self.store().read(), project, id).await?;
        let row = row.ok_or(Refusal::NotFound { what: "vend" })?;
        if row.is_settled() {
            return Err(Refusal::NotResendable { why: "it is settled" }.into());
        }
        crate::job::wake_vend(self, &row).await?;
        Ok(row)
    }
}

enum Next {
    Event(VendEvent),
    End(JobEnd),
}

/// A vend that only a person can move on is parked, where it is seen.
fn waits_for_a_person(turn: &Turn) -> Option<JobEnd> {
    if turn.saga.state.is_final() {
        return Some(JobEnd::Done);
    }
    match &turn.saga.state {
        VendState::Quarantined { reason, .. } => {
            Some(JobEnd::Park(format!("quarantined: {}", reason.as_str())))
        }
        VendState::Partial { .. } => Some(JobEnd::Park("partly applied".to_owned())),
        VendState::Voided { .. } => Some(JobEnd::Done),
        VendState::Queued | VendState::Prechecking { .. } if turn.meter.is_quarantined() => {
            Some(JobEnd::Park("the meter is quarantined".to_owned()))
        }
        // The tenant changed between the payment and the delivery: the money is not the next one's.
        VendState::Queued | VendState::Prechecking { .. }
            if turn.meter.account() != Some(turn.account) =>
        {
            Some(JobEnd::Park("the meter serves another account".to_owned()))
        }
        _ => None,
    }
}

fn platform_count(meter: &Meter) -> Option<u32> {
    meter.purchase_count.and_then(|count| u32::try_from(count).ok())
}

fn unreadable(row: &Vend) -> store::StoreError {
    store::StoreError::Unreadable { table: "vend", column: "saga", row: row.id.to_string() }
}

/// The name an order's timeline gives a saga's event; `None` for those nobody has to read.
pub(crate) fn event_name(event: &VendEvent) -> Option<&'static str> {
    match event {
        VendEvent::SendEnded(_) => Some("answered"),
        VendEvent::ProofRead(_) => Some("read-back"),
        VendEvent::ProofUnreadable => Some("unreadable"),
        VendEvent::Resend => Some("resend"),
        _ => None,
    }
}

/// How long a vend has been in doubt, for the alarm list.
pub fn doubtful_for(saga: &Saga, now: DateTime<Utc>) -> Option<std::time::Duration> {
    match &saga.state {
        VendState::Uncertain { since, .. } => (now - *since).to_std().ok(),
        _ => None,
    }
}
