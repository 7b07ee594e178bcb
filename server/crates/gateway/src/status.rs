//! What the live page shows of a line, readable at any time without asking its task.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One line at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineStatus {
    /// The line.
    pub gateway: Uuid,
    /// The other side's address, while there is a connection.
    pub remote: Option<SocketAddr>,
    /// Since when the connection stands, or stood no more.
    pub since: Option<DateTime<Utc>>,
    /// Two connections claim the line.
    pub contested: bool,
    /// Commands that wait.
    pub waiting: u32,
    /// Meters configured.
    pub meters: u32,
    /// Meters that do not answer.
    pub silent: u32,
    /// Exchanges answered since the start.
    pub answers: u64,
    /// Exchanges without an answer since the start.
    pub failures: u64,
    /// Time the bus was busy since the start, mandated gaps included.
    pub busy: Duration,
}

/// The line's own hand on its status.
#[derive(Debug, Default)]
pub(crate) struct LiveStatus {
    connection: Mutex<(Option<SocketAddr>, Option<DateTime<Utc>>)>,
    pub contested: AtomicBool,
    pub waiting: AtomicU32,
    pub meters: AtomicU32,
    pub silent: AtomicU32,
    pub answers: AtomicU64,
    pub failures: AtomicU64,
    pub busy_us: AtomicU64,
}

impl LiveStatus {
    pub(crate) fn connected(&self, remote: Option<SocketAddr>, at: DateTime<Utc>) {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        *connection = (remote, Some(at));
    }

    pub(crate) fn snapshot(&self, gateway: Uuid) -> LineStatus {
        let (remote, since) = *self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        LineStatus {
            gateway,
            remote,
            since,
            contested: self.contested.load(Ordering::Relaxed),
            waiting: self.waiting.load(Ordering::Relaxed),
            meters: self.meters.load(Ordering::Relaxed),
            silent: self.silent.load(Ordering::Relaxed),
            answers: self.answers.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            busy: Duration::from_micros(self.busy_us.load(Ordering::Relaxed)),
        }
    }
}
