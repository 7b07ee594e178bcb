//! The one writer of a SQLite database: many units of work, one commit.
//!
//! Whatever is queued when the writer is free becomes one batch: one `BEGIN IMMEDIATE … COMMIT`, a
//! savepoint per unit, nobody answered before the commit has returned. An idle writer waits for
//! nothing: a lone unit is committed at once (`reliability.md` 2.1).

use sea_orm::{
    DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::sync::mpsc;

use crate::{
    StoreError, Tx,
    checkpoint::Checkpoint,
    credit::{self, CreditUnit},
    error::{Fault, fault},
    signal::Signals,
    unit::{Ran, Unit},
};

/// Units of work in one commit.
pub const BATCH_MAX: usize = 256;
/// Units of work that may wait for the writer; above it callers are told at once.
pub const QUEUE_MAX: usize = 8192;

/// What the writer is asked to do.
pub(crate) enum Work {
    /// A closure.
    Unit(Box<dyn Unit>),
    /// A decided credit, applied together with all others of the batch.
    Credit(Box<CreditUnit>),
}

impl Work {
    pub(crate) fn answer(self, fate: Result<(), StoreError>) {
        match self {
            Work::Unit(unit) => unit.answer(fate),
            Work::Credit(unit) => unit.refuse(fate.err().unwrap_or(StoreError::Stopped)),
        }
    }
}

/// The writer task.
pub(crate) struct Writer {
    pub(crate) db: DatabaseConnection,
    pub(crate) queue: mpsc::Receiver<Work>,
    pub(crate) signals: Signals,
    pub(crate) checkpoint: Checkpoint,
}

/// The batch met a storage error; the store ends.
struct Broken;

/// A closure and how it ended.
type Settled = (Box<dyn Unit>, Ran);

impl Writer {
    /// Works until every handle of the store is gone or the storage fails.
    ///
    /// Invariant: after a write or sync error nothing is acknowledged and nothing is tried again
    /// (I16); proved by `a_full_disk_stops_the_store_and_recovery_finds_what_was_acknowledged`.
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while self.queue.recv_many(&mut batch, BATCH_MAX).await > 0 {
            let count = batch.len();
            if self.apply(std::mem::take(&mut batch)).await.is_err()
                || self.checkpoint.after(&self.db, count).await.is_err()
            {
                self.stop().await;
                break;
            }
        }
    }

    /// Answers everybody who still waits, and whoever comes later, with `Stopped`.
    async fn stop(&mut self) {
        tracing::error!("the store has stopped after a storage error; restart through recovery");
        self.signals.stop();
        self.queue.close();
        while let Some(work) = self.queue.recv().await {
            work.answer(Err(StoreError::Stopped));
        }
    }

    async fn apply(&self, batch: Vec<Work>) -> Result<(), Broken> {
        let mut units = Vec::new();
        let mut credits = Vec::new();
        for work in batch {
            match work {
                Work::Unit(unit) => units.push(unit),
                Work::Credit(unit) => credits.push(*unit),
            }
        }
        let outer = match self.begin().await {
            Ok(outer) => outer,
            Err(error) => return refuse_all(units, credits, error),
        };
        if units.len() == 1 && credits.is_empty() {
            return self.apply_one(outer, units.remove(0)).await;
        }
        self.apply_many(outer, units, credits).await
    }

    /// A lone unit needs no savepoint: the transaction is its own.
    async fn apply_one(
        &self,
        outer: DatabaseTransaction,
        mut unit: Box<dyn Unit>,
    ) -> Result<(), Broken> {
        let tx = Tx::new(outer);
        let ran = unit.run(&tx).await;
        if tx.fault() == Some(Fault::Storage) {
            return refuse_all(vec![unit], Vec::new(), stopped());
        }
        let wakes = tx.wakes_workers();
        let end = match ran {
            Ran::Keep => tx.into_inner().commit().await,
            Ran::Undo | Ran::Abandoned(_) => tx.into_inner().rollback().await,
        };
        if let Err(error) = end {
            return refuse_all(vec![unit], Vec::new(), error);
        }
        if wakes && ran == Ran::Keep {
            self.signals.work_committed();
        }
        unit.answer(fate(ran));
        Ok(())
    }

    async fn apply_many(
        &self,
        outer: DatabaseTransaction,
        units: Vec<Box<dyn Unit>>,
        mut credits: Vec<CreditUnit>,
    ) -> Result<(), Broken> {
        let mut settled: Vec<Settled> = Vec::with_capacity(units.len());
        let mut wakes = !credits.is_empty();
        let mut units = units.into_iter();
        while let Some(mut unit) = units.next() {
            match in_savepoint(&outer, unit.as_mut(), &mut wakes).await {
                Ok(ran) => settled.push((unit, ran)),
                Err(error) => {
                    let rest = settled.into_iter().map(|(u, _)| u).chain([unit]).chain(units);
                    return refuse_all(rest.collect(), credits, error);
                }
            }
        }
        if let Err(error) = credit::apply(&outer, &mut credits).await {
            return refuse_all(settled.into_iter().map(|(u, _)| u).collect(), credits, error);
        }
        if let Err(error) = outer.commit().await {
            return refuse_all(settled.into_iter().map(|(u, _)| u).collect(), credits, error);
        }
        if wakes {
            self.signals.work_committed();
        }
        settled.into_iter().for_each(|(unit, ran)| unit.answer(fate(ran)));
        credits.into_iter().for_each(|unit| unit.answer());
        Ok(())
    }

    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let mode = Some(SqliteTransactionMode::Immediate);
        let options = TransactionOptions { sqlite_transaction_mode: mode, ..Default::default() };
        self.db.begin_with_options(options).await
    }
}

/// Runs one unit so that its failure undoes its own writes only. An error means that the whole
/// batch is lost.
async fn in_savepoint(
    outer: &DatabaseTransaction,
    unit: &mut dyn Unit,
    wakes: &mut bool,
) -> Result<Ran, DbErr> {
    let tx = Tx::new(outer.begin().await?);
    let ran = unit.run(&tx).await;
    if tx.fault() == Some(Fault::Storage) {
        return Err(stopped());
    }
    if ran == Ran::Keep {
        *wakes |= tx.wakes_workers();
        tx.into_inner().commit().await?;
    } else {
        tx.into_inner().rollback().await?;
    }
    Ok(ran)
}

fn fate(ran: Ran) -> Result<(), StoreError> {
    match ran {
        Ran::Keep | Ran::Undo => Ok(()),
        Ran::Abandoned(why) => Err(StoreError::Abandoned(why)),
    }
}

/// Nobody of a failed batch is acknowledged. Any error here is one of the frame, not of a unit:
/// after a storage error the store ends, after anything else the next batch may do better.
fn refuse_all(
    units: Vec<Box<dyn Unit>>,
    credits: Vec<CreditUnit>,
    error: DbErr,
) -> Result<(), Broken> {
    let broken = fault(&error) == Fault::Storage || is_stopped(&error);
    let reason = if broken { StoreError::Stopped } else { error.into() };
    tracing::error!(%reason, "a batch of writes was refused");
    units.into_iter().for_each(|unit| unit.answer(Err(reason.clone())));
    credits.into_iter().for_each(|unit| unit.refuse(reason.clone()));
    if broken { Err(Broken) } else { Ok(()) }
}

/// Stands for a storage error whose original was handed to the closure.
fn stopped() -> DbErr {
    DbErr::Custom("stopped".to_owned())
}

fn is_stopped(error: &DbErr) -> bool {
    matches!(error, DbErr::Custom(text) if text == "stopped")
}
