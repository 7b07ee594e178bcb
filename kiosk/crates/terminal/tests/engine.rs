//! The engine with a server, a printer and a card reader that are not there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use kiosk_wire::{
    card::{CardKeys, CardLookup, Voucher, VoucherOutcome, VoucherReport},
    channel::Up,
    command::Verb,
    heartbeat::Printer,
    order::OrderState,
    receipt::{PrintOutcome, Receipt},
};
use terminal::{
    call::{Call, Outcome},
    clock::ManualClock,
    engine::{Beat, CardFault, Cards, Engine, Mouth, Ports, Press, Server, Watcher},
    intent::{Errand, Intent, Way},
    journal::{FileMedium, Journal},
    session::{Change, Event, May, Pairing},
    view::{Screen, View},
};
use tokio::sync::Notify;

mod stand;

use stand::{
    Disk, UID,
    server::{METER, Server as Books},
};

/// The far side of everything.
struct Far {
    books: Mutex<Books>,
    printer: Mutex<Printer>,
    paper: Mutex<Vec<u16>>,
    /// Held, a print does not end.
    press: tokio::sync::Mutex<()>,
    press_dies: Mutex<bool>,
    card: Mutex<Option<String>>,
    laid: Notify,
    waits: Mutex<i32>,
    pen_dies: Mutex<bool>,
    told: Mutex<Vec<Up>>,
    beats: Mutex<Vec<Beat>>,
}

impl Default for Far {
    fn default() -> Far {
        Far {
            books: Mutex::new(Books::default()),
            printer: Mutex::new(Printer { state: "ready".to_owned(), paper_mm: None }),
            paper: Mutex::default(),
            press: tokio::sync::Mutex::new(()),
            press_dies: Mutex::default(),
            card: Mutex::default(),
            laid: Notify::new(),
            waits: Mutex::default(),
            pen_dies: Mutex::default(),
            told: Mutex::default(),
            beats: Mutex::default(),
        }
    }
}

#[async_trait]
impl Server for Far {
    async fn call(&self, call: Call) -> Outcome {
        self.books.lock().unwrap().answer(call)
    }
}

#[async_trait]
impl Press for Far {
    async fn status(&self) -> Printer {
        self.printer.lock().unwrap().clone()
    }

    async fn print(&self, _: &Receipt, paper_mm: u16) -> (PrintOutcome, u32) {
        self.paper.lock().unwrap().push(paper_mm);
        let dies = *self.press_dies.lock().unwrap();
        assert!(!dies, "the printer's worker dies, as the test wants");
        let _held = self.press.lock().await;
        (PrintOutcome::Printed, 140)
    }
}

/// Counts a wait for as long as it lasts.
struct Waiting<'a>(&'a Far);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        *self.0.waits.lock().unwrap() -= 1;
    }
}

#[async_trait]
impl Cards for Far {
    async fn wait(&self, not: Option<&str>) -> Result<String, CardFault> {
        *self.waits.lock().unwrap() += 1;
        let _waiting = Waiting(self);
        loop {
            let laid = self.laid.notified();
            let card = self.card.lock().unwrap().clone();
            match card.filter(|uid| Some(uid.as_str()) != not) {
                Some(uid) => return Ok(uid),
                None => laid.await,
            }
        }
    }

    async fn read(&self, uid: &str, _: &CardKeys) -> Result<CardLookup, CardFault> {
        Ok(self.books.lock().unwrap().card_image(uid))
    }

    async fn write(&self, _: &str, _: &CardKeys, voucher: &Voucher) -> VoucherReport {
        self.books.lock().unwrap().on_card.push(voucher.id);
        let dies = std::mem::take(&mut *self.pen_dies.lock().unwrap());
        assert!(!dies, "the reader's worker dies, as the test wants");
        VoucherReport { outcome: VoucherOutcome::Written, blocks: Vec::new() }
    }
}

impl Mouth for Far {
    fn say(&self, up: Up) {
        self.told.lock().unwrap().push(up);
    }
}

impl Watcher for Far {
    fn beat(&self, beat: &Beat, _: u64) {
        self.beats.lock().unwrap().push(beat.clone());
    }
}

struct Bench {
    engine: Engine,
    far: Arc<Far>,
    clock: Arc<ManualClock>,
}

impl Bench {
    async fn new(journal: Journal) -> Bench {
        let far = Arc::new(Far::default());
        let clock = Arc::new(ManualClock::at(1_795_240_800));
        let ports = Ports {
            server: far.clone(),
            press: far.clone(),
            cards: far.clone(),
            mouth: far.clone(),
            watcher: far.clone(),
            clock: clock.clone(),
        };
        let engine = Engine::start(ports, journal).unwrap();
        let bench = Bench { engine, far, clock };
        let settings = Box::new(stand::settings());
        bench.world(Change::Settings(settings)).await;
        bench.world(Change::Reader("ready".to_owned())).await;
        bench.world(Change::Link { up: true }).await;
        bench.world(Change::Pairing(Pairing::Paired)).await;
        bench.engine.settle(Event::Tick).await;
        bench
    }

    async fn world(&self, change: Change) {
        self.engine.settle(Event::World(change)).await;
    }

    async fn touch(&self, intent: Intent) {
        self.engine.intent(intent).await;
    }

    async fn pass(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
        self.engine.settle(Event::Tick).await;
    }

    /// Waits until the view is as wanted: workers answer in their own time.
    async fn until(&self, what: &str, wanted: impl Fn(&View) -> bool) {
        self.until_it(what, || wanted(&self.engine.view())).await;
    }

    async fn until_it(&self, what: &str, is_so: impl Fn() -> bool) {
        let mut turned = self.engine.turned();
        for _ in 0..1_000 {
            turned.mark_unchanged();
            if is_so() {
                return;
            }
            turned.changed().await.unwrap();
        }
        panic!("never {what}: {:?}", self.engine.view().screen)
    }

    async fn choose(&self) {
        self.until("home", |view| {
            view.head.printer == "ready" && matches!(view.screen, Screen::Home { .. })
        })
        .await;
        self.touch(Intent::Start { errand: Errand::TopUp }).await;
        self.touch(Intent::LookUpBy { way: Way::Meter }).await;
        self.touch(Intent::Typed { text: METER.to_owned() }).await;
        self.until("account", |view| matches!(view.screen, Screen::Account { .. })).await;
        self.touch(Intent::TopUp).await;
        self.touch(Intent::Amount { fen: 5_000 }).await;
        let quoted = |view: &View| matches!(view.screen, Screen::Amount { quote: Some(_), .. });
        self.until("quote", quoted).await;
        self.touch(Intent::Pay { wallet: "wechat".to_owned() }).await;
    }

    async fn reach_code(&self) {
        self.choose().await;
        let code = |view: &View| matches!(view.screen, Screen::Pay { qr_svg: Some(_), .. });
        self.until("code", code).await;
    }

    fn set(&self, state: OrderState) {
        let mut books = self.far.books.lock().unwrap();
        let order = *books.orders.keys().last().unwrap();
        books.move_to(order, state);
    }
}

fn on_disk() -> (Disk, Journal) {
    let disk = Disk::default();
    let journal = Journal::open(Box::new(disk.clone()));
    (disk, journal)
}

fn receipt(view: &View) -> Option<&str> {
    match &view.screen {
        Screen::Result { receipt, .. } => Some(receipt),
        _ => None,
    }
}

#[tokio::test]
async fn a_sale_runs_from_the_first_touch_to_the_receipt_over_a_real_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    let bench = Bench::new(Journal::open(Box::new(FileMedium::at(&path)))).await;
    bench.reach_code().await;
    assert!(std::fs::read_to_string(&path).unwrap().contains("\"shown\""));
    assert_eq!(bench.engine.may(Verb::Reboot), May::Defer("session"));
    bench.set(OrderState::PowerOn);
    bench.pass(2_000).await;
    bench.until("receipt", |view| receipt(view) == Some("printed")).await;
    assert_eq!(*bench.far.paper.lock().unwrap(), [80]);
    bench.pass(31_000).await;
    bench.until("home", |view| matches!(view.screen, Screen::Home { .. })).await;
    bench.until_it("told", || bench.engine.journal_open() == 0).await;
    assert_eq!(bench.engine.state().0, "idle");
}

#[tokio::test]
async fn leaving_a_screen_does_not_end_the_printing() {
    let (_, journal) = on_disk();
    let bench = Bench::new(journal).await;
    let held = bench.far.press.lock().await;
    bench.reach_code().await;
    bench.set(OrderState::PowerOn);
    bench.pass(2_000).await;
    bench.until("printing", |view| receipt(view) == Some("printing")).await;
    bench.touch(Intent::Quit).await;
    assert_eq!(bench.engine.may(Verb::Reboot), May::Defer("printing"));
    drop(held);
    let told = || !bench.far.books.lock().unwrap().printed.is_empty();
    bench.until_it("told", told).await;
    let printed = bench.far.books.lock().unwrap().printed[0].1;
    assert_eq!(printed, PrintOutcome::Printed);
}

#[tokio::test]
async fn a_worker_that_dies_leaves_doubt_and_no_silence() {
    let (_, journal) = on_disk();
    let bench = Bench::new(journal).await;
    *bench.far.press_dies.lock().unwrap() = true;
    bench.reach_code().await;
    bench.set(OrderState::PowerOn);
    bench.pass(2_000).await;
    bench.until("doubt", |view| receipt(view) == Some("unknown")).await;
    // A write that dies half-way is unknown; the card is read again and found written.
    let (_, journal) = on_disk();
    let bench = Bench::new(journal).await;
    bench.far.books.lock().unwrap().model = "card";
    *bench.far.pen_dies.lock().unwrap() = true;
    *bench.far.card.lock().unwrap() = Some(UID.to_owned());
    bench.until("home", |view| view.head.printer == "ready").await;
    bench.touch(Intent::Start { errand: Errand::Card }).await;
    bench.until("account", |view| matches!(view.screen, Screen::Account { .. })).await;
    bench.touch(Intent::TopUp).await;
    bench.touch(Intent::Amount { fen: 5_000 }).await;
    let quoted = |view: &View| matches!(view.screen, Screen::Amount { quote: Some(_), .. });
    bench.until("quote", quoted).await;
    bench.touch(Intent::Pay { wallet: "wechat".to_owned() }).await;
    bench.until("code", |view| matches!(view.screen, Screen::Pay { qr_svg: Some(_), .. })).await;
    bench.set(OrderState::AwaitingCard);
    bench.pass(2_000).await;
    let verifying = |view: &View| {
        matches!(&view.screen, Screen::Card { step, .. } if step == "verifying")
            || matches!(view.screen, Screen::Result { .. })
    };
    bench.until("verifying", verifying).await;
    bench.pass(2_000).await;
    let written = |view: &View| {
        matches!(&view.screen, Screen::Result { order, .. }
        if order.state == OrderState::CardWritten)
    };
    bench.until("written", written).await;
    let ends = bench.far.books.lock().unwrap().voucher_ends.clone();
    assert_eq!(ends[0].1, VoucherOutcome::Unknown);
    assert_eq!(ends.last().unwrap().1, VoucherOutcome::Written);
    assert_eq!(bench.far.books.lock().unwrap().on_card.len(), 1);
}

#[tokio::test]
async fn nobody_waits_for_a_card_after_the_customer_has_left() {
    let (_, journal) = on_disk();
    let bench = Bench::new(journal).await;
    bench.touch(Intent::Start { errand: Errand::Card }).await;
    while *bench.far.waits.lock().unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    bench.touch(Intent::Quit).await;
    while *bench.far.waits.lock().unwrap() != 0 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(bench.engine.view().screen, Screen::Home { .. }));
}

#[tokio::test]
async fn a_disk_that_fills_up_stops_payments_until_it_is_mended() {
    let (disk, journal) = on_disk();
    let bench = Bench::new(journal).await;
    bench.until("home", |view| matches!(view.screen, Screen::Home { .. })).await;
    disk.0.lock().unwrap().full = true;
    bench.choose().await;
    let refused =
        |view: &View| matches!(&view.screen, Screen::Trouble { code, .. } if code == "disk");
    bench.until("refused", refused).await;
    assert!(bench.far.books.lock().unwrap().orders.is_empty());
    assert!(!bench.engine.is_journal_writable());
    bench.pass(31_000).await;
    let out = |view: &View| matches!(view.screen, Screen::OutOfService { .. });
    bench.until("out of service", out).await;
    disk.0.lock().unwrap().full = false;
    bench.pass(30_000).await;
    bench.until("home", |view| matches!(view.screen, Screen::Home { .. })).await;
    bench.reach_code().await;
}

#[tokio::test]
async fn the_page_beats_and_sees_the_servers_time() {
    let (_, journal) = on_disk();
    let bench = Bench::new(journal).await;
    bench.world(Change::Skew { ms: 90_000 }).await;
    let beat = Beat { seq: 7, screen: "home".to_owned(), ..Beat::default() };
    let view = bench.engine.beat(&beat);
    assert_eq!(view.now.timestamp(), 1_795_240_800 - 90);
    assert_eq!(bench.far.beats.lock().unwrap()[0], beat);
    // What the page sends is read as the contract says it.
    let json = r#"{"seq":1,"screen":"home","last_input_ms":5,"plays":["mp4"],
        "shown_content":null,"play_ended":3}"#;
    let beat: Beat = serde_json::from_str(json).unwrap();
    assert_eq!((beat.play_ended, beat.plays.len()), (Some(3), 1));
}
