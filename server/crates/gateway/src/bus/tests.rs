use domain::{ManualClock, SeededRng};

use super::*;
use crate::{
    counter::Counters,
    line::{Framing, Line, Meter},
    outbox::Outbox,
    profile::Profiles,
    timing::Timing,
};

fn bus(meters: Vec<Meter>) -> Bus {
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
        meters,
    };
    let profiles = Profiles::embedded().expect("profiles");
    let plan = Box::new(Plan::new(&line, &profiles, &mut Vec::new()));
    let (_sender, inbox) = mpsc::channel(INBOX_MAX);
    Bus::new(shared, plan, inbox, Arc::default())
}

fn prepaid() -> Meter {
    Meter {
        key: uuid::Uuid::from_u128(1),
        bus: 1,
        address: "202208310002".to_owned(),
        profile: "dlt645-2007-prepaid".to_owned(),
        password: None,
        scan: Vec::new(),
        interval: Duration::from_secs(900),
    }
}

/// Goal G4: 18,000 idle connections at no more than 8 KiB each, buffers and configuration
/// included. The task itself is the largest piece.
#[test]
fn the_task_of_a_line_stays_small() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let _inside = runtime.as_ref().expect("a runtime").enter();
    let size = std::mem::size_of_val(&bus(Vec::new()).run());
    assert!(size <= 3 * 1024, "{size} bytes");
}

/// What happened to a meter's exchanges, in order.
enum Met {
    /// Answered, so many milliseconds later than the wire takes.
    After(u64),
    Lost,
    Late,
}

#[test]
fn a_read_is_waited_for_as_long_as_its_meter_has_shown_to_need() {
    use Met::{After, Late, Lost};
    let (margin, longest) = (Duration::from_millis(375), Duration::from_millis(1_500));
    let table: [(&str, &[Met], u64); 9] = [
        ("nothing is known yet", &[], 1_500),
        ("quick", &[After(25)], 375 + 75),
        ("one loss is noise", &[After(25), Lost], 375 + 75),
        ("two may be a slow path", &[After(25), Lost, Lost], 1_500),
        ("which proved to be quick", &[After(25), Lost, Lost, After(25)], 375 + 75),
        ("a slow answer counts at once", &[After(25), After(200)], 375 + 600),
        ("and is forgotten slowly", &[After(200), After(0)], 375 + 450),
        ("never longer than the longest", &[After(1_400)], 1_500),
        ("an answer that was given up too early", &[After(25), Lost, Late, After(25)], 1_500),
    ];
    for (name, met, want_ms) in table {
        let mut pace = Pace::default();
        for met in met {
            match met {
                After(ms) => pace.answered(Duration::from_millis(*ms)),
                Lost => pace.lost(),
                Late => pace.late(),
            }
        }
        assert_eq!(pace.patience(margin, longest).as_millis(), u128::from(want_ms), "{name}");
    }
}

#[test]
fn a_late_answer_brings_the_longest_patience_back_for_a_while() {
    let mut bus = bus(vec![prepaid()]);
    let longest = bus.patience(0);
    bus.meters[0].pace.answered(Duration::from_millis(25));
    let address = bus.plan.meters[0].address;
    let key = FrameKey { address, function: 0x11, identifier: 0x0001_0000 };
    bus.note_foreign(key, Vec::new());
    assert!(bus.read_patience(0) < longest, "a frame that was never asked for says nothing");
    bus.given_up[0] = Some(key);
    bus.note_foreign(key, Vec::new());
    for _ in 0..patience::WARY_ANSWERS {
        assert_eq!(bus.read_patience(0), longest);
        bus.meters[0].pace.answered(Duration::from_millis(25));
    }
    assert!(bus.read_patience(0) < longest);
}

#[test]
fn a_write_is_granted_the_whole_turnaround_of_its_profile() {
    let mut bus = bus(vec![prepaid()]);
    let longest = bus.patience(0);
    assert_eq!(bus.write_patience(0), longest, "nothing is known yet");
    for (delay_ms, want_ms) in [(25, 250 + 75 + 500), (150, 250 + 450 + 500), (900, 1_500)] {
        bus.meters[0].pace.answered(Duration::from_millis(delay_ms));
        assert_eq!(bus.write_patience(0).as_millis(), want_ms, "{delay_ms} ms");
    }
    bus.meters[0].pace = Pace::default();
    bus.meters[0].pace.answered(Duration::from_millis(25));
    bus.meters[0].pace.lost();
    bus.meters[0].pace.lost();
    assert_eq!(bus.write_patience(0), longest, "two losses in a row");
}

#[test]
fn a_bus_rests_as_long_as_the_lost_answer_was_waited_for() {
    let mut bus = bus(vec![prepaid()]);
    let wire = Timing::line_time(2_400, 20 + 24);
    for delay_ms in [0, 25, 200, 2_000] {
        if delay_ms > 0 {
            bus.meters[0].pace.answered(Duration::from_millis(delay_ms));
        }
        let timeout = wire + bus.read_patience(0);
        assert!(timeout > wire, "never below what the frames need");
        assert_eq!(bus.quiet_after(timeout), timeout);
    }
}
