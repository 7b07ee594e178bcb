//! The engine: one thread steps the session, writes the journal and hands out the work; workers
//! feed back what came of it. The page's beat and touches, the link's news and an operator's
//! commands are all events in one queue.

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, SyncSender, TrySendError},
    },
    thread,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use kiosk_wire::command::Verb;
use tokio::sync::{oneshot, watch};

use crate::{
    intent::Intent,
    journal::Journal,
    screen,
    session::{Change, Effect, Event, May, Session},
    view::View,
};

mod ports;
mod work;

pub use ports::{Beat, CardFault, Cards, Mouth, Ports, Press, Server, Watcher};

/// The most events that wait; what finds no room is told again by whoever has to.
pub const QUEUE_MAX: usize = 1024;
/// Between two ticks of [`Engine::run`], in milliseconds.
pub const TICK_MS: u64 = 250;
/// Between two tries to write the journal again after it could not be written, in milliseconds.
pub const MEND_MS: u64 = 30_000;
/// Between two looks at the printer while nothing is printed, in milliseconds.
pub const PRINTER_MS: u64 = 10_000;

/// The running kiosk; clones are the same one.
#[derive(Clone)]
pub struct Engine {
    core: Arc<Mutex<Core>>,
    feed: Sender,
    ports: Ports,
    turned: watch::Receiver<u64>,
}

struct Core {
    session: Session,
    journal: Journal,
    workers: work::Workers,
    mend_ms: u64,
    printer_ms: Option<u64>,
    skew_ms: i64,
    paper_mm: u16,
    turned: watch::Sender<u64>,
}

/// An event on its way to the core.
struct Feed {
    event: Event,
    done: Option<oneshot::Sender<()>>,
}

impl Feed {
    fn event(event: Event) -> Feed {
        Feed { event, done: None }
    }
}

#[derive(Clone)]
struct Sender(SyncSender<Feed>);

impl Sender {
    fn send(&self, feed: Feed) {
        // A core that has ended takes nothing any more; a full queue means that it stands still,
        // and the watchdog ends the process. Waiting here would stop the runtime as well.
        if let Err(TrySendError::Full(_)) = self.0.try_send(feed) {
            tracing::error!("the kiosk's queue is full");
        }
    }
}

impl Engine {
    /// Starts from a journal. Must be called within a tokio runtime, whose tasks do the work.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn start(ports: Ports, journal: Journal) -> io::Result<Engine> {
        let (send, take) = mpsc::sync_channel(QUEUE_MAX);
        let feed = Sender(send);
        let (turned, seen) = watch::channel(0);
        let mut session = Session::new(journal.open_ones());
        let writable = journal.is_writable();
        let workers = work::Workers {
            ports: ports.clone(),
            feed: feed.clone(),
            runtime: tokio::runtime::Handle::current(),
            waiting: None,
        };
        let clock = ports.clock.clone();
        // Nothing is sent before the kiosk knows that it is paired: the list is empty.
        let change = Event::World(Change::Journal { writable });
        let _nothing = session.step(clock.now_ms(), &mut || clock.fresh(), change);
        let core = Arc::new(Mutex::new(Core {
            session,
            journal,
            workers,
            mend_ms: 0,
            printer_ms: None,
            skew_ms: 0,
            paper_mm: 80,
            turned,
        }));
        let own = core.clone();
        thread::Builder::new().name("kiosk-core".to_owned()).spawn(move || serve(&own, &take))?;
        Ok(Engine { core, feed, ports, turned: seen })
    }

    /// Feeds time until the process ends.
    pub async fn run(&self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(TICK_MS));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.tick();
        }
    }

    /// Time has passed.
    pub fn tick(&self) {
        self.feed.send(Feed::event(Event::Tick));
    }

    /// Something about the kiosk has changed, or an operator wants something.
    pub fn tell(&self, event: Event) {
        self.feed.send(Feed::event(event));
    }

    /// The page's beat: it is alive; this is what it has to draw. Answers at once.
    pub fn beat(&self, beat: &Beat) -> View {
        self.ports.watcher.beat(beat, self.ports.clock.now_ms());
        self.view()
    }

    /// A touch, and what there is to draw after it.
    pub async fn intent(&self, intent: Intent) -> View {
        self.settle(Event::Intent(intent)).await;
        self.view()
    }

    /// Feeds an event and comes back once the core has taken it in and begun what it asks.
    pub async fn settle(&self, event: Event) {
        let (done, taken) = oneshot::channel();
        self.feed.send(Feed { event, done: Some(done) });
        // A core that has ended says nothing; the view is then as it was.
        let _ended = taken.await;
    }

    /// What is to be drawn now.
    pub fn view(&self) -> View {
        let mut core = self.lock();
        let now = core.server_now(self.ports.clock.now_wall());
        core.session.set_dark(now);
        screen::view(&core.session, now)
    }

    /// Whether a command from afar may be carried out now.
    pub fn may(&self, verb: Verb) -> May {
        self.lock().session.may(verb)
    }

    /// The name of the session's state, how long it has had it in milliseconds, and whether nobody
    /// is there.
    pub fn state(&self) -> (&'static str, u64, bool) {
        let core = self.lock();
        let (name, since_ms) = core.session.state();
        (name, since_ms, core.session.is_idle())
    }

    /// The width of the paper as the settings say, in millimetres.
    pub fn paper_mm(&self) -> u16 {
        self.lock().paper_mm
    }

    /// What time it is, by the server's clock as far as that is known.
    pub fn now(&self) -> DateTime<Utc> {
        self.lock().server_now(self.ports.clock.now_wall())
    }

    /// Sales and prints the server has not been told the end of.
    pub fn journal_open(&self) -> usize {
        let core = self.lock();
        let open = core.journal.open_ones();
        open.sales.len() + open.prints.len()
    }

    /// Whether the journal can be written.
    pub fn is_journal_writable(&self) -> bool {
        self.lock().journal.is_writable()
    }

    /// Changes with every event that was taken in.
    pub fn turned(&self) -> watch::Receiver<u64> {
        self.turned.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The core's own thread: a slow disk stops neither the page nor the link.
fn serve(core: &Mutex<Core>, take: &Receiver<Feed>) {
    while let Ok(Feed { event, done }) = take.recv() {
        let mut core = core.lock().unwrap_or_else(PoisonError::into_inner);
        core.take(event);
        core.turned.send_modify(|turns| *turns += 1);
        drop(core);
        if let Some(done) = done {
            // Whoever asked may be gone.
            let _gone = done.send(());
        }
    }
}

impl Core {
    fn take(&mut self, event: Event) {
        match &event {
            Event::World(Change::Skew { ms }) => self.skew_ms = *ms,
            Event::World(Change::Settings(settings)) => self.paper_mm = settings.paper_mm,
            Event::Tick => self.chores(),
            _ => {}
        }
        self.step(event);
    }

    /// One step, and its effects in their order. A line that cannot be written ends the list: what
    /// it announced is not done.
    fn step(&mut self, event: Event) {
        let clock = self.workers.ports.clock.clone();
        let mut next = Some(event);
        while let Some(event) = next.take() {
            let effects = self.session.step(clock.now_ms(), &mut || clock.fresh(), event);
            for effect in effects {
                let Effect::Journal(line) = effect else {
                    self.workers.begin(effect, self.paper_mm);
                    continue;
                };
                if let Err(error) = self.journal.append(&line) {
                    tracing::error!(%error, "the journal cannot be written");
                    next = Some(Event::JournalFailed(line));
                    break;
                }
            }
        }
    }

    /// What is looked after by the clock and not by the session.
    fn chores(&mut self) {
        let at_ms = self.workers.ports.clock.now_ms();
        if !self.journal.is_writable() && at_ms >= self.mend_ms {
            self.mend_ms = at_ms + MEND_MS;
            if self.journal.mend().is_ok() {
                self.step(Event::World(Change::Journal { writable: true }));
            }
        }
        if self.printer_ms.is_none_or(|due| at_ms >= due) && !self.session.is_printing() {
            self.printer_ms = Some(at_ms + PRINTER_MS);
            // No question of the session's has the name 0: the answer only tells how it is.
            self.workers.begin(Effect::AskPrinter { task: 0 }, self.paper_mm);
        }
    }

    fn server_now(&self, wall: DateTime<Utc>) -> DateTime<Utc> {
        let skew = TimeDelta::try_milliseconds(self.skew_ms).unwrap_or_default();
        wall.checked_sub_signed(skew).unwrap_or(wall)
    }
}
