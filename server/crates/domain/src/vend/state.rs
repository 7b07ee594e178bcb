//! Where a vend stands, and what it knows there.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};

use super::{
    proof::{BalanceCheck, Proof},
    resolve::Evidence,
};
use crate::{id::IdError, provider::named_enum};

named_enum! {
    /// Why a meter takes no more money until a person has looked.
    QuarantineReason, "quarantine reason",
    /// The meter's count is above the platform's: sold from another system or by card.
    CountAhead = "count-ahead",
    /// The meter's count is below the platform's: replaced, or its wallet was initialised.
    CountBehind = "count-behind",
    /// The meter gives another number for itself.
    MeterReplaced = "meter-replaced",
    /// The count register stands at its end; what follows is not known.
    CountExhausted = "count-exhausted",
    /// Another vend of this meter already reserved the count.
    CountTaken = "count-taken",
    /// The reserved count was used with another amount.
    OtherPurchase = "other-purchase",
    /// The count ran past the reserved one while the purchase was under way.
    CountJumped = "count-jumped",
    /// The count fell while the purchase was under way.
    CountFell = "count-fell",
    /// The meter took a part of the purchase.
    Partial = "partial",
}

impl QuarantineReason {
    /// The reason in Chinese, for an operator.
    pub fn zh(self) -> &'static str {
        match self {
            QuarantineReason::CountAhead => "表内购电次数大于平台记录，可能在其他系统售过电",
            QuarantineReason::CountBehind => "表内购电次数小于平台记录，可能换表或钱包已初始化",
            QuarantineReason::MeterReplaced => "表号与档案不符，可能已换表",
            QuarantineReason::CountExhausted => "购电次数已到上限",
            QuarantineReason::CountTaken => "该购电次数已被另一笔下发占用",
            QuarantineReason::OtherPurchase => "该购电次数已被另一笔不同金额的购电使用",
            QuarantineReason::CountJumped => "下发过程中购电次数跳变",
            QuarantineReason::CountFell => "下发过程中购电次数变小",
            QuarantineReason::Partial => "表计只写入了一部分",
        }
    }

    /// The reason in English, for an operator.
    pub fn en(self) -> &'static str {
        match self {
            QuarantineReason::CountAhead => "the meter counts more purchases than the platform",
            QuarantineReason::CountBehind => "the meter counts fewer purchases than the platform",
            QuarantineReason::MeterReplaced => "the meter gives another number for itself",
            QuarantineReason::CountExhausted => "the purchase count is at its highest value",
            QuarantineReason::CountTaken => "another vend already reserved this purchase count",
            QuarantineReason::OtherPurchase => "the count was used for a different amount",
            QuarantineReason::CountJumped => "the purchase count jumped during the vend",
            QuarantineReason::CountFell => "the purchase count fell during the vend",
            QuarantineReason::Partial => "the meter took only a part of the purchase",
        }
    }
}

/// A purchase whose intent is written: the facts every later state needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flight {
    /// The reserved purchase count c; `None` for an uncounted profile.
    pub count: Option<u32>,
    /// The registers before the first byte.
    pub before: Proof,
    /// How often the command may have left us; 0 while it provably never did.
    pub sends: u32,
    /// The error word of the last refusal (SERR, `meters.md` A.6), if the last send was refused.
    pub refusal: Option<u16>,
    /// When the intent was written.
    pub intended_at: DateTime<Utc>,
}

/// Where a vend stands. Each state owns what is known in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VendState {
    /// Paid and waiting for its turn on the meter. Nothing was sent.
    Queued,
    /// The meter's registers are being read. Nothing was sent.
    Prechecking {
        /// Reads that failed in a row.
        failures: u32,
    },
    /// The intent is to be written. A stored vend in this state counts as *perhaps sent*, because
    /// a crash may have hidden the sending.
    Intended(Flight),
    /// The command is on its way and its outcome is awaited.
    Sent(Flight),
    /// The command may have arrived. Only a read-back or a person ends this.
    Uncertain {
        /// The purchase.
        flight: Flight,
        /// Read-backs in a row that decided nothing.
        failures: u32,
        /// Since when.
        since: DateTime<Utc>,
        /// True once a person was asked to look at the meter.
        asked: bool,
    },
    /// The meter proved not to have taken it; the same count will or may be sent again.
    NotApplied {
        /// The purchase.
        flight: Flight,
        /// True when nobody will send again unless an operator asks for it.
        parked: bool,
    },
    /// The meter holds the purchase. Final.
    Applied {
        /// The purchase count in the meter.
        count: Option<u32>,
        /// The registers that prove it.
        proof: Proof,
        /// Whether the balance agreed.
        balance: BalanceCheck,
        /// When it was proven.
        at: DateTime<Utc>,
        /// The persons who proved it, where no read-back could.
        evidence: Option<Evidence>,
    },
    /// The meter took a part; no more writes until a person has looked (H.1 no. 2).
    Partial {
        /// The purchase.
        flight: Flight,
        /// The registers as they were found.
        seen: Proof,
    },
    /// The meter contradicts the platform; no more writes until a person has looked.
    Quarantined {
        /// Why.
        reason: QuarantineReason,
        /// The purchase, when an intent was written before; `None` when nothing was ever sent.
        flight: Option<Flight>,
        /// The registers as they were found, if they were.
        seen: Option<Proof>,
    },
    /// Two persons proved at the meter that it was not delivered. The hold is released.
    Voided {
        /// The count that was reserved and is free again.
        count: Option<u32>,
        /// The persons and their reason.
        evidence: Evidence,
    },
    /// A refund took the money; this vend can never be sent (I7). Final.
    Fenced {
        /// Since when.
        at: DateTime<Utc>,
    },
}

impl VendState {
    /// The stable name in the database and the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            VendState::Queued => "queued",
            VendState::Prechecking { .. } => "prechecking",
            VendState::Intended(_) => "intended",
            VendState::Sent(_) => "sent",
            VendState::Uncertain { .. } => "uncertain",
            VendState::NotApplied { .. } => "not-applied",
            VendState::Applied { .. } => "applied",
            VendState::Partial { .. } => "partial",
            VendState::Quarantined { .. } => "quarantined",
            VendState::Voided { .. } => "voided",
            VendState::Fenced { .. } => "fenced",
        }
    }

    /// The purchase, in every state that has an intent.
    pub fn flight(&self) -> Option<&Flight> {
        match self {
            VendState::Intended(flight)
            | VendState::Sent(flight)
            | VendState::Uncertain { flight, .. }
            | VendState::NotApplied { flight, .. }
            | VendState::Partial { flight, .. }
            | VendState::Quarantined { flight: Some(flight), .. } => Some(flight),
            _ => None,
        }
    }

    /// True once nothing will change any more.
    pub fn is_final(&self) -> bool {
        matches!(self, VendState::Applied { .. } | VendState::Fenced { .. })
    }

    /// True while the next vend of the same meter has to wait: this one may still write, or its
    /// meter has to be looked at first.
    pub fn blocks_the_meter(&self) -> bool {
        !self.is_final() && !matches!(self, VendState::Voided { .. } | VendState::Queued)
    }
}
