//! Gaps: stretches of time between two believed readings of a meter that are too long.

use chrono::{DateTime, Utc};
use domain::{MeterId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Statement, Value,
};
use uuid::Uuid;

use crate::{
    StoreError, Tx,
    bulk::{self, Rows, insert_sql},
    entity::reading_gap,
};

/// A gap as stored.
pub type Gap = reading_gap::Model;

/// The most gaps one call notes.
pub const NOTE_MAX: usize = 500;
/// The most gaps one list answers with.
pub const LIST_MAX: u64 = 1_000;
/// The most gaps one round forgets.
pub const FORGET_MAX: u64 = 1_000;

/// Nobody asks the meter for what it kept.
pub const FILL_NONE: &str = "none";
/// What the meter kept is still to be read; its use over the gap is billed afterwards.
pub const FILL_WANTED: &str = "wanted";
/// A value the meter kept was read, believed and stored.
pub const FILL_DONE: &str = "done";
/// The meter kept nothing of use, or could not be asked in time.
pub const FILL_MISSED: &str = "missed";

/// Notes gaps, each begun or ended. One that has ended stays as it is.
///
/// Errors: [`StoreError::Refused`] for more than [`NOTE_MAX`].
pub async fn note(tx: &Tx, gaps: &[Gap]) -> Result<(), StoreError> {
    if gaps.len() > NOTE_MAX {
        return Err(StoreError::Refused("too many gaps at once".to_owned()));
    }
    let tail = "on conflict (project_id, meter_id, from_at) do update set \
         to_at = excluded.to_at, to_value = excluded.to_value, reason = excluded.reason, \
         back_fill = excluded.back_fill where reading_gap.to_at is null";
    let sql = insert_sql::<reading_gap::Entity>(tx.get_database_backend(), &[], tail);
    bulk::execute(tx, &sql, Rows::of(gaps)).await?;
    Ok(())
}

/// Ends the asking for what a meter kept. `filled`: the moment and the register that were kept.
/// Answers false when it was ended before.
pub async fn settle(
    tx: &Tx,
    gap: &Gap,
    filled: Option<(DateTime<Utc>, i64)>,
) -> Result<bool, StoreError> {
    let back_fill = if filled.is_some() { FILL_DONE } else { FILL_MISSED };
    let set = reading_gap::ActiveModel {
        back_fill: Set(back_fill.to_owned()),
        filled_at: Set(filled.map(|(at, _)| at)),
        filled_value: Set(filled.map(|(_, value)| value)),
        ..Default::default()
    };
    let done = reading_gap::Entity::update_many()
        .set(set)
        .filter(reading_gap::Column::ProjectId.eq(gap.project_id))
        .filter(reading_gap::Column::MeterId.eq(gap.meter_id))
        .filter(reading_gap::Column::FromAt.eq(gap.from_at))
        .filter(reading_gap::Column::BackFill.eq(FILL_WANTED))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// A gap by its meter and its start.
pub async fn by_start<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
    from: DateTime<Utc>,
) -> Result<Option<Gap>, StoreError> {
    Ok(reading_gap::Entity::find_by_id((project.0, meter.0, from)).one(db).await?)
}

/// The gaps of a meter that reach into a stretch of time, oldest first.
pub async fn within<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Gap>, StoreError> {
    let ends_after = Condition::any()
        .add(reading_gap::Column::ToAt.is_null())
        .add(reading_gap::Column::ToAt.gt(from));
    let found = reading_gap::Entity::find()
        .filter(reading_gap::Column::ProjectId.eq(project.0))
        .filter(reading_gap::Column::MeterId.eq(meter.0))
        .filter(reading_gap::Column::FromAt.lt(until))
        .filter(ends_after)
        .order_by_asc(reading_gap::Column::FromAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// The newest gaps of a meter, the newest first.
pub async fn of_meter<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
    limit: u64,
) -> Result<Vec<Gap>, StoreError> {
    let found = reading_gap::Entity::find()
        .filter(reading_gap::Column::ProjectId.eq(project.0))
        .filter(reading_gap::Column::MeterId.eq(meter.0))
        .order_by_desc(reading_gap::Column::FromAt)
        .limit(limit.min(LIST_MAX))
        .all(db)
        .await?;
    Ok(found)
}

/// The gaps of a project that last, the longest first.
pub async fn open<C: ConnectionTrait>(db: &C, project: ProjectId) -> Result<Vec<Gap>, StoreError> {
    let found = reading_gap::Entity::find()
        .filter(reading_gap::Column::ProjectId.eq(project.0))
        .filter(reading_gap::Column::ToAt.is_null())
        .order_by_asc(reading_gap::Column::FromAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// The gaps of a project that last, of meters behind `after`, in the order of the meters: for
/// whoever walks through all of them.
pub async fn open_after<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    after: Uuid,
) -> Result<Vec<Gap>, StoreError> {
    let found = reading_gap::Entity::find()
        .filter(reading_gap::Column::ProjectId.eq(project.0))
        .filter(reading_gap::Column::ToAt.is_null())
        .filter(reading_gap::Column::MeterId.gt(after))
        .order_by_asc(reading_gap::Column::MeterId)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// How many gaps last, over all projects.
pub async fn count_open<C: ConnectionTrait>(db: &C) -> Result<u64, StoreError> {
    let query = reading_gap::Entity::find().filter(reading_gap::Column::ToAt.is_null());
    Ok(query.count(db).await?)
}

/// Forgets gaps that ended before a moment, a bounded number at a time, and those of meters that
/// were removed; answers how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let sql = "delete from reading_gap where (project_id, meter_id, from_at) in \
         (select project_id, meter_id, from_at from reading_gap where to_at < $1 limit $2)";
    let limit = i64::try_from(FORGET_MAX).unwrap_or(0);
    let values: [Value; 2] = [before.into(), limit.into()];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    // Of a meter that was taken away nobody waits for a reading any more.
    let sql = "delete from reading_gap where to_at is null and (project_id, meter_id) in \
         (select project_id, id from meter where state = 'removed')";
    let gone = tx.execute_raw(Statement::from_string(backend, sql)).await?;
    Ok(done.rows_affected() + gone.rows_affected())
}
