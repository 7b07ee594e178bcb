//! Credits on PostgreSQL: whatever waits becomes one transaction, a few of them at a time.

use std::sync::Arc;

use sea_orm::{DatabaseConnection, DbErr, TransactionTrait};
use tokio::sync::{Semaphore, mpsc};

use super::{CreditUnit, apply};
use crate::{
    StoreError,
    error::{Fault, fault},
    signal::Signals,
    store::commit_error,
    writer::{BATCH_MAX, Work},
};

/// Batches on their way at once.
const IN_FLIGHT_MAX: usize = 4;
/// How often a batch that lost to a deadlock, or whose commit is in doubt, is said again.
const TRIES_MAX: usize = 4;

/// Takes credits until every handle of the store is gone.
pub(crate) async fn run(
    pool: DatabaseConnection,
    mut queue: mpsc::Receiver<Work>,
    signals: Signals,
) {
    let permits = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    let mut batch = Vec::with_capacity(BATCH_MAX);
    loop {
        // The permit first: while all are busy the next batch grows.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        if queue.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        let mut credits = Vec::with_capacity(batch.len());
        for work in batch.drain(..) {
            match work {
                Work::Credit(unit) => credits.push(*unit),
                other => other.answer(Err(StoreError::Stopped)),
            }
        }
        let (pool, signals) = (pool.clone(), signals.clone());
        tokio::spawn(async move {
            apply_batch(&pool, credits, &signals).await;
            drop(permit);
        });
    }
}

/// Applies a batch, again with the same keys when the outcome is in doubt (5A, 5B): the keys turn
/// what was already applied into `Already`.
async fn apply_batch(pool: &DatabaseConnection, mut credits: Vec<CreditUnit>, signals: &Signals) {
    let mut tried = 0;
    let error = loop {
        let error = match attempt(pool, &mut credits).await {
            Ok(()) => {
                signals.work_committed();
                return credits.into_iter().for_each(|unit| unit.answer());
            }
            Err(error) => error,
        };
        tried += 1;
        let again = matches!(error, StoreError::Conflict | StoreError::CommitUnknown);
        if !again || tried >= TRIES_MAX {
            break error;
        }
        credits.iter_mut().for_each(|unit| unit.forget());
    };
    tracing::warn!(%error, count = credits.len(), "a batch of credits was refused");
    credits.into_iter().for_each(|unit| unit.refuse(error.clone()));
}

async fn attempt(pool: &DatabaseConnection, credits: &mut [CreditUnit]) -> Result<(), StoreError> {
    let tx = pool.begin().await?;
    if let Err(error) = apply(&tx, credits).await {
        return Err(lost(error));
    }
    tx.commit().await.map_err(commit_error)
}

/// Nothing of this transaction was kept; a lost connection is worth another try as well.
fn lost(error: DbErr) -> StoreError {
    match fault(&error) {
        Fault::Connection => StoreError::Conflict,
        _ => error.into(),
    }
}
