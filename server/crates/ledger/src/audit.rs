//! The proof that the books are right: everything is worked out again from the postings.

use std::collections::BTreeMap;

use domain::Money;

use crate::{
    account::{LedgerAccount, Side},
    balance::Balance,
    book::Book,
    hold::HoldState,
    posting::Posting,
};

/// What an audit went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Transactions.
    pub transactions: usize,
    /// Postings.
    pub postings: usize,
    /// Accounts.
    pub accounts: usize,
    /// Holds that are still open.
    pub open_holds: usize,
    /// The sum of all balances of accounts that grow on the debit side; the credit side has the
    /// same.
    pub total: Money,
}

/// Where the books are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditBreak {
    /// An account's balance is not the sum of its postings and open holds.
    #[error("{account} stands at {stored:?} but its postings say {proven:?}")]
    Balance {
        /// The account.
        account: LedgerAccount,
        /// What is kept.
        stored: Balance,
        /// What the postings and holds say.
        proven: Balance,
    },
    /// The two sides of the books differ.
    #[error("the debit side has {debit} and the credit side {credit}")]
    Sides {
        /// The sum of the debit side.
        debit: Money,
        /// The sum of the credit side.
        credit: Money,
    },
    /// A sum does not fit into 64 bits.
    #[error("a sum is too large")]
    Overflow,
}

/// Works balances out from postings, for whoever keeps rows.
///
/// Invariant: a balance is the sum of its postings (I1); the same function proves the book in
/// memory and the rows of a store; proved by
/// `an_audit_finds_a_balance_that_was_touched_by_hand`.
pub fn balances_of<'a>(
    postings: impl IntoIterator<Item = &'a Posting>,
) -> Result<BTreeMap<LedgerAccount, Money>, AuditBreak> {
    let mut sums: BTreeMap<LedgerAccount, Money> = BTreeMap::new();
    for posting in postings {
        for (account, side) in [(posting.debit(), Side::Debit), (posting.credit(), Side::Credit)] {
            let sum = sums.entry(account).or_insert(Money::ZERO);
            let next = if account.normal_side() == side {
                sum.checked_add(posting.amount())
            } else {
                sum.checked_sub(posting.amount())
            };
            *sum = next.map_err(|_| AuditBreak::Overflow)?;
        }
    }
    Ok(sums)
}

/// The sums of the debit side and of the credit side; equal in true books.
pub fn sides_of(
    balances: impl IntoIterator<Item = (LedgerAccount, Money)>,
) -> Result<(Money, Money), AuditBreak> {
    let (mut debit, mut credit) = (Money::ZERO, Money::ZERO);
    for (account, balance) in balances {
        let side = match account.normal_side() {
            Side::Debit => &mut debit,
            Side::Credit => &mut credit,
        };
        *side = side.checked_add(balance).map_err(|_| AuditBreak::Overflow)?;
    }
    Ok((debit, credit))
}

impl Book {
    /// Proves conservation (I1): every balance is the sum of its postings, what is held is the sum
    /// of the open holds, and both sides of the books are equal.
    pub fn audit(&self) -> Result<AuditReport, AuditBreak> {
        let postings = || self.transactions().flat_map(|transaction| &transaction.postings);
        let mut proven: BTreeMap<LedgerAccount, Balance> = balances_of(postings())?
            .into_iter()
            .map(|(account, posted)| (account, Balance { posted, held: Money::ZERO }))
            .collect();
        let mut open_holds = 0;
        for hold in self.holds().filter(|hold| hold.state == HoldState::Held) {
            let balance = proven.entry(hold.account).or_insert(Balance::ZERO);
            let held = balance.held.checked_add(hold.amount);
            balance.held = held.map_err(|_| AuditBreak::Overflow)?;
            open_holds += 1;
        }
        let accounts: std::collections::BTreeSet<LedgerAccount> =
            proven.keys().copied().chain(self.balances().map(|(account, _)| account)).collect();
        for account in &accounts {
            let proven = proven.get(account).copied().unwrap_or(Balance::ZERO);
            let (account, stored) = (*account, self.balance(*account));
            if proven != stored {
                return Err(AuditBreak::Balance { account, stored, proven });
            }
        }
        let (debit, credit) = sides_of(self.balances().map(|(a, balance)| (a, balance.posted)))?;
        if debit != credit {
            return Err(AuditBreak::Sides { debit, credit });
        }
        Ok(AuditReport {
            transactions: self.transactions().count(),
            postings: postings().count(),
            accounts: accounts.len(),
            open_holds,
            total: debit,
        })
    }
}
