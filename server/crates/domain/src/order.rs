//! The states an order passes through, and the only ways between them.

use crate::provider::named_enum;
use std::{fmt, str::FromStr};

use crate::id::IdError;

named_enum! {
    /// Where an order stands, told by what is proven (words: `screens/README.md` §5).
    OrderState, "order state",
    /// Made and priced; nothing is known to be paid (待支付).
    Placed = "placed",
    /// The provider confirmed and the ledger holds the money: one fact, one transaction (已到账).
    Credited = "credited",
    /// The intent is written; the money is on its way to the meter (充入中).
    Delivering = "delivering",
    /// A write left without a trustworthy answer; only a read-back or a person ends this (待确认).
    Uncertain = "uncertain",
    /// The purchase was read back from the meter; platform-held orders pass through at once (已充入).
    Delivered = "delivered",
    /// The relay or valve was read back as closed (已送电).
    Restored = "restored",
    /// Expired or cancelled, and the provider said unpaid (已关闭). Late money can still arrive.
    Closed = "closed",
    /// Money arrived that does not fit (amount, duplicate); a person looks (待核对).
    Held = "held",
    /// The money went back (已退款).
    Refunded = "refunded",
}

/// A step that is not in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an order cannot go from {from} to {to}")]
pub struct OrderTransitionError {
    /// Where the order stands.
    pub from: OrderState,
    /// Where it was to go.
    pub to: OrderState,
}

impl OrderState {
    /// Takes the step if the table allows it.
    ///
    /// Invariant: status changes only run forward along this table (I8); proved by
    /// `only_the_listed_steps_are_allowed`.
    pub fn step(self, to: OrderState) -> Result<OrderState, OrderTransitionError> {
        use OrderState::*;
        let legal = matches!(
            (self, to),
            (Placed, Credited | Closed | Held)
                // Paid after close: the money is real and is credited (F4 no. 4).
                | (Closed, Credited | Held)
                | (Held, Credited | Refunded)
                | (Credited, Delivering | Delivered | Refunded)
                | (Delivering, Uncertain | Delivered | Credited)
                | (Uncertain, Delivered | Delivering | Credited)
                | (Delivered, Restored)
        );
        if legal { Ok(to) } else { Err(OrderTransitionError { from: self, to }) }
    }

    /// True while the tenant may still pay.
    pub fn is_payable(self) -> bool {
        self == OrderState::Placed
    }

    /// True once the money is in the ledger and has not gone back.
    pub fn is_paid(self) -> bool {
        use OrderState::*;
        matches!(self, Credited | Delivering | Uncertain | Delivered | Restored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_steps_are_allowed() {
        let table: &[(&str, &str)] = &[
            ("placed", "credited closed held"),
            ("credited", "delivering delivered refunded"),
            ("delivering", "credited uncertain delivered"),
            ("uncertain", "credited delivering delivered"),
            ("delivered", "restored"),
            ("restored", ""),
            ("closed", "credited held"),
            ("held", "credited refunded"),
            ("refunded", ""),
        ];
        assert_eq!(table.len(), OrderState::ALL.len());
        for (from, allowed) in table {
            let from: OrderState = from.parse().unwrap();
            for to in OrderState::ALL {
                let want = allowed.split(' ').any(|name| name == to.as_str());
                assert_eq!(from.step(*to).is_ok(), want, "{from} -> {to}");
            }
        }
    }
}
