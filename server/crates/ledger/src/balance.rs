//! What an account stands at.

use domain::Money;

/// What one account stands at, positive on its normal side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Everything posted.
    pub posted: Money,
    /// The part of it that is set aside by open holds, at or above zero.
    pub held: Money,
}

impl Balance {
    /// Nothing.
    pub const ZERO: Balance = Balance { posted: Money::ZERO, held: Money::ZERO };

    /// What can be spent: posted less held. Holds never exceed what was there when they were
    /// placed, but use billed later may, so this can be below zero.
    pub fn available(&self) -> Money {
        // `held` is at or above zero and was covered by a balance of 64 bits.
        self.posted.checked_sub(self.held).unwrap_or(Money::from_fen(i64::MIN))
    }
}
