//! The queue at work: takes commands from the channel, lets the hands do them, tells how they
//! ended.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use kiosk_wire::{
    channel::Up,
    command::{Command, CommandReport},
};
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinSet};
use uuid::Uuid;

use super::{
    hands::{Gate, Hands, UPLOAD_LOG_MAX, UPLOAD_PICTURE_MAX},
    queue::{Queue, Step},
    task::Task,
};
use crate::{
    ambient::Ambient,
    call::Failure,
    link::{Link, Mouth},
};

/// While a command waits or runs, the queue is looked at this often, in milliseconds.
const LOOK_EVERY_MS: u64 = 1_000;
/// Otherwise this often, so that whoever watches over the process sees that it lives.
const TURN_EVERY_MS: u64 = 5_000;

/// The queue with everybody it needs.
pub struct Worker {
    queue: Mutex<Queue>,
    link: Arc<Link>,
    mouth: Arc<Mouth>,
    gate: Arc<dyn Gate>,
    hands: Arc<dyn Hands>,
    ambient: Arc<dyn Ambient>,
    changed: Notify,
    turned_ms: AtomicU64,
}

type Ended = (Uuid, Result<Value, String>);

impl Worker {
    /// A worker over an open queue; what its opening had to report is told first.
    pub fn new(
        (queue, reports): (Queue, Vec<CommandReport>),
        link: Arc<Link>,
        mouth: Arc<Mouth>,
        gate: Arc<dyn Gate>,
        hands: Arc<dyn Hands>,
        ambient: Arc<dyn Ambient>,
    ) -> Worker {
        reports.into_iter().for_each(|report| mouth.say(Up::Report(report)));
        let (queue, changed) = (Mutex::new(queue), Notify::new());
        let turned_ms = AtomicU64::new(ambient.now_ms());
        Worker { queue, link, mouth, gate, hands, ambient, changed, turned_ms }
    }

    /// Takes a command from the channel.
    pub fn hear(&self, command: Command) {
        let (id, verb) = (command.id, command.verb.clone());
        let now_ms = self.ambient.now_ms();
        let taken = self.queue().take(command, self.link.server_now(), now_ms);
        if let Some(name) = taken.fault {
            let verb: String = verb.chars().take(32).collect();
            tracing::warn!(%id, verb, fault = name, "a command was refused");
            self.mouth.fault(name, format!("{verb} {id}"));
        }
        if let Some(report) = taken.report {
            self.mouth.say(Up::Report(report));
        }
        self.changed.notify_one();
    }

    /// The session has moved: what waited may be possible now.
    pub fn nudge(&self) {
        self.changed.notify_one();
    }

    /// How long ago the queue was looked at last, in milliseconds: much more than some seconds
    /// means that the kiosk hears its commands and does none.
    pub fn turned_age_ms(&self) -> u64 {
        self.ambient.now_ms().saturating_sub(self.turned_ms.load(Ordering::Relaxed))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until it is dropped; what it has begun ends with it.
    pub async fn run(self: Arc<Worker>) {
        let mut running: JoinSet<Ended> = JoinSet::new();
        loop {
            for start in self.step().starts {
                let worker = Arc::clone(&self);
                running.spawn(async move { (start.id, worker.carry_out(start.task).await) });
            }
            self.turned_ms.store(self.ambient.now_ms(), Ordering::Relaxed);
            let open = self.queue().open_count() > 0;
            let wait = if open { LOOK_EVERY_MS } else { TURN_EVERY_MS };
            tokio::select! {
                Some(ended) = running.join_next(), if !running.is_empty() => self.ended(ended),
                () = self.changed.notified() => {}
                () = self.ambient.sleep(wait) => {}
            }
        }
    }

    fn step(&self) -> Step {
        // Without the server's time nobody knows what is too late: it waits for the greeting.
        let Some(now) = self.link.server_now() else { return Step::default() };
        let step = self.queue().step(now, self.ambient.now_ms(), &*self.gate);
        for report in &step.reports {
            self.mouth.say(Up::Report(report.clone()));
        }
        step
    }

    fn ended(&self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok((id, result)) => {
                if let Some(report) = self.queue().finished(id, result) {
                    self.mouth.say(Up::Report(report));
                }
            }
            // The queue settles it when it has run too long.
            Err(error) => tracing::error!(%error, "a command ended the task that did it"),
        }
    }

    async fn carry_out(&self, task: Task) -> Result<Value, String> {
        match task {
            Task::Screenshot { upload, full } => {
                let picture = self.hands.picture(full).await?;
                let (kind, bytes) = (picture.media_type, picture.bytes);
                self.send(&upload, kind, bytes, UPLOAD_PICTURE_MAX).await
            }
            Task::UploadLogs { upload } => {
                let log = self.hands.log().await?;
                self.send(&upload, "text/plain; charset=utf-8", log, UPLOAD_LOG_MAX).await
            }
            Task::SyncTime => {
                self.link.renew().await.map_err(|failure| why(&failure))?;
                let offset = self.link.time(|time, wall, now_ms| time.offset_ms(wall, now_ms));
                Ok(json!({ "clock_offset_ms": offset }))
            }
            task => self.hands.act(task).await,
        }
    }

    async fn send(
        &self,
        upload: &str,
        media_type: &str,
        bytes: Vec<u8>,
        most: usize,
    ) -> Result<Value, String> {
        let count = bytes.len();
        if count > most {
            return Err(format!("{count} bytes are more than the {most} that are taken"));
        }
        self.link.upload(upload, media_type, bytes).await.map_err(|failure| why(&failure))?;
        Ok(json!({ "bytes": count }))
    }
}

fn why(failure: &Failure) -> String {
    match failure {
        Failure::Lost => "the line was lost".to_owned(),
        Failure::Refused(problem) => format!("the server refused it: {}", problem.code),
        Failure::Revoked => "the server does not let this kiosk in".to_owned(),
    }
}
