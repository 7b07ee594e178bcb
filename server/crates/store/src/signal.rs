//! What the store tells the rest of the process: "there is work" and "I have stopped".

use std::sync::Arc;

use tokio::sync::{Notify, watch};

#[derive(Clone)]
pub(crate) struct Signals {
    workers: Arc<Notify>,
    /// Whoever passes the news on to other processes.
    crier: Arc<Notify>,
    stopped: Arc<watch::Sender<bool>>,
}

impl Signals {
    pub(crate) fn new() -> Self {
        Signals {
            workers: Arc::default(),
            crier: Arc::default(),
            stopped: Arc::new(watch::Sender::new(false)),
        }
    }

    /// A transaction of this process left work and is committed.
    pub(crate) fn work_committed(&self) {
        self.wake_workers();
        self.crier.notify_one();
    }

    /// Wakes whoever waits for jobs, and the next one who comes to wait.
    pub(crate) fn wake_workers(&self) {
        self.workers.notify_waiters();
        self.workers.notify_one();
    }

    pub(crate) fn workers(&self) -> &Notify {
        &self.workers
    }

    pub(crate) fn crier(&self) -> &Notify {
        &self.crier
    }

    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.stopped.subscribe()
    }
}
