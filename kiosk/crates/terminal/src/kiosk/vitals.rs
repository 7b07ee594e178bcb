//! How the whole kiosk is: for the heartbeat, for an operator's self-test, and for whoever ends a
//! process that stands still.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use kiosk_wire::heartbeat::Heartbeat;
use tokio::sync::watch;

use super::late::Late;
use crate::{
    advert::Keeper,
    ambient::Ambient,
    card::Desk,
    command::Worker,
    engine::{Beat, Engine, Watcher},
    health::{Health, Told},
    join::{Machine, Page},
    link::{Line, Pulse, TURN_MAX_MS},
    printer,
};

/// A worker that has not turned for this long stands still, in milliseconds.
pub const STILL_MS: u64 = 6 * TURN_MAX_MS;
/// No page has beaten yet.
const NEVER: u64 = u64::MAX;

/// The page's beats, with the moment of the last one.
pub(super) struct Window {
    page: Page,
    beat: watch::Receiver<Beat>,
    beaten_ms: AtomicU64,
}

impl Window {
    /// A window whose page has not beaten, and the end at which its beats are heard.
    pub(super) fn new() -> (Window, watch::Receiver<Beat>) {
        let (page, beats) = Page::new();
        let window = Window { page, beat: beats.clone(), beaten_ms: AtomicU64::new(NEVER) };
        (window, beats)
    }

    fn age_ms(&self, now_ms: u64) -> Option<u64> {
        let beaten = self.beaten_ms.load(Ordering::Relaxed);
        (beaten != NEVER).then(|| now_ms.saturating_sub(beaten))
    }
}

impl Watcher for Window {
    fn beat(&self, beat: &Beat, at_ms: u64) {
        self.beaten_ms.store(at_ms, Ordering::Relaxed);
        self.page.beat(beat, at_ms);
    }
}

/// What only a paired kiosk has.
pub(super) struct Paired {
    pub(super) line: Arc<Line>,
    pub(super) worker: Arc<Worker>,
    pub(super) keeper: Arc<Keeper>,
}

/// Everything there is to know about how it is.
pub(super) struct Vitals {
    pub(super) engine: Engine,
    pub(super) press: printer::Press,
    pub(super) desk: Option<Desk>,
    pub(super) window: Arc<Window>,
    pub(super) machine: Arc<dyn Machine>,
    pub(super) late: Arc<Late>,
    pub(super) ambient: Arc<dyn Ambient>,
    pub(super) health: Health,
    pub(super) paired: OnceLock<Paired>,
    /// The engine's count of turns when it last moved, and when that was.
    pub(super) turned: AtomicU64,
    pub(super) turned_ms: AtomicU64,
}

impl Vitals {
    /// `none`, `ready`, `card` or `lost`.
    pub(super) fn reader(&self) -> &'static str {
        self.desk.as_ref().map_or("none", Desk::state)
    }

    /// The names of the parts that stand still.
    ///
    /// Invariant: what stands still is found by its own turns and not by the server's silence
    /// (`a_kiosk_without_its_server_is_well`).
    pub(super) fn still(&self) -> Vec<&'static str> {
        let paired = self.paired.get();
        let line = paired.map_or(0, |paired| paired.line.turned_age_ms());
        let worker = paired.map_or(0, |paired| paired.worker.turned_age_ms());
        let parts = [
            ("core_still", self.engine_age_ms()),
            ("line_still", line),
            ("commands_still", worker),
        ];
        parts.into_iter().filter(|(_, age)| *age > STILL_MS).map(|(name, _)| name).collect()
    }

    fn engine_age_ms(&self) -> u64 {
        let (now_ms, turns) = (self.ambient.now_ms(), *self.engine.turned().borrow());
        if self.turned.swap(turns, Ordering::Relaxed) != turns {
            self.turned_ms.store(now_ms, Ordering::Relaxed);
        }
        now_ms.saturating_sub(self.turned_ms.load(Ordering::Relaxed))
    }

    fn told(&self) -> Told {
        let (state, state_for_ms, idle) = self.engine.state();
        let now_ms = self.ambient.now_ms();
        let link = self.late.link();
        let looks = self.machine.looks();
        Told {
            uptime_ms: now_ms,
            state: state.to_owned(),
            state_for_ms,
            idle,
            locked: state == "locked",
            printer: self.press.last(),
            reader: self.reader().to_owned(),
            touch: looks.touch,
            page_process: looks.page_process,
            page_beat_age_ms: self.window.age_ms(now_ms),
            picture_age_ms: looks.picture_age_ms,
            plays: self.window.beat.borrow().plays.clone(),
            content_version: self.paired.get().and_then(|paired| paired.keeper.shown()),
            clock_offset_ms: link
                .and_then(|link| link.time(|time, wall, now_ms| time.offset_ms(wall, now_ms))),
            skew: link.map(|link| link.skew()),
            journal_open: u64::try_from(self.engine.journal_open()).unwrap_or(u64::MAX),
            journal_writable: self.engine.is_journal_writable(),
            faults: self.still().into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Pulse for Vitals {
    fn heartbeat(&self) -> Heartbeat {
        self.health.heartbeat(self.told())
    }
}
