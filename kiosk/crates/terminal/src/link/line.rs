//! The channel at work: runs what [`Channel`] says with a real socket, polls and the outbox.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::future::{BoxFuture, OptionFuture};
use kiosk_wire::{
    channel::{Down, Poll, Polled, Up},
    heartbeat::Heartbeat,
};
use tokio::sync::{Notify, watch};

use super::{
    channel::{Act, Channel, Input},
    outbox::Outbox,
    server::{Link, Standing},
    socket::{Came, Socket},
};
use crate::{ambient::Ambient, call::Failure};

/// Polls are one connection, sockets are counted from the next on.
const POLLS: u64 = 0;
/// The loop turns at least this often, in milliseconds, so that whoever watches over the process
/// sees that it lives.
pub const TURN_MAX_MS: u64 = 5_000;

/// Takes what the server says; has to come back at once.
pub trait Ears: Send + Sync {
    /// Everything but [`Down::Heard`], in the order it came.
    fn hear(&self, down: Down);
}

/// Knows how the kiosk is.
pub trait Pulse: Send + Sync {
    /// Now.
    fn heartbeat(&self) -> Heartbeat;
}

/// Where everybody says what the server is to know; [`Line`] sends it.
pub struct Mouth {
    outbox: Mutex<Outbox>,
    said: Notify,
    ambient: Arc<dyn Ambient>,
}

impl Mouth {
    /// One over an outbox.
    pub fn new(outbox: Outbox, ambient: Arc<dyn Ambient>) -> Mouth {
        Mouth { outbox: Mutex::new(outbox), said: Notify::new(), ambient }
    }

    /// Says something, now or when there is somebody to hear it.
    pub fn say(&self, up: Up) {
        if let Err(error) = self.outbox().say(up) {
            tracing::error!(%error, "a message cannot be kept");
        }
        self.said.notify_one();
    }

    /// Tells that something is wrong.
    pub fn fault(&self, name: &str, detail: impl Into<String>) {
        let id = self.ambient.fresh();
        self.say(Up::Fault { id, name: name.to_owned(), detail: detail.into() });
    }

    /// How many messages were not heard yet.
    pub fn waiting(&self) -> usize {
        self.outbox().len()
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The channel beside the money.
pub struct Line {
    link: Arc<Link>,
    mouth: Arc<Mouth>,
    ears: Arc<dyn Ears>,
    pulse: Arc<dyn Pulse>,
    open: watch::Sender<bool>,
    turned_ms: AtomicU64,
}

type Opening = BoxFuture<'static, Result<Socket, Failure>>;
type Polling = BoxFuture<'static, Result<Polled, Failure>>;

struct Run {
    channel: Channel,
    connection: u64,
    socket: Option<Socket>,
    opening: Option<Opening>,
    polling: Option<Polling>,
    deaf_told: bool,
}

/// What a turn of the loop waited for.
enum Event {
    Tick,
    Said,
    Opened(Result<Socket, Failure>),
    Polled(Result<Polled, Failure>),
    Came(Came),
}

impl Line {
    /// A line over a link; [`Line::run`] makes it work.
    pub fn new(
        link: Arc<Link>,
        mouth: Arc<Mouth>,
        ears: Arc<dyn Ears>,
        pulse: Arc<dyn Pulse>,
    ) -> Line {
        let (open, turned_ms) = (watch::Sender::new(false), AtomicU64::new(0));
        Line { link, mouth, ears, pulse, open, turned_ms }
    }

    /// Whether the socket is open, and every change of it.
    pub fn is_open(&self) -> watch::Receiver<bool> {
        self.open.subscribe()
    }

    /// How long ago the loop turned last, in milliseconds: more than [`TURN_MAX_MS`] by far means
    /// that the kiosk is deaf although it still shows its adverts.
    pub fn turned_age_ms(&self) -> u64 {
        let turned = self.turned_ms.load(Ordering::Relaxed);
        self.link.http.ambient.now_ms().saturating_sub(turned)
    }

    /// Works until it is dropped.
    pub async fn run(self: Arc<Line>) {
        let ambient = Arc::clone(&self.link.http.ambient);
        let mut run = Run {
            channel: Channel::begin(ambient.now_ms()),
            connection: POLLS,
            socket: None,
            opening: None,
            polling: None,
            deaf_told: false,
        };
        loop {
            let now_ms = ambient.now_ms();
            self.turned_ms.store(now_ms, Ordering::Relaxed);
            let wake = run.channel.wake_ms().saturating_sub(now_ms).min(TURN_MAX_MS);
            let event = run.wait(&self, wake).await;
            let inputs = self.take(&mut run, event);
            for input in inputs {
                self.act(&mut run, input).await;
            }
            if run.socket.is_some() {
                self.flush(&mut run).await;
            }
            let open = run.socket.is_some();
            self.open.send_if_modified(|was| std::mem::replace(was, open) != open);
        }
    }

    /// What an event means to the channel.
    fn take(&self, run: &mut Run, event: Event) -> Vec<Input> {
        match event {
            Event::Tick | Event::Said => vec![Input::Tick],
            Event::Opened(Ok(socket)) => {
                run.connection += 1;
                run.socket = Some(socket);
                vec![Input::Opened]
            }
            Event::Opened(Err(_)) | Event::Came(Came::End) => {
                run.socket = None;
                vec![Input::Closed]
            }
            Event::Came(Came::Life) => vec![Input::Came],
            Event::Came(Came::Down(down)) => {
                let mut inputs = vec![Input::Came];
                if self.hear(*down, run.connection) {
                    run.deaf_told = false;
                    inputs.push(Input::Answered);
                    if self.mouth.outbox().is_unheard(run.connection) {
                        inputs.push(Input::Asked);
                    }
                }
                inputs
            }
            Event::Polled(polled) => {
                if let Ok(polled) = polled {
                    self.kept(|outbox| outbox.arrived(POLLS));
                    for down in polled.down {
                        self.hear(down, POLLS);
                    }
                }
                vec![Input::Polled]
            }
        }
    }

    /// Takes a message; `true` where it says that one of ours was heard.
    fn hear(&self, down: Down, connection: u64) -> bool {
        match down {
            Down::Heard { id } => {
                return self.kept(|outbox| outbox.heard(id, connection)).unwrap_or(false);
            }
            Down::Time { now } => self.link.time(|time, _, now_ms| time.pushed(now, now_ms)),
            Down::Revoked => self.link.stands(Standing::Revoked),
            _ => {}
        }
        self.ears.hear(down);
        false
    }

    fn kept<T>(&self, work: impl FnOnce(&mut Outbox) -> std::io::Result<T>) -> Option<T> {
        match work(&mut self.mouth.outbox()) {
            Ok(done) => Some(done),
            Err(error) => {
                tracing::error!(%error, "the outbox cannot be written");
                None
            }
        }
    }

    async fn act(&self, run: &mut Run, input: Input) {
        let ambient = &*self.link.http.ambient;
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            for act in run.channel.step(input, ambient.now_ms(), ambient) {
                let mut alive = true;
                match (act, run.socket.as_mut()) {
                    (Act::Open, _) => {
                        let link = Arc::clone(&self.link);
                        run.opening = Some(Box::pin(async move { Socket::open(&link).await }));
                    }
                    (Act::Close, _) => (run.socket, run.opening) = (None, None),
                    (Act::Ping, Some(socket)) => alive = socket.ping(&self.link).await,
                    (Act::Beat, Some(socket)) => {
                        let beat = Up::Heartbeat(Box::new(self.pulse.heartbeat()));
                        alive = socket.send(&beat, &self.link).await;
                    }
                    (Act::Ask, Some(_)) => {
                        // No showings: nothing is counted, but the server has to keep and answer.
                        self.mouth.say(Up::Played { id: ambient.fresh(), plays: Vec::new() });
                    }
                    (Act::Deaf, _) if !run.deaf_told => {
                        run.deaf_told = true;
                        self.mouth.fault("channel_deaf", "pings were answered, messages were not");
                    }
                    (Act::Poll, _) => run.polling = Some(self.poll()),
                    _ => {}
                }
                if !alive {
                    run.socket = None;
                    inputs.push(Input::Closed);
                }
            }
        }
    }

    fn poll(&self) -> Polling {
        let mut up = vec![Up::Heartbeat(Box::new(self.pulse.heartbeat()))];
        {
            let mut outbox = self.mouth.outbox();
            outbox.again(POLLS);
            up.extend(outbox.next(POLLS));
        }
        let link = Arc::clone(&self.link);
        Box::pin(async move { link.poll(&Poll { up }).await })
    }

    /// Sends what waits.
    async fn flush(&self, run: &mut Run) {
        let waiting = self.mouth.outbox().next(run.connection);
        for up in waiting {
            let Some(socket) = run.socket.as_mut() else { return };
            if !socket.send(&up, &self.link).await {
                run.socket = None;
                return self.act(run, Input::Closed).await;
            }
            if !matches!(up, Up::Shown { .. } | Up::NotShown { .. }) {
                self.act(run, Input::Asked).await;
            }
        }
    }
}

impl Run {
    async fn wait(&mut self, line: &Line, wake_ms: u64) -> Event {
        let opening: OptionFuture<_> = self.opening.as_mut().map(Pin::as_mut).into();
        let polling: OptionFuture<_> = self.polling.as_mut().map(Pin::as_mut).into();
        let frame: OptionFuture<_> = self.socket.as_mut().map(|s| s.next(&line.link)).into();
        let event = tokio::select! {
            Some(came) = frame => Event::Came(came),
            Some(opened) = opening => Event::Opened(opened),
            Some(polled) = polling => Event::Polled(polled),
            () = line.mouth.said.notified() => Event::Said,
            () = line.link.http.ambient.sleep(wake_ms) => Event::Tick,
        };
        match event {
            Event::Opened(_) => self.opening = None,
            Event::Polled(_) => self.polling = None,
            _ => {}
        }
        event
    }
}
