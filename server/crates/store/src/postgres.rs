//! A pool of connections to a PostgreSQL server.

use std::{str::FromStr, time::Duration};

use sea_orm::{DatabaseConnection, SqlxPostgresConnector};
use sqlx::{
    ConnectOptions, PgPool,
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

pub(crate) async fn open(
    url: &str,
    options: StoreOptions,
) -> Result<DatabaseConnection, StoreError> {
    let connect = PgConnectOptions::from_str(url).map_err(unreachable)?.disable_statement_logging();
    let pool = PgPoolOptions::new()
        .max_connections(options.pool_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(connect)
        .await
        .map_err(unreachable)?;
    prove_fit(&pool).await?;
    Ok(SqlxPostgresConnector::from_sqlx_postgres_pool(pool))
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
