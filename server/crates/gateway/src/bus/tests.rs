use domain::{ManualClock, SeededRng};

use super::*;
use crate::{
    counter::Counters,
    line::{Framing, Line},
    outbox::Outbox,
    profile::Profiles,
    timing::Timing,
};

/// Goal G4: 18,000 idle connections at no more than 8 KiB each, buffers and configuration
/// included. The task itself is the largest piece.
#[test]
fn the_task_of_a_line_stays_small() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let _inside = runtime.as_ref().expect("a runtime").enter();
    let counters = Arc::new(Counters::default());
    let shared = Arc::new(Shared {
        clock: Arc::new(ManualClock::at("2026-11-20T06:30:00Z")),
        rng: Arc::new(SeededRng::new(7)),
        timing: Timing::default(),
        outbox: Arc::new(Outbox::new(Arc::clone(&counters))),
        counters,
    });
    let line = Line {
        gateway: uuid::Uuid::nil(),
        link: Link::DialIn { registration: "LOGIN:1001".parse().expect("a registration") },
        framing: Framing::BARE,
        heartbeat: Duration::from_secs(60),
        baud: 2400,
        meters: Vec::new(),
    };
    let profiles = Profiles::embedded().expect("profiles");
    let plan = Box::new(Plan::new(Arc::new(line), &profiles, &mut Vec::new()));
    let (_sender, inbox) = mpsc::channel(INBOX_MAX);
    let bus = Bus::new(shared, plan, inbox, Arc::default());
    let size = std::mem::size_of_val(&bus.run());
    assert!(size <= 3 * 1024, "{size} bytes");
}
