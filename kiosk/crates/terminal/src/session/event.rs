//! What the session is told and what it wants done.

use kiosk_wire::{
    card::{CardKeys, CardLookup, Voucher, VoucherReport},
    channel::Up,
    content::HomeContent,
    device::Settings,
    heartbeat::Printer,
    receipt::{PrintOutcome, Receipt},
    text::Text,
};
use uuid::Uuid;

use crate::{
    call::{Call, Outcome},
    intent::Intent,
    journal::Line,
    view::Day,
};

/// Names one call, one question to the printer or one task of the card reader. What answers to a
/// name the session no longer waits for is dropped: it belongs to an earlier customer (KI7).
pub type Task = u64;

/// Something happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Time has passed.
    Tick,
    /// A finger.
    Intent(Intent),
    /// The server, or its silence.
    Answer {
        /// To which call.
        task: Task,
        /// What it came to.
        outcome: Outcome,
    },
    /// The printer is done with a receipt.
    Printed {
        /// Which.
        print: Uuid,
        /// How it ended.
        outcome: PrintOutcome,
        /// Millimetres of paper.
        paper_mm: u32,
    },
    /// The printer was asked how it is.
    PrinterIs {
        /// By which question.
        task: Task,
        /// How it is.
        printer: Printer,
    },
    /// The card reader has something to say.
    Card {
        /// To which task.
        task: Task,
        /// What.
        seen: CardSeen,
    },
    /// The server says that an order of this kiosk has moved: ask now rather than later.
    Moved {
        /// Which.
        order: Uuid,
    },
    /// Something about the kiosk has changed.
    World(Change),
    /// An operator, through a command that was checked.
    Remote(Remote),
    /// A line could not be written: it and everything after it in the same list was not done.
    JournalFailed(Line),
}

/// What the card reader says.
#[derive(Clone, Debug, PartialEq)]
pub enum CardSeen {
    /// A card lies there.
    Laid {
        /// Its own number, hexadecimal.
        uid: String,
    },
    /// It was read.
    Read(CardLookup),
    /// It was written, or not.
    Wrote(VoucherReport),
    /// The card was taken away before anything was written.
    Gone,
    /// The card cannot be read, or there is no reader.
    Unreadable,
}

/// What is asked of the card reader.
#[derive(Clone, Debug, PartialEq)]
pub enum CardAsk {
    /// Tell when a card lies there.
    Wait {
        /// A card that was shown and sent away; it counts again once it was taken off.
        not: Option<String>,
    },
    /// Read both copies.
    Read {
        /// The card's own number.
        uid: String,
        /// Its keys.
        keys: CardKeys,
    },
    /// Write a voucher and read it back.
    Write {
        /// The card's own number.
        uid: String,
        /// Its keys.
        keys: CardKeys,
        /// What to write.
        voucher: Voucher,
    },
}

/// How far pairing is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pairing {
    /// Not known yet: the kiosk is starting.
    #[default]
    Starting,
    /// Waits for an operator.
    Unpaired {
        /// Eight characters; `None` until the server has given some.
        code: Option<String>,
        /// Six digits of the key's fingerprint.
        fingerprint: String,
        /// The address an operator opens.
        address: Option<String>,
    },
    /// Done.
    Paired,
}

/// What is shown while nobody is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Showing {
    /// An address of the kiosk itself.
    pub url: String,
    /// `image` or `video`.
    pub media: String,
    /// Read beside it.
    pub title: Text,
    /// This showing.
    pub play: u64,
}

/// Something about the kiosk that has changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Pairing.
    Pairing(Pairing),
    /// The link is up or down, as far as the channel knows.
    Link {
        /// Up.
        up: bool,
    },
    /// The server was heard just now, over the channel.
    Heard,
    /// Local wall clock minus the server's, in milliseconds.
    Skew {
        /// See above.
        ms: i64,
    },
    /// The journal can be written again.
    Journal {
        /// Writable.
        writable: bool,
    },
    /// The printer, as it is by itself.
    Printer(Printer),
    /// The card reader: `none`, `ready`, `card` or `lost`.
    Reader(String),
    /// The home screen's document, and the address of its logo on this machine.
    Content(Box<HomeContent>, Option<String>),
    /// Where the files of the content lie on this machine: `http://127.0.0.1:PORT/TOKEN`, to which
    /// `/` and a file's digest are added.
    Media(String),
    /// The settings.
    Settings(Box<Settings>),
    /// A new day, or the server has corrected the clock.
    Day(Box<Day>),
    /// What is shown while nobody is there; `None` = nothing.
    Advert(Option<Showing>),
    /// Whether an operator looks at the screen from afar.
    Watched(bool),
    /// Whether this is a demo.
    Demo(bool),
    /// The server does not let this kiosk in any more, or does again.
    Revoked(bool),
    /// Out of service by an operator's word.
    Locked(Option<Text>),
}

/// What an operator wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// End the customer's session.
    Cancel,
    /// Out of service, once the customer is gone.
    Lock(Text),
    /// In service again.
    Unlock,
    /// Print a receipt again.
    Reprint {
        /// Of which order.
        order: Uuid,
    },
}

/// Something to do, in the order of the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Write this down and wait until it is on the disk. If that fails, nothing that follows is
    /// done.
    Journal(Line),
    /// Ask the server.
    Call {
        /// Names the answer.
        task: Task,
        /// What.
        call: Call,
    },
    /// Ask the printer how it is.
    AskPrinter {
        /// Names the answer.
        task: Task,
    },
    /// Print.
    Print {
        /// Names the outcome.
        print: Uuid,
        /// What.
        receipt: Receipt,
    },
    /// Ask the card reader.
    Card {
        /// Names the answer.
        task: Task,
        /// What.
        ask: CardAsk,
    },
    /// Stop waiting for a card. A write that has begun goes on.
    DropCard {
        /// What was asked.
        task: Task,
    },
    /// Tell the server beside the money.
    Tell(Up),
}
