//! A step of the saga written down, together with everything that becomes true by it.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    NoticeKind, OrderState,
    vend::{SendOutcome, Vend as Saga, VendAction, VendAlarm, VendEvent, VendState},
};
use gateway::Item;
use serde_json::{Value, json};
use store::{
    StoreError, Tx, meter,
    order::{self, Order},
    reading, timeline, vend, work_item,
};

use super::{Turn, event_name};
use crate::{
    house::House,
    job,
    notice::{self, fact::Fact},
    posting,
    refusal::{Refusal, Result, VendingError},
    shipping,
};

/// Whether a step could be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Saved {
    /// It is durable.
    Done,
    /// Another vend of the meter holds the count: nothing was stored, the saga must be told.
    CountTaken,
}

impl House {
    /// Stores `next` with its effects in one transaction; `turn` stands there afterwards.
    pub(super) async fn save(
        &self,
        turn: &mut Turn,
        next: Saga,
        event: VendEvent,
        actions: &[VendAction],
    ) -> Result<Saved> {
        let now = self.now();
        let mut step = Step::of(self, (&turn.row, &turn.meter), next.clone(), event, actions, now);
        step.frames = turn.frames.clone();
        let reserves = actions.iter().any(|a| matches!(a, VendAction::PersistIntent { .. }));
        let stored = self.store().transact(move |tx| Box::pin(step.apply(tx))).await;
        turn.saga = next;
        match stored {
            Ok((row, meter)) => {
                turn.row = row;
                turn.meter = meter;
                turn.frames.clear();
                Ok(Saved::Done)
            }
            Err(VendingError::Store(StoreError::Refused(_))) if reserves => Ok(Saved::CountTaken),
            Err(error) => Err(error),
        }
    }
}

/// One step on its way into the store.
pub(super) struct Step {
    house: House,
    row: vend::Vend,
    meter: meter::Meter,
    next: Saga,
    event: VendEvent,
    actions: Vec<VendAction>,
    frames: Vec<vend::Frame>,
    now: DateTime<Utc>,
}

impl Step {
    pub(super) fn of(
        house: &House,
        (row, meter): (&vend::Vend, &meter::Meter),
        next: Saga,
        event: VendEvent,
        actions: &[VendAction],
        now: DateTime<Utc>,
    ) -> Self {
        let (house, row, meter) = (house.clone(), row.clone(), meter.clone());
        Step { house, row, meter, next, event, actions: actions.to_vec(), frames: Vec::new(), now }
    }

    pub(super) async fn apply(mut self, tx: &Tx) -> Result<(vend::Vend, meter::Meter)> {
        let order = order::by_id(tx, self.row.project(), self.row.order()).await?;
        let mut order = order.ok_or(Refusal::NotFound { what: "order" })?;
        let row = vend::change(tx, &self.row, self.change()).await?;
        vend::keep_frames(tx, std::mem::take(&mut self.frames)).await?;
        if let Some(name) = event_name(&self.event) {
            let detail = self.told();
            match self.event {
                VendEvent::ProofUnreadable => {
                    timeline::add_run(tx, &order, name, self.now, detail).await?;
                }
                _ => timeline::add(tx, &order, name, self.now, detail).await?,
            }
        }
        for action in self.actions.clone() {
            // What follows upon the event is told after it, a microsecond apart.
            self.now += TimeDelta::microseconds(1);
            order = self.take(tx, order, &row, action).await?;
        }
        self.follow_doubt(tx, order).await?;
        Ok((row, self.meter))
    }

    fn change(&self) -> vend::Change {
        let state = &self.next.state;
        let flight = state.flight();
        let reserves = self.actions.iter().any(|a| matches!(a, VendAction::PersistIntent { .. }));
        let sending = self.actions.iter().any(|a| matches!(a, VendAction::SendTopUp { .. }));
        let proof = match self.event {
            VendEvent::ProofRead(proof) => Some(proof_json(&proof).to_string()),
            _ => None,
        };
        let ended = state.is_final() || matches!(state, VendState::Voided { .. });
        // A count that another vend holds was never ours, and a voided one is free again.
        let count = match state {
            VendState::Voided { .. } => None,
            _ => self.next.count().map(i64::from),
        };
        vend::Change {
            state: stored_name(state).to_owned(),
            saga: serde_json::to_string(&self.next.to_fields().0).unwrap_or_default(),
            // The count is the meter's of today, whenever the vend was made.
            epoch: reserves.then_some(self.meter.epoch),
            hold: None,
            purchase_count: count,
            sent_count: flight
                .map_or(self.row.sent_count, |f| i32::try_from(f.sends).unwrap_or(i32::MAX)),
            proof,
            intended_at: flight.map(|f| f.intended_at),
            sent_at: sending.then_some(self.now),
            ended_at: ended.then_some(self.now),
            last_error: self.row.last_error.clone(),
        }
    }

    /// What the timeline says of an event.
    fn told(&self) -> Value {
        match self.event {
            VendEvent::ProofRead(proof) => proof_json(&proof),
            VendEvent::SendEnded(SendOutcome::Accepted) => json!({ "outcome": "accepted" }),
            VendEvent::SendEnded(SendOutcome::Refused { serr }) => {
                json!({ "outcome": "refused", "error_word": format!("{serr:04X}") })
            }
            VendEvent::SendEnded(SendOutcome::NoAnswer) => json!({ "outcome": "no-answer" }),
            VendEvent::SendEnded(SendOutcome::NotSent) => json!({ "outcome": "not-sent" }),
            _ => json!({ "error": self.row.last_error }),
        }
    }

    async fn take(
        &mut self,
        tx: &Tx,
        order: Order,
        row: &vend::Vend,
        action: VendAction,
    ) -> Result<Order> {
        let now = self.now;
        match action {
            VendAction::PersistIntent { count } => {
                let detail = json!({ "count": count, "amount_fen": row.amount_fen });
                timeline::add(tx, &order, "intent", now, detail).await?;
                self.move_to(tx, order, OrderState::Delivering).await
            }
            VendAction::SendTopUp { count, .. } => {
                let detail = json!({ "count": count, "times": row.sent_count });
                timeline::add(tx, &order, "sent", now, detail).await?;
                self.move_to(tx, order, OrderState::Delivering).await
            }
            VendAction::Applied { count, proof, .. } => {
                self.note_balance(tx, proof.balance_fen).await?;
                self.applied(tx, order, row, count, proof_json(&proof)).await
            }
            VendAction::Voided => {
                self.voided(tx, &order, row).await?;
                self.move_to(tx, order, OrderState::Credited).await
            }
            VendAction::Quarantine { reason } => {
                let why = Some(reason.as_str().to_owned());
                let change =
                    meter::Change { state: Some(("quarantined", why)), ..Default::default() };
                self.meter = meter::change(tx, &self.meter, change).await?;
                let detail = json!({ "reason": reason.as_str() });
                timeline::add(tx, &order, "quarantined", now, detail).await?;
                Ok(order)
            }
            VendAction::Alarm(alarm) => {
                let item = alarm_item(&self.house, &order, alarm, now);
                work_item::open(tx, item).await?;
                Ok(order)
            }
            VendAction::ReadProof | VendAction::ReadBack | VendAction::RetryAfter(_) => Ok(order),
        }
    }

    /// The purchase is proven: the hold is used up, the platform counts on, the light is asked for.
    async fn applied(
        &mut self,
        tx: &Tx,
        order: Order,
        row: &vend::Vend,
        count: Option<u32>,
        proof: Value,
    ) -> Result<Order> {
        let transaction = posting::vend_applied(&self.house, &order, row, self.now)?;
        store::ledger::post(tx, &transaction).await?;
        if let Some(count) = count {
            let change = meter::Change {
                purchase_count: Some(Some(i64::from(count))),
                ..Default::default()
            };
            self.meter = meter::change(tx, &self.meter, change).await?;
        }
        timeline::add(tx, &order, "delivered", self.now, proof).await?;
        let order = self.move_to(tx, order, OrderState::Delivered).await?;
        job::enqueue_supply(tx, &self.house, &order, &self.meter).await?;
        notice::fact::note_credited(tx, &self.house, &order, false).await?;
        shipping::enqueue(tx, &self.house, &order).await?;
        Ok(order)
    }

    /// What the read-back said is left in the meter is its newest reading, so that whoever looks
    /// after a top-up does not see the balance of before. What persons saw is no reading.
    async fn note_balance(&self, tx: &Tx, balance_fen: Option<i64>) -> Result<()> {
        let (Some(fen), false) = (balance_fen, matches!(self.event, VendEvent::Resend)) else {
            return Ok(());
        };
        let read = reading::Reading {
            project: self.meter.project(),
            meter: self.meter.meter_id(),
            item: Item::RemainingMoney.code(),
            at: self.now,
            value: fen,
            quality: reading::Quality::Good,
            received_at: self.now,
        };
        Ok(reading::append(tx, &[read]).await?)
    }

    async fn voided(&self, tx: &Tx, order: &Order, row: &vend::Vend) -> Result<()> {
        let transaction = posting::vend_voided(&self.house, order, row, self.now)?;
        store::ledger::post(tx, &transaction).await?;
        let detail = json!({ "amount_fen": row.amount_fen });
        timeline::add(tx, order, "voided", self.now, detail).await?;
        Ok(())
    }

    /// An order whose delivery is in doubt says so; the first failed look makes it visible.
    async fn follow_doubt(&self, tx: &Tx, order: Order) -> Result<()> {
        let doubtful = match &self.next.state {
            VendState::Uncertain { failures, .. } => *failures > 0,
            VendState::Quarantined { flight: Some(_), .. } | VendState::Partial { .. } => true,
            _ => false,
        };
        if doubtful && order.state()? == OrderState::Delivering {
            let detail = json!({ "error": self.row.last_error });
            let to = OrderState::Uncertain;
            crate::order::advance(tx, &order, to, self.now, "uncertain", detail).await?;
            let fact = Fact::of_order(NoticeKind::InDoubt, &order, self.now);
            let reason = format!("in-doubt:{}", order.id);
            notice::fact::note(tx, &self.house, order.project(), (&fact, &reason)).await?;
        }
        Ok(())
    }

    async fn move_to(&self, tx: &Tx, order: Order, to: OrderState) -> Result<Order> {
        if order.state()? == to {
            return Ok(order);
        }
        Ok(order::step(tx, &order, to, self.now).await?)
    }
}

/// The name a vend's row carries: one name for everything that will never be sent again.
fn stored_name(state: &VendState) -> &'static str {
    match state {
        VendState::Voided { .. } | VendState::Fenced { .. } => "void",
        state => state.as_str(),
    }
}

/// A proof as the timeline and the receipt show it.
pub(crate) fn proof_json(proof: &domain::vend::Proof) -> Value {
    json!({
        "count": proof.count,
        "last_amount_fen": proof.last_amount_fen,
        "balance_fen": proof.balance_fen,
        "energy_wh": proof.quantity_milli,
    })
}

fn alarm_item(
    house: &House,
    order: &Order,
    alarm: VendAlarm,
    at: DateTime<Utc>,
) -> work_item::WorkItem {
    let (kind, zh, en, detail) = match alarm {
        VendAlarm::Unreadable { failures } => (
            "vend.unreadable",
            "读不到电表，充入结果待确认".to_owned(),
            "The meter cannot be read, the top-up is being checked".to_owned(),
            json!({ "failures": failures }),
        ),
        VendAlarm::Refused { serr } => (
            "vend.refused",
            "电表拒绝充值".to_owned(),
            "The meter refused the top-up".to_owned(),
            json!({ "error_word": format!("{serr:04X}") }),
        ),
        VendAlarm::SendsExhausted { sends } => (
            "vend.exhausted",
            "多次下发，电表没有收到".to_owned(),
            "Sent many times, the meter never took it".to_owned(),
            json!({ "sends": sends }),
        ),
        VendAlarm::NeedsOperator => (
            "vend.needs_operator",
            "充入结果读不出，要到现场看表".to_owned(),
            "Nothing readable decides, look at the meter".to_owned(),
            json!({}),
        ),
        VendAlarm::BalanceDiffers(check) => (
            "vend.balance_differs",
            "已充入，但表内余额对不上".to_owned(),
            "On the meter, but the balance does not agree".to_owned(),
            json!({ "check": format!("{check:?}") }),
        ),
        VendAlarm::Quarantined(reason) => (
            "vend.quarantined",
            format!("电表已隔离：{}", reason.zh()),
            format!("The meter is quarantined: {}", reason.en()),
            json!({ "reason": reason.as_str() }),
        ),
    };
    notice::work_item(house, order, kind, (&zh, &en), detail, at)
}
