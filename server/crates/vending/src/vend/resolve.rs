//! What persons may do to a vend: settle a doubt, start it again after a quarantine.

use domain::{
    OperatorId, ProjectId, VendId,
    vend::{Evidence, Finding, Proof, ResolveRefusal, VendEvent, VendState},
};
use store::vend::{self, Vend};

use crate::{
    house::House,
    refusal::{Refusal, Result},
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
        let mut turn = turn.ok_or(Refusal::NotFound { what: "vend" })?;
        if turn.meter.is_quarantined() {
            return Err(Refusal::MeterQuarantined.into());
        }
        let settled = turn.saga.state.is_final() || matches!(turn.saga.state, VendState::Queued);
        if settled {
            return Err(Refusal::NotResendable { why: "there is nothing to start again" }.into());
        }
        let count = super::platform_count(&turn.meter);
        let next = turn.saga.restart(count).map_err(|_| Refusal::DeliveryInDoubt)?;
        self.save(&mut turn, next, VendEvent::Resend, &[]).await?;
        crate::job::wake_vend(self, &turn.row).await?;
        Ok(turn.row)
    }

    /// Vends that are not settled, for the operator's list (V3).
    pub async fn open_vends(&self, project: ProjectId) -> Result<Vec<Vend>> {
        Ok(vend::open(self.store().read(), project, None).await?)
    }
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
