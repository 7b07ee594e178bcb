//! Commands over a real channel: signed by the server, done by the hands, told back.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use aws_lc_rs::signature::Ed25519KeyPair;
use chrono::TimeDelta;
use kiosk_wire::{
    channel::{Down, Polled, Up},
    command::{Command, CommandState, Verb},
    heartbeat::Heartbeat,
};
use serde_json::{Value, json};
use terminal::{
    advert::{Keeper, Media, QUOTA, Store},
    command::{Boot, Gate, Hands, May, Picture, Queue, Task, UPLOAD_PICTURE_MAX, Worker},
    hex,
    link::{Line, Mouth, Outbox, Pulse},
    remote::Remote,
};
use tokio::{sync::mpsc, task::JoinSet};
use uuid::Uuid;

use crate::{
    faulty::{Channel, Does, soon},
    link::{BOOT, Bench, bench, identity, start},
};

struct Says(Mutex<May>);

impl Gate for Says {
    fn may(&self, _: Verb) -> May {
        *self.0.lock().unwrap()
    }
}

struct Did {
    acts: Mutex<Vec<Task>>,
    picture: Mutex<usize>,
}

#[async_trait]
impl Hands for Did {
    async fn picture(&self, full: bool) -> Result<Picture, String> {
        let size = *self.picture.lock().unwrap();
        if size == 0 {
            return Err("no screen".to_owned());
        }
        Ok(Picture { media_type: "image/jpeg", bytes: vec![u8::from(full); size] })
    }

    async fn log(&self) -> Result<Vec<u8>, String> {
        Ok(b"a line\n".to_vec())
    }

    async fn act(&self, task: Task) -> Result<Value, String> {
        self.acts.lock().unwrap().push(task.clone());
        match task {
            Task::ClearError => Err("the cutter is stuck".to_owned()),
            _ => Ok(json!({})),
        }
    }
}

struct Beats;

impl Pulse for Beats {
    fn heartbeat(&self) -> Heartbeat {
        Heartbeat { boot_id: BOOT, ..Heartbeat::default() }
    }
}

/// A whole kiosk but for its screen.
struct Whole {
    bench: Bench,
    gate: Arc<Says>,
    hands: Arc<Did>,
    worker: Arc<Worker>,
    news: mpsc::Receiver<Down>,
    channel: Channel,
    _running: JoinSet<()>,
}

async fn whole() -> Whole {
    let mut bench = bench().await;
    bench.server.always("/poll", Does::json(&Polled::default()));
    let folder = bench.folder.path();
    let ambient = Arc::new(bench.clock.clone());
    let mouth = Arc::new(Mouth::new(Outbox::open(folder).unwrap(), ambient.clone()));
    let link = || Arc::clone(&bench.link);
    let media = Arc::new(Media::start(&bench.clock, None).await.unwrap());
    let store = Store::open(&folder.join("files"), QUOTA).unwrap();
    let keeper = Keeper::open(folder, store, link(), Arc::clone(&mouth), media, ambient.clone());
    let keeper = Arc::new(keeper.unwrap());
    let gate = Arc::new(Says(Mutex::new(May::Now)));
    let hands = Arc::new(Did { acts: Mutex::default(), picture: Mutex::new(66_000) });
    let boot = Boot { id: BOOT, machine: Some("one".to_owned()) };
    let queue = Queue::open(folder, identity(&bench.server), boot).unwrap();
    let (say, do_it) = (Arc::clone(&gate), Arc::clone(&hands));
    let worker = Arc::new(Worker::new(queue, link(), Arc::clone(&mouth), say, do_it, ambient));
    let (remote, news) = Remote::new(Arc::clone(&worker), Arc::clone(&keeper));
    let line = Arc::new(Line::new(link(), mouth, Arc::new(remote), Arc::new(Beats)));
    let mut running = JoinSet::new();
    running.spawn(Arc::clone(&worker).run());
    running.spawn(Arc::clone(&keeper).run());
    running.spawn(line.run());
    let channel = bench.server.next_channel().await;
    Whole { bench, gate, hands, worker, news, channel, _running: running }
}

impl Whole {
    fn order(&self, id: u128, verb: Verb, args: Value) {
        self.send(id, verb, args, 7);
    }

    fn send(&self, id: u128, verb: Verb, args: Value, key: u8) {
        let mut command = Command {
            id: Uuid::from_u128(id),
            verb: verb.as_str().to_owned(),
            args: args.to_string(),
            issued_at: start(),
            expires_at: start() + TimeDelta::seconds(60),
            boot_id: verb.is_power().then_some(BOOT),
            signature: String::new(),
        };
        let key = Ed25519KeyPair::from_seed_unchecked(&[key; 32]).unwrap();
        let kiosk = identity(&self.bench.server).kiosk_id;
        command.signature = hex::encode(key.sign(&command.to_sign(kiosk)).as_ref());
        self.channel.say(&Down::Command(command));
    }

    /// Hears reports of this command up to its end; each is acknowledged.
    async fn end_of(&mut self, id: u128) -> CommandState {
        loop {
            match self.channel.next().await {
                Up::Report(report) => {
                    self.channel.say(&Down::Heard { id: report.id });
                    if report.id == Uuid::from_u128(id) && report.state.is_final() {
                        return report.state;
                    }
                }
                Up::Fault { id, .. } => self.channel.say(&Down::Heard { id }),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_picture_of_the_screen_goes_up_under_its_one_time_name() {
    let mut whole = whole().await;
    let upload = "a-one-time-name-0001";
    whole.bench.server.always(&format!("/uploads/{upload}"), Does::Answer(204, Vec::new()));
    whole.order(1, Verb::Screenshot, json!({ "upload": upload, "full": true }));
    let put = whole.bench.server.next(&format!("/uploads/{upload}")).await;
    assert_eq!((put.method.as_str(), put.body.len(), put.body[0]), ("PUT", 66_000, 1));
    assert_eq!(put.media_type.as_deref(), Some("image/jpeg"));
    assert!(put.token.is_some());
    let end = whole.end_of(1).await;
    assert_eq!(end, CommandState::Done { result: json!({ "bytes": 66_000 }) });
    // What the screen, the picture or the server spoils is told as it is.
    let failures = [
        (0, Does::Answer(204, Vec::new()), "no screen"),
        (UPLOAD_PICTURE_MAX + 1, Does::Answer(204, Vec::new()), "1048577 bytes"),
        (10, Does::problem(404, "not_found"), "not_found"),
        (10, Does::LoseReply, "the line was lost"),
    ];
    for (n, (size, does, want)) in failures.into_iter().enumerate() {
        *whole.hands.picture.lock().unwrap() = size;
        whole.bench.server.always(&format!("/uploads/{upload}"), does);
        whole.bench.clock.pass(5_000);
        let id = 10 + n as u128;
        whole.order(id, Verb::Screenshot, json!({ "upload": upload }));
        let end = whole.end_of(id).await;
        let CommandState::Failed { error } = &end else { panic!("{end:?}") };
        assert!(error.contains(want), "{error}");
    }
}

#[tokio::test]
async fn a_command_is_done_and_told_back_and_a_forged_one_is_told_and_not_done() {
    let mut whole = whole().await;
    whole.send(9, Verb::Shutdown, json!({}), 8);
    let Up::Fault { name, id, .. } = whole.channel.next().await else { panic!("no fault") };
    assert_eq!(name, "command_forged");
    whole.channel.say(&Down::Heard { id });
    let refused = CommandState::Refused { reason: "signature".to_owned() };
    assert_eq!(whole.end_of(9).await, refused);
    whole.order(1, Verb::TestPrint, json!({}));
    assert_eq!(whole.end_of(1).await, CommandState::Done { result: json!({}) });
    whole.order(2, Verb::ClearError, json!({}));
    let failed = CommandState::Failed { error: "the cutter is stuck".to_owned() };
    assert_eq!(whole.end_of(2).await, failed);
    whole.order(3, Verb::SyncTime, json!({}));
    let synced = whole.end_of(3).await;
    assert_eq!(synced, CommandState::Done { result: json!({ "clock_offset_ms": 0 }) });
    assert_eq!(whole.bench.server.hellos(), 2);
    let upload = "a-one-time-name-0002";
    whole.bench.server.always(&format!("/uploads/{upload}"), Does::Answer(204, Vec::new()));
    whole.order(4, Verb::UploadLogs, json!({ "upload": upload }));
    assert_eq!(whole.end_of(4).await, CommandState::Done { result: json!({ "bytes": 7 }) });
    assert_eq!(*whole.hands.acts.lock().unwrap(), [Task::TestPrint, Task::ClearError]);
}

#[tokio::test]
async fn a_reboot_waits_for_the_customer_and_begins_when_the_session_says_so() {
    let mut whole = whole().await;
    *whole.gate.0.lock().unwrap() = May::Defer("session");
    whole.order(1, Verb::Reboot, json!({}));
    let mut states = Vec::new();
    while states.last() != Some(&"deferred") {
        let Up::Report(report) = whole.channel.next().await else { panic!("no report") };
        whole.channel.say(&Down::Heard { id: report.id });
        states.push(match report.state {
            CommandState::Accepted => "accepted",
            CommandState::Deferred { .. } => "deferred",
            other => panic!("{other:?}"),
        });
    }
    assert!(whole.hands.acts.lock().unwrap().is_empty());
    *whole.gate.0.lock().unwrap() = May::Now;
    whole.worker.nudge();
    let Up::Report(report) = whole.channel.next().await else { panic!("no report") };
    assert_eq!(report.state, CommandState::Running);
    whole.channel.say(&Down::OrderMoved { order: Uuid::from_u128(5) });
    let moved = soon(whole.news.recv()).await;
    assert_eq!(moved, Some(Down::OrderMoved { order: Uuid::from_u128(5) }));
    assert_eq!(*whole.hands.acts.lock().unwrap(), [Task::Reboot { force: false }]);
}
