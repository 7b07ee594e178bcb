//! The states one attempt to pay an order passes through.

use crate::provider::named_enum;
use std::{fmt, str::FromStr};

use crate::id::IdError;

named_enum! {
    /// Where a payment attempt stands with its provider.
    AttemptState, "attempt state",
    /// Stored; the request may or may not have left us.
    Created = "created",
    /// The provider answered with something the payer can use (QR, prepay id, page).
    Awaiting = "awaiting",
    /// The provider's answer is missing or not trustworthy: it is queried until it is known.
    Unknown = "unknown",
    /// A close was asked for; a query has to confirm it.
    Closing = "closing",
    /// The provider confirmed that it is closed and unpaid. Late money is still accepted.
    Closed = "closed",
    /// The provider confirmed the payment.
    Paid = "paid",
    /// The provider refused the order for good; nothing was or will be paid through it.
    Declined = "declined",
}

impl AttemptState {
    /// True while the sweeper has to keep asking the provider.
    ///
    /// Invariant: no timer ends doubt (I6); an attempt leaves this set only by a provider fact;
    /// proved by `every_unproven_attempt_is_asked_for`.
    pub fn needs_query(self) -> bool {
        use AttemptState::*;
        matches!(self, Created | Awaiting | Unknown | Closing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unproven_attempt_is_asked_for() {
        let table = [
            ("created", true),
            ("awaiting", true),
            ("unknown", true),
            ("closing", true),
            ("closed", false),
            ("paid", false),
            ("declined", false),
        ];
        assert_eq!(table.len(), AttemptState::ALL.len());
        for (name, asked) in table {
            assert_eq!(name.parse::<AttemptState>().map(AttemptState::needs_query), Ok(asked));
        }
    }
}
