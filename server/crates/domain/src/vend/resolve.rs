//! What persons may do to a vend: settle a doubt, send it round again, or take the money back.

use chrono::{DateTime, Utc};

use super::{
    Vend,
    event::VendAction,
    proof::{BalanceCheck, CountRule, Proof},
    state::VendState,
    verdict::{Verdict, decide},
};
use crate::id::OperatorId;

/// What two persons saw at the meter. I6 wants two signatures under every doubt ended by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who looked.
    pub operator: OperatorId,
    /// Who agreed.
    pub second: OperatorId,
    /// Why they are sure, in their words.
    pub reason: String,
    /// What the meter's display showed.
    pub seen: Proof,
}

/// What the persons found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The purchase is in the meter.
    Applied,
    /// It is not, and no copy of the command can arrive any more.
    NotDelivered,
}

/// Why a finding is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveRefusal {
    /// There is no doubt to settle in this state.
    #[error("there is no doubt about this vend")]
    NoDoubt,
    /// The reason is empty.
    #[error("a reason has to be given")]
    ReasonMissing,
    /// The second signature is the first one's.
    #[error("a second person has to agree")]
    SecondPersonMissing,
    /// The count, or on an uncounted profile the balance, was not read off the meter.
    #[error("what the meter shows has to be given")]
    SightMissing,
    /// The registers given say the opposite.
    #[error("what the meter shows contradicts the finding")]
    Contradicted,
}

/// Why the money of a vend cannot be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FenceRefusal {
    /// The command may have left us; a copy may still arrive.
    #[error("the command may still reach the meter")]
    MayHaveBeenSent,
    /// The meter holds the purchase.
    #[error("the purchase is in the meter")]
    Applied,
}

/// Why a vend cannot be sent round again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only a vend that was never sent or is proven void can start again")]
pub struct RestartRefusal;

impl Vend {
    /// Ends a doubt by the sight of two persons.
    ///
    /// Invariant: a doubt ends only by reading the meter or by two persons who did (I6); proved
    /// by `persons_need_two_names_a_reason_and_a_sight_that_agrees`.
    pub fn resolve(
        &self,
        finding: Finding,
        evidence: Evidence,
        now: DateTime<Utc>,
    ) -> Result<(Vend, Vec<VendAction>), ResolveRefusal> {
        let Some(flight) = self.state.flight().filter(|_| self.state.is_in_doubt()) else {
            return Err(ResolveRefusal::NoDoubt);
        };
        if evidence.reason.trim().is_empty() {
            return Err(ResolveRefusal::ReasonMissing);
        }
        if evidence.operator == evidence.second {
            return Err(ResolveRefusal::SecondPersonMissing);
        }
        let seen = evidence.seen;
        let sight = match self.request.count_rule {
            CountRule::Counted { .. } => seen.count.is_some(),
            CountRule::Uncounted => seen.balance_fen.is_some(),
        };
        if !sight {
            return Err(ResolveRefusal::SightMissing);
        }
        let verdict = decide(&flight.before, &seen, &self.intent(flight));
        let contradicted = match finding {
            Finding::Applied => matches!(verdict, Verdict::NotApplied),
            Finding::NotDelivered => matches!(verdict, Verdict::Applied { .. }),
        };
        if contradicted {
            return Err(ResolveRefusal::Contradicted);
        }
        Ok(self.settled(finding, flight.count, evidence, now))
    }

    fn settled(
        &self,
        finding: Finding,
        count: Option<u32>,
        evidence: Evidence,
        now: DateTime<Utc>,
    ) -> (Vend, Vec<VendAction>) {
        match finding {
            Finding::Applied => {
                let (proof, balance) = (evidence.seen, BalanceCheck::NotReadable);
                let evidence = Some(evidence);
                let state = VendState::Applied { count, proof, balance, at: now, evidence };
                let now_in_meter = proof.count.or(count);
                let action = VendAction::Applied { count: now_in_meter, proof, balance };
                (self.with(state), vec![action])
            }
            Finding::NotDelivered => {
                (self.with(VendState::Voided { count, evidence }), vec![VendAction::Voided])
            }
        }
    }

    /// Takes the vend out of the way of a refund, for ever.
    ///
    /// Invariant: a refund needs a vend that was never sent or is proven void, and afterwards it
    /// can never be sent (I7); proved by `money_goes_back_only_when_nothing_can_arrive`.
    pub fn fence(&self, now: DateTime<Utc>) -> Result<Vend, FenceRefusal> {
        match &self.state {
            VendState::Applied { .. } => Err(FenceRefusal::Applied),
            VendState::Fenced { .. } => Ok(self.clone()),
            state if state.is_harmless() => Ok(self.with(VendState::Fenced { at: now })),
            _ => Err(FenceRefusal::MayHaveBeenSent),
        }
    }

    /// Starts again from the beginning with a platform count an operator has set right (V7).
    pub fn restart(&self, platform_count: Option<u32>) -> Result<Vend, RestartRefusal> {
        if !self.state.is_harmless() {
            return Err(RestartRefusal);
        }
        let mut vend = self.with(VendState::Queued);
        vend.request.platform_count = platform_count;
        // Another meter may hang there by now: what the old one called itself is no measure of it.
        vend.request.identity = None;
        Ok(vend)
    }
}

impl VendState {
    /// True where a person may have to decide: something may have been sent, nothing is on its
    /// way right now, and the meter's registers have not settled it.
    pub fn is_in_doubt(&self) -> bool {
        match self {
            VendState::Uncertain { .. } | VendState::Partial { .. } => true,
            VendState::NotApplied { flight, .. } => flight.sends > 0,
            VendState::Quarantined { flight, .. } => flight.is_some_and(|f| f.sends > 0),
            _ => false,
        }
    }

    /// True where provably nothing of this vend can reach the meter: nothing was ever sent, or
    /// two persons proved it void.
    pub fn is_harmless(&self) -> bool {
        match self {
            VendState::Queued | VendState::Prechecking { .. } | VendState::Voided { .. } => true,
            VendState::NotApplied { flight, .. } => flight.sends == 0,
            VendState::Quarantined { flight, .. } => flight.is_none_or(|f| f.sends == 0),
            _ => false,
        }
    }
}
