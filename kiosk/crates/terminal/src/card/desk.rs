//! The thread at the reader, and the handle others have of it.

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use kiosk_wire::card::{CardKeys, CardLookup, Voucher, VoucherOutcome, VoucherReport};
use tokio::sync::oneshot;

use super::{
    format::CardFormat,
    mifare::{CardError, Mifare, SectorKey, uid},
    reader::{CardReader, ReaderError},
};

/// The most questions that wait.
const WAITING_MAX: usize = 4;
/// The longest single wait for a card.
const STEP: Duration = Duration::from_millis(250);
/// How often a reader nobody asks is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often one voucher is written to one card before it counts as broken (F.7, row 26).
pub const WRITES_MAX: u32 = 3;

/// What the reader says.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// A card lies there.
    Laid {
        /// Its own number, hexadecimal.
        uid: String,
    },
    /// It was read.
    Read(CardLookup),
    /// It was written, or not.
    Wrote(VoucherReport),
    /// The card was taken away before anything was written, or is another one.
    Gone,
    /// The card cannot be read, or there is no reader.
    Unreadable,
}

enum Ask {
    Wait(Option<String>, oneshot::Sender<Seen>),
    Read(String, CardKeys, oneshot::Sender<Seen>),
    Write(String, CardKeys, Box<Voucher>, oneshot::Sender<Seen>),
}

/// The card reader, for whoever does not want to wait for it.
#[derive(Clone, Debug)]
pub struct Desk {
    asks: SyncSender<Ask>,
    state: Arc<Mutex<&'static str>>,
}

impl Desk {
    /// Starts the thread; it ends when the last handle is dropped.
    ///
    /// # Errors
    /// Where the machine gives no thread.
    pub fn start(
        reader: Box<dyn CardReader>,
        format: Box<dyn CardFormat>,
    ) -> std::io::Result<Desk> {
        let (asks, receiver) = sync_channel(WAITING_MAX);
        let state = Arc::new(Mutex::new("lost"));
        let desk = Desk { asks, state: Arc::clone(&state) };
        let clerk = Clerk { reader, format, state };
        thread::Builder::new().name("cards".to_owned()).spawn(move || clerk.work(&receiver))?;
        Ok(desk)
    }

    /// `ready`, `card` or `lost`, for the heartbeat; a kiosk without a desk says `none`.
    pub fn state(&self) -> &'static str {
        *self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Tells when a card lies there. One that is `not` wanted counts again once it was taken off.
    /// Dropping the future ends the wait.
    pub async fn wait(&self, not: Option<String>) -> Seen {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Wait(not, reply), answer, Seen::Unreadable).await
    }

    /// Reads both copies of this card.
    pub async fn read(&self, uid: String, keys: CardKeys) -> Seen {
        let (reply, answer) = oneshot::channel();
        self.ask(Ask::Read(uid, keys, reply), answer, Seen::Unreadable).await
    }

    /// Writes a voucher to this card and reads it back. It goes on if nobody waits any more.
    pub async fn write(&self, uid: String, keys: CardKeys, voucher: Voucher) -> Seen {
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Write(uid, keys, Box::new(voucher), reply);
        self.ask(ask, answer, Seen::Wrote(unknown())).await
    }

    async fn ask(&self, ask: Ask, answer: oneshot::Receiver<Seen>, otherwise: Seen) -> Seen {
        if self.asks.try_send(ask).is_err() {
            return otherwise;
        }
        answer.await.unwrap_or(otherwise)
    }
}

fn unknown() -> VoucherReport {
    VoucherReport { outcome: VoucherOutcome::Unknown, blocks: Vec::new() }
}

struct Clerk {
    reader: Box<dyn CardReader>,
    format: Box<dyn CardFormat>,
    state: Arc<Mutex<&'static str>>,
}

impl Clerk {
    fn work(mut self, asks: &Receiver<Ask>) {
        self.look();
        loop {
            match asks.recv_timeout(LOOK_EVERY) {
                Ok(Ask::Wait(not, reply)) => self.wait(not.as_deref(), reply),
                Ok(Ask::Read(uid, keys, reply)) => {
                    let seen = self.read(&uid, keys);
                    self.reader.release();
                    let _ = reply.send(seen);
                }
                Ok(Ask::Write(uid, keys, voucher, reply)) => {
                    let report = self.write(&uid, keys, &voucher);
                    self.reader.release();
                    if report.outcome != VoucherOutcome::Written {
                        tracing::warn!(voucher = %voucher.id, outcome = ?report.outcome, "card");
                    }
                    let _ = reply.send(Seen::Wrote(report));
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self) {
        let found = self.reader.wait_gone(Duration::ZERO);
        self.note(found.map(|gone| !gone));
    }

    fn note(&self, card: Result<bool, ReaderError>) {
        let state = match card {
            Ok(true) => "card",
            Ok(false) | Err(ReaderError::Gone) => "ready",
            Err(ReaderError::NoReader) => "lost",
        };
        *self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = state;
    }

    fn wait(&mut self, mut not: Option<&str>, reply: oneshot::Sender<Seen>) {
        while !reply.is_closed() {
            if let Some(unwanted) = not
                && self.is_off(unwanted)
            {
                not = None;
            }
            if not.is_some() {
                continue;
            }
            let card = self.reader.wait_card(STEP);
            self.note(card);
            let seen = match card {
                Ok(false) | Err(ReaderError::Gone) => continue,
                Err(ReaderError::NoReader) => Seen::Unreadable,
                Ok(true) => match uid(self.reader.as_mut()) {
                    Ok(uid) => Seen::Laid { uid },
                    Err(CardError::Reader(ReaderError::Gone)) => continue,
                    Err(_) => Seen::Unreadable,
                },
            };
            self.reader.release();
            let _ = reply.send(seen);
            return;
        }
    }

    /// Whether a card that was sent away lies there no longer, waiting a moment for that.
    fn is_off(&mut self, unwanted: &str) -> bool {
        let gone = self.reader.wait_gone(STEP);
        self.note(gone.map(|gone| !gone));
        match gone {
            Ok(true) | Err(_) => true,
            Ok(false) => {
                let other = matches!(self.reader.wait_card(Duration::ZERO), Ok(true))
                    && uid(self.reader.as_mut()).is_ok_and(|uid| uid != unwanted);
                self.reader.release();
                other
            }
        }
    }

    /// Holds the card that lies there, if it is this one.
    fn hold(&mut self, wanted: &str) -> Result<(), Seen> {
        let card = self.reader.wait_card(STEP);
        self.note(card);
        match card {
            Ok(true) => {}
            Ok(false) | Err(ReaderError::Gone) => return Err(Seen::Gone),
            Err(ReaderError::NoReader) => return Err(Seen::Unreadable),
        }
        match uid(self.reader.as_mut()) {
            Ok(uid) if uid == wanted => Ok(()),
            Ok(_) | Err(CardError::Reader(ReaderError::Gone)) => Err(Seen::Gone),
            Err(_) => Err(Seen::Unreadable),
        }
    }

    fn read(&mut self, wanted: &str, mut keys: CardKeys) -> Seen {
        let Some(key) = SectorKey::take(&mut keys) else { return Seen::Unreadable };
        if let Err(seen) = self.hold(wanted) {
            return seen;
        }
        let numbers = self.format.blocks(&keys);
        let read =
            Mifare::open(self.reader.as_mut(), &key).and_then(|mut card| card.read_all(&numbers));
        match read {
            // A card none of whose blocks can be read is none of ours.
            Ok(blocks) if blocks.iter().all(|block| block.bytes.is_empty()) => Seen::Unreadable,
            Ok(blocks) => Seen::Read(CardLookup {
                uid: wanted.to_owned(),
                format: self.format.name().to_owned(),
                blocks,
            }),
            Err(CardError::Reader(ReaderError::Gone)) => Seen::Gone,
            Err(_) => Seen::Unreadable,
        }
    }

    /// Writes, reads back, and writes again where the card took it wrong.
    ///
    /// Invariant: *not written* is said only of a copy that was read and differs, *written* only of
    /// one that was read and is the same; proved by `an_empty_reply_to_a_write_proves_nothing`.
    fn write(&mut self, wanted: &str, mut keys: CardKeys, voucher: &Voucher) -> VoucherReport {
        let Some(key) = SectorKey::take(&mut keys) else { return unknown() };
        if self.hold(wanted).is_err() {
            return unknown();
        }
        let Ok(mut card) = Mifare::open(self.reader.as_mut(), &key) else { return unknown() };
        let numbers = self.format.blocks(&keys);
        let mut report = unknown();
        for tried in 0..=WRITES_MAX {
            let Ok(blocks) = card.read_all(&numbers) else { return unknown() };
            report = VoucherReport { outcome: self.format.verify(voucher, &blocks), blocks };
            if report.outcome == VoucherOutcome::Written || tried == WRITES_MAX {
                break;
            }
            let Ok(writes) = self.format.plan(&keys, voucher, &report.blocks) else { break };
            for write in writes {
                match card.write(write.number, &write.bytes) {
                    Ok(()) => {}
                    Err(CardError::Reader(_)) => return unknown(),
                    // What it has come to, the reading tells. No block is written after one that
                    // is not there: the last one makes the copy valid.
                    Err(CardError::Unknown | CardError::Refused(_)) => {
                        if card.read(write.number) != Ok(write.bytes) {
                            break;
                        }
                    }
                }
            }
        }
        report
    }
}
