//! The smallest movement of money: one debit, one credit, one positive amount.

use domain::Money;

use crate::account::LedgerAccount;

/// One movement between two accounts.
///
/// Invariant: a posting is balanced by construction, so any number of them sums to zero (I1);
/// proved by `random_sequences_conserve_money_after_every_step`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    debit: LedgerAccount,
    credit: LedgerAccount,
    amount: Money,
}

/// Why a movement is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostingError {
    /// The amount is zero or below.
    #[error("the amount of a posting has to be above zero")]
    NotPositive,
    /// Both sides are the same account.
    #[error("a posting needs two different accounts")]
    SameAccount,
}

impl Posting {
    /// A movement of `amount` that debits one account and credits another.
    pub fn new(
        debit: LedgerAccount,
        credit: LedgerAccount,
        amount: Money,
    ) -> Result<Self, PostingError> {
        if !amount.is_positive() {
            return Err(PostingError::NotPositive);
        }
        if debit == credit {
            return Err(PostingError::SameAccount);
        }
        Ok(Posting { debit, credit, amount })
    }

    /// The account that is debited.
    pub fn debit(&self) -> LedgerAccount {
        self.debit
    }

    /// The account that is credited.
    pub fn credit(&self) -> LedgerAccount {
        self.credit
    }

    /// The amount, above zero.
    pub fn amount(&self) -> Money {
        self.amount
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use LedgerAccount::{RefundDue, Unmatched};

    #[test]
    fn a_posting_has_two_accounts_and_an_amount_above_zero() {
        let table = [
            (RefundDue, Unmatched, 1, Ok(())),
            (RefundDue, Unmatched, i64::MAX, Ok(())),
            (RefundDue, Unmatched, 0, Err(PostingError::NotPositive)),
            (RefundDue, Unmatched, -1, Err(PostingError::NotPositive)),
            (RefundDue, RefundDue, 1, Err(PostingError::SameAccount)),
        ];
        for (debit, credit, fen, want) in table {
            let got = Posting::new(debit, credit, Money::from_fen(fen));
            assert_eq!(got.map(|_| ()), want, "{debit} {credit} {fen}");
        }
    }
}
