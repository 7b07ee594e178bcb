//! A kiosk on a bench: the session and its journal as they are, and around them a server, a
//! printer and a card reader that keep books of their own and fail when told to.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    sync::{Arc, Mutex},
};

use chrono::{DateTime, Utc};
use kiosk_wire::{
    card::{VoucherOutcome, VoucherReport},
    channel::Up,
    device::Settings,
    heartbeat::Printer,
    order::OrderState,
    receipt::PrintOutcome,
};
use terminal::{
    call::{Answer, Call, Failure},
    intent::{Errand, Intent, Way},
    journal::{Journal, Line, Medium},
    screen,
    session::{CardAsk, CardSeen, Change, Effect, Event, Pairing, Remote, Session, Task},
    view::{Screen, View},
};
use uuid::Uuid;

pub mod server;

use server::{CODE, HOLDER, METER, PLACE, Server};

/// The card of whoever stands there.
pub const UID: &str = "04a1b2c3";

/// A disk that survives the kiosk.
#[derive(Clone, Default)]
pub struct Disk(pub Arc<Mutex<Platter>>);

#[derive(Default)]
pub struct Platter {
    pub bytes: Vec<u8>,
    pub full: bool,
}

impl Medium for Disk {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.0.lock().unwrap().bytes.clone())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        if platter.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        platter.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        if platter.full {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        platter.bytes = bytes.to_vec();
        Ok(())
    }
}

/// How the line to the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Good,
    /// Nothing arrives.
    Cut,
    /// The server hears and does it; the answer is lost.
    Deaf,
    /// Nothing is answered until it is good again.
    Slow,
}

/// When the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dies {
    /// The line is not on the disk.
    Before,
    /// The line is on the disk, and what it announces was not done.
    After,
}

/// What a write to the card does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pen {
    Good,
    /// The card is gone in the middle; nothing valid was written.
    Torn,
    /// The card is gone at the end; it was written.
    TornLate,
    /// Read back, it is not what was written.
    Mismatch,
    /// Does not come back: the power goes.
    Stuck,
}

pub struct Stand {
    pub session: Session,
    pub journal: Journal,
    pub disk: Disk,
    pub server: Server,
    pub at_ms: u64,
    pub wire: Wire,
    pub printer: Printer,
    /// How the next prints end; `None` = the printer never says.
    pub prints_end: Option<PrintOutcome>,
    /// Receipts whose bytes went to the printer.
    pub paper: Vec<Uuid>,
    pub card: Option<String>,
    pub pen: Pen,
    /// Vouchers that were written: id, number, and whether the card has it.
    pub writes: Vec<(Uuid, u32, bool)>,
    pub told: Vec<Up>,
    pub lines: Vec<Line>,
    /// The power goes when this line is to be written: before it, or right after it.
    pub dies_at: Option<(usize, Dies)>,
    /// When the server last answered.
    pub answered_ms: Option<u64>,
    /// Orders this start of the kiosk was told are paid.
    pub heard_paid: BTreeSet<Uuid>,
    /// Looks at the kiosk after every single event.
    pub watch: Option<fn(&mut Stand)>,
    /// Codes that were on the screen, and since when.
    pub codes: BTreeMap<Uuid, u64>,
    pub dead: bool,
    pending: VecDeque<(Task, Call)>,
    waiting: Option<(Task, Option<String>)>,
    ids: u128,
}

impl Stand {
    /// A paired kiosk with a good link, paper and both wallets.
    pub fn new() -> Stand {
        Stand::on(Disk::default(), Server::default(), 1)
    }

    /// A kiosk that starts on this disk.
    pub fn on(disk: Disk, server: Server, boot: u128) -> Stand {
        let journal = Journal::open(Box::new(disk.clone()));
        let session = Session::new(journal.open_ones());
        let mut stand = Stand {
            session,
            journal,
            disk,
            server,
            at_ms: 0,
            wire: Wire::Good,
            printer: Printer { state: "ready".to_owned(), paper_mm: Some(40_000) },
            prints_end: Some(PrintOutcome::Printed),
            paper: Vec::new(),
            card: None,
            pen: Pen::Good,
            writes: Vec::new(),
            told: Vec::new(),
            lines: Vec::new(),
            dies_at: None,
            answered_ms: None,
            heard_paid: BTreeSet::new(),
            watch: None,
            codes: BTreeMap::new(),
            dead: false,
            pending: VecDeque::new(),
            waiting: None,
            ids: boot << 64,
        };
        let writable = stand.journal.is_writable();
        stand.world(Change::Journal { writable });
        stand.world(Change::Settings(Box::new(settings())));
        stand.world(Change::Printer(stand.printer.clone()));
        stand.world(Change::Reader("ready".to_owned()));
        stand.world(Change::Link { up: true });
        stand.world(Change::Pairing(Pairing::Paired));
        stand
    }

    /// The same kiosk after its power went and came back: disk, server, card and paper remain.
    pub fn reborn(self) -> Stand {
        let boot = (self.ids >> 64) + 1;
        let mut next = Stand::on(self.disk, self.server, boot);
        next.paper = self.paper;
        next.writes = self.writes;
        next.card = self.card;
        next.watch = self.watch;
        next
    }

    pub fn world(&mut self, change: Change) {
        self.feed(Event::World(change));
    }

    pub fn remote(&mut self, remote: Remote) {
        self.feed(Event::Remote(remote));
    }

    pub fn touch(&mut self, intent: Intent) {
        self.feed(Event::Intent(intent));
    }

    /// One event and everything that comes of it at once.
    pub fn feed(&mut self, event: Event) {
        self.one(event);
        while !self.dead && self.wire != Wire::Slow {
            let Some((task, call)) = self.pending.pop_front() else { break };
            let outcome = match self.wire {
                Wire::Good => self.server.answer(call),
                Wire::Deaf => {
                    let _lost = self.server.answer(call);
                    Err(Failure::Lost)
                }
                Wire::Cut | Wire::Slow => Err(Failure::Lost),
            };
            if !matches!(outcome, Err(Failure::Lost)) {
                self.answered_ms = Some(self.at_ms);
            }
            if let Ok(Answer::Order(view)) = &outcome
                && view.state.is_paid()
            {
                self.heard_paid.insert(view.id);
            }
            self.one(Event::Answer { task, outcome });
        }
    }

    /// One event, its effects carried out in order as the engine does it.
    pub fn one(&mut self, event: Event) {
        if self.dead {
            return;
        }
        let ids = &mut self.ids;
        let mut fresh = || {
            *ids += 1;
            Uuid::from_u128(*ids)
        };
        let effects = self.session.step(self.at_ms, &mut fresh, event);
        for effect in effects {
            if self.dead {
                return;
            }
            if let Effect::Journal(line) = effect {
                let dies = self.dies_at.filter(|(line, _)| *line == self.lines.len());
                if matches!(dies, Some((_, Dies::Before))) {
                    self.dead = true;
                    return;
                }
                if self.journal.append(&line).is_err() {
                    self.one(Event::JournalFailed(line));
                    return;
                }
                self.lines.push(line);
                self.dead |= dies.is_some();
            } else {
                self.act(effect);
            }
        }
        if let Some(watch) = self.watch {
            watch(self);
        }
    }

    fn act(&mut self, effect: Effect) {
        match effect {
            Effect::Journal(_) => {}
            Effect::Call { task, call } => self.pending.push_back((task, call)),
            Effect::AskPrinter { task } => {
                let printer = self.printer.clone();
                self.one(Event::PrinterIs { task, printer });
            }
            Effect::Print { print, .. } => {
                self.paper.push(print);
                if let Some(outcome) = self.prints_end {
                    self.one(Event::Printed { print, outcome, paper_mm: 140 });
                }
            }
            Effect::Card { task, ask } => self.card_asked(task, ask),
            Effect::DropCard { task } => {
                if self.waiting.as_ref().is_some_and(|waiting| waiting.0 == task) {
                    self.waiting = None;
                }
            }
            Effect::Tell(up) => self.told.push(up),
        }
    }

    fn card_asked(&mut self, task: Task, ask: CardAsk) {
        match ask {
            CardAsk::Wait { not } => {
                self.waiting = Some((task, not));
                self.look_at_reader();
            }
            CardAsk::Read { uid, .. } => {
                let seen = match &self.card {
                    Some(card) if *card == uid => CardSeen::Read(self.server.card_image(&uid)),
                    _ => CardSeen::Gone,
                };
                self.one(Event::Card { task, seen });
            }
            CardAsk::Write { voucher, .. } => {
                let kept = matches!(self.pen, Pen::Good | Pen::TornLate);
                self.writes.push((voucher.id, voucher.seq, kept));
                if kept {
                    self.server.on_card.push(voucher.id);
                }
                let outcome = match self.pen {
                    Pen::Good => VoucherOutcome::Written,
                    Pen::Torn | Pen::TornLate => VoucherOutcome::Unknown,
                    Pen::Mismatch => VoucherOutcome::NotWritten,
                    Pen::Stuck => return,
                };
                if self.pen != Pen::Good {
                    self.card = None;
                }
                let report = VoucherReport { outcome, blocks: Vec::new() };
                self.one(Event::Card { task, seen: CardSeen::Wrote(report) });
            }
        }
    }

    fn look_at_reader(&mut self) {
        let Some((task, not)) = self.waiting.clone() else { return };
        if let Some(uid) = self.card.clone().filter(|uid| not.as_ref() != Some(uid)) {
            self.waiting = None;
            self.one(Event::Card { task, seen: CardSeen::Laid { uid } });
        }
    }

    /// Lays a card on the reader.
    pub fn lay(&mut self, uid: &str) {
        self.card = Some(uid.to_owned());
        self.look_at_reader();
        self.feed(Event::Tick);
    }

    /// Takes the card away; a reader that was told to wait for another one waits on.
    pub fn lift(&mut self) {
        self.card = None;
    }

    /// Time passes, half a second at a time.
    pub fn pass(&mut self, ms: u64) {
        let until = self.at_ms + ms;
        while self.at_ms < until && !self.dead {
            self.at_ms = (self.at_ms + 500).min(until);
            self.feed(Event::Tick);
        }
    }

    /// Time passes with a sign of life over the channel every ten seconds.
    pub fn pass_online(&mut self, ms: u64) {
        for _ in 0..ms / 10_000 {
            self.world(Change::Heard);
            self.pass(10_000);
        }
    }

    pub fn view(&self) -> View {
        screen::view(&self.session, now(self.at_ms))
    }

    pub fn screen(&self) -> Screen {
        self.view().screen
    }

    pub fn order(&self) -> Uuid {
        *self.server.orders.keys().last().expect("an order")
    }

    pub fn set(&mut self, state: OrderState) {
        let order = self.order();
        self.server.move_to(order, state);
    }

    /// From the tiles to the account.
    pub fn look_up(&mut self) {
        self.touch(Intent::Start { errand: Errand::TopUp });
        self.touch(Intent::LookUpBy { way: Way::Meter });
        self.touch(Intent::Typed { text: METER.to_owned() });
    }

    /// From the tiles to the amounts, with one chosen.
    pub fn choose(&mut self, fen: i64) {
        self.look_up();
        self.touch(Intent::TopUp);
        self.touch(Intent::Amount { fen });
    }

    /// From the tiles to the code.
    pub fn reach_code(&mut self) {
        self.choose(5_000);
        self.touch(Intent::Pay { wallet: "wechat".to_owned() });
    }

    /// From the tiles to the code, with a card.
    pub fn reach_code_by_card(&mut self, uid: &str) {
        self.server.model = "card";
        self.touch(Intent::Start { errand: Errand::Card });
        self.lay(uid);
        self.touch(Intent::TopUp);
        self.touch(Intent::Amount { fen: 5_000 });
        self.touch(Intent::Pay { wallet: "wechat".to_owned() });
    }

    pub fn card_step(&self) -> String {
        match self.screen() {
            Screen::Card { step, .. } => step,
            other => panic!("not a card screen: {other:?}"),
        }
    }

    pub fn receipt(&self) -> (String, bool) {
        match self.screen() {
            Screen::Result { receipt, reprint, .. } => (receipt, reprint),
            other => panic!("not a result: {other:?}"),
        }
    }

    pub fn trouble(&self) -> String {
        match self.screen() {
            Screen::Trouble { code, .. } => code,
            other => panic!("not a trouble: {other:?}"),
        }
    }

    pub fn shows_code(&self) -> bool {
        matches!(self.screen(), Screen::Pay { qr_svg: Some(_), .. })
    }

    pub fn is_home(&self) -> bool {
        matches!(self.screen(), Screen::Home { .. })
    }

    /// That nothing on the screen is anybody's.
    pub fn assert_nobodys(&self) {
        let drawn = serde_json::to_string(&self.view()).unwrap();
        for secret in [HOLDER, PLACE, METER, CODE, "YF2611", "m-1", "138****1234", UID] {
            assert!(!drawn.contains(secret), "{secret} in {drawn}");
        }
    }

    /// The name of the screen, as the page knows it.
    pub fn name(&self) -> String {
        let json = serde_json::to_value(self.screen()).unwrap();
        json["screen"].as_str().unwrap().to_owned()
    }
}

/// The server's time.
pub fn now(at_ms: u64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-21T06:00:00Z".parse().unwrap();
    start + std::time::Duration::from_millis(at_ms)
}

pub fn settings() -> Settings {
    Settings {
        version: 1,
        site: "和园".to_owned(),
        number: "K-03".to_owned(),
        printer_required: false,
        paper_mm: 80,
        wallets: vec!["wechat".to_owned(), "alipay".to_owned()],
        cards: true,
        dark_from: String::new(),
        dark_until: String::new(),
    }
}
