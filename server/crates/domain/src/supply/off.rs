//! Cutting: a short-lived order that ends by itself.

use chrono::{DateTime, Utc};

use super::{
    CommandOutcome, POLL, RETRY, RelayReading, STUCK_AFTER, Stage, Supply, SupplyAction,
    SupplyAlarm, Told, TripCause, TripDropped, TripOrder, Wish, age,
};

/// A trip under way.
pub(super) struct Tripping {
    pub(super) order: TripOrder,
    pub(super) stage: Stage,
    pub(super) failures: u32,
}

/// Takes an order to trip, or drops it.
pub(super) fn want(supply: &mut Supply, order: TripOrder, now: DateTime<Utc>) -> Vec<SupplyAction> {
    let dropped = if order.supply_seq != supply.seq {
        Some(TripDropped::Superseded)
    } else if !order.is_alive(now) {
        Some(TripDropped::Expired)
    } else if supply.keep_power {
        Some(TripDropped::KeepPower)
    } else if supply.is_being_restored() && order.cause == TripCause::Arrears {
        Some(TripDropped::BeingRestored)
    } else if is_under_way(supply) {
        Some(TripDropped::UnderWay)
    } else {
        None
    };
    if let Some(reason) = dropped {
        return vec![SupplyAction::DropTrip(reason)];
    }
    let seq = supply.next_seq();
    supply.held_off = order.cause == TripCause::ByHand;
    supply.wish = Wish::Off { order, stage: Stage::Unsent, failures: 0 };
    vec![SupplyAction::SendTrip { seq, not_after: order.not_after }]
}

fn is_under_way(supply: &Supply) -> bool {
    matches!(supply.wish, Wish::Off { stage: Stage::Unsent | Stage::Sent { .. }, .. })
}

pub(super) fn go_on(
    supply: &mut Supply,
    mut trip: Tripping,
    told: Told,
    now: DateTime<Utc>,
) -> Vec<SupplyAction> {
    if matches!(trip.stage, Stage::Verified { .. }) {
        return Vec::new();
    }
    if let Told::Ended(_) = told {
        trip.stage = Stage::Sent { first: now, last: now };
    }
    let unsent = trip.stage == Stage::Unsent;
    let actions = match told {
        // The decision was stored, but nobody said that it was carried out. While it lives it may
        // be sent, even twice: a relay that is open stays open.
        Told::Wake if unsent && supply.keep_power => {
            return drop_it(supply, TripDropped::KeepPower);
        }
        Told::Wake if unsent && trip.order.is_alive(now) => {
            let not_after = trip.order.not_after;
            vec![SupplyAction::SendTrip { seq: supply.seq, not_after }]
        }
        Told::Wake => vec![SupplyAction::ReadRelay],
        Told::Unread => {
            trip.failures = trip.failures.saturating_add(1);
            vec![SupplyAction::RetryAfter(RETRY.jittered(trip.failures, supply.jitter))]
        }
        Told::Ended(CommandOutcome::Accepted | CommandOutcome::NoAnswer) => {
            vec![SupplyAction::ReadRelay]
        }
        Told::Ended(CommandOutcome::NotSent) => return drop_it(supply, TripDropped::NotSent),
        Told::Ended(CommandOutcome::Refused) => {
            let mut actions = drop_it(supply, TripDropped::Refused);
            actions.push(SupplyAction::Alarm(SupplyAlarm::Refused));
            return actions;
        }
        Told::Read(reading) if reading.open => {
            trip.stage = Stage::Verified { at: now };
            vec![SupplyAction::Done { seq: supply.seq, on: false }]
        }
        Told::Read(reading) => match still_closed(supply, &trip, reading, now) {
            Some(ended) => return ended,
            None => {
                trip.failures = trip.failures.saturating_add(1);
                vec![SupplyAction::RetryAfter(POLL.jittered(trip.failures, supply.jitter))]
            }
        },
    };
    supply.wish = Wish::Off { order: trip.order, stage: trip.stage, failures: trip.failures };
    actions
}

/// A trip that did not happen is never repeated by itself: the debt may be paid by now, so only a
/// new decision sends a new one (matrix 17L).
fn still_closed(
    supply: &mut Supply,
    trip: &Tripping,
    reading: RelayReading,
    now: DateTime<Utc>,
) -> Option<Vec<SupplyAction>> {
    let Stage::Sent { last, .. } = trip.stage else {
        let alive = trip.order.is_alive(now);
        return (!alive).then(|| drop_it(supply, TripDropped::Expired));
    };
    let waited = age(last, now);
    if waited < supply.actuator.settle {
        return None;
    }
    // The meter was told, but it does not move: it gets its minute before it is called stuck.
    let told = reading.command_open != Some(false);
    if told && waited < supply.actuator.settle + STUCK_AFTER {
        return None;
    }
    let reason = if told { TripDropped::Stuck } else { TripDropped::NotTaken };
    let mut actions = drop_it(supply, reason);
    if told {
        actions.push(SupplyAction::Alarm(SupplyAlarm::Stuck));
    }
    Some(actions)
}

fn drop_it(supply: &mut Supply, reason: TripDropped) -> Vec<SupplyAction> {
    supply.wish = Wish::None;
    // What was not cut is not held either.
    supply.held_off = false;
    vec![SupplyAction::DropTrip(reason)]
}
