//! What is tried: the product, and the product with a mistake planted into it.

use chrono::{DateTime, Utc};
use domain::{
    Vend, VendAction, VendEvent, VendState,
    vend::{BalanceCheck, FenceRefusal, Flight, Proof, SendOutcome},
};

pub type Step = (Vend, Vec<VendAction>);

pub trait Subject {
    fn step(&self, vend: Vend, event: VendEvent, now: DateTime<Utc>) -> Step;
    fn fence(&self, vend: &Vend, now: DateTime<Utc>) -> Result<Vend, FenceRefusal> {
        vend.fence(now)
    }
    /// What a restarted process finds.
    fn recover(&self, stored: Vend) -> Vend {
        stored
    }
}

pub struct Product;

impl Subject for Product {
    fn step(&self, vend: Vend, event: VendEvent, now: DateTime<Utc>) -> Step {
        vend.step(event, now)
    }
}

/// Mistakes that real vending systems were built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A yes from the meter counts as the proof.
    TrustsTheAnswer,
    /// A no from the meter counts as "not applied", and the money goes back.
    TrustsTheRefusal,
    /// A time-out is a failure, and the money goes back.
    TimeoutIsFailure,
    /// "Repeated recharge" is answered with the next count.
    CountPlusOne,
    /// After a time-out the command is sent again without looking.
    SendsAgainBlindly,
    /// After a time-out everything starts again with whatever count the meter has.
    StartsOverAfterTimeout,
    /// The platform's count is not compared.
    AdoptsAnyCount,
    /// The count alone proves the purchase.
    IgnoresTheAmount,
    /// A meter that cannot be read five times has not got the money.
    UnreadableIsFailure,
    /// A refund is given while in doubt.
    RefundsInDoubt,
    /// A meter without a count is sent a second command when the balance has not moved.
    RepeatsWithoutCount,
    /// A restart forgets that an intent was written.
    ForgetsTheIntent,
    /// A proof that comes twice is booked twice.
    BooksTwice,
    /// Quarantine ends by itself.
    QuarantineEndsByItself,
    /// The command leaves before the intent is durable.
    SendsBeforeTheIntent,
    /// After ten failed reads nobody looks again.
    GivesUpReading,
    /// A fenced vend can be woken.
    FenceIsForgotten,
}

impl Bug {
    pub const ALL: [Bug; 17] = [
        Bug::TrustsTheAnswer,
        Bug::TrustsTheRefusal,
        Bug::TimeoutIsFailure,
        Bug::CountPlusOne,
        Bug::SendsAgainBlindly,
        Bug::StartsOverAfterTimeout,
        Bug::AdoptsAnyCount,
        Bug::IgnoresTheAmount,
        Bug::UnreadableIsFailure,
        Bug::RefundsInDoubt,
        Bug::RepeatsWithoutCount,
        Bug::ForgetsTheIntent,
        Bug::BooksTwice,
        Bug::QuarantineEndsByItself,
        Bug::SendsBeforeTheIntent,
        Bug::GivesUpReading,
        Bug::FenceIsForgotten,
    ];
}

pub struct Planted(pub Bug);

impl Subject for Planted {
    fn step(&self, vend: Vend, event: VendEvent, now: DateTime<Utc>) -> Step {
        let was = vend.clone();
        self.instead(&was, event, now).unwrap_or_else(|| {
            let (next, actions) = vend.step(self.twisted(&was, event), now);
            self.after(&was, event, next, actions)
        })
    }

    fn fence(&self, vend: &Vend, now: DateTime<Utc>) -> Result<Vend, FenceRefusal> {
        match (self.0, &vend.state) {
            (Bug::RefundsInDoubt, VendState::Uncertain { .. }) => {
                Ok(Vend { request: vend.request, state: VendState::Fenced { at: now } })
            }
            // The refund goes out, but the vend stays where it was.
            (Bug::FenceIsForgotten, _) => vend.fence(now).map(|_| vend.clone()),
            _ => vend.fence(now),
        }
    }

    fn recover(&self, stored: Vend) -> Vend {
        let forgets = self.0 == Bug::ForgetsTheIntent && !stored.state.is_final();
        if forgets { Vend::queued(stored.request) } else { stored }
    }
}

impl Planted {
    /// Steps that are wrong altogether.
    fn instead(&self, was: &Vend, event: VendEvent, now: DateTime<Utc>) -> Option<Step> {
        let ended = |outcome| event == VendEvent::SendEnded(outcome);
        let request = was.request;
        let refused = matches!(event, VendEvent::SendEnded(SendOutcome::Refused { .. }));
        match (self.0, &was.state) {
            (Bug::TrustsTheAnswer, VendState::Sent(flight)) if ended(SendOutcome::Accepted) => {
                let (count, proof, balance) =
                    (flight.count, flight.before, BalanceCheck::NotReadable);
                let state = VendState::Applied { count, proof, balance, at: now, evidence: None };
                let done = VendAction::Applied { count, proof, balance };
                Some((Vend { request, state }, vec![done]))
            }
            (Bug::TrustsTheRefusal, VendState::Sent(_)) if refused => Some(given_back(was, now)),
            (Bug::TimeoutIsFailure, VendState::Sent(_)) if ended(SendOutcome::NoAnswer) => {
                Some(given_back(was, now))
            }
            (Bug::CountPlusOne, VendState::Sent(flight))
                if ended(SendOutcome::Refused { serr: 2 }) =>
            {
                let count = flight.count.map(|c| c + 1);
                Some(sent_again(was, Flight { count, ..*flight }))
            }
            (Bug::SendsAgainBlindly, VendState::Sent(flight)) if ended(SendOutcome::NoAnswer) => {
                Some(sent_again(was, *flight))
            }
            (Bug::StartsOverAfterTimeout, VendState::Sent(_)) if ended(SendOutcome::NoAnswer) => {
                let mut vend = Vend::queued(request);
                vend.request.platform_count = None;
                Some(vend.step(VendEvent::Wake, now))
            }
            (Bug::UnreadableIsFailure, VendState::Uncertain { failures: 4.., .. })
                if event == VendEvent::ProofUnreadable =>
            {
                Some(given_back(was, now))
            }
            (Bug::BooksTwice, VendState::Applied { count, proof, balance, .. })
                if event == VendEvent::Wake =>
            {
                let (count, proof, balance) = (*count, *proof, *balance);
                Some((was.clone(), vec![VendAction::Applied { count, proof, balance }]))
            }
            (Bug::QuarantineEndsByItself, VendState::Quarantined { .. })
                if event == VendEvent::Wake =>
            {
                let mut vend = Vend::queued(request);
                vend.request.platform_count = None;
                Some(vend.step(VendEvent::Wake, now))
            }
            _ => None,
        }
    }

    /// Events that are seen wrongly.
    fn twisted(&self, was: &Vend, event: VendEvent) -> VendEvent {
        let VendEvent::ProofRead(proof) = event else { return event };
        let reserved = was.count();
        if self.0 == Bug::IgnoresTheAmount && reserved.is_some() && proof.count == reserved {
            let last_amount_fen = Some(was.request.amount_fen);
            return VendEvent::ProofRead(Proof { last_amount_fen, ..proof });
        }
        event
    }

    /// Answers that are changed.
    fn after(
        &self,
        was: &Vend,
        event: VendEvent,
        mut next: Vend,
        mut actions: Vec<VendAction>,
    ) -> Step {
        let amount_fen = was.request.amount_fen;
        match self.0 {
            Bug::AdoptsAnyCount => next.request.platform_count = None,
            Bug::SendsBeforeTheIntent => {
                if let [VendAction::PersistIntent { count }] = actions[..] {
                    actions.insert(0, VendAction::SendTopUp { count, amount_fen });
                }
            }
            Bug::GivesUpReading => {
                if matches!(next.state, VendState::Uncertain { failures: 10.., .. }) {
                    actions.clear();
                }
            }
            Bug::RepeatsWithoutCount => {
                if let (VendState::Uncertain { flight, .. }, VendEvent::ProofRead(_)) =
                    (&next.state, event)
                    && flight.count.is_none()
                {
                    return sent_again(was, *flight);
                }
            }
            _ => {}
        }
        (next, actions)
    }
}

fn given_back(was: &Vend, now: DateTime<Utc>) -> Step {
    let state = VendState::Fenced { at: now };
    (Vend { request: was.request, state }, vec![VendAction::Voided])
}

fn sent_again(was: &Vend, flight: Flight) -> Step {
    let (count, amount_fen) = (flight.count, was.request.amount_fen);
    let vend = Vend { request: was.request, state: VendState::Sent(flight) };
    (vend, vec![VendAction::SendTopUp { count, amount_fen }])
}
