//! The books on disk: transactions, postings, purses and holds.
//!
//! Knows account names as text and what a purse is; which accounts a business event moves is
//! decided by the crate `ledger` and `vending::posting`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{OrderId, ProjectId, TransactionId, VendId};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, Value};

use crate::{
    StoreError, Tx,
    bulk::{self, Rows},
    credit::sql_of_books,
    entity::{hold, ledger_transaction, posting},
};

/// One business event to be booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Its id, made by the caller.
    pub id: TransactionId,
    /// The project whose books they are.
    pub project: ProjectId,
    /// The template's name.
    pub template: String,
    /// What makes a replay of the same event recognisable; unique in the project for ever.
    pub key: String,
    /// The order it belongs to.
    pub order: Option<OrderId>,
    /// The vend it belongs to.
    pub vend: Option<VendId>,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// A remark for people.
    pub memo: Option<String>,
    /// The postings, each balanced by itself.
    pub lines: Vec<Line>,
}

/// One debit, one credit, one amount above zero, in fen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The account debited, as text.
    pub debit: String,
    /// The account credited, as text.
    pub credit: String,
    /// The amount in fen.
    pub amount_fen: i64,
}

/// What became of a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// Booked now.
    Applied,
    /// The same event was booked before; nothing changed.
    Exists,
    /// The key was booked before with other contents; nothing changed.
    Contradiction {
        /// The first field that differs.
        field: &'static str,
    },
}

impl Booking {
    /// The rows to be stored; `seq` is made by the database.
    pub(crate) fn rows(&self) -> (ledger_transaction::Model, Vec<posting::Model>) {
        let transaction = ledger_transaction::Model {
            project_id: self.project.0,
            id: self.id.0,
            template: self.template.clone(),
            key: self.key.clone(),
            order_id: self.order.map(|id| id.0),
            vend_id: self.vend.map(|id| id.0),
            at: self.at,
            memo: self.memo.clone(),
        };
        let lines = self.lines.iter().zip(1..).map(|(line, no)| posting::Model {
            project_id: self.project.0,
            transaction_id: self.id.0,
            line: no,
            seq: 0,
            debit: line.debit.clone(),
            credit: line.credit.clone(),
            amount_fen: line.amount_fen,
            at: self.at,
        });
        (transaction, lines.collect())
    }
}

/// Books an event inside a transaction, and brings its purses up to date.
///
/// Invariant: a replay answers `Exists`, a contradicting replay names the field and changes
/// nothing; proved by `a_replay_exists_and_a_contradiction_names_its_field`.
pub async fn post(tx: &Tx, booking: &Booking) -> Result<Posted, StoreError> {
    if let Some(known) = by_key(tx, booking.project, &booking.key).await? {
        return compare(tx, booking, &known).await;
    }
    let (transaction, lines) = booking.rows();
    let sql = sql_of_books(tx.get_database_backend());
    bulk::execute(tx, sql.transaction, Rows::of([&transaction])).await?;
    bulk::execute(tx, sql.posting, Rows::of(&lines)).await?;
    let mut purses = BTreeMap::new();
    movements(&lines, None, &mut purses)?;
    bulk::execute(tx, sql.purse, Movement::rows(purses)).await?;
    Ok(Posted::Applied)
}

/// The transaction a key booked.
pub async fn by_key<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    key: &str,
) -> Result<Option<ledger_transaction::Model>, StoreError> {
    let found = ledger_transaction::Entity::find()
        .filter(ledger_transaction::Column::ProjectId.eq(project.0))
        .filter(ledger_transaction::Column::Key.eq(key))
        .one(db)
        .await?;
    Ok(found)
}

async fn compare(
    tx: &Tx,
    booking: &Booking,
    known: &ledger_transaction::Model,
) -> Result<Posted, StoreError> {
    let lines = posting::Entity::find()
        .filter(posting::Column::ProjectId.eq(known.project_id))
        .filter(posting::Column::TransactionId.eq(known.id))
        .order_by_asc(posting::Column::Line)
        .all(tx)
        .await?;
    let pairs = || lines.iter().zip(&booking.lines);
    let differs = [
        ("template", known.template != booking.template),
        ("order_id", known.order_id != booking.order.map(|id| id.0)),
        ("lines", lines.len() != booking.lines.len()),
        ("debit", pairs().any(|(old, new)| old.debit != new.debit)),
        ("credit", pairs().any(|(old, new)| old.credit != new.credit)),
        ("amount", pairs().any(|(old, new)| old.amount_fen != new.amount_fen)),
    ];
    Ok(match differs.into_iter().find(|(_, differs)| *differs) {
        Some((field, _)) => Posted::Contradiction { field },
        None => Posted::Exists,
    })
}

/// What a batch does to one purse.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Movement {
    balance_fen: i64,
    held_fen: i64,
    at: DateTime<Utc>,
}

impl Movement {
    /// As rows of the purse statement, in the order of their keys.
    pub(crate) fn rows(purses: BTreeMap<(i64, String), Movement>) -> Rows {
        let mut rows = Rows::new();
        for ((project, account), movement) in purses {
            let cells: [Value; 5] = [
                project.into(),
                account.into(),
                movement.balance_fen.into(),
                movement.held_fen.into(),
                movement.at.into(),
            ];
            rows.push(cells);
        }
        rows
    }
}

/// True for accounts with a balance row: those that are spent from.
pub(crate) fn is_purse(account: &str) -> bool {
    account.starts_with("purse:") || account.starts_with("on_meter:")
}

/// Sums what postings and a hold do to purses. Contra accounts (provider, revenue, …) have no row:
/// they are summed from the postings, never updated (`reliability.md` 1.2).
///
/// A purse's balance is its credits minus its debits: what we owe its owner.
pub(crate) fn movements(
    lines: &[posting::Model],
    hold: Option<&hold::Model>,
    purses: &mut BTreeMap<(i64, String), Movement>,
) -> Result<(), DbErr> {
    let overflow = || DbErr::Custom("a purse overflows".to_owned());
    let mut add = |project: i64, account: &str, balance: i64, held: i64, at: DateTime<Utc>| {
        let entry = purses.entry((project, account.to_owned())).or_default();
        entry.balance_fen = entry.balance_fen.checked_add(balance)?;
        entry.held_fen = entry.held_fen.checked_add(held)?;
        entry.at = entry.at.max(at);
        Some(())
    };
    for line in lines {
        for (account, amount) in [(&line.debit, -line.amount_fen), (&line.credit, line.amount_fen)]
        {
            if is_purse(account) {
                add(line.project_id, account, amount, 0, line.at).ok_or_else(overflow)?;
            }
        }
    }
    if let Some(hold) = hold {
        let (account, at) = (&hold.ledger_account, hold.created_at);
        add(hold.project_id, account, 0, hold.amount_fen, at).ok_or_else(overflow)?;
    }
    Ok(())
}
