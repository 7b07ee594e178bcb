use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::*;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
}

fn relay() -> Supply {
    let actuator = Actuator { close: CloseMode::Direct, settle: Duration::from_secs(2) };
    Supply::idle(actuator, 7)
}

fn valve() -> Supply {
    let actuator = Actuator { close: CloseMode::Direct, settle: Duration::from_secs(30) };
    Supply::idle(actuator, 7)
}

fn button() -> Supply {
    let actuator = Actuator { close: CloseMode::ByUser, settle: Duration::from_secs(2) };
    Supply::idle(actuator, 7)
}

const OPEN: SupplyEvent =
    SupplyEvent::Read(RelayReading { open: true, command_open: Some(true), keep_power: false });
const CLOSED: SupplyEvent =
    SupplyEvent::Read(RelayReading { open: false, command_open: Some(false), keep_power: false });
/// Open, but told to close: in transit, stuck, or waiting for the button.
const ALLOWED: SupplyEvent =
    SupplyEvent::Read(RelayReading { open: true, command_open: Some(false), keep_power: false });
/// Closed, but told to open: in transit or stuck.
const OPENING: SupplyEvent =
    SupplyEvent::Read(RelayReading { open: false, command_open: Some(true), keep_power: false });
const PAID: SupplyEvent = SupplyEvent::WantOn { credited: true };
const WAKE: SupplyEvent = SupplyEvent::Wake;
const UNREAD: SupplyEvent = SupplyEvent::Unread;

fn trip(supply_seq: u64, second: i64) -> SupplyEvent {
    SupplyEvent::Trip(TripOrder {
        cause: TripCause::Arrears,
        supply_seq,
        decided_at: at(second),
        not_after: at(second + 60),
        debt_fen: 100,
    })
}

fn cut_by_hand(supply_seq: u64, second: i64) -> SupplyEvent {
    SupplyEvent::Trip(TripOrder::by_hand(supply_seq, at(second)))
}

fn ended(seq: u64, outcome: CommandOutcome) -> SupplyEvent {
    SupplyEvent::Ended { seq, outcome }
}

fn yes(seq: u64) -> SupplyEvent {
    ended(seq, CommandOutcome::Accepted)
}

/// Runs a table of (second, event, what is asked for); timers are left out of the text.
fn check(name: &str, mut supply: Supply, table: &[(i64, SupplyEvent, &str)]) -> Supply {
    for (second, event, want) in table {
        let (next, actions) = supply.step(*event, at(*second));
        let words: Vec<String> = actions.iter().filter_map(word).collect();
        assert_eq!(words.join("+"), *want, "{name}: at {second} s, {event:?}");
        let open = !matches!(
            next.wish,
            Wish::None
                | Wish::On(OnWish { stage: Stage::Verified { .. }, .. })
                | Wish::Off { stage: Stage::Verified { .. }, .. }
        );
        let rings = actions.iter().any(|a| matches!(a, SupplyAction::RetryAfter(_)));
        assert!(rings || !open, "{name}: at {second} s nobody looks again");
        assert_eq!(Supply::from_fields(&next.to_fields()).as_ref(), Ok(&next), "{name}");
        supply = next;
    }
    supply
}

fn word(action: &SupplyAction) -> Option<String> {
    Some(match action {
        SupplyAction::SendClose { seq } => format!("close({seq})"),
        SupplyAction::SendAllowClose { seq } => format!("allow({seq})"),
        SupplyAction::SendTrip { seq, .. } => format!("trip({seq})"),
        SupplyAction::CancelTrip { seq } => format!("cancel({seq})"),
        SupplyAction::ReadRelay => "read".into(),
        SupplyAction::AskUser => "ask".into(),
        SupplyAction::Done { seq, on } => format!("done({seq},{on})"),
        SupplyAction::DropTrip(reason) => format!("drop({reason})"),
        SupplyAction::Alarm(alarm) => format!("alarm({alarm})"),
        SupplyAction::RetryAfter(_) => return None,
    })
}

#[test]
fn a_payment_closes_the_relay_and_reads_it_back() {
    check(
        "dark before",
        relay(),
        &[
            (0, PAID, "close(1)"),
            (1, yes(1), "read"),
            (2, CLOSED, "done(1,true)"),
            (3, WAKE, ""),
            (4, OPEN, ""),
        ],
    );
    let lit = check("reading alone asks for nothing", relay(), &[(0, CLOSED, "")]);
    check("lit before", lit.clone(), &[(1, PAID, "read"), (2, CLOSED, "done(1,true)")]);
    check("thought lit", lit, &[(1, PAID, "read"), (2, OPEN, "close(1)"), (3, yes(1), "read")]);
}

#[test]
fn accepted_is_not_done() {
    let supply = check("accepted", relay(), &[(0, PAID, "close(1)"), (1, yes(1), "read")]);
    assert_eq!(supply.actual, Actual::Unknown);
    assert!(supply.is_being_restored());
    check(
        "no answer, but it worked",
        relay(),
        &[
            (0, PAID, "close(1)"),
            (1, ended(1, CommandOutcome::NoAnswer), "read"),
            (2, CLOSED, "done(1,true)"),
        ],
    );
    check(
        "refused is shown once",
        relay(),
        &[
            (0, PAID, "close(1)"),
            (1, ended(1, CommandOutcome::Refused), "alarm(refused)"),
            (3, WAKE, "read"),
            (3, OPEN, "close(1)"),
            (4, ended(1, CommandOutcome::Refused), ""),
        ],
    );
    check(
        "never left",
        relay(),
        &[
            (0, PAID, "close(1)"),
            (1, ended(1, CommandOutcome::NotSent), ""),
            (3, WAKE, "read"),
            (3, OPEN, "close(1)"),
        ],
    );
}

#[test]
fn a_valve_may_show_the_old_state_for_half_a_minute() {
    check(
        "slow",
        valve(),
        &[
            (0, PAID, "close(1)"),
            (1, yes(1), "read"),
            (2, OPEN, ""),
            (10, WAKE, "read"),
            (10, OPEN, ""),
            (25, WAKE, "read"),
            (25, CLOSED, "done(1,true)"),
        ],
    );
    check(
        "stuck",
        valve(),
        &[
            (0, PAID, "close(1)"),
            (1, yes(1), "read"),
            (29, OPEN, ""),
            (30, OPEN, "close(1)"),
            (59, OPEN, ""),
            (61, OPEN, "close(1)+alarm(paid-but-dark)"),
            (90, OPEN, "alarm(stuck)"),
            (92, OPEN, "close(1)"),
            (200, OPEN, "close(1)"),
            (201, CLOSED, "done(1,true)"),
        ],
    );
}

#[test]
fn waiting_for_the_button_is_no_failure() {
    let supply = check(
        "button",
        button(),
        &[
            (0, PAID, "allow(1)"),
            (1, yes(1), "read"),
            (2, ALLOWED, "ask"),
            (70, WAKE, "read"),
            (70, ALLOWED, ""),
            (7200, ALLOWED, ""),
            (100_000, ALLOWED, ""),
        ],
    );
    assert_eq!(supply.actual, Actual::Waiting);
    check("pressed", supply, &[(100_001, CLOSED, "done(1,true)")]);
}

#[test]
fn paid_but_dark_is_an_alarm_after_a_minute() {
    check(
        "unreadable",
        relay(),
        &[
            (0, PAID, "close(1)"),
            (2, ended(1, CommandOutcome::NoAnswer), "read"),
            (4, UNREAD, ""),
            (59, UNREAD, ""),
            (60, WAKE, "read+alarm(paid-but-dark)"),
            (61, UNREAD, ""),
        ],
    );
    check(
        "a second payment keeps the first one's clock",
        relay(),
        &[(0, PAID, "close(1)"), (50, PAID, "close(2)"), (60, WAKE, "read+alarm(paid-but-dark)")],
    );
    check(
        "an unpaid wish is no such alarm",
        relay(),
        &[(0, SupplyEvent::WantOn { credited: false }, "close(1)"), (3600, WAKE, "read")],
    );
    check(
        "a clock that runs backwards raises nothing",
        relay(),
        &[(1000, PAID, "close(1)"), (0, WAKE, "read")],
    );
}

#[test]
fn the_timer_rings_in_time_for_the_alarm() {
    let (mut supply, mut actions) = relay().step(PAID, at(0));
    let mut now = TimeDelta::zero();
    for _ in 0..100 {
        let after = actions.iter().find_map(|a| match a {
            SupplyAction::RetryAfter(delay) => Some(*delay),
            _ => None,
        });
        now += TimeDelta::from_std(after.unwrap()).unwrap();
        (supply, actions) = supply.step(WAKE, at(0) + now);
        if actions.contains(&SupplyAction::Alarm(SupplyAlarm::PaidButDark)) {
            assert_eq!(now, TimeDelta::seconds(60));
            return;
        }
    }
    panic!("never raised: {supply:?}");
}

#[test]
fn a_dark_room_is_shown_and_never_given_up() {
    let day = 24 * 3600;
    check(
        "a day and a week",
        relay(),
        &[
            (0, PAID, "close(1)"),
            (5, UNREAD, ""),
            (60, UNREAD, "alarm(paid-but-dark)"),
            (day - 1, UNREAD, ""),
            (day, UNREAD, "alarm(still-dark)"),
            (day + 900, WAKE, "read"),
            (8 * day, OPEN, "close(1)+alarm(stuck)"),
            (8 * day + 1, yes(1), "read"),
            (8 * day + 2, CLOSED, "done(1,true)"),
        ],
    );
}

#[test]
fn a_trip_is_read_back_and_never_repeated_by_itself() {
    check(
        "taken",
        relay(),
        &[(0, trip(0, 0), "trip(1)"), (1, yes(1), "read"), (2, OPEN, "done(1,false)")],
    );
    check(
        "no answer, not taken",
        relay(),
        &[
            (0, trip(0, 0), "trip(1)"),
            (1, ended(1, CommandOutcome::NoAnswer), "read"),
            (1, CLOSED, ""),
            (5, WAKE, "read"),
            (5, CLOSED, "drop(not-taken)"),
            (9, WAKE, ""),
        ],
    );
    check(
        "stuck",
        relay(),
        &[
            (0, trip(0, 0), "trip(1)"),
            (1, yes(1), "read"),
            (2, OPENING, ""),
            (62, OPENING, ""),
            (63, OPENING, "drop(stuck)+alarm(stuck)"),
        ],
    );
    check(
        "refused",
        relay(),
        &[
            (0, trip(0, 0), "trip(1)"),
            (1, ended(1, CommandOutcome::Refused), "drop(refused)+alarm(refused)"),
        ],
    );
    check(
        "never left",
        relay(),
        &[(0, trip(0, 0), "trip(1)"), (61, ended(1, CommandOutcome::NotSent), "drop(not-sent)")],
    );
    check(
        "decided, and then the process died",
        relay(),
        &[
            (0, trip(0, 0), "trip(1)"),
            (5, WAKE, "trip(1)"),
            (6, CLOSED, ""),
            (7, yes(1), "read"),
            (8, OPEN, "done(1,false)"),
        ],
    );
    check(
        "decided, and the process came back too late",
        relay(),
        &[(0, trip(0, 0), "trip(1)"), (61, WAKE, "read"), (62, CLOSED, "drop(expired)")],
    );
    check(
        "unreadable after",
        relay(),
        &[(0, trip(0, 0), "trip(1)"), (1, yes(1), "read"), (3, UNREAD, ""), (9, WAKE, "read")],
    );
}

#[test]
fn an_order_to_trip_is_dropped_when_anything_newer_or_safer_stands_against_it() {
    check("too old", relay(), &[(61, trip(0, 0), "drop(expired)")]);
    check("clock ran backwards", relay(), &[(0, trip(0, 10), "drop(expired)")]);
    check(
        "decided before a newer wish",
        relay(),
        &[(0, PAID, "close(1)"), (1, CLOSED, "done(1,true)"), (2, trip(0, 2), "drop(superseded)")],
    );
    check(
        "while a close is under way",
        relay(),
        &[
            (0, PAID, "close(1)"),
            (1, trip(1, 1), "drop(being-restored)"),
            (2, CLOSED, "done(1,true)"),
        ],
    );
    check(
        "keep power",
        relay(),
        &[
            (0, SupplyEvent::KeepPower(true), ""),
            (1, trip(0, 1), "drop(keep-power)"),
            (2, SupplyEvent::KeepPower(false), ""),
            (3, trip(0, 3), "trip(1)"),
            (4, trip(1, 4), "drop(under-way)"),
        ],
    );
}

#[test]
fn a_payment_between_decision_and_sending_cancels_the_trip() {
    let (tripping, _) = relay().step(trip(0, 0), at(0));
    // (seconds, still wanted): the bus owner asks right before the first byte.
    for (second, want) in [(0, true), (60, true), (61, false), (-1, false)] {
        assert_eq!(tripping.still_wanted(1, at(second)), want, "{second}");
    }
    let supply = check("paid", tripping, &[(10, PAID, "cancel(1)+close(2)")]);
    assert!(!supply.still_wanted(1, at(10)), "the trip may not leave any more");
    assert!(supply.still_wanted(2, at(10)));
    check(
        "the trip had left already",
        supply,
        &[
            (11, yes(1), "read"),
            (12, OPEN, "close(2)"),
            (13, yes(2), "read"),
            (14, CLOSED, "done(2,true)"),
        ],
    );
}

#[test]
fn a_payment_does_not_switch_on_what_a_person_switched_off() {
    let by_person = SupplyEvent::WantOn { credited: false };
    let off = check(
        "cut by hand",
        relay(),
        &[(0, cut_by_hand(0, 0), "trip(1)"), (1, yes(1), "read"), (2, OPEN, "done(1,false)")],
    );
    assert!(off.held_off);
    let paid = check("paid while it is held", off, &[(10, PAID, ""), (90, WAKE, "")]);
    assert!(paid.held_off, "and no alarm of a dark room either");
    let stored = Supply::from_fields(&paid.to_fields()).unwrap();
    assert_eq!(stored, paid);
    let on = check(
        "a person wants it back",
        stored,
        &[(100, by_person, "close(2)"), (101, yes(2), "read"), (102, CLOSED, "done(2,true)")],
    );
    assert!(!on.held_off);
}

#[test]
fn an_order_by_hand_that_never_left_holds_nothing() {
    let table = [
        ("nobody sent it", ended(1, CommandOutcome::NotSent)),
        ("refused", ended(1, CommandOutcome::Refused)),
    ];
    for (name, end) in table {
        let (tripping, _) = relay().step(cut_by_hand(0, 0), at(0));
        assert!(tripping.held_off, "{name}");
        let (dropped, _) = tripping.step(end, at(1));
        assert!(!dropped.held_off, "{name}");
        let (_, actions) = dropped.step(PAID, at(2));
        assert!(actions.iter().any(|a| matches!(a, SupplyAction::SendClose { .. })), "{name}");
    }
}

#[test]
fn a_person_may_cut_what_is_being_restored_but_arrears_may_not() {
    let table = [(trip(1, 5), false), (cut_by_hand(1, 5), true)];
    for (order, cut) in table {
        let (restoring, _) = relay().step(PAID, at(0));
        let (_, actions) = restoring.step(order, at(5));
        let sent = actions.iter().any(|a| matches!(a, SupplyAction::SendTrip { .. }));
        assert_eq!(sent, cut, "{order:?}");
    }
    let (kept, _) = relay().step(SupplyEvent::KeepPower(true), at(0));
    let (_, actions) = kept.step(cut_by_hand(0, 1), at(1));
    assert!(matches!(actions[0], SupplyAction::DropTrip(TripDropped::KeepPower)));
}

#[test]
fn a_trip_stored_before_there_were_two_causes_is_one_by_arrears() {
    let (tripping, _) = relay().step(trip(0, 0), at(0));
    let mut fields = tripping.to_fields();
    fields.0.remove("order.cause");
    fields.0.remove("held_off");
    assert_eq!(Supply::from_fields(&fields).unwrap(), tripping);
}

fn any_event(kind: u8, seq: u64, second: i64) -> SupplyEvent {
    match kind {
        0 => PAID,
        1 => trip(seq, second),
        2 => OPEN,
        3 => CLOSED,
        4 => ALLOWED,
        5 => UNREAD,
        6 => WAKE,
        7 => yes(seq),
        8 => ended(seq, CommandOutcome::NoAnswer),
        9 => ended(seq, CommandOutcome::Refused),
        10 => ended(seq, CommandOutcome::NotSent),
        11 => SupplyEvent::KeepPower(seq.is_multiple_of(2)),
        12 => cut_by_hand(seq, second),
        13 => SupplyEvent::WantOn { credited: false },
        _ => trip(seq, second - 30),
    }
}

proptest::proptest! {
    #[test]
    fn whatever_happens_a_wish_for_supply_ends_only_by_sight_and_no_trip_overtakes_it(
        steps in proptest::collection::vec((0u8..15, 0u64..3, 0i64..90), 1..120),
        by_user: bool,
    ) {
        let mut supply = if by_user { button() } else { relay() };
        let mut second = 0;
        for (kind, behind, later) in steps {
            second += later;
            let event = any_event(kind, supply.seq.saturating_sub(behind), second);
            let restoring = supply.is_being_restored();
            let (next, actions) = supply.clone().step(event, at(second));
            let trips = actions.iter().any(|a| matches!(a, SupplyAction::SendTrip { .. }));
            let seen_closed = event == CLOSED;
            proptest::prop_assert!(next.seq >= supply.seq);
            // A person's word goes before a restoration; a debt never does.
            let by_hand = matches!(
                event,
                SupplyEvent::Trip(order) if order.cause == TripCause::ByHand
            );
            proptest::prop_assert!(!(restoring && trips && !by_hand), "{event:?} {supply:?}");
            let closes = actions.iter().any(|a| {
                matches!(a, SupplyAction::SendClose { .. } | SupplyAction::SendAllowClose { .. })
            });
            proptest::prop_assert!(!(supply.held_off && closes && event == PAID), "{supply:?}");
            proptest::prop_assert!(
                !restoring || next.is_being_restored() || seen_closed || by_hand,
                "{event:?} ended {supply:?}"
            );
            proptest::prop_assert!(!(trips && supply.keep_power), "{supply:?}");
            for action in &actions {
                if let SupplyAction::SendTrip { seq, .. } | SupplyAction::SendClose { seq }
                | SupplyAction::SendAllowClose { seq } = action {
                    proptest::prop_assert!(next.still_wanted(*seq, at(second)), "{next:?}");
                    proptest::prop_assert!(!next.still_wanted(seq - 1, at(second)));
                }
            }
            proptest::prop_assert_eq!(Supply::from_fields(&next.to_fields()), Ok(next.clone()));
            supply = next;
        }
    }
}
