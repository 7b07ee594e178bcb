//! Who stands before the kiosk, and where they are.

use kiosk_wire::{
    account::{AccountView, Match, Quote, RoomNode},
    text::Text,
};
use uuid::Uuid;

use super::Task;
use crate::{intent::Errand, words::Trouble};

/// A customer. Everything that is known of them lies in here and goes with them.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    /// Why they came.
    pub(crate) errand: Errand,
    /// The session's id as an order carries it; another one after each order.
    pub(crate) session: Uuid,
    /// The card they laid on the reader, which was found clean.
    pub(crate) card: Option<String>,
    /// What they see.
    pub(crate) step: Step,
    /// When that ends.
    pub(crate) deadline: Deadline,
    /// Whether they are being asked if they are still there.
    pub(crate) still_there: bool,
}

/// When a screen ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub(crate) began_ms: u64,
    pub(crate) whole_ms: u64,
}

impl Deadline {
    pub(crate) fn left_ms(self, at_ms: u64) -> u64 {
        (self.began_ms + self.whole_ms).saturating_sub(at_ms)
    }
}

/// Where a customer is.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// How do you want to look up?
    Identify,
    /// A number is asked for.
    Number { asked: Asked, wrong: Option<Text> },
    /// One step of the cascade.
    Rooms { path: Vec<RoomNode>, nodes: Vec<RoomNode> },
    /// Several were found.
    Matches(Vec<Match>),
    /// The server is being asked.
    Busy { work: Work, task: Task },
    /// A card is awaited, or being read, to find its meter.
    Card,
    /// The meter as it stands.
    Account(Seen),
    /// How much?
    Amount(Box<Choosing>),
    /// Paper, price and meter are looked at once more.
    Preflight(Box<Preflight>),
    /// No receipt can be printed: go on?
    NoPaper(Box<Buy>),
    /// An order, wherever it stands.
    Sale { client: Uuid, wish: Wish, buy: Option<Box<Buy>> },
    /// Something did not work. An order it belongs to may still come good.
    Trouble { trouble: Box<Trouble>, client: Option<Uuid> },
}

/// What a number is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    Meter,
    Phone,
    Code { challenge: Uuid, masked: String },
    LastFour { path: Vec<RoomNode> },
    Order,
    OrderLastFour { order_no: String },
}

/// What the server is being asked for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Work {
    /// A look-up that came from this number.
    Looking(Asked),
    /// The next step of the cascade.
    Cascade(Vec<RoomNode>),
    /// The meter.
    Reading { handle: String, again: bool },
    /// An order.
    Finding(Asked),
}

/// A meter as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) account: Box<AccountView>,
    /// By the kiosk's monotonic clock.
    pub(crate) read_ms: u64,
}

/// An amount is being chosen.
#[derive(Clone, Debug)]
pub(crate) struct Choosing {
    pub(crate) seen: Seen,
    pub(crate) quote: Option<Quote>,
    pub(crate) quoting: Option<Task>,
    pub(crate) wrong: Option<Text>,
}

/// Everything an order is made of.
#[derive(Clone, Debug)]
pub(crate) struct Buy {
    pub(crate) seen: Seen,
    pub(crate) quote: Quote,
    pub(crate) wallet: String,
    pub(crate) without_paper: bool,
}

/// What is still waited for before an order may be made.
#[derive(Clone, Debug)]
pub(crate) struct Preflight {
    pub(crate) buy: Buy,
    pub(crate) printer: Option<Task>,
    pub(crate) quote: Option<Task>,
    pub(crate) read: Option<Task>,
    pub(crate) can_print: bool,
}

/// What happens when an order turns out closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Nothing was wished: say so.
    Pay,
    /// Somebody gave up: say so.
    Cancel,
    /// Nobody did anything: ask whether somebody is there.
    Away,
    /// The other wallet.
    Other,
    /// To the home screen.
    Quit,
}
