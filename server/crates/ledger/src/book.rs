//! A book in memory: the reference every store has to agree with.

use std::collections::BTreeMap;

use domain::{HoldId, Money};

use crate::{
    account::{LedgerAccount, Side},
    balance::Balance,
    hold::{Hold, HoldChange, HoldState},
    posting::Posting,
    transaction::{Field, Key, Transaction},
};

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is booked now.
    Applied,
    /// It was booked before; nothing changed.
    Exists,
}

/// Why a transaction is not booked. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The key was booked before with other contents.
    #[error("the key was booked before with another {field}")]
    Contradiction {
        /// The first field that differs.
        field: Field,
    },
    /// The account has less to spend than the transaction takes.
    #[error("{account} has only {available} to spend")]
    NotEnough {
        /// The account.
        account: LedgerAccount,
        /// What it could spend.
        available: Money,
    },
    /// The transaction has neither a posting nor a change of a hold.
    #[error("the transaction does nothing")]
    Empty,
    /// It has more postings than allowed.
    #[error("the transaction has too many postings")]
    TooLong,
    /// There is no such hold.
    #[error("there is no such hold")]
    UnknownHold,
    /// The hold's id was used before.
    #[error("the hold's id was used before")]
    HoldExists,
    /// The hold was ended before.
    #[error("the hold is {state} already")]
    HoldEnded {
        /// How it ended.
        state: HoldState,
    },
    /// The postings do not move exactly what is held.
    #[error("the postings do not move exactly what is held")]
    HoldMismatch,
    /// The hold has no end, or its end is not reached.
    #[error("the hold cannot run out now")]
    NotExpired,
    /// Only purses and meters can have holds.
    #[error("this account can have no holds")]
    NoHoldsHere,
    /// A balance does not fit into 64 bits.
    #[error("a balance would be too large")]
    Overflow,
}

/// The books of one project, in memory.
#[derive(Clone, Debug, Default)]
pub struct Book {
    transactions: BTreeMap<Key, Transaction>,
    balances: BTreeMap<LedgerAccount, Balance>,
    holds: BTreeMap<HoldId, Hold>,
}

impl Book {
    /// Empty books.
    pub fn new() -> Self {
        Book::default()
    }

    /// Books a transaction, wholly or not at all.
    ///
    /// Invariant: a key is booked once for ever; a replay changes nothing (I3); proved by
    /// `replays_and_contradictions_change_nothing`.
    ///
    /// Invariant: what is held cannot be spent, and only templates that allow arrears take a purse
    /// below zero; proved by `a_purse_is_never_overspent_but_by_use`. A hold that is posted is the
    /// exception: the money is on the meter already, so the books follow.
    pub fn apply(&mut self, transaction: &Transaction) -> Result<Outcome, Refusal> {
        if let Some(known) = self.transactions.get(&transaction.key) {
            return match known.contradicts(transaction) {
                None => Ok(Outcome::Exists),
                Some(field) => Err(Refusal::Contradiction { field }),
            };
        }
        check_shape(transaction)?;
        let mut draft = Draft { book: self, balances: BTreeMap::new() };
        let hold = transaction.hold.map(|change| draft.change(transaction, change)).transpose()?;
        for posting in &transaction.postings {
            draft.post(posting)?;
        }
        if !matches!(transaction.hold, Some(HoldChange::Post { .. })) {
            draft.check_floors(transaction)?;
        }
        let changed = draft.balances;
        self.balances.extend(changed);
        self.holds.extend(hold.map(|hold| (hold.id, hold)));
        self.transactions.insert(transaction.key.clone(), transaction.clone());
        Ok(Outcome::Applied)
    }

    /// What an account stands at.
    pub fn balance(&self, account: LedgerAccount) -> Balance {
        self.balances.get(&account).copied().unwrap_or(Balance::ZERO)
    }

    /// Every account that was ever touched, in order.
    pub fn balances(&self) -> impl Iterator<Item = (LedgerAccount, Balance)> + '_ {
        self.balances.iter().map(|(account, balance)| (*account, *balance))
    }

    /// A hold.
    pub fn hold(&self, id: HoldId) -> Option<&Hold> {
        self.holds.get(&id)
    }

    /// Every hold that was ever placed, in order of id.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> + '_ {
        self.holds.values()
    }

    /// Every transaction, in order of key.
    pub fn transactions(&self) -> impl Iterator<Item = &Transaction> + '_ {
        self.transactions.values()
    }
}

fn check_shape(transaction: &Transaction) -> Result<(), Refusal> {
    if transaction.postings.is_empty() && transaction.hold.is_none() {
        return Err(Refusal::Empty);
    }
    if transaction.postings.len() > Transaction::POSTINGS_MAX {
        return Err(Refusal::TooLong);
    }
    Ok(())
}

/// The balances a transaction would leave.
struct Draft<'a> {
    book: &'a Book,
    balances: BTreeMap<LedgerAccount, Balance>,
}

impl Draft<'_> {
    fn balance(&self, account: LedgerAccount) -> Balance {
        self.balances.get(&account).copied().unwrap_or_else(|| self.book.balance(account))
    }

    fn post(&mut self, posting: &Posting) -> Result<(), Refusal> {
        self.add(posting.debit(), Side::Debit, posting.amount())?;
        self.add(posting.credit(), Side::Credit, posting.amount())
    }

    fn add(&mut self, account: LedgerAccount, side: Side, amount: Money) -> Result<(), Refusal> {
        let mut balance = self.balance(account);
        let posted = if account.normal_side() == side {
            balance.posted.checked_add(amount)
        } else {
            balance.posted.checked_sub(amount)
        };
        balance.posted = posted.map_err(|_| Refusal::Overflow)?;
        self.balances.insert(account, balance);
        Ok(())
    }

    fn change(&mut self, transaction: &Transaction, change: HoldChange) -> Result<Hold, Refusal> {
        let HoldChange::Place { id, account, amount, expires_at } = change else {
            return self.end(transaction, change);
        };
        if self.book.holds.contains_key(&id) {
            return Err(Refusal::HoldExists);
        }
        if !account.keeps_balance() {
            return Err(Refusal::NoHoldsHere);
        }
        let mut balance = self.balance(account);
        let available = balance.available();
        if available.fen() < amount.fen() {
            return Err(Refusal::NotEnough { account, available });
        }
        balance.held = balance.held.checked_add(amount).map_err(|_| Refusal::Overflow)?;
        self.balances.insert(account, balance);
        let (state, placed_at) = (HoldState::Held, transaction.at);
        Ok(Hold { id, account, amount, state, placed_at, expires_at, ended_at: None })
    }

    fn end(&mut self, transaction: &Transaction, change: HoldChange) -> Result<Hold, Refusal> {
        let hold = *self.book.holds.get(&change.id()).ok_or(Refusal::UnknownHold)?;
        if hold.state != HoldState::Held {
            return Err(Refusal::HoldEnded { state: hold.state });
        }
        let state = match change {
            HoldChange::Post { .. } if !moves_exactly(transaction, &hold) => {
                return Err(Refusal::HoldMismatch);
            }
            HoldChange::Expire { .. } if hold.expires_at.is_none_or(|end| transaction.at < end) => {
                return Err(Refusal::NotExpired);
            }
            HoldChange::Post { .. } => HoldState::Posted,
            HoldChange::Expire { .. } => HoldState::Expired,
            HoldChange::Place { .. } | HoldChange::Void { .. } => HoldState::Void,
        };
        let mut balance = self.balance(hold.account);
        balance.held = balance.held.checked_sub(hold.amount).map_err(|_| Refusal::Overflow)?;
        self.balances.insert(hold.account, balance);
        Ok(Hold { state, ended_at: Some(transaction.at), ..hold })
    }

    fn check_floors(&self, transaction: &Transaction) -> Result<(), Refusal> {
        if transaction.template.allows_arrears() {
            return Ok(());
        }
        for posting in &transaction.postings {
            let account = posting.debit();
            if !account.keeps_balance() || self.balance(account).available().fen() >= 0 {
                continue;
            }
            let available = self.book.balance(account).available();
            return Err(Refusal::NotEnough { account, available });
        }
        Ok(())
    }
}

/// True when the postings take exactly the held amount out of the held account.
fn moves_exactly(transaction: &Transaction, hold: &Hold) -> bool {
    match transaction.postings.as_slice() {
        [posting] => posting.debit() == hold.account && posting.amount() == hold.amount,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
