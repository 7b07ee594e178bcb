//! Evidence that is kept for a while and no longer: forgotten by its age, a bounded number at a
//! time. The books, the orders and their timelines are never forgotten.

use chrono::{DateTime, Utc};
use domain::ProjectId;
use sea_orm::{ConnectionTrait, Statement, Value};
use uuid::{Builder, Uuid};

use crate::{StoreError, Tx};

/// The most rows forgotten in one go, whatever is asked for.
pub const FORGET_MAX: u64 = 10_000;

/// What is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Bytes that went over the wire for a vend or a command.
    Frames,
    /// Readings that were not plausible.
    QuarantinedReadings,
    /// Callbacks that fitted nothing.
    Messages,
}

impl Evidence {
    /// All of it.
    pub const ALL: [Evidence; 3] =
        [Evidence::Frames, Evidence::QuarantinedReadings, Evidence::Messages];
}

/// Forgets evidence of a project from before a moment, the oldest first; answers how many rows.
pub async fn forget(
    tx: &Tx,
    what: Evidence,
    project: ProjectId,
    before: DateTime<Utc>,
    limit: u64,
) -> Result<u64, StoreError> {
    // The ids of frames and readings are ordered by time, so their keys find the oldest.
    let (table, column, bound): (_, _, Value) = match what {
        Evidence::Frames => ("frame_log", "id", first_id(before).into()),
        Evidence::QuarantinedReadings => ("reading_quarantine", "id", first_id(before).into()),
        Evidence::Messages => ("inbox", "received_at", before.into()),
    };
    let sql = format!(
        "delete from {table} where project_id = $1 and id in \
         (select id from {table} where project_id = $2 and {column} < $3 \
         order by {column} limit $4)"
    );
    let limit = i64::try_from(limit.min(FORGET_MAX)).unwrap_or(0);
    let values: [Value; 4] = [project.0.into(), project.0.into(), bound, limit.into()];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(done.rows_affected())
}

/// The smallest id of a moment (UUID version 7, RFC 9562 §5.7).
fn first_id(at: DateTime<Utc>) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid()
}
