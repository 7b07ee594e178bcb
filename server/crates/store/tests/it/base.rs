//! A fresh database of each kind for every test.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use store::Store;

/// The server the PostgreSQL half of a test runs on, `postgres://…`.
const SERVER: &str = "YUFU_TEST_POSTGRES";
/// `required` turns a missing server from a notice into a failure.
const DATABASES: &str = "YUFU_TEST_DATABASES";

/// One database, gone when the test ends.
pub struct Base {
    pub url: String,
    dir: Option<tempfile::TempDir>,
    name: Option<String>,
}

impl Base {
    /// An empty SQLite file.
    pub fn sqlite() -> Base {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("money.db").display());
        Base { url, dir: Some(dir), name: None }
    }

    /// An empty PostgreSQL database, if there is a server.
    pub async fn postgres() -> Option<Base> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(SERVER) else {
            let required = std::env::var(DATABASES).is_ok_and(|v| v == "required");
            assert!(!required, "{SERVER} names no server, but both databases are required");
            eprintln!("NOTICE: {SERVER} is not set, this test ran on SQLite only");
            return None;
        };
        let no = NEXT.fetch_add(1, Ordering::Relaxed);
        // A schema stands for a database here: it is a hundred times cheaper to make.
        let name = format!("yufu_test_{}_{no}", std::process::id());
        let db = connect(&server).await;
        db.execute_unprepared(&format!("drop schema if exists {name} cascade")).await.unwrap();
        db.execute_unprepared(&format!("create schema {name}")).await.unwrap();
        let url = format!("{server}?application_name={name}&options=-csearch_path%3D{name}");
        Some(Base { url, dir: None, name: Some(name) })
    }

    /// An empty database of each kind there is.
    pub async fn each() -> Vec<Base> {
        let mut bases = vec![Base::sqlite()];
        bases.extend(Base::postgres().await);
        bases
    }

    /// The migrated store on this database.
    pub async fn store(&self) -> Store {
        let store = Store::open(&self.url).await.unwrap();
        store.migrate().await.unwrap();
        store
    }

    /// A connection past the store, as an operator with a shell would have it.
    pub async fn raw(&self) -> DatabaseConnection {
        let sqlite = self.dir.is_some();
        connect(&format!("{}{}", self.url, if sqlite { "?mode=rwc" } else { "" })).await
    }

    /// Removes the database.
    pub async fn end(self) {
        if let Some(name) = self.name {
            let db = connect(&std::env::var(SERVER).unwrap()).await;
            db.execute_unprepared(&format!("drop schema {name} cascade")).await.unwrap();
        }
        drop(self.dir);
    }
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    // One, as in `Store::migrate`: a pragma of a step counts for the connection it is said on.
    options.sqlx_logging(false).max_connections(1);
    Database::connect(options).await.unwrap()
}
