//! The handle that the rest of the house holds.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, RwLock, atomic::AtomicUsize},
};

use domain::{Clock, Rng};
use meter_protocol::dtu;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use uuid::Uuid;

use crate::{
    bus::{Bus, INBOX_MAX, Message},
    command::{CommandFailure, Exchange, MeterCommand, NotSent},
    counter::Counters,
    event::GatewayEvent,
    line::{LINES_MAX, Line, LineFault, Link, Plan},
    outbox::Outbox,
    profile::Profiles,
    registration::Directory,
    session::Door,
    shared::Shared,
    socket,
    status::{LineStatus, LiveStatus},
    timing::Timing,
};

/// A line as others reach it.
#[derive(Debug)]
pub(crate) struct Handle {
    pub line: Arc<Line>,
    /// Tells whether the line's configuration has changed.
    pub print: u64,
    pub inbox: mpsc::Sender<Box<Message>>,
    /// `None` for lines that nobody dials in to.
    pub framing: Option<dtu::Framing>,
    pub status: Arc<LiveStatus>,
}

struct Running {
    handle: Arc<Handle>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Lines {
    by_gateway: HashMap<Uuid, Running>,
    by_meter: HashMap<Uuid, Arc<Handle>>,
}

struct Inner {
    shared: Arc<Shared>,
    profiles: Profiles,
    lines: RwLock<Lines>,
    door: Arc<Door>,
    listeners: Mutex<Vec<JoinHandle<()>>>,
    /// One change of configuration at a time.
    configuring: tokio::sync::Mutex<()>,
}

/// The gateway of one process: its lines, their connections, and the way to their meters.
///
/// A clone is another handle to the same gateway. It must be made and used inside a tokio runtime.
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

impl Gateway {
    /// A gateway without lines. Events go to `events`; a listener that is slow loses readings,
    /// never a bus its pace (see [`crate::outbox`]).
    pub fn start(
        timing: Timing,
        profiles: Profiles,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        events: mpsc::Sender<GatewayEvent>,
    ) -> Gateway {
        let counters = Arc::new(Counters::default());
        let outbox = Arc::new(Outbox::new(Arc::clone(&counters)));
        tokio::spawn(Arc::clone(&outbox).pump(events, timing.flush));
        let shared = Arc::new(Shared { clock, rng, timing, counters, outbox });
        let door = Arc::new(Door {
            shared: Arc::clone(&shared),
            directory: Arc::default(),
            unregistered: AtomicUsize::new(0),
        });
        let inner = Inner {
            shared,
            profiles,
            lines: RwLock::default(),
            door,
            listeners: Mutex::default(),
            configuring: tokio::sync::Mutex::default(),
        };
        Gateway { inner: Arc::new(inner) }
    }

    /// Listens for modems that dial in; answers the address in use (port 0 picks one).
    pub async fn listen(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        let listener = socket::listen(address)?;
        let local = listener.local_addr()?;
        let task = tokio::spawn(Arc::clone(&self.inner.door).accept(listener));
        self.inner.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(task);
        Ok(local)
    }

    /// Puts this configuration in force: new lines start, missing ones stop, changed ones change.
    /// A line whose link and framing stay keeps its connection. Answers what could not be used.
    pub async fn configure(&self, lines: Vec<Line>) -> Vec<LineFault> {
        let _one_at_a_time = self.inner.configuring.lock().await;
        let mut faults = Vec::new();
        let mut next = Lines::default();
        let mut directory = Directory::default();
        let mut updates = Vec::new();
        let mut before = std::mem::take(&mut self.write_lines().by_gateway);
        for line in lines {
            if next.by_gateway.len() >= LINES_MAX || next.by_gateway.contains_key(&line.gateway) {
                let reason = format!("a second line of this key, or more than {LINES_MAX}");
                faults.push(fault(&line, "gateway", line.gateway.to_string(), reason));
                continue;
            }
            let print = line.fingerprint();
            let plan = Box::new(Plan::new(&line, &self.inner.profiles, &mut faults));
            let line = Arc::clone(&plan.line);
            let framing = matches!(line.link, Link::DialIn { .. }).then(|| plan.framing());
            let known = before.remove(&line.gateway);
            let meters: Vec<Uuid> = plan.meters.iter().map(|meter| meter.key).collect();
            let (handle, task) = match known {
                // A task that died is started anew, whatever killed it.
                Some(Running { task, .. }) if task.is_finished() => {
                    self.spawn(plan, framing, print)
                }
                Some(Running { handle, task }) if handle.print == print => (handle, task),
                Some(Running { handle, task }) => {
                    updates.push((handle.inbox.clone(), Message::Update(plan)));
                    let (inbox, status) = (handle.inbox.clone(), Arc::clone(&handle.status));
                    let line = Arc::clone(&line);
                    (Arc::new(Handle { line, print, inbox, framing, status }), task)
                }
                None => self.spawn(plan, framing, print),
            };
            if !directory.enter(&handle.line, Arc::clone(&handle)) {
                let reason = "the registration is another line's, or there are too many shapes";
                faults.push(fault(&line, "registration", format!("{:?}", line.link), reason));
            }
            for meter in meters {
                if next.by_meter.insert(meter, Arc::clone(&handle)).is_some() {
                    let reason = "the meter is on two lines; the later one is used";
                    faults.push(fault(&line, "meter", meter.to_string(), reason));
                }
            }
            next.by_gateway.insert(line.gateway, Running { handle, task });
        }
        *self.write_directory() = directory;
        *self.write_lines() = next;
        for (inbox, update) in updates {
            // Fails only if the line's task is gone; the next change starts it anew.
            let _ = inbox.send(Box::new(update)).await;
        }
        for (_, gone) in before {
            stop(gone).await;
        }
        faults
    }

    /// Carries a command out: waits for its turn and its answer.
    ///
    /// Dropping the future gives a read up; a write that has been taken is still carried out.
    pub async fn execute(&self, command: MeterCommand) -> Result<Exchange, CommandFailure> {
        let not_sent = |why| Err(CommandFailure::NotSent { why, frames: Vec::new() });
        let handle = {
            let lines = self.inner.lines.read().unwrap_or_else(PoisonError::into_inner);
            lines.by_meter.get(&command.meter).cloned()
        };
        let Some(handle) = handle else { return not_sent(NotSent::UnknownMeter) };
        let (reply, answer) = oneshot::channel();
        let message = Box::new(Message::Execute { command, reply });
        match handle.inbox.try_send(message) {
            Err(mpsc::error::TrySendError::Full(_)) => not_sent(NotSent::QueueFull),
            Err(mpsc::error::TrySendError::Closed(_)) => not_sent(NotSent::Stopped),
            // A task that died with the command in hand leaves a doubt, not a "not sent".
            Ok(()) => answer
                .await
                .unwrap_or_else(|_| Err(CommandFailure::NoAnswer { frames: Vec::new() })),
        }
    }

    /// Takes back every trip of a meter that has not been sent: a payment came in between
    /// (`reliability.md` 17R). They end as `NotSent(Superseded)`.
    pub async fn cancel_trips(&self, meter: Uuid) {
        let handle = {
            let lines = self.inner.lines.read().unwrap_or_else(PoisonError::into_inner);
            lines.by_meter.get(&meter).cloned()
        };
        if let Some(handle) = handle {
            let _ = handle.inbox.send(Box::new(Message::CancelTrips { meter })).await;
        }
    }

    /// Every line as it is now, by key.
    pub fn status(&self) -> Vec<LineStatus> {
        let lines = self.inner.lines.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = lines
            .by_gateway
            .iter()
            .map(|(gateway, running)| running.handle.status.snapshot(*gateway))
            .collect();
        all.sort_by_key(|status| status.gateway);
        all
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.inner.shared.counters
    }

    /// The profiles in force.
    pub fn profiles(&self) -> &Profiles {
        &self.inner.profiles
    }

    /// Stops listening, lets every exchange under way end, and closes all connections.
    pub async fn stop(&self) {
        let _one_at_a_time = self.inner.configuring.lock().await;
        for listener in
            self.inner.listeners.lock().unwrap_or_else(PoisonError::into_inner).drain(..)
        {
            listener.abort();
        }
        *self.write_directory() = Directory::default();
        let lines = std::mem::take(&mut *self.write_lines());
        for (_, running) in lines.by_gateway {
            stop(running).await;
        }
    }

    fn spawn(
        &self,
        plan: Box<Plan>,
        framing: Option<dtu::Framing>,
        print: u64,
    ) -> (Arc<Handle>, JoinHandle<()>) {
        let (inbox, receiver) = mpsc::channel(INBOX_MAX);
        let status = Arc::new(LiveStatus::default());
        let line = Arc::clone(&plan.line);
        let bus = Bus::new(Arc::clone(&self.inner.shared), plan, receiver, Arc::clone(&status));
        let task = tokio::spawn(bus.run());
        (Arc::new(Handle { line, print, inbox, framing, status }), task)
    }

    fn write_lines(&self) -> std::sync::RwLockWriteGuard<'_, Lines> {
        self.inner.lines.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_directory(&self) -> std::sync::RwLockWriteGuard<'_, Directory<Arc<Handle>>> {
        self.inner.door.directory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fault(line: &Line, place: &str, value: String, reason: impl Into<String>) -> LineFault {
    LineFault { gateway: line.gateway, place: place.to_owned(), value, reason: reason.into() }
}

async fn stop(running: Running) {
    let _ = running.handle.inbox.send(Box::new(Message::Stop)).await;
    let _ = running.task.await;
}
