//! A copy of the database that can be opened again, and the proof that it can.
//!
//! On SQLite the store copies itself while it runs; on PostgreSQL `pg_dump` or base backups do
//! (`docs/migrations.md`, "Backups").

use std::path::{Path, PathBuf};

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
    /// The file is not all there is: the rest lies in a journal beside it.
    #[error("part of the database lies in {0}, beside the file")]
    Journal(String),
    /// The file cannot be read or kept.
    #[error("the file cannot be kept")]
    File(#[from] std::io::Error),
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
    /// person ends safe mode (20B, 20N). A file is marked by [`mark_restored`].
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

/// What SQLite keeps beside a file and joins to whatever file it finds under that name.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The journals that lie beside a database file, or beside its empty place.
pub fn journals(file: &Path) -> Vec<PathBuf> {
    let beside = |end: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    };
    BESIDE.iter().map(|end| beside(end)).filter(|path| path.exists()).collect()
}

/// Marks a database file as restored and writes it through to the disk: after this the file alone
/// holds everything, the mark as well. Answers the epoch.
///
/// Errors: [`BackupError::Journal`] when the file is still not all there is.
pub async fn mark_restored(file: &Path) -> Result<i64, BackupError> {
    let store = Store::open(&url_of(file)?).await?;
    let epoch = store.mark_restored().await?;
    close(&store).await?;
    if let Some(journal) = journals(file).first() {
        return Err(BackupError::Journal(journal.display().to_string()));
    }
    std::fs::File::open(file)?.sync_all()?;
    Ok(epoch)
}

/// Ends every connection, the writer's last: it writes the journal into the file and removes it.
async fn close(store: &Store) -> Result<(), StoreError> {
    store.parts.reader.clone().close().await?;
    store.parts.writer.clone().close().await?;
    Ok(())
}

fn url_of(file: &Path) -> Result<String, BackupError> {
    Ok(format!("sqlite:{}", file.to_str().ok_or(BackupError::Path)?))
}

/// Proves that a file is a whole database with true books; for a fresh backup and before a
/// restore. Leaves the file without a journal.
pub async fn verify(file: &Path) -> Result<AuditReport, BackupError> {
    let store = Store::open(&url_of(file)?).await?;
    let proven = prove(&store).await;
    close(&store).await?;
    proven
}

async fn prove(store: &Store) -> Result<AuditReport, BackupError> {
    let statement = Statement::from_string(DbBackend::Sqlite, "pragma integrity_check");
    let row = store.read().query_one_raw(statement).await.map_err(StoreError::from)?;
    let answer = row.map(|row| row.try_get_by_index::<String>(0)).transpose();
    match answer.map_err(StoreError::from)?.as_deref() {
        Some("ok") => Ok(store.audit(None).await?),
        other => Err(BackupError::Damaged(other.unwrap_or("no answer").to_owned())),
    }
}
