//! Between the ledger's values and rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{HoldId, Money};
use ledger::{Hold, HoldChange, Key, LedgerAccount, Occurrence, Posting, Transaction};
use sea_orm::{DbErr, Value};

use super::Booking;
use crate::{
    StoreError,
    bulk::Rows,
    entity::{hold, ledger_transaction, posting},
    row,
};

impl Booking {
    /// The transaction's own row.
    pub(crate) fn transaction_row(&self) -> ledger_transaction::Model {
        let change = self.transaction.hold.as_ref();
        ledger_transaction::Model {
            project_id: self.project.0,
            id: self.id.0,
            template: self.transaction.template.as_str().to_owned(),
            key: self.transaction.key.as_str().to_owned(),
            order_id: self.order.map(|id| id.0),
            vend_id: self.vend.map(|id| id.0),
            hold_id: change.map(|change| change.id().0),
            hold_change: change.map(|change| change_name(change).to_owned()),
            at: self.transaction.at,
            memo: self.memo.clone(),
        }
    }

    /// Its postings; `seq` is made by the database.
    pub(crate) fn posting_rows(&self) -> impl Iterator<Item = posting::Model> + '_ {
        self.transaction.postings.iter().zip(1..).map(|(posting, line)| posting::Model {
            project_id: self.project.0,
            transaction_id: self.id.0,
            line,
            seq: 0,
            debit: posting.debit().to_string(),
            credit: posting.credit().to_string(),
            amount_fen: posting.amount().fen(),
            at: self.transaction.at,
        })
    }

    /// The hold it places, if it places one.
    pub(crate) fn placed_row(&self) -> Option<hold::Model> {
        let Some(HoldChange::Place { id, account, amount, expires_at }) = self.transaction.hold
        else {
            return None;
        };
        Some(hold::Model {
            project_id: self.project.0,
            id: id.0,
            ledger_account: account.to_string(),
            amount_fen: amount.fen(),
            state: "held".to_owned(),
            created_at: self.transaction.at,
            expires_at,
            ended_at: None,
        })
    }
}

fn change_name(change: &HoldChange) -> &'static str {
    match change {
        HoldChange::Place { .. } => "place",
        HoldChange::Post { .. } => "post",
        HoldChange::Void { .. } => "void",
        HoldChange::Expire { .. } => "expire",
    }
}

/// A transaction as it was booked. A row that fits no state is an error that names it.
pub(crate) fn read_transaction(
    row: &ledger_transaction::Model,
    postings: &[posting::Model],
    hold: Option<&hold::Model>,
) -> Result<Transaction, StoreError> {
    let table = "ledger_transaction";
    let template = row::named(table, "template", row.id, &row.template)?;
    let key = Key::new(row.key.clone()).map_err(|_| unreadable(table, "key", row.id))?;
    let postings = postings.iter().map(read_posting).collect::<Result<Vec<_>, _>>()?;
    let change = match (row.hold_change.as_deref(), row.hold_id.map(HoldId)) {
        (None, None) => None,
        (Some("place"), Some(id)) => {
            let placed = hold.ok_or_else(|| unreadable(table, "hold_id", row.id))?;
            let hold = read_hold(placed)?;
            let Hold { account, amount, expires_at, .. } = hold;
            Some(HoldChange::Place { id, account, amount, expires_at })
        }
        (Some("post"), Some(id)) => Some(HoldChange::Post { id }),
        (Some("void"), Some(id)) => Some(HoldChange::Void { id }),
        (Some("expire"), Some(id)) => Some(HoldChange::Expire { id }),
        _ => return Err(unreadable(table, "hold_change", row.id)),
    };
    Ok(Transaction::from_rows(Occurrence { key, at: row.at }, template, postings, change))
}

fn read_posting(row: &posting::Model) -> Result<Posting, StoreError> {
    let name = || format!("{} line {}", row.transaction_id, row.line);
    let account = |column, text: &str| row::named("posting", column, name(), text);
    let (debit, credit) = (account("debit", &row.debit)?, account("credit", &row.credit)?);
    Posting::new(debit, credit, Money::from_fen(row.amount_fen))
        .map_err(|_| unreadable("posting", "amount_fen", name()))
}

/// A hold as stored.
pub(crate) fn read_hold(row: &hold::Model) -> Result<Hold, StoreError> {
    let account: LedgerAccount = row::named("hold", "ledger_account", row.id, &row.ledger_account)?;
    Ok(Hold {
        id: HoldId(row.id),
        account,
        amount: Money::from_fen(row.amount_fen),
        state: row::named("hold", "state", row.id, &row.state)?,
        placed_at: row.created_at,
        expires_at: row.expires_at,
        ended_at: row.ended_at,
    })
}

fn unreadable(table: &'static str, column: &'static str, row: impl ToString) -> StoreError {
    StoreError::Unreadable { table, column, row: row.to_string() }
}

/// What a batch does to one purse.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Movement {
    pub(crate) balance_fen: i64,
    pub(crate) held_fen: i64,
    pub(crate) at: DateTime<Utc>,
}

impl Movement {
    /// As rows of the purse statement, in the order of their keys.
    pub(crate) fn rows(purses: &BTreeMap<(i64, String), Movement>) -> Rows {
        let mut rows = Rows::new();
        for ((project, account), movement) in purses {
            let cells: [Value; 5] = [
                (*project).into(),
                account.as_str().into(),
                movement.balance_fen.into(),
                movement.held_fen.into(),
                movement.at.into(),
            ];
            rows.push(cells);
        }
        rows
    }
}

/// Adds what a transaction's postings, and the hold it places, do to purses.
///
/// Contra accounts (provider, revenue, …) have no row: they are summed from the postings, never
/// updated (`reliability.md` 1.2). A purse's balance is its credits minus its debits.
pub(crate) fn movements(
    booking: &Booking,
    purses: &mut BTreeMap<(i64, String), Movement>,
) -> Result<(), DbErr> {
    let (project, at) = (booking.project.0, booking.transaction.at);
    let mut add = |account: LedgerAccount, balance: i64, held: i64| {
        if !account.keeps_balance() {
            return Some(());
        }
        let entry = purses.entry((project, account.to_string())).or_default();
        entry.balance_fen = entry.balance_fen.checked_add(balance)?;
        entry.held_fen = entry.held_fen.checked_add(held)?;
        entry.at = entry.at.max(at);
        Some(())
    };
    let overflow = || DbErr::Custom("a purse would be too large".to_owned());
    for posting in &booking.transaction.postings {
        let amount = posting.amount().fen();
        add(posting.debit(), -amount, 0).ok_or_else(overflow)?;
        add(posting.credit(), amount, 0).ok_or_else(overflow)?;
    }
    if let Some(HoldChange::Place { account, amount, .. }) = booking.transaction.hold {
        add(account, 0, amount.fen()).ok_or_else(overflow)?;
    }
    Ok(())
}
