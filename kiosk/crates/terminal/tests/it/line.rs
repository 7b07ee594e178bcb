//! The channel beside the money over a real wire: open, cut, deaf, refused, and polled in its
//! place.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use kiosk_wire::{
    channel::{Down, Poll, Polled, Up},
    command::{CommandReport, CommandState},
    heartbeat::{BEAT_MS, Heartbeat, POLL_MS},
};
use serde_json::json;
use terminal::link::{
    ASK_EVERY_MS, DEAF_MS, Ears, Line, Mouth, Outbox, PING_EVERY_MS, Pulse, SILENCE_MAX_MS,
    Standing,
};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{
    faulty::{Channel, Does, soon},
    link::{BOOT, Bench, bench, start},
};

struct Hears(mpsc::UnboundedSender<Down>);

impl Ears for Hears {
    fn hear(&self, down: Down) {
        self.0.send(down).unwrap();
    }
}

struct Beats(Mutex<u64>);

impl Pulse for Beats {
    fn heartbeat(&self) -> Heartbeat {
        let mut count = self.0.lock().unwrap();
        *count += 1;
        Heartbeat { boot_id: BOOT, uptime_ms: *count, ..Heartbeat::default() }
    }
}

/// A kiosk whose channel works.
pub struct Open {
    pub bench: Bench,
    line: Arc<Line>,
    mouth: Arc<Mouth>,
    heard: mpsc::UnboundedReceiver<Down>,
    running: tokio::task::JoinHandle<()>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.running.abort();
    }
}

pub fn run(bench: Bench) -> Open {
    let (ears, heard) = mpsc::unbounded_channel();
    let outbox = Outbox::open(bench.folder.path()).unwrap();
    let pulse = Arc::new(Beats(Mutex::new(0)));
    let mouth = Arc::new(Mouth::new(outbox, Arc::new(bench.clock.clone())));
    let (link, hears) = (Arc::clone(&bench.link), Arc::new(Hears(ears)));
    let line = Arc::new(Line::new(link, Arc::clone(&mouth), hears, pulse));
    let running = tokio::spawn(Arc::clone(&line).run());
    Open { bench, line, mouth, heard, running }
}

impl Open {
    pub async fn is(&self, open: bool) {
        let mut state = self.line.is_open();
        soon(state.wait_for(|is| *is == open)).await.unwrap();
    }

    async fn hears(&mut self) -> Down {
        soon(self.heard.recv()).await.unwrap()
    }

    /// Lets the loop take what has just happened.
    async fn settle(&self) {
        for _ in 0..64 {
            tokio::task::yield_now().await;
        }
    }
}

fn fault(id: u128) -> Up {
    Up::Fault { id: Uuid::from_u128(id), name: "page_hung".to_owned(), detail: String::new() }
}

fn heard(up: &Up) -> Down {
    let id = match up {
        Up::Fault { id, .. } | Up::Played { id, .. } | Up::Abandoned { id, .. } => *id,
        Up::Report(report) => report.id,
        other => panic!("{other:?} has no id"),
    };
    Down::Heard { id }
}

async fn opened() -> (Open, Channel) {
    let bench = bench().await;
    bench.server.always("/poll", Does::json(&Polled::default()));
    let mut open = run(bench);
    let channel = open.bench.server.next_channel().await;
    open.is(true).await;
    (open, channel)
}

#[tokio::test]
async fn what_the_server_says_is_heard_in_order_and_what_is_unknown_is_passed_over() {
    let (mut open, channel) = opened().await;
    let moved = Down::OrderMoved { order: Uuid::from_u128(1) };
    let versions = Down::Versions { content: 3, settings: 1, holidays: 2 };
    channel.say_text("{\"kind\":\"of_a_newer_server\",\"x\":1}");
    channel.say(&moved);
    channel.say_text("this is not JSON");
    channel.say(&versions);
    channel.say(&Down::Time { now: start() + TimeDelta::seconds(9) });
    assert_eq!(open.hears().await, moved);
    assert_eq!(open.hears().await, versions);
    assert!(matches!(open.hears().await, Down::Time { .. }));
    assert_eq!(open.bench.link.server_now(), Some(start() + TimeDelta::seconds(9)));
    channel.say(&Down::Revoked);
    assert_eq!(open.hears().await, Down::Revoked);
    assert_eq!(*open.bench.link.standing().borrow(), Standing::Revoked);
}

#[tokio::test]
async fn it_beats_every_ten_seconds_and_a_message_is_sent_until_it_is_heard() {
    let (open, mut channel) = opened().await;
    for beat in 0..3 {
        let Some(Up::Heartbeat(heartbeat)) = soon(channel.ups.recv()).await else {
            panic!("no heartbeat")
        };
        assert_eq!(heartbeat.boot_id, BOOT);
        open.settle().await;
        if beat < 2 {
            open.bench.clock.pass(BEAT_MS);
        }
    }
    let report = |state| Up::Report(CommandReport { id: Uuid::from_u128(7), state });
    let done = report(CommandState::Done { result: json!({}) });
    open.mouth.say(fault(1));
    open.mouth.say(report(CommandState::Running));
    assert_eq!(channel.next().await, fault(1));
    assert_eq!(channel.next().await, report(CommandState::Running));
    open.mouth.say(done.clone());
    channel.say(&heard(&fault(1)));
    channel.say(&heard(&done));
    assert_eq!(channel.next().await, done, "the report after the one that was heard");
    // The line is cut before that one is heard: it comes again over the next.
    drop(channel);
    open.is(false).await;
    open.bench.clock.pass(1_000);
    let mut open = open;
    let mut channel = open.bench.server.next_channel().await;
    assert_eq!(channel.next().await, done);
    channel.say(&heard(&done));
    channel.say(&Down::Versions { content: 1, settings: 1, holidays: 1 });
    let _ = open.hears().await;
    assert_eq!(open.mouth.waiting(), 0);
    drop(open);
}

#[tokio::test]
async fn a_silent_server_is_pinged_dropped_and_polled_and_found_again() {
    let (mut open, mut channel) = opened().await;
    open.settle().await;
    let _ = open.bench.server.asked_so_far();
    // The server's machine is gone: nothing comes, nothing is refused.
    open.bench.clock.pass(PING_EVERY_MS);
    soon(channel.pings.recv()).await.unwrap();
    open.settle().await;
    // The pong has come by itself and keeps it alive for as long again.
    open.bench.clock.pass(SILENCE_MAX_MS - 1);
    open.settle().await;
    assert!(*open.line.is_open().borrow());
    open.bench.clock.pass(SILENCE_MAX_MS);
    open.is(false).await;
    let poll: Poll = open.bench.server.next("/poll").await.json();
    assert!(matches!(poll.up[0], Up::Heartbeat(_)));
    open.bench.clock.pass(1_000);
    let _again = open.bench.server.next_channel().await;
    open.is(true).await;
}

#[tokio::test]
async fn where_there_is_no_channel_the_same_messages_go_by_polls() {
    let bench = bench().await;
    bench.server.channel(false);
    let command = Down::OrderMoved { order: Uuid::from_u128(4) };
    let told = Polled { down: vec![heard(&fault(1)), command.clone()], ..Polled::default() };
    bench.server.once("/poll", Does::LoseReply);
    bench.server.once("/poll", Does::json(&told));
    bench.server.always("/poll", Does::json(&Polled::default()));
    let mut open = run(bench);
    open.mouth.say(fault(1));
    open.mouth.say(fault(2));
    open.mouth.say(Up::Shown { content_version: 5 });
    let mut polls = Vec::new();
    for _ in 0..3 {
        let poll: Poll = open.bench.server.next("/poll").await.json();
        let but_beats = |up: &Up| !matches!(up, Up::Heartbeat(_));
        polls.push(poll.up.into_iter().filter(but_beats).collect::<Vec<_>>());
        if polls.len() == 2 {
            assert_eq!(open.hears().await, command);
        }
        open.settle().await;
        open.bench.clock.pass(POLL_MS);
    }
    let shown = Up::Shown { content_version: 5 };
    // The first may have gone before anything was said; its answer was lost in any case.
    assert_eq!(polls[1], [fault(1), fault(2), shown]);
    assert_eq!(polls[2], [fault(2)], "what was not heard is said again");
    assert_eq!(open.mouth.waiting(), 1);
}

#[tokio::test]
async fn a_server_that_answers_pings_and_keeps_nothing_is_left_for_another_line() {
    let (mut open, mut channel) = opened().await;
    let mut asks = 0;
    let mut passed = 0;
    while passed <= ASK_EVERY_MS + DEAF_MS {
        // Somebody in between says something all the time: silence it is not.
        channel.say(&Down::Versions { content: 1, settings: 1, holidays: 1 });
        let _ = open.hears().await;
        open.settle().await;
        while let Ok(up) = channel.ups.try_recv() {
            asks += u32::from(matches!(&up, Up::Played { plays, .. } if plays.is_empty()));
        }
        open.bench.clock.pass(10_000);
        passed += 10_000;
        open.settle().await;
        if !*open.line.is_open().borrow() {
            break;
        }
    }
    assert_eq!(asks, 1);
    open.is(false).await;
    open.bench.clock.pass(1_000);
    let mut channel = open.bench.server.next_channel().await;
    let ask = channel.next().await;
    assert!(matches!(&ask, Up::Played { plays, .. } if plays.is_empty()), "{ask:?}");
    let told = channel.next().await;
    assert!(matches!(&told, Up::Fault { name, .. } if name == "channel_deaf"), "{told:?}");
    assert!(open.line.turned_age_ms() < 5_000, "its own loop turns");
}

#[tokio::test]
async fn a_frame_larger_than_any_message_ends_the_line_and_not_the_kiosk() {
    let (mut open, channel) = opened().await;
    channel.say_text(&format!("\"{}\"", "x".repeat(300 * 1024)));
    open.is(false).await;
    open.bench.clock.pass(1_000);
    let channel = open.bench.server.next_channel().await;
    channel.say(&Down::OrderMoved { order: Uuid::from_u128(1) });
    assert!(matches!(open.hears().await, Down::OrderMoved { .. }));
}
