//! Why the store could not do what it was asked.

use sea_orm::{DbErr, RuntimeErr};

/// What a caller of the store can act on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database URL is neither `sqlite:` nor `postgres:`.
    #[error("the database URL names neither SQLite nor PostgreSQL")]
    UnknownUrl,
    /// The database does not give the promise money needs (version, journal, synchronous commit).
    #[error("the database is not fit to hold money: {0}")]
    Unfit(String),
    /// The database could not be opened or reached.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// The queue of the writer is full; nothing was done, try again later.
    #[error("the store is overloaded")]
    Overloaded,
    /// A write or sync failed: the store has stopped for good and the process has to restart
    /// through recovery. Whether this unit of work was kept is decided by what is found then (I16).
    #[error("the store has stopped after a storage error")]
    Stopped,
    /// The connection broke while committing: ask by key before doing anything again (5A).
    #[error("the outcome of the commit is unknown")]
    CommitUnknown,
    /// Another transaction was first: nothing was done, the unit may be tried again.
    #[error("the transaction met another one and was rolled back")]
    Conflict,
    /// A unique key, a check or a reference refused the row; nothing was done.
    #[error("a rule of the schema refused the change: {0}")]
    Refused(String),
    /// The unit of work panicked or took longer than allowed; nothing was done.
    #[error("the unit of work was abandoned: {0}")]
    Abandoned(&'static str),
    /// A row holds something the code cannot read.
    #[error("{table}.{column} of row {row} holds a value that fits no state")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's key.
        row: String,
    },
    /// The row that was to be changed is not there, or not in the expected version.
    #[error("the {0} is not there or has changed meanwhile")]
    Gone(&'static str),
    /// The books refuse the transaction; nothing was booked.
    #[error(transparent)]
    Books(#[from] ledger::Refusal),
    /// Any other answer of the database.
    #[error("the database refused a statement: {0}")]
    Database(String),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match fault(&error) {
            Fault::Storage => StoreError::Stopped,
            Fault::Connection => StoreError::Unreachable(error.to_string()),
            Fault::Conflict => StoreError::Conflict,
            Fault::Rule => StoreError::Refused(error.to_string()),
            Fault::Other => StoreError::Database(error.to_string()),
        }
    }
}

/// What kind of trouble the database reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// SQLite could not write, sync or read its file: stop, never retry (I16).
    Storage,
    /// The connection to the server is gone.
    Connection,
    /// Deadlock or serialization failure.
    Conflict,
    /// A constraint.
    Rule,
    /// Anything else.
    Other,
}

/// SQLite primary result codes after which nothing may be acknowledged: PERM, READONLY, IOERR,
/// CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB (sqlite.org/rescode.html).
const SQLITE_STORAGE: &[i32] = &[3, 8, 10, 11, 13, 14, 15, 26];
/// SQLITE_CONSTRAINT.
const SQLITE_CONSTRAINT: i32 = 19;
/// SQLITE_BUSY and SQLITE_LOCKED.
const SQLITE_BUSY: &[i32] = &[5, 6];

pub(crate) fn fault(error: &DbErr) -> Fault {
    let runtime = match error {
        DbErr::Exec(e) | DbErr::Query(e) | DbErr::Conn(e) => e,
        DbErr::ConnectionAcquire(_) => return Fault::Connection,
        _ => return Fault::Other,
    };
    let RuntimeErr::SqlxError(error) = runtime else {
        return Fault::Other;
    };
    sqlx_fault(error)
}

pub(crate) fn sqlx_fault(error: &sqlx::Error) -> Fault {
    let database = match error {
        sqlx::Error::Database(database) => database,
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => return Fault::Connection,
        _ => return Fault::Other,
    };
    let code = database.code().unwrap_or_default().into_owned();
    if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        let primary = code.parse::<i32>().unwrap_or_default() & 0xff;
        return match primary {
            p if SQLITE_STORAGE.contains(&p) => Fault::Storage,
            p if SQLITE_BUSY.contains(&p) => Fault::Conflict,
            SQLITE_CONSTRAINT => Fault::Rule,
            _ => Fault::Other,
        };
    }
    // PostgreSQL: SQLSTATE classes, appendix A of its manual.
    match code.as_str() {
        "40001" | "40P01" => Fault::Conflict,
        "57P01" | "57P02" | "57P03" => Fault::Connection,
        c if c.starts_with("08") => Fault::Connection,
        c if c.starts_with("23") || c.starts_with("22003") => Fault::Rule,
        _ => Fault::Other,
    }
}
