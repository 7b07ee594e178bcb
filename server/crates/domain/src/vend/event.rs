//! What a vend is told, and what it asks for.

use std::time::Duration;

use super::{
    proof::{BalanceCheck, Proof},
    state::QuarantineReason,
};

/// SERR bit: repeated recharge, the count was already used (`meters.md` A.6).
pub const SERR_REPEATED: u16 = 0x0002;
/// SERR bit: identity authentication failed; the window is over and a new one can be opened.
pub const SERR_AUTHENTICATION: u16 = 0x0008;

/// What happened to one sending of the top-up command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The meter said yes (83). Still to be read back.
    Accepted,
    /// The meter said no (C3). Proves nothing by itself: a refused write was seen half applied.
    Refused {
        /// The error word, mapped by the profile to SERR bits.
        serr: u16,
    },
    /// Time-out or garbage.
    NoAnswer,
    /// Provably not one byte left for the meter (queue expiry, checked at the socket).
    NotSent,
}

/// What a vend is told. An event that does not belong to the state is ignored: it is a late or
/// doubled one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendEvent {
    /// The job was claimed, the timer rang, or the process came back.
    Wake,
    /// All registers of the profile were read.
    ProofRead(Proof),
    /// They were not: no answer, garbage, or a register missing.
    ProofUnreadable,
    /// The intent is durable.
    IntentPersisted,
    /// The store refused the intent: another vend holds this count.
    IntentTaken,
    /// A sending ended.
    SendEnded(SendOutcome),
    /// An operator asks for another try of a parked vend.
    Resend,
}

/// What a person has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendAlarm {
    /// The meter could not be read so many times in a row; reading goes on.
    Unreadable {
        /// Failed reads in a row.
        failures: u32,
    },
    /// The meter refused and did not take the purchase; nobody sends again unasked.
    Refused {
        /// The error word.
        serr: u16,
    },
    /// The command was sent as often as allowed and never taken.
    SendsExhausted {
        /// How often.
        sends: u32,
    },
    /// Nothing readable can decide; a person has to look at the meter.
    NeedsOperator,
    /// The purchase stands, but the balance does not agree with it.
    BalanceDiffers(BalanceCheck),
    /// The meter is quarantined.
    Quarantined(QuarantineReason),
}

/// What a vend asks for. The caller stores the returned [`super::Vend`] first and then carries
/// the actions out in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VendAction {
    /// Read all registers of the profile before anything is sent.
    ReadProof,
    /// Make the intent durable under unique (meter, epoch, count); answer `IntentPersisted` or
    /// `IntentTaken`. Doing it again for the same vend must succeed and replaces its earlier count.
    PersistIntent {
        /// The count c to reserve; `None` for an uncounted profile.
        count: Option<u32>,
    },
    /// Send the top-up once; answer `SendEnded`.
    SendTopUp {
        /// The purchase count to write into the command.
        count: Option<u32>,
        /// The amount in fen.
        amount_fen: i64,
    },
    /// Read all registers of the profile after a sending.
    ReadBack,
    /// The meter holds the purchase: post the hold, keep the count as the platform's.
    Applied {
        /// The count now in the meter: the platform's from here on. It is this purchase's, unless
        /// persons found that others were made after it.
        count: Option<u32>,
        /// The proof.
        proof: Proof,
        /// Whether the balance agreed.
        balance: BalanceCheck,
    },
    /// Stop all writes to this meter.
    Quarantine {
        /// Why.
        reason: QuarantineReason,
    },
    /// Two persons proved that it was not delivered: release the hold and free the count.
    Voided,
    /// Wake this vend again after a while.
    RetryAfter(Duration),
    /// Tell a person.
    Alarm(VendAlarm),
}
