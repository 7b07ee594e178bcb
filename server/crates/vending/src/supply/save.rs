//! A step of a supply written down, with what becomes true by it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    CommandId, MoneyModel, NoticeKind, OrderId, OrderState,
    supply::{CommandOutcome, Supply as Saga, SupplyAction, SupplyAlarm, SupplyEvent, TripDropped},
};
use serde_json::json;
use store::{
    Tx,
    meter::Meter,
    order::{self, Filter},
    supply::{self, Supply},
    timeline, vend,
    work_item::{self, WorkItem},
};

use super::Turn;
use crate::{
    house::House,
    notice::{
        self,
        fact::{self, Fact},
    },
    posting,
    refusal::{Refusal, Result, VendingError},
    shipping,
};

/// The work item of a cut by hand that did not happen.
const NOT_CUT: &str = "supply.not_cut";

impl House {
    /// Stores `next` with its effects in one transaction; `turn` stands there afterwards.
    pub(super) async fn save_supply(
        &self,
        turn: &mut Turn,
        next: Saga,
        event: SupplyEvent,
        actions: &[SupplyAction],
    ) -> Result<()> {
        let now = self.now();
        let mut row = turn.row.clone();
        super::put(&mut row, &next, reason(event), now);
        let step = Step {
            house: self.clone(),
            row: row.clone(),
            meter: turn.meter.clone(),
            event,
            actions: actions.to_vec(),
            frames: turn.frames.clone(),
            now,
        };
        let row = self.store().transact(move |tx| Box::pin(step.apply(tx))).await?;
        turn.row = row;
        turn.saga = next;
        turn.frames.clear();
        Ok(())
    }

    /// The order of a platform-held meter is delivered with its credit: there is nothing to carry.
    pub(super) async fn pass_through(&self, meter: &Meter, id: OrderId) -> Result<()> {
        if meter.money_model()? != MoneyModel::PlatformHeld {
            return Ok(());
        }
        let (project, now, house) = (meter.project(), self.now(), self.clone());
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let row = order::by_id(tx, project, id).await?;
                    let row = row.ok_or(Refusal::NotFound { what: "order" })?;
                    if row.state()? == OrderState::Credited {
                        let row = order::step(tx, &row, OrderState::Delivered, now).await?;
                        fact::note_credited(tx, &house, &row, false).await?;
                        shipping::enqueue(tx, &house, &row).await?;
                    }
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }

    /// True when the money suffices for supply: meter-held money is in the meter already; a
    /// platform-held purse must hold the project's minimum, and always be above zero.
    pub(super) async fn is_worth_restoring(&self, meter: &Meter) -> Result<bool> {
        if meter.money_model()? == MoneyModel::MeterHeld {
            return Ok(true);
        }
        let Some(account) = meter.account() else { return Ok(false) };
        let purse = posting::purse_of(account, meter.purpose()?);
        let balance = store::ledger::balance(self.store().read(), meter.project(), purse).await?;
        Ok(balance.posted.fen() >= self.settings().reconnect_minimum_fen.max(1))
    }
}

fn reason(event: SupplyEvent) -> &'static str {
    match event {
        SupplyEvent::WantOn { credited: true } => "credited",
        SupplyEvent::WantOn { credited: false } => "by-hand",
        SupplyEvent::Trip(_) => "arrears",
        _ => "kept",
    }
}

/// One step of a supply with its effects.
pub(super) struct Step {
    house: House,
    row: Supply,
    meter: Meter,
    event: SupplyEvent,
    actions: Vec<SupplyAction>,
    frames: Vec<vend::Frame>,
    now: DateTime<Utc>,
}

impl Step {
    /// A wish that is only written down: nothing was sent and no frame went over a wire.
    pub(super) fn of_wish(
        house: &House,
        row: Supply,
        meter: Meter,
        event: SupplyEvent,
        actions: Vec<SupplyAction>,
    ) -> Self {
        let (house, now) = (house.clone(), house.now());
        Step { house, row, meter, event, actions, frames: Vec::new(), now }
    }

    /// Writes it; answers the row as it stands then.
    pub(super) async fn apply(mut self, tx: &Tx) -> Result<Supply> {
        if let SupplyEvent::Ended { seq, outcome } = self.event {
            self.end_command(tx, seq, outcome).await?;
        }
        for action in self.actions.clone() {
            self.now += TimeDelta::microseconds(1);
            self.take(tx, action).await?;
        }
        supply::write(tx, &self.row).await?;
        vend::keep_frames(tx, std::mem::take(&mut self.frames)).await?;
        Ok(self.row)
    }

    async fn take(&mut self, tx: &Tx, action: SupplyAction) -> Result<()> {
        match action {
            SupplyAction::SendClose { seq } => self.command(tx, seq, "close", None).await,
            SupplyAction::SendAllowClose { seq } => {
                self.command(tx, seq, "allow-close", None).await
            }
            SupplyAction::SendTrip { seq, not_after } => {
                self.command(tx, seq, "trip", Some(not_after)).await
            }
            SupplyAction::Done { on, .. } => self.done(tx, on).await,
            SupplyAction::AskUser => self.tell(tx, "waiting-for-user", json!({})).await,
            SupplyAction::Alarm(alarm) => self.alarm(tx, alarm).await,
            SupplyAction::DropTrip(why) => {
                tracing::info!(meter = %self.meter.id, why = why.as_str(), "trip dropped");
                self.cancel_unsent_trip(tx).await?;
                self.show_dropped(tx, why).await
            }
            SupplyAction::CancelTrip { .. } => self.cancel_unsent_trip(tx).await,
            SupplyAction::ReadRelay | SupplyAction::RetryAfter(_) => Ok(()),
        }
    }

    /// A cut an operator ordered and that did not happen is put before a person, once for each
    /// order; one the meter refused or did not make rings an alarm of its own.
    ///
    /// Invariant: no cut by hand is forgotten in silence; proved by
    /// `a_cut_by_hand_that_never_left_is_shown_and_not_made_later`.
    async fn show_dropped(&self, tx: &Tx, why: TripDropped) -> Result<()> {
        let alarmed = matches!(why, TripDropped::Refused | TripDropped::Stuck);
        if self.row.desired_reason != super::switch::REASON_OPERATOR || alarmed {
            return Ok(());
        }
        let (project, subject) = (self.meter.project(), self.meter.id.to_string());
        let detail = json!({ "seq": self.row.desired_seq, "why": why.as_str() });
        let about = ("meter", subject.clone());
        let titles = notice::titles(NOT_CUT).unwrap_or((NOT_CUT, NOT_CUT));
        let item = notice::work_item_about(&self.house, project, about, NOT_CUT, titles, &detail);
        let seq = self.row.desired_seq.to_string();
        let item = WorkItem { id: work_item::id_of(&[NOT_CUT, &subject, &seq]).0, ..item };
        work_item::open_once(tx, item).await?;
        Ok(())
    }

    async fn cancel_unsent_trip(&self, tx: &Tx) -> Result<()> {
        let (project, meter) = (self.meter.project(), self.meter.meter_id());
        Ok(supply::cancel_unsent_trip(tx, project, meter, self.now).await?)
    }

    /// Notes a command before it is sent; a repeat of the same wish keeps its first row.
    async fn command(
        &self,
        tx: &Tx,
        seq: u64,
        kind: &str,
        not_after: Option<DateTime<Utc>>,
    ) -> Result<()> {
        let seq_stored = i64::try_from(seq).unwrap_or(i64::MAX);
        let project = self.meter.project();
        let known = supply::command_by_seq(tx, project, self.meter.meter_id(), seq_stored).await?;
        match known {
            Some(known) => supply::hand_over(tx, &known).await?,
            None => {
                let not_after = not_after.unwrap_or(self.now + super::CLOSE_VALID);
                let row = super::command_row(&self.house, &self.row, kind, not_after, self.now);
                store::insert(tx, row).await?;
            }
        }
        self.tell(tx, &format!("{kind}-sent"), json!({ "seq": seq })).await
    }

    async fn end_command(&self, tx: &Tx, seq: u64, outcome: CommandOutcome) -> Result<()> {
        let seq = i64::try_from(seq).unwrap_or(i64::MAX);
        let project = self.meter.project();
        let known = supply::command_by_seq(tx, project, self.meter.meter_id(), seq).await?;
        let Some(known) = known else { return Ok(()) };
        let state = match outcome {
            CommandOutcome::Accepted => "accepted",
            CommandOutcome::Refused => "refused",
            CommandOutcome::NoAnswer => "sent",
            CommandOutcome::NotSent => "cancelled",
        };
        Ok(supply::end_command(tx, &known, state, None, self.now).await?)
    }

    /// The relay or valve was read back as wished.
    async fn done(&mut self, tx: &Tx, on: bool) -> Result<()> {
        let (project, meter) = (self.meter.project(), self.meter.meter_id());
        let known = supply::command_by_seq(tx, project, meter, self.row.desired_seq).await?;
        let switched = known.is_some();
        if let Some(known) = known {
            supply::end_command(tx, &known, "verified", None, self.now).await?;
        }
        let was_dark = self.heal(tx, on).await?;
        if switched || was_dark {
            self.note_switched(tx, on, was_dark).await?;
        }
        if !on {
            return Ok(());
        }
        self.row.restored_at = Some(self.now);
        self.row.alarm_at = None;
        let waiting = Filter {
            meter: Some(meter),
            states: vec![OrderState::Delivered],
            since: None,
            limit: 50,
        };
        for order in order::list(tx, project, &waiting).await? {
            let detail = json!({ "relay": "on" });
            let to = OrderState::Restored;
            let order = crate::order::advance(tx, &order, to, self.now, "restored", detail).await?;
            fact::note_credited(tx, &self.house, &order, true).await?;
        }
        Ok(())
    }

    /// Notes that supply is gone, or back by hand or after people were told that it was not. Light
    /// that comes back with a top-up is told with it; what a tenant did is not told to them.
    async fn note_switched(&self, tx: &Tx, on: bool, was_dark: bool) -> Result<()> {
        let by_operator = self.row.desired_reason == super::switch::REASON_OPERATOR;
        let kind = match (on, self.row.desired_reason.as_str()) {
            (true, _) if was_dark || by_operator => NoticeKind::Restored,
            (false, "arrears") => NoticeKind::CutOff,
            (false, _) if by_operator => NoticeKind::CutOff,
            _ => return Ok(()),
        };
        let Some(told) = Fact::of_meter(kind, &self.meter, self.now) else { return Ok(()) };
        let told = Fact { restore: kind == NoticeKind::CutOff && !by_operator, ..told };
        let reason = format!("{kind}:{}:{}", self.meter.id, self.row.desired_seq);
        Ok(fact::note(tx, &self.house, self.meter.project(), (&told, &reason)).await?)
    }

    /// What stands as wished is no longer stuck nor refused, and where there is light nothing is
    /// dark; answers whether it was.
    ///
    /// Invariant: an alarm that is over is cleared, or it would never ring again; proved by
    /// `an_alarm_that_healed_rings_again`.
    async fn heal(&self, tx: &Tx, on: bool) -> Result<bool> {
        let (project, subject) = (self.meter.project(), self.meter.id.to_string());
        let dark = ["supply.dark", "supply.still_dark"];
        let moved = ["supply.stuck", "supply.refused"];
        let mut was_dark = false;
        let how = "the relay or valve stands as wished";
        work_item::close_about(tx, project, NOT_CUT, &subject, how, self.now).await?;
        for kind in moved.iter().chain(dark.iter().filter(|_| on)) {
            if work_item::clear(tx, project, kind, &subject, self.now).await? {
                work_item::close_about(tx, project, kind, &subject, how, self.now).await?;
                was_dark |= dark.contains(kind);
            }
        }
        Ok(was_dark)
    }

    async fn alarm(&mut self, tx: &Tx, alarm: SupplyAlarm) -> Result<()> {
        let kind = match alarm {
            SupplyAlarm::PaidButDark => "supply.dark",
            SupplyAlarm::Stuck => "supply.stuck",
            SupplyAlarm::Refused => "supply.refused",
            SupplyAlarm::StillDark => "supply.still_dark",
        };
        self.row.alarm_at = Some(self.now);
        let detail = json!({ "seq": self.row.desired_seq, "actual": self.row.actual });
        let row = work_item::Alarm {
            project_id: self.row.project_id,
            id: CommandId::generate(self.house.clock(), self.house.rng()).0,
            kind: kind.to_owned(),
            subject_kind: "meter".to_owned(),
            subject_id: self.meter.id.to_string(),
            raised_at: self.now,
            cleared_at: None,
            detail: detail.to_string(),
        };
        if work_item::raise(tx, row).await? {
            let subject = ("meter", self.meter.id.to_string());
            let project = self.meter.project();
            let titles = notice::titles(kind).unwrap_or((kind, kind));
            let item =
                notice::work_item_about(&self.house, project, subject, kind, titles, &detail);
            work_item::open(tx, item).await?;
        }
        if alarm == SupplyAlarm::PaidButDark {
            self.note_dark(tx).await?;
        }
        self.tell(tx, kind, detail).await
    }

    /// Notes that somebody paid and is still in the dark.
    async fn note_dark(&self, tx: &Tx) -> Result<()> {
        let (project, now) = (self.meter.project(), self.now);
        let order = match self.row.order() {
            Some(id) => order::by_id(tx, project, id).await?,
            None => None,
        };
        let Some(order) = order else { return Ok(()) };
        let told = Fact::of_order(NoticeKind::Dark, &order, now);
        let reason = format!("dark:{}:{}", self.meter.id, self.row.desired_seq);
        Ok(fact::note(tx, &self.house, project, (&told, &reason)).await?)
    }

    async fn tell(&self, tx: &Tx, kind: &str, detail: serde_json::Value) -> Result<()> {
        if let Some(order) = self.row.order() {
            let project = self.meter.project();
            timeline::add_by_id(tx, project, order, kind, self.now, detail).await?;
        }
        Ok(())
    }
}
