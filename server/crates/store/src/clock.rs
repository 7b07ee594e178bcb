//! What time the database believes it is.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::StoreError;

/// The database's wall clock, to the millisecond; for `yufu doctor`.
pub async fn now<C: ConnectionTrait>(db: &C) -> Result<DateTime<Utc>, StoreError> {
    let backend = db.get_database_backend();
    let sql = match backend {
        DbBackend::Sqlite => "select strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
        _ => {
            "select to_char(clock_timestamp() at time zone 'utc', \
             'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
        }
    };
    let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
    let text: String = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
    DateTime::parse_from_rfc3339(&text).map(|at| at.to_utc()).map_err(|_| StoreError::Unreadable {
        table: "the database's clock",
        column: "now",
        row: text,
    })
}
