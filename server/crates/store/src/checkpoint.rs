//! Moving the write-ahead log back into the database file, by the writer only.
//!
//! No other connection checkpoints, which also keeps clear of the WAL-reset bug
//! (`reliability.md` 2.2). The log stays bounded: pages are moved when [`PAGES_WAITING_MAX`] wait,
//! and the file is cut when a long reader let it grow past [`PAGES_IN_LOG_MAX`].

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement};

use crate::error::{Fault, fault};

/// Pages (4 KiB) in the log that are not yet in the file before they are moved.
pub const PAGES_WAITING_MAX: i32 = 1000;
/// Pages in the log before readers are waited for and the log is cut: 64 MiB.
pub const PAGES_IN_LOG_MAX: i32 = 16_384;
/// Units of work between two looks at the log.
const UNITS_BETWEEN: usize = 64;

#[derive(Default)]
pub(crate) struct Checkpoint {
    units: usize,
}

impl Checkpoint {
    /// Called between two commits. Only a storage error is an error.
    pub(crate) async fn after(
        &mut self,
        db: &DatabaseConnection,
        units: usize,
    ) -> Result<(), DbErr> {
        self.units += units;
        if self.units < UNITS_BETWEEN {
            return Ok(());
        }
        self.units = 0;
        match look(db).await {
            Err(error) if fault(&error) == Fault::Storage => Err(error),
            _ => Ok(()),
        }
    }
}

async fn look(db: &DatabaseConnection) -> Result<(), DbErr> {
    let (in_log, moved) = checkpoint(db, "NOOP").await?;
    if in_log - moved < PAGES_WAITING_MAX {
        return Ok(());
    }
    let (in_log, _) = checkpoint(db, "PASSIVE").await?;
    if in_log > PAGES_IN_LOG_MAX {
        // A reader that stays longer than this is waited for another time.
        db.execute_unprepared("pragma busy_timeout = 100").await?;
        let cut = checkpoint(db, "TRUNCATE").await;
        db.execute_unprepared("pragma busy_timeout = 5000").await?;
        cut?;
    }
    Ok(())
}

/// Pages in the log, and how many of them the file already holds.
async fn checkpoint(db: &DatabaseConnection, mode: &str) -> Result<(i32, i32), DbErr> {
    let sql = format!("pragma wal_checkpoint({mode})");
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let Some(row) = row else { return Ok((0, 0)) };
    Ok((row.try_get_by_index(1)?, row.try_get_by_index(2)?))
}
