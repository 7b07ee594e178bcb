//! On which database a test runs: a SQLite file of its own, or a schema of its own on a PostgreSQL
//! server.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// The server the PostgreSQL half of a test runs on, `postgres://…`.
const SERVER: &str = "YUFU_TEST_POSTGRES";
/// `required` turns a missing server from a notice into a failure.
const DATABASES: &str = "YUFU_TEST_DATABASES";

/// The schemas of one test.
struct Schemas {
    server: String,
    name: String,
    made: AtomicU32,
}

tokio::task_local! {
    /// Set while a test runs on PostgreSQL.
    static SCHEMAS: Arc<Schemas>;
}

/// Where a world of this test keeps its rows: an empty schema on PostgreSQL inside
/// [`on_postgresql`], otherwise a SQLite file in this folder.
pub async fn url(dir: &Path) -> String {
    let Ok(schemas) = SCHEMAS.try_with(Arc::clone) else {
        return format!("sqlite:{}", dir.join("yufu.db").display());
    };
    let name = format!("{}_{}", schemas.name, schemas.made.fetch_add(1, Ordering::Relaxed));
    run(&schemas.server, format!("create schema {name}")).await;
    format!("{}?application_name={name}&options=-csearch_path%3D{name}", schemas.server)
}

/// Runs a test whose worlds keep their rows on PostgreSQL, if there is a server.
pub async fn on_postgresql(test: impl Future<Output = ()>) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Ok(server) = std::env::var(SERVER) else {
        let required = std::env::var(DATABASES).is_ok_and(|v| v == "required");
        assert!(!required, "{SERVER} names no server, but both databases are required");
        eprintln!("NOTICE: {SERVER} is not set, this test did not run");
        return;
    };
    let no = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("yufu_server_{}_{no}", std::process::id());
    let schemas = Arc::new(Schemas { server, name, made: AtomicU32::new(0) });
    SCHEMAS.scope(schemas.clone(), Box::pin(test)).await;
    for no in 0..schemas.made.load(Ordering::Relaxed) {
        let name = format!("{}_{no}", schemas.name);
        // A world that was only dropped still holds its connections, and may hold locks.
        let end = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{name}'"
        );
        run(&schemas.server, end).await;
        run(&schemas.server, format!("drop schema {name} cascade")).await;
    }
}

async fn run(server: &str, sql: String) {
    let mut db = PgConnection::connect(server).await.unwrap();
    db.execute(AssertSqlSafe(sql)).await.unwrap();
}

/// Makes tests of bodies: each runs once per database, as a test of its own.
macro_rules! on_both_databases {
    ($($body:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                super::$body().await;
            })+
        }

        mod on_postgresql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $body() {
                $crate::base::on_postgresql(super::$body()).await;
            })+
        }
    };
}
pub(crate) use on_both_databases;
