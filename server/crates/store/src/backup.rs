//! A copy of the database that can be opened again, and the proof that it can.
//!
//! On SQLite the store copies itself while it runs; on PostgreSQL `pg_dump` or base backups do
//! (`docs/migrations.md`, "Backups").

use std::path::Path;

use sea_orm::{ConnectionTrait, DbBackend, Statement};

use crate::{
    Store, StoreError,
    ledger::{AuditError, AuditReport},
    setting, sqlite,
};

/// Why there is no backup, or none that holds.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// PostgreSQL is backed up by its own tools.
    #[error("this database is backed up by pg_dump or base backups, not by the store")]
    NotHere,
    /// There is a file of that name already.
    #[error("the backup's file exists already")]
    Exists,
    /// The path is not text a database can be told.
    #[error("the backup's path is not plain text")]
    Path,
    /// The copy is damaged.
    #[error("the copy is damaged: {0}")]
    Damaged(String),
    /// The copy's books are wrong.
    #[error("the copy's books are wrong")]
    Books(#[from] AuditError),
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Copies a SQLite database to a new file while the store goes on, then proves the copy:
    /// opened by itself, page by page, and by the ledger audit.
    ///
    /// It reads one moment of the database (`VACUUM INTO`), so payments go on meanwhile.
    pub async fn backup(&self, to: &Path) -> Result<AuditReport, BackupError> {
        let db = self.read();
        if db.get_database_backend() != DbBackend::Sqlite {
            return Err(BackupError::NotHere);
        }
        if to.exists() {
            return Err(BackupError::Exists);
        }
        sqlite::copy(&self.parts.url, to.to_str().ok_or(BackupError::Path)?).await?;
        verify(to).await
    }

    /// Marks a database as restored: safe mode on, epoch one up. Nothing reaches a meter until a
    /// person ends safe mode (20B, 20N).
    pub async fn mark_restored(&self) -> Result<i64, StoreError> {
        self.transact(|tx| {
            Box::pin(async move {
                let epoch = setting::get(tx, setting::EPOCH).await?;
                let epoch = epoch.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0) + 1;
                setting::set(tx, setting::EPOCH, &epoch.to_string()).await?;
                setting::set(tx, setting::SAFE_MODE, "on").await?;
                Ok(epoch)
            })
        })
        .await
    }
}

/// Proves that a file is a whole database with true books; for a fresh backup and before a
/// restore.
pub async fn verify(file: &Path) -> Result<AuditReport, BackupError> {
    let path = file.to_str().ok_or(BackupError::Path)?;
    let store = Store::open(&format!("sqlite:{path}")).await?;
    let statement = Statement::from_string(DbBackend::Sqlite, "pragma integrity_check");
    let row = store.read().query_one_raw(statement).await.map_err(StoreError::from)?;
    let answer = row.map(|row| row.try_get_by_index::<String>(0)).transpose();
    match answer.map_err(StoreError::from)?.as_deref() {
        Some("ok") => Ok(store.audit(None).await?),
        other => Err(BackupError::Damaged(other.unwrap_or("no answer").to_owned())),
    }
}
