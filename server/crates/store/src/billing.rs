//! Bill lines of platform-held meters, and how far each meter is billed.

use chrono::{DateTime, Utc};
use domain::{AccountId, Carry, MeterId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::{
    StoreError, Tx,
    entity::{bill_line, billing_cursor},
    row,
};

pub mod batch;

/// A bill line as stored.
pub type BillLine = bill_line::Model;
/// How far a meter is billed, as stored.
pub type BillingCursor = billing_cursor::Model;

/// The line ends at a value the meter froze by itself in a gap of its readings.
pub const BASIS_FROZEN: &str = "frozen";
/// The line spans a gap of the meter's readings.
pub const BASIS_GAP: &str = "gap";

/// The most bill lines one list answers with.
pub const LIST_MAX: u64 = 10_000;

impl BillingCursor {
    /// The part of a fen left over by the last line.
    pub fn carried(&self) -> Result<Carry, StoreError> {
        Carry::from_parts(self.carry).map_err(|_| StoreError::Unreadable {
            table: "billing_cursor",
            column: "carry",
            row: self.meter_id.to_string(),
        })
    }
}

/// How far a meter is billed; none before its first good reading.
pub async fn cursor<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
) -> Result<Option<BillingCursor>, StoreError> {
    Ok(billing_cursor::Entity::find_by_id((project.0, meter.0)).one(db).await?)
}

/// Moves the cursor if nobody moved it meanwhile; version 1 is inserted.
///
/// Invariant: a stretch of use is billed once, whoever reads it twice (16D, 16N); proved by
/// `a_reading_that_arrives_twice_is_billed_once`.
pub async fn move_cursor(tx: &Tx, new: &BillingCursor) -> Result<(), StoreError> {
    if new.version == 1 {
        return row::insert(tx, new.clone()).await;
    }
    let set = billing_cursor::ActiveModel {
        value: Set(new.value),
        at: Set(new.at),
        carry: Set(new.carry),
        version: Set(new.version),
        ..Default::default()
    };
    let done = billing_cursor::Entity::update_many()
        .set(set)
        .filter(billing_cursor::Column::ProjectId.eq(new.project_id))
        .filter(billing_cursor::Column::MeterId.eq(new.meter_id))
        .filter(billing_cursor::Column::Version.eq(new.version - 1))
        .exec(tx)
        .await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(StoreError::Gone("billing_cursor")) }
}

/// Forgets how far a meter is billed: counting starts anew at its next good reading, and what was
/// used until then is nobody's.
pub async fn forget_cursor(tx: &Tx, project: ProjectId, meter: MeterId) -> Result<(), StoreError> {
    billing_cursor::Entity::delete_by_id((project.0, meter.0)).exec(tx).await?;
    Ok(())
}

/// Stores a bill line.
pub async fn add_line(tx: &Tx, line: BillLine) -> Result<(), StoreError> {
    row::insert(tx, line).await
}

/// The bill lines of an account since a moment, oldest first.
pub async fn lines<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    account: AccountId,
    since: DateTime<Utc>,
) -> Result<Vec<BillLine>, StoreError> {
    let found = bill_line::Entity::find()
        .filter(bill_line::Column::ProjectId.eq(project.0))
        .filter(bill_line::Column::AccountId.eq(account.0))
        .filter(bill_line::Column::ToAt.gte(since))
        .order_by_asc(bill_line::Column::ToAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Bill lines of an account by their ids; a line of another account is left out.
pub async fn lines_by_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    account: AccountId,
    ids: &[uuid::Uuid],
) -> Result<Vec<BillLine>, StoreError> {
    let found = bill_line::Entity::find()
        .filter(bill_line::Column::ProjectId.eq(project.0))
        .filter(bill_line::Column::Id.is_in(ids.iter().copied()))
        .filter(bill_line::Column::AccountId.eq(account.0))
        .order_by_asc(bill_line::Column::ToAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// The bill lines of an account that end from one moment to another, both included, oldest first.
pub async fn lines_between<C: ConnectionTrait>(
    db: &C,
    (project, account): (ProjectId, AccountId),
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<BillLine>, StoreError> {
    let found = bill_line::Entity::find()
        .filter(bill_line::Column::ProjectId.eq(project.0))
        .filter(bill_line::Column::AccountId.eq(account.0))
        .filter(bill_line::Column::ToAt.gte(from))
        .filter(bill_line::Column::ToAt.lte(until))
        .order_by_asc(bill_line::Column::ToAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}
