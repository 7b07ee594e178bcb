//! Opening a database and the handles everything else goes through.

use std::{future::Future, sync::Arc};

use futures::future::BoxFuture;
use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::{sync::mpsc, task::AbortHandle};

use crate::{
    StoreError, Tx,
    checkpoint::Checkpoint,
    credit::{lane, target},
    error::{Fault, fault},
    job::{cry, listen},
    postgres,
    signal::Signals,
    sqlite,
    unit::{Closure, guarded},
    writer::{QUEUE_MAX, Work, Writer},
};

/// The number under which PostgreSQL lets one process migrate at a time: "yufu" in ASCII.
const MIGRATION_LOCK: i64 = 0x7975_6675;

/// A database, open and proven fit to hold money. A handle; cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) parts: Arc<Parts>,
}

pub(crate) struct Parts {
    /// On SQLite the writer's own connection, otherwise the pool.
    pub(crate) writer: DatabaseConnection,
    pub(crate) reader: DatabaseConnection,
    pub(crate) lane: Lane,
    /// Who asks what a provider's number is about.
    pub(crate) questions: mpsc::Sender<target::Question>,
    pub(crate) signals: Signals,
    pub(crate) url: String,
    /// The tasks that hear and tell PostgreSQL's notices.
    tasks: Vec<AbortHandle>,
}

impl Drop for Parts {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

/// The way writes take.
pub(crate) enum Lane {
    /// Through the queue of the one writer.
    Sqlite(mpsc::Sender<Work>),
    /// A pool connection per unit; credits through a batching queue.
    Postgres(mpsc::Sender<Work>),
}

/// How many connections a store holds, and how large it may grow.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Read-only connections on SQLite.
    pub readers_max: u32,
    /// Connections of the pool on PostgreSQL.
    pub pool_max: u32,
    /// Pages (4 KiB) a SQLite file may hold; `None` leaves it to the disk. Reaching it is a full
    /// disk to the store.
    pub pages_max: Option<u32>,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions { readers_max: 4, pool_max: 16, pages_max: None }
    }
}

impl Store {
    /// Opens `sqlite:PATH` or `postgres://…` and proves that it keeps what it acknowledges.
    ///
    /// Errors: [`StoreError::UnknownUrl`], [`StoreError::Unreachable`], [`StoreError::Unfit`].
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        Store::open_with(url, StoreOptions::default()).await
    }

    /// The same with other bounds.
    pub async fn open_with(url: &str, options: StoreOptions) -> Result<Store, StoreError> {
        let signals = Signals::new();
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let mut tasks = Vec::new();
        let (writer, reader, hot, lane) = if url.starts_with("sqlite:") {
            let (db, reader) = sqlite::open(url, options).await?;
            let checkpoint = Checkpoint::default();
            let writer = Writer { db: db.clone(), queue, signals: signals.clone(), checkpoint };
            tokio::spawn(writer.run());
            (db, reader.clone(), reader, Lane::Sqlite(sender))
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let (pool, hot) = postgres::open(url, options).await?;
            let notices = pool.get_postgres_connection_pool().clone();
            tasks.push(tokio::spawn(listen(notices, signals.clone())).abort_handle());
            tasks.push(tokio::spawn(cry(pool.clone(), signals.clone())).abort_handle());
            tokio::spawn(lane::run(hot.clone(), queue, signals.clone()));
            (pool.clone(), pool, hot, Lane::Postgres(sender))
        } else {
            return Err(StoreError::UnknownUrl);
        };
        let (questions, asked) = mpsc::channel(target::QUEUE_MAX);
        tokio::spawn(target::run(hot, asked));
        let url = url.to_owned();
        let parts = Parts { writer, reader, lane, questions, signals, url, tasks };
        Ok(Store { parts: Arc::new(parts) })
    }

    /// Applies every step of `migrations` that is missing, all of them or none.
    ///
    /// Any number of processes may do so at once; one does the work, the others find it done.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
        let tx = self.parts.writer.begin_with_options(options).await?;
        if tx.get_database_backend() == DbBackend::Postgres {
            let sql = format!("select pg_advisory_xact_lock({MIGRATION_LOCK})");
            tx.execute_unprepared(&sql).await?;
        }
        Migrator::up(&tx, None).await?;
        Ok(tx.commit().await?)
    }

    /// For reading. On SQLite these connections are read-only and see what is committed.
    pub fn read(&self) -> &(impl ConnectionTrait + use<>) {
        &self.parts.reader
    }

    /// The only way to write: runs the closure in a transaction, commits when it answers `Ok`,
    /// undoes its writes when it answers `Err`, and answers only after the commit has returned
    /// (I4).
    ///
    /// The closure talks to the database through its [`Tx`] only; it must not call `transact`
    /// itself. On SQLite many closures share one commit. If the caller goes away the work is done
    /// all the same.
    ///
    /// Errors: the closure's own, or a [`StoreError`] turned into it.
    pub async fn transact<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a Tx) -> BoxFuture<'a, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.parts.lane {
            Lane::Sqlite(queue) => {
                let (unit, answer) = Closure::new(work);
                enqueue(queue, Work::Unit(Box::new(unit)))?;
                answer.await.unwrap_or_else(|_| Err(StoreError::Stopped.into()))
            }
            Lane::Postgres(_) => self.transact_on_pool(work).await,
        }
    }

    async fn transact_on_pool<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: for<'a> FnOnce(&'a Tx) -> BoxFuture<'a, Result<T, E>>,
        E: From<StoreError>,
    {
        let inner = self.parts.writer.begin().await.map_err(StoreError::from)?;
        let tx = Tx::new(inner);
        let result = match guarded(work, &tx).await {
            Ok(result) => result,
            Err(why) => Err(StoreError::Abandoned(why).into()),
        };
        let wakes = tx.wakes_workers();
        match result {
            Ok(value) => {
                tx.into_inner().commit().await.map_err(commit_error)?;
                if wakes {
                    self.parts.signals.work_committed();
                }
                Ok(value)
            }
            Err(error) => {
                // A failed rollback closes the connection, which rolls back as well.
                let _ = tx.into_inner().rollback().await;
                Err(error)
            }
        }
    }

    /// Ends when the store has stopped for good after a storage error: the process should end
    /// without further ado and start again through recovery (I16).
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stopped = self.parts.signals.stopped();
        async move {
            // An error means that the store itself is gone, which is an end as well.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        }
    }
}

pub(crate) fn enqueue(queue: &mpsc::Sender<Work>, work: Work) -> Result<(), StoreError> {
    queue.try_send(work).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
        mpsc::error::TrySendError::Closed(_) => StoreError::Stopped,
    })
}

/// A commit that was sent and not answered may or may not have happened.
pub(crate) fn commit_error(error: sea_orm::DbErr) -> StoreError {
    match fault(&error) {
        Fault::Connection => StoreError::CommitUnknown,
        _ => error.into(),
    }
}
