//! The customer's session as a pure step: an event in, a list of effects out (F.6). It does no I/O,
//! has no clock and no dice; what answers late or twice is dropped by its name.
//!
//! A *customer* stands before the screen; a *sale* is an order. A customer who leaves takes their
//! screen with them and nothing else: sales, prints and card writes go on without them until
//! nothing is left to do.

use std::collections::VecDeque;

use kiosk_wire::order::OrderView;
use uuid::Uuid;

use crate::{
    call::{Answer, Call, Failure, Outcome},
    intent::Intent,
    journal::{Line, Open},
    view::Mode,
};

mod buy;
mod card;
mod code;
mod customer;
mod event;
mod leave;
mod look;
mod paper;
mod remote;
mod sale;
mod tell;
mod time;
mod touch;
mod world;

pub use event::{CardAsk, CardSeen, Change, Effect, Event, Pairing, Remote, Showing, Task};
pub use remote::May;

pub(crate) use card::CardWork;
pub(crate) use customer::{Asked, Choosing, Customer, Seen, Step, Work};
pub(crate) use sale::{Phase, Sale};
pub(crate) use world::{World, can_print};

/// Screens on which somebody chooses or types.
pub const INPUT_MS: u64 = 60_000;
/// The longest a code is on the screen (KI3).
pub const QR_MS_MAX: u64 = 120_000;
/// A result.
pub const RESULT_MS: u64 = 30_000;
/// What is left of a screen's time when it begins to say so.
pub const WARN_MS: u64 = 15_000;
/// Are you still there?
pub const STILL_THERE_MS: u64 = 10_000;
/// The longest the screen says that a payment is being checked before it lets the customer go.
pub const CONFIRM_MS: u64 = 30_000;
/// The longest a meter is waited for.
pub const READ_MS: u64 = 30_000;
/// The longest anything else is waited for.
pub const BUSY_MS: u64 = 15_000;
/// The longest an order's answer is waited for (F.7, row 3).
pub const PLACE_MS: u64 = 8_000;
/// The server is live if it was heard within this time (KI2).
pub const LIVE_MS: u64 = 5_000;
/// A reading that is older is taken again before an order is made (KI2).
pub const READ_AGE_MS_MAX: u64 = 120_000;
/// Between two questions about an order somebody waits for.
pub const POLL_MS: u64 = 2_000;
/// A call that has not come back after this time is asked again.
pub const CALL_MS: u64 = 4_000;
/// Home becomes adverts after this time without a touch.
pub const ATTRACT_MS: u64 = 60_000;
/// A clock that is further off takes no payments.
pub const SKEW_MS_MAX: u64 = 5 * 60_000;
/// The longest text that is taken from the keypad, in bytes.
pub const TYPED_MAX: usize = 32;
/// How often in a row the same touch means something (F.7, row 35).
pub const SAME_MAX: u32 = 16;
/// The deepest cascade.
pub const CASCADE_MAX: usize = 8;

/// The session.
#[derive(Clone, Debug)]
pub struct Session {
    pub(crate) at_ms: u64,
    pub(crate) seq: u64,
    tasks: Task,
    pub(crate) world: World,
    pub(crate) mode: Mode,
    /// When somebody last touched the screen.
    pub(crate) touched_ms: u64,
    /// The last touch, and how often it came in a row.
    same: Option<(Intent, u32)>,
    /// Since when the state has had the name it has.
    state: (&'static str, u64),
    pub(crate) customer: Option<Customer>,
    pub(crate) sales: Vec<Sale>,
    pub(crate) prints: Vec<paper::PrintJob>,
    tells: VecDeque<tell::Telling>,
    /// How much was said for timelines since this process began; the server misses what is lost.
    told: u64,
    pub(crate) card: Option<CardWork>,
}

/// One step: when it is, where ids come from, and what came of it.
pub(crate) struct Turn<'a> {
    pub(crate) at: u64,
    fresh: &'a mut dyn FnMut() -> Uuid,
    pub(crate) out: Vec<Effect>,
}

impl Turn<'_> {
    pub(crate) fn fresh(&mut self) -> Uuid {
        (self.fresh)()
    }

    pub(crate) fn journal(&mut self, line: Line) {
        self.out.push(Effect::Journal(line));
    }
}

impl Session {
    /// A session that knows nothing yet but what the journal left open.
    pub fn new(open: &Open) -> Session {
        let mut session = Session {
            at_ms: 0,
            seq: 0,
            tasks: 0,
            world: World::new(),
            mode: default_mode(),
            touched_ms: 0,
            same: None,
            state: ("boot", 0),
            customer: None,
            sales: Vec::new(),
            prints: Vec::new(),
            tells: VecDeque::new(),
            told: 0,
            card: None,
        };
        session.replay(open);
        session
    }

    /// Takes an event in and says what is to be done, in that order. `fresh` makes ids.
    pub fn step(
        &mut self,
        at_ms: u64,
        fresh: &mut dyn FnMut() -> Uuid,
        event: Event,
    ) -> Vec<Effect> {
        self.at_ms = self.at_ms.max(at_ms);
        self.seq += 1;
        let mut turn = Turn { at: self.at_ms, fresh, out: Vec::new() };
        match event {
            Event::Tick => {}
            Event::Intent(intent) => self.touch(&mut turn, intent),
            Event::Answer { task, outcome } => self.answer(&mut turn, task, outcome),
            Event::Printed { print, outcome, paper_mm } => {
                self.printed(&mut turn, print, outcome, paper_mm);
            }
            Event::PrinterIs { task, printer } => self.printer_is(&mut turn, task, printer),
            Event::Card { task, seen } => self.card_seen(&mut turn, task, seen),
            Event::Moved { order } => self.moved(order),
            Event::World(change) => self.changed(&mut turn, change),
            Event::Remote(remote) => self.remote(&mut turn, remote),
            Event::JournalFailed(line) => self.journal_failed(&mut turn, &line),
        }
        self.pass_time(&mut turn);
        self.watch(&mut turn);
        self.name_state();
        turn.out
    }

    /// Whether nobody is there: neither a customer nor a print nor a card being written.
    pub fn is_idle(&self) -> bool {
        self.customer.is_none() && self.prints.is_empty() && !self.is_writing_card()
    }

    /// The name of its state, and for how long it has had it, in milliseconds.
    pub fn state(&self) -> (&'static str, u64) {
        (self.state.0, self.at_ms.saturating_sub(self.state.1))
    }

    /// How many sales have an end the kiosk does not know yet.
    pub fn open_sales(&self) -> usize {
        self.sales.len()
    }

    pub(crate) fn task(&mut self) -> Task {
        self.tasks += 1;
        self.tasks
    }

    pub(crate) fn call(&mut self, turn: &mut Turn<'_>, call: Call) -> Task {
        let task = self.task();
        turn.out.push(Effect::Call { task, call });
        task
    }

    /// Whether a code may be on the screen: the server was heard within [`LIVE_MS`] and nothing
    /// says that the link is down.
    pub(crate) fn is_live(&self, at_ms: u64) -> bool {
        self.world.link_up && self.world.heard_age_ms(at_ms).is_some_and(|age| age <= LIVE_MS)
    }

    fn answer(&mut self, turn: &mut Turn<'_>, task: Task, outcome: Outcome) {
        match &outcome {
            Ok(_) | Err(Failure::Refused(_)) => self.world.heard_ms = Some(turn.at),
            Err(Failure::Revoked) => {
                self.world.heard_ms = Some(turn.at);
                self.world.revoked = true;
                self.drain(turn);
            }
            Err(Failure::Lost) => {}
        }
        // Each drawer takes what carries one of its names; the rest is late and is dropped.
        let _taken = self.sale_answer(turn, task, &outcome)
            || self.print_answer(turn, task, &outcome)
            || self.tell_answer(turn, task, &outcome)
            || self.card_answer(turn, task, &outcome)
            || self.customer_answer(turn, task, outcome);
    }

    fn customer_answer(&mut self, turn: &mut Turn<'_>, task: Task, outcome: Outcome) -> bool {
        let Some(customer) = &self.customer else { return false };
        match &customer.step {
            Step::Busy { task: waited, work } if *waited == task => {
                let work = work.clone();
                self.looked(turn, work, outcome);
                true
            }
            Step::Amount(choosing) if choosing.quoting == Some(task) => {
                self.quoted(outcome);
                true
            }
            Step::Preflight(flight) if flight.quote == Some(task) || flight.read == Some(task) => {
                self.preflight_answer(turn, task, outcome);
                true
            }
            _ => false,
        }
    }

    fn changed(&mut self, turn: &mut Turn<'_>, change: Change) {
        let was_up = self.world.link_up;
        self.world.take(turn.at, change);
        if was_up && !self.world.link_up {
            self.link_lost(turn);
        }
        self.drain(turn);
    }

    fn journal_failed(&mut self, turn: &mut Turn<'_>, line: &Line) {
        self.world.journal = false;
        self.sale_unwritten(turn, line);
        self.print_unwritten(turn, line);
        self.card_unwritten(line);
        self.drain(turn);
    }

    fn name_state(&mut self) {
        let name = self.state_name();
        if name != self.state.0 {
            self.state = (name, self.at_ms);
        }
    }
}

/// How the kiosk greets the next one: in Chinese, plainly.
pub(crate) fn default_mode() -> Mode {
    Mode { language: "zh".to_owned(), ..Mode::default() }
}

/// The order in an answer, if that is what it is.
pub(crate) fn order_of(outcome: &Outcome) -> Option<&OrderView> {
    match outcome {
        Ok(Answer::Order(view)) => Some(view),
        _ => None,
    }
}
