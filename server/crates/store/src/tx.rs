//! One unit of work inside a transaction.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement,
};

use crate::error::{Fault, fault};

/// The connection a closure of [`Store::transact`](crate::Store::transact) works on; whatever
/// sea-orm offers on a connection works on it. It cannot commit: only the store does, and only
/// when the closure answers `Ok`.
pub struct Tx {
    inner: DatabaseTransaction,
    /// The worst trouble a statement has met; the closure may have swallowed it, the store not.
    fault: Mutex<Option<Fault>>,
    wakes_workers: AtomicBool,
}

impl Tx {
    pub(crate) fn new(inner: DatabaseTransaction) -> Self {
        Tx { inner, fault: Mutex::new(None), wakes_workers: AtomicBool::new(false) }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.get_database_backend() == DbBackend::Sqlite
    }

    /// Asks the store to wake the workers once this transaction is committed.
    pub(crate) fn wake_workers(&self) {
        self.wakes_workers.store(true, Ordering::Relaxed);
    }

    pub(crate) fn wakes_workers(&self) -> bool {
        self.wakes_workers.load(Ordering::Relaxed)
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn into_inner(self) -> DatabaseTransaction {
        self.inner
    }

    fn note<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if let Err(error) = &result {
            let seen = fault(error);
            let mut worst = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
            if *worst != Some(Fault::Storage) {
                *worst = Some(seen);
            }
        }
        result
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.note(self.inner.execute_raw(statement).await)
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.note(self.inner.execute_unprepared(sql).await)
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.note(self.inner.query_one_raw(statement).await)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.note(self.inner.query_all_raw(statement).await)
    }
}
