//! One writer connection and some readers on a SQLite file.

use std::{str::FromStr, time::Duration};

use sea_orm::{DatabaseConnection, SqlxSqliteConnector};
use sqlx::{
    ConnectOptions, Connection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{StoreError, StoreOptions};

/// The first version without the WAL-reset corruption bug (`reliability.md` 1.3).
pub const SQLITE_VERSION_MIN: [u32; 3] = [3, 51, 3];

/// How long a statement waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What the writer keeps of the file in memory, negative for KiB: the inner pages of every index
/// of a large site, so that a batch of credits reads nothing from the disk.
const CACHE_KIB: &str = "-65536";

/// Opens the file: the writer first, so that the WAL exists before a reader asks for it.
pub(crate) async fn open(
    url: &str,
    options: StoreOptions,
) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    let base = SqliteConnectOptions::from_str(url)
        .map_err(unreachable)?
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true)
        .disable_statement_logging();
    let writer = base
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // Only the writer checkpoints, between two commits (`reliability.md` 2.2).
        .pragma("wal_autocheckpoint", "0")
        .pragma("cache_size", CACHE_KIB)
        // A replaced row is a deleted one to the triggers that keep the books.
        .pragma("recursive_triggers", "on")
        .pragma("temp_store", "memory");
    let writer = match options.pages_max {
        Some(pages) => writer.pragma("max_page_count", pages.to_string()),
        None => writer,
    };
    let writer = SqlitePoolOptions::new()
        .max_connections(1)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(writer)
        .await
        .map_err(unreachable)?;
    prove_fit(&writer).await?;
    let reader = base.read_only(true).pragma("query_only", "on").pragma("wal_autocheckpoint", "0");
    let reader = SqlitePoolOptions::new()
        .max_connections(options.readers_max)
        .test_before_acquire(false)
        .connect_with(reader)
        .await
        .map_err(unreachable)?;
    Ok((
        SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
        SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
    ))
}

/// Copies one moment of the database to a new file over a connection of its own: the readers are
/// not allowed to, and the writer has better things to do.
pub(crate) async fn copy(url: &str, to: &str) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(unreachable)?
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("wal_autocheckpoint", "0")
        .disable_statement_logging();
    let mut connection = options.connect().await.map_err(unreachable)?;
    let copied = sqlx::query("vacuum into $1").bind(to).execute(&mut connection).await;
    connection.close().await.map_err(unreachable)?;
    copied.map(|_| ()).map_err(unreachable)
}

/// Refuses a library or a setting that could lose an acknowledged write.
async fn prove_fit(pool: &SqlitePool) -> Result<(), StoreError> {
    let ask = |sql: &'static str| sqlx::query_scalar::<_, String>(sql).fetch_one(pool);
    let version = ask("select sqlite_version()").await.map_err(unreachable)?;
    check_version(&version)?;
    let journal = ask("select journal_mode from pragma_journal_mode").await.map_err(unreachable)?;
    if journal != "wal" {
        return Err(StoreError::Unfit(format!("journal_mode is {journal}, not wal")));
    }
    let synchronous = ask("select cast(synchronous as text) from pragma_synchronous");
    match synchronous.await.map_err(unreachable)?.as_str() {
        "2" => Ok(()),
        other => Err(StoreError::Unfit(format!("synchronous is {other}, not 2 (FULL)"))),
    }
}

/// Compares as three integers; as text 3.9 would be newer than 3.51.
fn check_version(version: &str) -> Result<(), StoreError> {
    let numbers = version.split('.').map(|n| n.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>();
    if numbers.len() >= 3 && numbers[..3] >= SQLITE_VERSION_MIN[..] {
        return Ok(());
    }
    Err(StoreError::Unfit(format!("SQLite {version} is older than 3.51.3")))
}

fn unreachable(error: sqlx::Error) -> StoreError {
    StoreError::Unreachable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let table =
            [("3.51.3", true), ("3.51.2", false), ("3.9.9", false), ("4.0.0", true), ("", false)];
        for (version, fit) in table {
            assert_eq!(check_version(version).is_ok(), fit, "{version}");
        }
    }
}
