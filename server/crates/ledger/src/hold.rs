//! Money set aside: reserved in a purse, then posted, given up, or run out.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use domain::{HoldId, Money};

use crate::account::LedgerAccount;

/// How far a hold has come. It leaves `Held` once and never comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HoldState {
    /// Set aside.
    Held,
    /// Posted: the money moved.
    Posted,
    /// Given up: the money is free again.
    Void,
    /// Run out: the money is free again. Only holds made with an end can run out.
    Expired,
}

impl HoldState {
    /// Every state there is.
    pub const ALL: [HoldState; 4] =
        [HoldState::Held, HoldState::Posted, HoldState::Void, HoldState::Expired];

    /// The stable name in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            HoldState::Held => "held",
            HoldState::Posted => "posted",
            HoldState::Void => "void",
            HoldState::Expired => "expired",
        }
    }
}

impl fmt::Display for HoldState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no state of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text names no state of a hold")]
pub struct HoldStateError;

impl FromStr for HoldState {
    type Err = HoldStateError;

    fn from_str(text: &str) -> Result<Self, HoldStateError> {
        HoldState::ALL.into_iter().find(|state| state.as_str() == text).ok_or(HoldStateError)
    }
}

/// Money set aside in an account that keeps a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its id, made by the caller before anything else.
    pub id: HoldId,
    /// Where the money is.
    pub account: LedgerAccount,
    /// How much, above zero.
    pub amount: Money,
    /// How far it has come.
    pub state: HoldState,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When it may run out; `None` for the hold of a vend, whose doubt no timer may end (I6).
    pub expires_at: Option<DateTime<Utc>>,
    /// When it left `Held`.
    pub ended_at: Option<DateTime<Utc>>,
}

/// What a transaction does to a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldChange {
    /// Sets money aside.
    Place {
        /// The new hold's id.
        id: HoldId,
        /// Where the money is.
        account: LedgerAccount,
        /// How much, above zero.
        amount: Money,
        /// When it may run out.
        expires_at: Option<DateTime<Utc>>,
    },
    /// Moves the held money by this transaction's postings.
    Post {
        /// The hold.
        id: HoldId,
    },
    /// Gives it up.
    Void {
        /// The hold.
        id: HoldId,
    },
    /// Ends it because its time is over.
    Expire {
        /// The hold.
        id: HoldId,
    },
}

impl HoldChange {
    /// The hold that is placed or ended.
    pub fn id(&self) -> HoldId {
        match self {
            HoldChange::Place { id, .. }
            | HoldChange::Post { id }
            | HoldChange::Void { id }
            | HoldChange::Expire { id } => *id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_state_is_read_back() {
        for state in HoldState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
        assert_eq!("Held".parse::<HoldState>(), Err(HoldStateError));
    }
}
