//! The parts that work in the background, watched: one that ends by itself is said aloud.

use std::{future::Future, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

/// Starts parts and hears of the first that ends.
///
/// Invariant: no part ends unheard while the server runs, by a panic as little as by itself; proved
/// by `a_server_whose_job_worker_died_is_not_ready`.
pub struct Parts {
    stopping: watch::Receiver<bool>,
    ended: watch::Sender<Option<&'static str>>,
}

/// A part that was started.
pub struct Part {
    name: &'static str,
    task: JoinHandle<()>,
}

impl Parts {
    /// Watches parts until `stopping` is true: from then on they are meant to end.
    pub fn new(stopping: watch::Receiver<bool>) -> Parts {
        Parts { stopping, ended: watch::Sender::new(None) }
    }

    /// The first part that ended by itself, as soon as there is one.
    pub fn ended(&self) -> watch::Receiver<Option<&'static str>> {
        self.ended.subscribe()
    }

    /// Starts a part.
    pub fn start(
        &self,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Part {
        let guard = Guard { name, stopping: self.stopping.clone(), ended: self.ended.clone() };
        let task = tokio::spawn(async move {
            let _guard = guard;
            work.await;
        });
        Part { name, task }
    }
}

impl Part {
    /// Waits for it to end by itself, and no longer than this.
    pub async fn end(self, within: Duration) {
        let abort = self.task.abort_handle();
        if tokio::time::timeout(within, self.task).await.is_err() {
            tracing::warn!(part = self.name, "a part did not end in time and is cut off");
            abort.abort();
        }
    }
}

/// Waits for the first part that ends by itself.
pub async fn first(ended: &mut watch::Receiver<Option<&'static str>>) -> &'static str {
    match ended.wait_for(Option::is_some).await.map(|name| *name) {
        Ok(Some(name)) => name,
        // Nobody is left to tell: that is an end as well.
        _ => "the whole background",
    }
}

/// Speaks when it is dropped, which a panic does as well.
struct Guard {
    name: &'static str,
    stopping: watch::Receiver<bool>,
    ended: watch::Sender<Option<&'static str>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if *self.stopping.borrow() {
            return;
        }
        tracing::error!(part = self.name, "a part of the server has ended by itself");
        self.ended.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(self.name);
            is_first
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        Server,
        config::Config,
        http::health,
        serve::{RunError, start},
    };

    async fn server(dir: &std::path::Path) -> Server {
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".to_owned();
        config.server.live_page = true;
        config.database.url = format!("sqlite:{}", dir.join("yufu.db").display());
        config.gateway.dtu_listen = String::new();
        start(config).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_whose_job_worker_died_is_not_ready() {
        let parts = [
            "the job worker",
            "the upkeep",
            "the care for keys and lines",
            "the live page",
            "the HTTP server",
            "the listener to readings",
        ];
        for dies in parts {
            let dir = tempfile::tempdir().unwrap();
            let server = server(dir.path()).await;
            let app = server.app.clone();
            assert!(health::look(&app).await.ready, "{dies}");
            let part = server.parts.iter().find(|part| part.name == dies);
            part.unwrap_or(&server.listener).task.abort();
            let end = server.run().await.unwrap_err();
            assert!(matches!(end, RunError::PartEnded(name) if name == dies), "{dies}: {end}");
            let health = health::look(&app).await;
            assert!(!health.ready && !health.workers, "{dies}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_is_stopped_names_no_part() {
        let dir = tempfile::tempdir().unwrap();
        let server = server(dir.path()).await;
        let app = server.app.clone();
        server.stop().await;
        assert!(health::look(&app).await.workers);
    }
}
