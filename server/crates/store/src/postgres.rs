//! A pool of connections to a PostgreSQL server.

use std::{str::FromStr, time::Duration};

use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use sqlx::{
    ConnectOptions, Executor, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{StoreError, StoreOptions};

/// How long a unit of work waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Server settings without which an acknowledged commit could be lost, and the values that do.
const PROMISES: &[(&str, &[&str])] = &[
    ("synchronous_commit", &["on", "remote_apply"]),
    ("fsync", &["on"]),
    ("full_page_writes", &["on"]),
];

/// Connections of the hot path of money: its batches and its look-ups.
const HOT_CONNECTIONS: u32 = 6;

/// Every row of the hot path is reached by its key. The planner does not know how short a batch is
/// (it guesses a hundred rows), and on a young site it would rather walk a whole table for each.
pub(crate) const BY_KEY: &str =
    "set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off";

/// The pool for everything, and the one for the hot path.
pub(crate) async fn open(
    url: &str,
    options: StoreOptions,
) -> Result<(DatabaseConnection, DatabaseConnection), StoreError> {
    let connect = PgConnectOptions::from_str(url).map_err(unreachable)?.disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(options.pool_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(connect.clone())
        .await
        .map_err(unreachable)?;
    prove_fit(&pool).await?;
    let hot = PgPoolOptions::new()
        .max_connections(HOT_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move { connection.execute(BY_KEY).await.map(|_| ()) })
        })
        .connect_lazy_with(connect);
    Ok((
        SqlxPostgresConnector::from_sqlx_postgres_pool(pool),
        SqlxPostgresConnector::from_sqlx_postgres_pool(hot),
    ))
}

/// Refuses a server that acknowledges what a power cut can take back (I4).
async fn prove_fit(pool: &PgPool) -> Result<(), StoreError> {
    for (name, allowed) in PROMISES {
        let value: String = sqlx::query_scalar("select current_setting($1)")
            .bind(name)
            .fetch_one(pool)
            .await
            .map_err(unreachable)?;
        if !allowed.contains(&value.as_str()) {
            return Err(StoreError::Unfit(format!("{name} is {value}")));
        }
    }
    Ok(())
}

fn unreachable(error: sqlx::Error) -> StoreError {
    StoreError::Unreachable(error.to_string())
}
