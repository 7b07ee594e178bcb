//! Many registers billed in one transaction, one statement per table (ADR 2).
//!
//! `vending` decides what each reading means; here what it needs is looked up and what it decided
//! is written. Every statement takes its rows in the order of their keys.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use domain::{MeterId, ProjectId};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Value};
use uuid::Uuid;

use super::{BillLine, BillingCursor};
use crate::{
    StoreError, Tx,
    bulk::{self, Cell, Rows, insert_sql, table},
    credit::sql_of_books,
    entity::{bill_line, billing_cursor, meter, purse, reading_gap, tariff},
    ledger::{Booking, Movement, movements},
};

/// A meter, or a tariff, in its project.
pub type Key = (i64, Uuid);

const KEY: &[(&str, Cell)] = &[("project_id", Cell::BigInt), ("id", Cell::Uuid)];

fn keys(of: impl IntoIterator<Item = Key>) -> Rows {
    let mut rows = Rows::new();
    of.into_iter().for_each(|(project, id)| rows.push([Value::from(project), id.into()]));
    rows
}

async fn rows_of<M: FromQueryResult>(tx: &Tx, sql: &str, rows: Rows) -> Result<Vec<M>, StoreError> {
    let found = bulk::query(tx, sql, rows).await?;
    Ok(found.iter().map(|row| M::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

/// The meters that are asked for.
pub async fn meters(
    tx: &Tx,
    asked: &[(ProjectId, MeterId)],
) -> Result<HashMap<Key, meter::Model>, StoreError> {
    let rows = table(tx.get_database_backend(), KEY);
    let sql = format!(
        "select m.* from {rows} cross join meter m \
         where m.project_id = r.project_id and m.id = r.id"
    );
    let asked = keys(asked.iter().map(|(project, meter)| (project.0, meter.0)));
    let found: Vec<meter::Model> = rows_of(tx, &sql, asked).await?;
    Ok(found.into_iter().map(|row| ((row.project_id, row.id), row)).collect())
}

/// How far meters are billed. On PostgreSQL the cursors stay locked to the end of the transaction.
pub async fn cursors(
    tx: &Tx,
    asked: &[(ProjectId, MeterId)],
) -> Result<HashMap<Key, BillingCursor>, StoreError> {
    let backend = tx.get_database_backend();
    let lock = match backend {
        DbBackend::Sqlite => "",
        _ => "order by c.project_id, c.meter_id for update of c",
    };
    let rows = table(backend, KEY);
    let sql = format!(
        "select c.* from {rows} cross join billing_cursor c \
         where c.project_id = r.project_id and c.meter_id = r.id {lock}"
    );
    let asked = keys(asked.iter().map(|(project, meter)| (project.0, meter.0)));
    let found: Vec<billing_cursor::Model> = rows_of(tx, &sql, asked).await?;
    Ok(found.into_iter().map(|row| ((row.project_id, row.meter_id), row)).collect())
}

/// A tariff's version, and the id under which it was asked for.
#[derive(FromQueryResult)]
struct Version {
    asked: Uuid,
    project_id: i64,
    id: Uuid,
    name: String,
    purpose: String,
    valid_from: DateTime<Utc>,
    micro_yuan: i64,
    created_at: DateTime<Utc>,
}

/// Every version of the tariffs that are asked for, by the id that was asked for.
pub async fn tariffs(
    tx: &Tx,
    asked: impl IntoIterator<Item = Key>,
) -> Result<HashMap<Key, Vec<tariff::Model>>, StoreError> {
    let rows = table(tx.get_database_backend(), KEY);
    let sql = format!(
        "select r.id as asked, v.* from {rows} cross join tariff n cross join tariff v \
         where n.project_id = r.project_id and n.id = r.id \
         and v.project_id = n.project_id and v.name = n.name"
    );
    let mut versions: HashMap<Key, Vec<tariff::Model>> = HashMap::new();
    for found in rows_of::<Version>(tx, &sql, keys(asked)).await? {
        let Version { asked, project_id, id, name, purpose, valid_from, micro_yuan, created_at } =
            found;
        let version =
            tariff::Model { project_id, id, name, purpose, valid_from, micro_yuan, created_at };
        versions.entry((project_id, asked)).or_default().push(version);
    }
    Ok(versions)
}

/// The gaps of meters that reach into their stretches of time.
pub async fn gaps(
    tx: &Tx,
    asked: &[(Key, DateTime<Utc>, DateTime<Utc>)],
) -> Result<HashMap<Key, Vec<reading_gap::Model>>, StoreError> {
    let columns = [
        ("project_id", Cell::BigInt),
        ("id", Cell::Uuid),
        ("from_at", Cell::Time),
        ("until", Cell::Time),
    ];
    let rows = table(tx.get_database_backend(), &columns);
    let sql = format!(
        "select g.* from {rows} cross join reading_gap g \
         where g.project_id = r.project_id and g.meter_id = r.id and g.from_at < r.until \
         and (g.to_at is null or g.to_at > r.from_at)"
    );
    let mut stretches = Rows::new();
    for ((project, meter), from, until) in asked {
        let cells: [Value; 4] =
            [(*project).into(), (*meter).into(), (*from).into(), (*until).into()];
        stretches.push(cells);
    }
    let mut gaps: HashMap<Key, Vec<reading_gap::Model>> = HashMap::new();
    for gap in rows_of::<reading_gap::Model>(tx, &sql, stretches).await? {
        gaps.entry((gap.project_id, gap.meter_id)).or_default().push(gap);
    }
    Ok(gaps)
}

/// What a batch of readings leads to.
#[derive(Debug, Default)]
pub struct Batch {
    /// Cursors of meters that had none.
    pub begun: Vec<BillingCursor>,
    /// Cursors with the version they had before.
    pub moved: Vec<(BillingCursor, i64)>,
    /// The lines, in the order of time.
    pub lines: Vec<BillLine>,
    /// What they book. Their keys are new by construction: each holds its line's own id.
    pub bookings: Vec<Booking>,
}

/// Writes a batch, one statement per table.
///
/// Invariant: a batch writes the lines and postings that its readings would have written one by
/// one; proved by `a_batch_bills_what_its_readings_bill_one_by_one`.
///
/// Errors: [`StoreError::Conflict`] when a cursor was moved meanwhile; the closure has to answer
/// `Err` then.
pub async fn write(tx: &Tx, batch: &Batch) -> Result<(), StoreError> {
    if batch.bookings.iter().any(|b| !b.transaction.template.allows_arrears()) {
        return Err(StoreError::Refused("a batch bills use and nothing else".to_owned()));
    }
    let backend = tx.get_database_backend();
    let insert = insert_sql::<billing_cursor::Entity>(backend, &[], "");
    bulk::execute(tx, &insert, Rows::of(&batch.begun)).await?;
    move_cursors(tx, &batch.moved).await?;
    let mut purses: BTreeMap<(i64, String), Movement> = BTreeMap::new();
    let (mut transactions, mut postings) = (Vec::new(), Vec::new());
    for booking in &batch.bookings {
        movements(booking, &mut purses)?;
        transactions.push(booking.transaction_row());
        postings.extend(booking.posting_rows());
    }
    let books = sql_of_books(backend);
    bulk::execute(tx, books.transaction, Rows::of(&transactions)).await?;
    bulk::execute(tx, books.posting, Rows::of(&postings)).await?;
    bulk::execute(tx, books.purse, Movement::rows(&purses)).await?;
    let insert = insert_sql::<bill_line::Entity>(backend, &[], "");
    bulk::execute(tx, &insert, Rows::of(&batch.lines)).await?;
    Ok(())
}

async fn move_cursors(tx: &Tx, moved: &[(BillingCursor, i64)]) -> Result<(), StoreError> {
    let columns = [
        ("project_id", Cell::BigInt),
        ("meter_id", Cell::Uuid),
        ("value", Cell::BigInt),
        ("at", Cell::Time),
        ("carry", Cell::BigInt),
        ("version", Cell::BigInt),
        ("before", Cell::BigInt),
    ];
    let rows = table(tx.get_database_backend(), &columns);
    let sql = format!(
        "update billing_cursor set value = r.value, at = r.at, carry = r.carry, \
         version = r.version from {rows} where billing_cursor.project_id = r.project_id \
         and billing_cursor.meter_id = r.meter_id and billing_cursor.version = r.before"
    );
    let mut cursors = Rows::new();
    for (cursor, before) in moved {
        let cells: [Value; 7] = [
            cursor.project_id.into(),
            cursor.meter_id.into(),
            cursor.value.into(),
            cursor.at.into(),
            cursor.carry.into(),
            cursor.version.into(),
            (*before).into(),
        ];
        cursors.push(cells);
    }
    let done = bulk::execute(tx, &sql, cursors).await?;
    if done == moved.len() as u64 { Ok(()) } else { Err(StoreError::Conflict) }
}

/// What purses stand at, in fen; one that has no row yet is left out.
pub async fn balances(
    tx: &Tx,
    asked: impl IntoIterator<Item = (i64, String)>,
) -> Result<HashMap<(i64, String), i64>, StoreError> {
    let columns = [("project_id", Cell::BigInt), ("ledger_account", Cell::Text)];
    let rows = table(tx.get_database_backend(), &columns);
    let sql = format!(
        "select p.* from {rows} cross join purse p \
         where p.project_id = r.project_id and p.ledger_account = r.ledger_account"
    );
    let mut accounts = Rows::new();
    for (project, account) in asked {
        accounts.push([Value::from(project), account.into()]);
    }
    let found: Vec<purse::Model> = rows_of(tx, &sql, accounts).await?;
    let balance = |row: purse::Model| ((row.project_id, row.ledger_account), row.balance_fen);
    Ok(found.into_iter().map(balance).collect())
}
