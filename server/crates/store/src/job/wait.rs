//! How a worker sleeps until there is work.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use sqlx::{PgPool, postgres::PgListener};

use crate::{Store, StoreError, signal::Signals};

/// The channel on which PostgreSQL tells every process that there is work.
const CHANNEL: &str = "yufu_job";

/// Time between two notices of one process.
const CRY_AGAIN: Duration = Duration::from_millis(5);

/// How long to wait before listening again after the connection broke; polls go on meanwhile.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

impl Store {
    /// Sleeps until a transaction that left work is committed, in this process or, on PostgreSQL,
    /// in any other, and `at_most` for this long. A wake-up between two calls is not lost.
    ///
    /// The bound is the fallback poll and the time until the next job is due.
    pub async fn wait_for_work(&self, at_most: Duration) {
        let woken = self.parts.signals.workers().notified();
        // Running out of time is as good a reason to look as being woken.
        let _ = tokio::time::timeout(at_most, woken).await;
    }

    /// When the next ready job is due; `None` when none waits.
    pub async fn next_job_at(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let sql = (super::PRIORITY_URGENT..=super::PRIORITY_MAX)
            .map(|p| {
                format!(
                    "select * from (select run_at from job where state = 'ready' \
                     and priority = {p} order by run_at limit 1) as p{p}"
                )
            })
            .collect::<Vec<_>>()
            .join(" union all ");
        let db = self.read();
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
        let mut due = Vec::with_capacity(rows.len());
        for row in rows {
            due.push(row.try_get_by_index::<DateTime<Utc>>(0)?);
        }
        Ok(due.into_iter().min())
    }
}

/// Tells the other processes that work was committed, many commits in one notice.
///
/// A notice is not part of the transaction it tells of: PostgreSQL lets only one transaction with
/// a notice commit at a time, which would undo the group commit. One that is lost with its process
/// is made up for by the poll.
pub(crate) async fn cry(pool: DatabaseConnection, signals: Signals) {
    loop {
        signals.crier().notified().await;
        if let Err(error) = pool.execute_unprepared(&format!("notify {CHANNEL}")).await {
            tracing::warn!(%error, "a job notice was not sent; polling goes on");
        }
        tokio::time::sleep(CRY_AGAIN).await;
    }
}

/// Passes PostgreSQL's notices on to the workers of this process.
pub(crate) async fn listen(pool: PgPool, signals: Signals) {
    loop {
        if let Err(error) = listen_once(&pool, &signals).await {
            tracing::warn!(%error, "the job notices stopped; polling goes on");
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}

async fn listen_once(pool: &PgPool, signals: &Signals) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    // Whatever was said while nobody listened.
    signals.wake_workers();
    loop {
        listener.recv().await?;
        signals.wake_workers();
    }
}
