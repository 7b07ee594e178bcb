//! Opening a database and the handles everything else goes through.

use migrations::{Migrator, MigratorTrait};
use sea_orm::{ConnectionTrait, DatabaseConnection};

use crate::{StoreError, postgres, sqlite};

/// A database, open and proven fit to hold money. Cheap to share behind an `Arc`.
pub struct Store {
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
    pub(crate) url: String,
}

/// How many connections a store holds.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Read-only connections on SQLite.
    pub readers_max: u32,
    /// Connections of the pool on PostgreSQL.
    pub pool_max: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions { readers_max: 4, pool_max: 16 }
    }
}

impl Store {
    /// Opens `sqlite:PATH` or `postgres://…` and proves that it keeps what it acknowledges.
    ///
    /// Errors: [`StoreError::UnknownUrl`], [`StoreError::Unreachable`], [`StoreError::Unfit`].
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        Store::open_with(url, StoreOptions::default()).await
    }

    /// The same with other numbers of connections.
    pub async fn open_with(url: &str, options: StoreOptions) -> Result<Store, StoreError> {
        if url.starts_with("sqlite:") {
            let (writer, reader) = sqlite::open(url, options).await?;
            Ok(Store { writer, reader, url: url.to_owned() })
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pool = postgres::open(url, options).await?;
            Ok(Store { writer: pool.clone(), reader: pool, url: url.to_owned() })
        } else {
            Err(StoreError::UnknownUrl)
        }
    }

    /// Applies every step of `migrations` that is missing.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        Ok(Migrator::up(&self.writer, None).await?)
    }

    /// For reading. On SQLite these connections are read-only and see what is committed.
    pub fn read(&self) -> &(impl ConnectionTrait + use<>) {
        &self.reader
    }
}
