//! What persons may do to a vend: settle a doubt, start it again after a quarantine.

use chrono::{DateTime, Utc};
use domain::{
    HoldId, OperatorId, ProjectId, VendId,
    vend::{Evidence, Finding, Proof, ResolveRefusal, Vend as Saga, VendEvent, VendState},
};
use store::{
    Tx,
    meter::Meter,
    vend::{self, Vend},
};

use super::save::Step;
use crate::{
    house::House,
    posting,
    refusal::{Refusal, Result, VendingError},
};

/// What two people saw at the meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The purchase count on the display, where the meter has one.
    pub count: Option<u32>,
    /// The money left on the display, in fen.
    pub balance_fen: Option<i64>,
    /// The amount of the last purchase on the display, in fen.
    pub last_amount_fen: Option<i64>,
    /// Who looked.
    pub operator: OperatorId,
    /// Who agreed.
    pub second: OperatorId,
    /// Why they are sure.
    pub reason: String,
}

impl House {
    /// Ends a doubt by the sight of two persons (I6).
    pub async fn resolve_vend(
        &self,
        project: ProjectId,
        id: VendId,
        finding: Finding,
        sight: Sight,
    ) -> Result<Vend> {
        let turn = self.open_turn(project, id).await?;
        let mut turn = turn.ok_or(Refusal::NotFound { what: "vend" })?;
        let evidence = Evidence {
            operator: sight.operator,
            second: sight.second,
            reason: sight.reason,
            seen: Proof {
                count: sight.count,
                balance_fen: sight.balance_fen,
                last_amount_fen: sight.last_amount_fen,
                ..Default::default()
            },
        };
        let (next, actions) =
            turn.saga.resolve(finding, evidence, self.now()).map_err(refusal_of)?;
        self.save(&mut turn, next, VendEvent::Resend, &actions).await?;
        crate::job::wake_vend(self, &turn.row).await?;
        Ok(turn.row)
    }

    /// Starts a vend again that was never sent, after its meter was released from quarantine.
    pub async fn restart_vend(&self, project: ProjectId, id: VendId) -> Result<Vend> {
        let turn = self.open_turn(project, id).await?;
        let turn = turn.ok_or(Refusal::NotFound { what: "vend" })?;
        if turn.meter.is_quarantined() {
            return Err(Refusal::MeterQuarantined.into());
        }
        let settled = turn.saga.state.is_final() || matches!(turn.saga.state, VendState::Queued);
        if settled {
            return Err(Refusal::NotResendable { why: "there is nothing to start again" }.into());
        }
        let house = self.clone();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let row = start_anew(tx, &house, &turn.row, &turn.meter, &turn.saga).await?;
                    crate::job::schedule_vend(tx, &house, &row, &turn.meter).await?;
                    Ok::<_, VendingError>(row)
                })
            })
            .await
    }

    /// The saga of a vend as stored, read within a transaction.
    pub(crate) async fn stored_saga(&self, tx: &Tx, row: &Vend, meter: &Meter) -> Result<Saga> {
        let order = store::order::by_id(tx, row.project(), row.order()).await?;
        let order = order.ok_or(Refusal::NotFound { what: "order" })?;
        self.load(row, meter, order.price_micro_yuan)
    }

    /// Vends that are not settled, for the operator's list (V3).
    pub async fn open_vends(&self, project: ProjectId) -> Result<Vec<Vend>> {
        Ok(vend::open(self.store().read(), project, None).await?)
    }
}

/// Ends a doubt by the sight of two persons, within a transaction.
pub(crate) async fn settle(
    tx: &Tx,
    house: &House,
    (row, meter): (Vend, Meter),
    saga: Saga,
    (finding, evidence): (Finding, Evidence),
    now: DateTime<Utc>,
) -> Result<(Vend, Meter)> {
    let (next, actions) = saga.resolve(finding, evidence, now).map_err(refusal_of)?;
    Step::of(house, (&row, &meter), next, VendEvent::Resend, &actions, now).apply(tx).await
}

/// Puts a vend that cannot arrive any more back to its start, for the meter as it is now.
///
/// Where its hold was given up, because two persons proved it void, the money is set aside anew.
///
/// Invariant: a vend is delivered only out of a hold that stands (I1); proved by
/// `a_purchase_that_never_arrived_is_delivered_once_to_the_new_meter`.
pub(crate) async fn start_anew(
    tx: &Tx,
    house: &House,
    row: &Vend,
    meter: &Meter,
    saga: &Saga,
) -> Result<Vend> {
    let count = super::platform_count(meter);
    let next = saga.restart(count).map_err(|_| Refusal::DeliveryInDoubt)?;
    let hold = match saga.state {
        VendState::Voided { .. } => {
            let order = store::order::by_id(tx, row.project(), row.order()).await?;
            let order = order.ok_or(Refusal::NotFound { what: "order" })?;
            let hold = HoldId::generate(house.clock(), house.rng());
            let booking = posting::vend_held_anew(house, &order, (row, hold), house.now())?;
            store::ledger::post(tx, &booking).await?;
            Some(hold)
        }
        _ => None,
    };
    let change = vend::Change {
        state: next.state.as_str().to_owned(),
        saga: serde_json::to_string(&next.to_fields().0).unwrap_or_default(),
        epoch: Some(meter.epoch),
        hold,
        purchase_count: None,
        sent_count: 0,
        proof: None,
        intended_at: None,
        sent_at: None,
        ended_at: None,
        last_error: None,
    };
    Ok(vend::change(tx, row, change).await?)
}

fn refusal_of(refusal: ResolveRefusal) -> Refusal {
    match refusal {
        ResolveRefusal::NoDoubt => Refusal::NotResendable { why: "there is no doubt to settle" },
        ResolveRefusal::ReasonMissing => Refusal::ReasonMissing,
        ResolveRefusal::SecondPersonMissing => Refusal::Malformed { field: "second" },
        ResolveRefusal::SightMissing => Refusal::Malformed { field: "count" },
        ResolveRefusal::Contradicted => Refusal::Malformed { field: "finding" },
    }
}
