//! The scheduler as a table of moments.

use std::time::Duration;

use gateway::schedule::{
    COMMANDS_MAX, Full, Health, ON_DEMAND_ROW_MAX, Priority, SCAN_ROW_MAX, Scan, Schedule, Ticket,
    Turn, scan::Backoff,
};
use proptest::prelude::*;

const BACKOFF: Backoff =
    Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(60) };

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ticket(id: u32, priority: Priority) -> Ticket {
    Ticket { id, meter: 0, priority, not_after: None }
}

fn scan(parts: u8, interval: u64, due: u64) -> Scan {
    Scan::new(parts, s(interval), s(due), BACKOFF)
}

fn command(turn: Turn) -> Option<u32> {
    match turn {
        Turn::Command(ticket) => Some(ticket.id),
        _ => None,
    }
}

#[test]
fn one_exchange_at_a_time_in_order_of_priority() {
    let mut schedule = Schedule::new(vec![scan(1, 60, 0)]);
    let order = [
        ticket(1, Priority::OnDemand),
        ticket(2, Priority::Trip),
        ticket(3, Priority::TopUp),
        ticket(4, Priority::Restore),
        ticket(5, Priority::TopUp),
    ];
    for ticket in order {
        schedule.push(ticket).expect("room");
    }
    let got: Vec<_> = (0..5).map(|_| command(schedule.next(s(0)))).collect();
    assert_eq!(got, [4, 3, 5, 2, 1].map(Some));
    assert_eq!(schedule.next(s(0)), Turn::Scan { meter: 0, part: 0 });
}

#[test]
fn a_command_of_several_exchanges_yields_only_to_a_more_urgent_one() {
    let mut schedule = Schedule::new(vec![]);
    let proof = ticket(1, Priority::TopUp);
    schedule.push(proof).expect("room");
    schedule.push(ticket(2, Priority::TopUp)).expect("room");
    assert_eq!(command(schedule.next(s(0))), Some(1));
    schedule.push(ticket(3, Priority::Restore)).expect("room");
    schedule.push(ticket(4, Priority::OnDemand)).expect("room");
    schedule.resume(proof);
    let got: Vec<_> = (0..4).map(|_| command(schedule.next(s(0)))).collect();
    assert_eq!(got, [3, 1, 2, 4].map(Some), "close, then the proof goes on, then its equals");
}

#[test]
fn an_expired_command_never_gets_a_turn() {
    let mut schedule = Schedule::new(vec![]);
    let trip = Ticket { not_after: Some(s(60)), ..ticket(1, Priority::Trip) };
    schedule.push(trip).expect("room");
    assert_eq!(schedule.take_expired(s(60)), [], "the last moment is still allowed");
    schedule.hold(true);
    assert_eq!(schedule.next(s(1)), Turn::Idle(Some(s(60))), "held, it waits for its expiry");
    schedule.hold(false);
    assert_eq!(schedule.next(s(61)), Turn::Idle(Some(s(60))), "skipped even when not taken out");
    assert_eq!(schedule.take_expired(s(61)), [trip]);
    assert_eq!(schedule.next(s(61)), Turn::Idle(None));
}

#[test]
fn the_queue_is_bounded() {
    let mut schedule = Schedule::new(vec![]);
    for id in 0..COMMANDS_MAX as u32 {
        schedule.push(ticket(id, Priority::Trip)).expect("room");
    }
    assert_eq!(schedule.push(ticket(9, Priority::Restore)), Err(Full));
}

#[test]
fn meters_take_turns_and_all_reads_of_one_follow_one_another() {
    let mut schedule = Schedule::new(vec![scan(2, 0, 0), scan(1, 0, 0), scan(0, 0, 0)]);
    let mut got = Vec::new();
    for _ in 0..6 {
        let Turn::Scan { meter, part } = schedule.next(s(1)) else { panic!("a scan is due") };
        schedule.scanned(meter, true, s(1));
        got.push((meter, part));
    }
    assert_eq!(got, [(0, 0), (0, 1), (1, 0), (0, 0), (0, 1), (1, 0)]);
}

#[test]
fn a_round_does_not_drift_and_missed_rounds_are_not_made_up() {
    // (answered at, due next)
    let table = [(10, 70), (75, 130), (130, 190), (400, 400), (401, 460)];
    let mut scan = scan(1, 60, 10);
    for (now, due) in table {
        scan.exchanged(true, s(now));
        assert_eq!(scan.due(), Some(s(due)), "answered at {now}");
    }
}

#[test]
fn a_dead_meter_gets_one_probe_further_and_further_apart() {
    let mut schedule = Schedule::new(vec![scan(3, 10, 0)]);
    // (now, health after the silence, next probe)
    let table = [
        (0, Health::Unchanged, 2),
        (2, Health::Unchanged, 6),
        (6, Health::WentSilent, 14),
        (14, Health::Unchanged, 30),
        (30, Health::Unchanged, 62),
        (62, Health::Unchanged, 122),
        (122, Health::Unchanged, 182),
    ];
    for (now, health, next) in table {
        assert_eq!(schedule.next(s(now)), Turn::Scan { meter: 0, part: 0 }, "probe at {now}");
        assert_eq!(schedule.scanned(0, false, s(now)), health);
        assert_eq!(schedule.next(s(now)), Turn::Idle(Some(s(next))), "after {now}");
    }
    assert_eq!(schedule.next(s(182)), Turn::Scan { meter: 0, part: 0 });
    assert_eq!(schedule.scanned(0, true, s(182)), Health::CameBack);
    assert_eq!(schedule.next(s(182)), Turn::Scan { meter: 0, part: 1 }, "at once the other reads");
}

#[test]
fn a_command_that_is_answered_brings_a_silent_meter_back() {
    let mut schedule = Schedule::new(vec![scan(1, 10, 0)]);
    for now in [0, 2, 6] {
        schedule.scanned(0, false, s(now));
    }
    assert!(schedule.scans()[0].is_silent());
    assert_eq!(schedule.heard(0, true, s(7)), Health::CameBack);
    assert_eq!(schedule.next(s(7)), Turn::Scan { meter: 0, part: 0 });
    assert_eq!(schedule.heard(0, false, s(8)), Health::Unchanged);
    assert_eq!(schedule.heard(7, true, s(8)), Health::Unchanged, "a meter that is not there");
}

#[test]
fn a_busy_operator_does_not_starve_the_readings() {
    let mut schedule = Schedule::new(vec![scan(1, 0, 0)]);
    let mut scans = 0;
    for id in 0..100 {
        schedule.push(ticket(id, Priority::OnDemand)).expect("room");
    }
    for _ in 0..50 {
        if let Turn::Scan { meter, .. } = schedule.next(s(1)) {
            schedule.scanned(meter, true, s(1));
            scans += 1;
        }
    }
    assert_eq!(scans, 50 / (usize::from(ON_DEMAND_ROW_MAX) + 1));
}

#[test]
fn what_nobody_waits_for_goes_after_the_scans_and_is_not_starved_by_them() {
    let mut schedule = Schedule::new(vec![scan(1, 60, 0)]);
    schedule.push(ticket(1, Priority::Background)).expect("room");
    schedule.push(ticket(2, Priority::OnDemand)).expect("room");
    assert_eq!(command(schedule.next(s(0))), Some(2));
    assert_eq!(schedule.next(s(0)), Turn::Scan { meter: 0, part: 0 }, "the scan is due");
    schedule.scanned(0, true, s(0));
    assert_eq!(command(schedule.next(s(1))), Some(1), "nothing else is to be done");
    // A bus that is read without pause.
    let mut schedule = Schedule::new(vec![scan(1, 0, 0)]);
    schedule.push(ticket(3, Priority::Background)).expect("room");
    let mut scans = 0;
    while let Turn::Scan { meter, .. } = schedule.next(s(1)) {
        schedule.scanned(meter, true, s(1));
        scans += 1;
    }
    assert_eq!(scans, usize::from(SCAN_ROW_MAX));
}

#[test]
fn commands_of_a_meter_can_be_taken_out() {
    let mut schedule = Schedule::new(vec![]);
    schedule.push(ticket(1, Priority::Trip)).expect("room");
    schedule.push(Ticket { meter: 1, ..ticket(2, Priority::Trip) }).expect("room");
    let taken = schedule.take_if(|t| t.meter == 0 && t.priority == Priority::Trip);
    assert_eq!(taken.len(), 1);
    assert_eq!(command(schedule.next(s(0))), Some(2));
}

proptest! {
    #[test]
    fn every_live_meter_is_read_once_before_any_is_read_twice(
        count in 1usize..40, dead in prop::collection::vec(any::<bool>(), 40)
    ) {
        let mut schedule = Schedule::new((0..count).map(|_| scan(1, 0, 0)).collect());
        let live = (0..count).filter(|at| !dead[*at]).count();
        let (mut reads, mut now) = (vec![0usize; count], Duration::ZERO);
        for _ in 0..count * 10 {
            if let Turn::Scan { meter, .. } = schedule.next(now) {
                let at = usize::from(meter);
                schedule.scanned(meter, !dead[at], now);
                reads[at] += 1;
            }
            now += Duration::from_millis(200);
        }
        let of_live: Vec<_> = (0..count).filter(|at| !dead[*at]).map(|at| reads[at]).collect();
        if live > 0 {
            let (least, most) = (of_live.iter().min().copied(), of_live.iter().max().copied());
            prop_assert!(most <= least.map(|l| l + 1), "{of_live:?}");
        }
    }
}
