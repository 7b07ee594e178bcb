//! The vend saga (售电下发): one purchase carried into one meter, exactly once.
//!
//! A pure step function: it is told what happened and answers with the next state and what to do.
//! It reads no clock, draws no chance and does no I/O, so the same code runs in production and
//! under simulated time. The rules are `meters.md` H.0; the invariants I5, I6, I7 and I9 are those
//! of `reliability.md`.
//!
//! What the caller promises:
//! 1. it stores the returned [`Vend`] *before* it carries out the actions, and in the same
//!    transaction as what [`VendAction::PersistIntent`] and [`VendAction::Applied`] ask for;
//! 2. one vend per meter at a time passes [`VendState::Queued`] (per-meter order);
//! 3. (meter, epoch, count) is unique among vends that are not voided;
//! 4. after a restart it sends [`VendEvent::Wake`].

pub mod proof;
pub use proof::{BalanceCheck, CountRule, Intent, Proof};
pub mod verdict;
pub use verdict::{Verdict, decide};
pub mod state;
pub use state::{Flight, QuarantineReason, VendState};
pub mod event;
pub use event::{SendOutcome, VendAction, VendAlarm, VendEvent};
pub mod resolve;
pub use resolve::{Evidence, FenceRefusal, Finding, ResolveRefusal, RestartRefusal};
mod step;
mod stored;

use chrono::{DateTime, Utc};

use crate::retry::Backoff;

/// Reads in a row that may fail before a person is told; the reading goes on all the same.
pub const READ_FAILURES_SHOWN_MAX: u32 = 10;
/// Sendings that follow at once upon a proof that the meter did not take the last one.
pub const SENDS_AT_ONCE_MAX: u32 = 3;
/// Sendings of one vend before it is parked and shown.
pub const SENDS_MAX: u32 = 20;
/// The wait between reads that fail: short enough to heal within a minute of the link's return
/// (I9), for ever, because no timer ends a doubt (I6).
pub const READ_BACKOFF: Backoff = Backoff::seconds(2, 60);
/// The wait before a command that was not taken is sent again.
pub const SEND_BACKOFF: Backoff = Backoff::seconds(5, 60);
/// The wait after a command that provably never left (a busy or blocked bus).
pub const UNSENT_BACKOFF: Backoff = Backoff::seconds(10, 10);

/// What is to be bought and by which rules; fixed when the vend is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VendRequest {
    /// The amount in fen, above zero.
    pub amount_fen: i64,
    /// The price frozen in the order, micro-yuan per kWh (or m³).
    pub price_micro_yuan: i64,
    /// How the profile proves a purchase.
    pub count_rule: CountRule,
    /// The platform's count of purchases for this meter; `None` before the first one is known,
    /// in which case the meter's is taken over.
    pub platform_count: Option<u32>,
    /// The number the meter should give for itself; `None` when the profile reads none.
    pub identity: Option<u64>,
    /// One step of the use register in Wh (or litres): 10 for `XXXXXX.XX` kWh.
    pub quantity_step_milli: i64,
    /// A random number drawn when the vend is made; it spreads this vend's waits.
    pub jitter: u64,
}

/// One purchase on its way into a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vend {
    /// What is to be bought.
    pub request: VendRequest,
    /// Where it stands.
    pub state: VendState,
}

impl Vend {
    /// A vend waiting for its turn.
    pub fn queued(request: VendRequest) -> Self {
        Vend { request, state: VendState::Queued }
    }

    /// The next state and what to do, after `event` at `now`.
    ///
    /// Invariant: `SendTopUp` follows only an intent that is durable (step 9), carries its count,
    /// and is repeated only after a proof that the meter did not take it (I5); proved by
    /// `twenty_thousand_lifetimes_agree_with_the_meter`.
    pub fn step(self, event: VendEvent, now: DateTime<Utc>) -> (Vend, Vec<VendAction>) {
        step::step(self, event, now)
    }

    /// The reserved purchase count, in every state that has one.
    pub fn count(&self) -> Option<u32> {
        match &self.state {
            VendState::Applied { count, .. } => *count,
            state => state.flight().and_then(|flight| flight.count),
        }
    }

    fn with(&self, state: VendState) -> Vend {
        Vend { request: self.request, state }
    }

    fn intent(&self, flight: &Flight) -> Intent {
        Intent {
            count: flight.count,
            amount_fen: self.request.amount_fen,
            price_micro_yuan: self.request.price_micro_yuan,
            quantity_step_milli: self.request.quantity_step_milli,
        }
    }
}

#[cfg(test)]
mod tests;
