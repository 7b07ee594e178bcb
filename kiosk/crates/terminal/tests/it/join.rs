//! The whole kiosk but for its window: what the server says reaches the screen, what the page says
//! reaches the server.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::TimeDelta;
use kiosk_wire::{
    card::{CardKeys, CardLookup, Voucher, VoucherOutcome, VoucherReport},
    channel::{Down, Polled, Up},
    content::{Holidays, HomeContent},
    device::Settings,
    heartbeat::{Heartbeat, Printer},
    receipt::{PrintOutcome, Receipt},
    text::Text,
};
use serde_json::{Value, json};
use terminal::{
    advert::{Billboard, Keeper, Media, QUOTA, Store},
    clock::Clock,
    command::{Boot, Hands, Picture, Queue, Task, Worker},
    engine::{Beat, CardFault, Cards, Engine, Ports, Press},
    join::{Deeds, Join, Machine, Page},
    journal::{FileMedium, Journal},
    link::{Line, Mouth, Outbox, Pulse},
    receipt::{Paper, test_page},
    remote::Remote,
    session::{Change, Event, Pairing},
    view::{Screen, View},
};
use tokio::task::JoinSet;

use crate::{
    advert::{content, file, get, png},
    faulty::{Channel, Does, settings, soon},
    link::{BOOT, Bench, bench, identity},
};

struct Far(Mutex<Vec<(Receipt, u16)>>);

#[async_trait]
impl Press for Far {
    async fn status(&self) -> Printer {
        Printer { state: "ready".to_owned(), paper_mm: None }
    }

    async fn print(&self, receipt: &Receipt, mm: u16) -> (PrintOutcome, u32) {
        self.0.lock().unwrap().push((receipt.clone(), mm));
        (PrintOutcome::Printed, 60)
    }
}

#[async_trait]
impl Cards for Far {
    async fn wait(&self, _: Option<&str>) -> Result<String, CardFault> {
        Err(CardFault::Unreadable)
    }

    async fn read(&self, _: &str, _: &CardKeys) -> Result<CardLookup, CardFault> {
        Err(CardFault::Unreadable)
    }

    async fn write(&self, _: &str, _: &CardKeys, _: &Voucher) -> VoucherReport {
        VoucherReport { outcome: VoucherOutcome::Unknown, blocks: Vec::new() }
    }
}

#[async_trait]
impl Machine for Far {
    async fn picture(&self, _: bool) -> Result<Picture, String> {
        Err("no screen".to_owned())
    }

    async fn log(&self) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }

    async fn act(&self, _: Task) -> Result<Value, String> {
        Ok(json!({ "machine": true }))
    }
}

impl Pulse for Far {
    fn heartbeat(&self) -> Heartbeat {
        Heartbeat { boot_id: BOOT, ..Heartbeat::default() }
    }
}

struct Kiosk {
    bench: Bench,
    engine: Engine,
    deeds: Arc<Deeds>,
    far: Arc<Far>,
    channel: Channel,
    _running: JoinSet<()>,
}

async fn kiosk() -> Kiosk {
    let mut bench = bench().await;
    bench.server.always("/poll", Does::json(&Polled::default()));
    bench.server.always("/holidays", Does::json(&Holidays::default()));
    let folder = bench.folder.path();
    let ambient = Arc::new(bench.clock.clone());
    let link = || Arc::clone(&bench.link);
    let mouth = Arc::new(Mouth::new(Outbox::open(folder).unwrap(), ambient.clone()));
    let media = Arc::new(Media::start(&bench.clock, None).await.unwrap());
    let store = Store::open(&folder.join("files"), QUOTA).unwrap();
    let keeper = Keeper::open(folder, store, link(), mouth.clone(), media, ambient.clone());
    let keeper = Arc::new(keeper.unwrap());
    let far = Arc::new(Far(Mutex::default()));
    let (page, beats) = Page::new();
    let ports = Ports {
        server: link(),
        press: far.clone(),
        cards: far.clone(),
        mouth: mouth.clone(),
        watcher: Arc::new(page),
        clock: ambient.clone(),
    };
    let journal = Journal::open(Box::new(FileMedium::at(folder.join("journal"))));
    let engine = Engine::start(ports, journal).unwrap();
    let deeds = Deeds::new(engine.clone(), far.clone(), far.clone(), folder).unwrap();
    let deeds = Arc::new(deeds);
    let boot = Boot { id: BOOT, machine: None };
    let queue = Queue::open(folder, identity(&bench.server), boot).unwrap();
    let gate = Arc::new(engine.clone());
    let worker = Worker::new(queue, link(), mouth.clone(), gate, deeds.clone(), ambient.clone());
    let worker = Arc::new(worker);
    let (remote, news) = Remote::new(worker.clone(), keeper.clone());
    let line = Arc::new(Line::new(link(), mouth.clone(), Arc::new(remote), far.clone()));
    let board = Billboard::new(keeper.clone(), link(), mouth, ambient.clone());
    let join = Join::new(engine.clone(), link(), line.clone(), keeper.clone(), board, ambient);
    let mut running = JoinSet::new();
    running.spawn(worker.run());
    running.spawn(keeper.run());
    running.spawn(line.run());
    running.spawn(join.run(news, beats));
    engine.settle(Event::World(Change::Pairing(Pairing::Paired))).await;
    let channel = bench.server.next_channel().await;
    Kiosk { bench, engine, deeds, far, channel, _running: running }
}

impl Kiosk {
    /// The screen once it is as it should be.
    async fn shows(&self, is: impl Fn(&View) -> bool) -> View {
        let mut turned = self.engine.turned();
        soon(async {
            loop {
                let view = self.engine.view();
                if is(&view) {
                    return view;
                }
                turned.changed().await.unwrap();
            }
        })
        .await
    }
}

fn company(view: &View) -> Option<(i64, &str)> {
    match &view.screen {
        Screen::Home { content, .. } => Some((content.version, content.company.zh.as_str())),
        _ => None,
    }
}

fn out_of_service(view: &View) -> Option<&str> {
    match &view.screen {
        Screen::OutOfService { reason, .. } => Some(reason),
        _ => None,
    }
}

#[tokio::test]
async fn what_is_published_reaches_the_screen_and_the_page_says_so_to_the_server() {
    let mut kiosk = kiosk().await;
    let bytes = [png(40, 1), png(300, 2)];
    let [logo, picture] = [file(&bytes[0], "image/png"), file(&bytes[1], "image/png")];
    let content = HomeContent {
        company: Text::new("和园物业", "Heyuan"),
        ..content(3, Some(&logo), &[&picture])
    };
    kiosk.bench.server.always("/content", Does::json(&content));
    for (file, bytes) in [&logo, &picture].into_iter().zip(bytes.clone()) {
        kiosk.bench.server.always(&format!("/files/{}", file.sha256), Does::Answer(200, bytes));
    }
    kiosk.channel.say(&Down::Versions { content: 3, settings: 4, holidays: 0 });
    let view = kiosk.shows(|view| company(view) == Some((3, "和园物业"))).await;
    assert!(view.head.number == "K-03", "{:?}", view.head);
    // Logo and pictures lie where the page is told.
    let Screen::Home { pictures, .. } = &view.screen else { panic!("not at home") };
    let urls = view.head.logo.iter().chain(pictures.iter().map(|picture| &picture.url));
    let urls: Vec<&String> = urls.collect();
    assert_eq!(urls.len(), 2, "{:?} {pictures:?}", view.head);
    for (url, bytes) in urls.into_iter().zip(bytes) {
        assert_eq!(get(url, "GET", &[]).await, (200, bytes), "{url}");
    }
    let beat = Beat { screen: "home".to_owned(), shown_content: Some(3), ..Beat::default() };
    let _ = kiosk.engine.beat(&beat);
    assert_eq!(kiosk.channel.next().await, Up::Shown { content_version: 3 });
    let view = kiosk.shows(|view| view.head.online).await;
    assert_eq!(out_of_service(&view), None);
}

#[tokio::test]
async fn a_kiosk_that_is_not_let_in_says_so_and_serves_nobody() {
    let kiosk = kiosk().await;
    kiosk.channel.say(&Down::Revoked);
    let _ = kiosk.shows(|view| out_of_service(view) == Some("revoked")).await;
    soon(kiosk.bench.link.renew()).await.unwrap();
    let _ = kiosk.shows(|view| out_of_service(view).is_none()).await;
}

#[tokio::test]
async fn a_lock_holds_over_a_restart_until_it_is_taken_off() {
    let kiosk = kiosk().await;
    let text = Text::new("检修中", "Under repair");
    kiosk.deeds.act(Task::Lock { text: text.clone() }).await.unwrap();
    let view = kiosk.shows(|view| out_of_service(view) == Some("locked")).await;
    let Screen::OutOfService { text: shown, .. } = view.screen else { panic!("in service") };
    assert_eq!(shown, text);
    // As the next start of the process finds it.
    kiosk.engine.settle(Event::World(Change::Locked(None))).await;
    let (far, folder) = (kiosk.far.clone(), kiosk.bench.folder.path());
    let deeds = Deeds::new(kiosk.engine.clone(), far.clone(), far, folder).unwrap();
    let _ = kiosk.shows(|view| out_of_service(view) == Some("locked")).await;
    deeds.act(Task::Unlock).await.unwrap();
    let _ = kiosk.shows(|view| out_of_service(view).is_none()).await;
    assert!(!folder.join("lock.json").exists());
    assert_eq!(deeds.act(Task::TestPrint).await, Ok(json!({ "paper_mm": 60 })));
    assert_eq!(kiosk.far.0.lock().unwrap().len(), 1);
    assert_eq!(deeds.act(Task::SelfTest).await, Ok(json!({ "machine": true })));
}

#[tokio::test]
async fn a_line_that_is_cut_is_seen_on_the_screen_and_found_again() {
    let mut kiosk = kiosk().await;
    let _ = kiosk.shows(|view| view.head.online).await;
    kiosk.bench.server.channel(false);
    kiosk.bench.server.always("/poll", Does::LoseReply);
    let (clock, engine) = (kiosk.bench.clock.clone(), kiosk.engine.clone());
    let (lost, mut bench) = (kiosk.channel, kiosk.bench);
    drop(lost);
    // Polls do not get through either: half a minute later it is offline.
    soon(async {
        while engine.view().head.online {
            clock.pass(1_000);
            tokio::task::yield_now().await;
        }
    })
    .await;
    bench.server.channel(true);
    kiosk.channel = soon(async {
        loop {
            if let Ok(channel) = bench.server.channels.try_recv() {
                return channel;
            }
            clock.pass(100);
            tokio::task::yield_now().await;
        }
    })
    .await;
    kiosk.bench = bench;
    let _ = kiosk.shows(|view| view.head.online).await;
}

#[tokio::test]
async fn a_test_page_is_as_wide_as_the_settings_say_and_bears_the_servers_time() {
    let kiosk = kiosk().await;
    for paper_mm in [58, 80] {
        let set = Settings { paper_mm, ..settings() };
        kiosk.engine.settle(Event::World(Change::Settings(Box::new(set)))).await;
        // A clock that is an hour fast.
        kiosk.engine.settle(Event::World(Change::Skew { ms: 3_600_000 })).await;
        assert_eq!(kiosk.deeds.act(Task::TestPrint).await, Ok(json!({ "paper_mm": 60 })));
        let (page, width) = kiosk.far.0.lock().unwrap().pop().unwrap();
        let at = kiosk.bench.clock.now_wall() - TimeDelta::hours(1);
        assert_eq!((page, width), (test_page("K-03", Paper::of_mm(paper_mm), at), paper_mm));
    }
}
