//! Restoring: the wish for supply, pursued until it is read back.

use chrono::{DateTime, Utc};

use super::{
    Actual, CloseMode, CommandOutcome, FULL_PACE, OnWish, POLL, RETRY, RelayReading, SLOW_RETRY,
    STUCK_AFTER, Stage, Supply, SupplyAction, SupplyAlarm, Told, Wish, age,
};
use crate::retry::Backoff;

/// A new wish for supply. It takes the place of any order to trip, sent or not.
pub(super) fn want(supply: &mut Supply, credited: bool, now: DateTime<Utc>) -> Vec<SupplyAction> {
    let mut actions = Vec::new();
    let mut maybe_tripped = false;
    if let Wish::Off { stage, .. } = supply.wish {
        maybe_tripped = !matches!(stage, Stage::Verified { .. });
        if maybe_tripped {
            actions.push(SupplyAction::CancelTrip { seq: supply.seq });
        }
    }
    let mut wish = renewed(supply, credited, now);
    supply.next_seq();
    // Believed to be on: look before a needless command. A trip on its way makes belief worthless.
    if supply.actual == Actual::On && !maybe_tripped {
        supply.wish = Wish::On(wish);
        actions.push(SupplyAction::ReadRelay);
    } else {
        actions.push(close(supply, &mut wish, now));
        supply.wish = Wish::On(wish);
    }
    actions
}

/// A fresh wish, or the old one where supply is already being restored: a second payment does not
/// turn the clock of the first one back.
fn renewed(supply: &Supply, credited: bool, now: DateTime<Utc>) -> OnWish {
    match supply.wish {
        Wish::On(old) if supply.is_being_restored() && (old.credited || !credited) => {
            OnWish { stage: Stage::Unsent, failures: 0, ..old }
        }
        _ => OnWish {
            since: now,
            credited,
            stage: Stage::Unsent,
            failures: 0,
            dark_shown: false,
            stuck_shown: false,
            refused_shown: false,
            asked_user: false,
            late_shown: false,
        },
    }
}

fn close(supply: &Supply, wish: &mut OnWish, now: DateTime<Utc>) -> SupplyAction {
    let first = match wish.stage {
        Stage::Sent { first, .. } => first,
        _ => now,
    };
    wish.stage = Stage::Sent { first, last: now };
    let seq = supply.seq;
    match supply.actuator.close {
        CloseMode::Direct => SupplyAction::SendClose { seq },
        CloseMode::ByUser => SupplyAction::SendAllowClose { seq },
    }
}

pub(super) fn go_on(
    supply: &mut Supply,
    mut wish: OnWish,
    told: Told,
    now: DateTime<Utc>,
) -> Vec<SupplyAction> {
    if matches!(wish.stage, Stage::Verified { .. }) {
        return Vec::new();
    }
    let actions = match told {
        // A look before every repeat: the first command may have worked.
        Told::Wake => vec![SupplyAction::ReadRelay],
        Told::Unread => retry(supply, &mut wish, now),
        Told::Ended(CommandOutcome::Accepted) => {
            wish.failures = 0;
            vec![SupplyAction::ReadRelay]
        }
        Told::Ended(CommandOutcome::NoAnswer) => vec![SupplyAction::ReadRelay],
        Told::Ended(CommandOutcome::NotSent) => {
            wish.stage = Stage::Unsent;
            retry(supply, &mut wish, now)
        }
        Told::Ended(CommandOutcome::Refused) => refused(supply, &mut wish, now),
        Told::Read(reading) => read(supply, &mut wish, reading, now),
    };
    supply.wish = Wish::On(wish);
    actions
}

fn refused(supply: &Supply, wish: &mut OnWish, now: DateTime<Utc>) -> Vec<SupplyAction> {
    wish.stage = Stage::Unsent;
    let mut actions = retry(supply, wish, now);
    if !wish.refused_shown {
        wish.refused_shown = true;
        actions.push(SupplyAction::Alarm(SupplyAlarm::Refused));
    }
    actions
}

/// Full pace for a day, then slowly, and never given up (I9, matrix 18K).
fn pace(wish: &OnWish, now: DateTime<Utc>) -> Backoff {
    if age(wish.since, now) < FULL_PACE { RETRY } else { SLOW_RETRY }
}

fn retry(supply: &Supply, wish: &mut OnWish, now: DateTime<Utc>) -> Vec<SupplyAction> {
    let pace = pace(wish, now);
    again(supply, wish, pace)
}

fn again(supply: &Supply, wish: &mut OnWish, pace: Backoff) -> Vec<SupplyAction> {
    wish.failures = wish.failures.saturating_add(1);
    vec![SupplyAction::RetryAfter(pace.jittered(wish.failures, supply.jitter))]
}

fn read(
    supply: &Supply,
    wish: &mut OnWish,
    reading: RelayReading,
    now: DateTime<Utc>,
) -> Vec<SupplyAction> {
    if !reading.open {
        wish.stage = Stage::Verified { at: now };
        return vec![SupplyAction::Done { seq: supply.seq, on: true }];
    }
    let Stage::Sent { first, last } = wish.stage else {
        return vec![close(supply, wish, now)];
    };
    if supply.actual == Actual::Waiting {
        return wait_for_user(supply, wish, now);
    }
    let pace = pace(wish, now);
    let settle = supply.actuator.settle;
    // A motor valve shows the old state first, so nothing is repeated before it has settled (V5).
    let mut actions = if age(last, now) >= settle.max(pace.delay(wish.failures) / 2) {
        vec![close(supply, wish, now)]
    } else if age(first, now) < settle + STUCK_AFTER {
        again(supply, wish, POLL)
    } else {
        again(supply, wish, pace)
    };
    if !wish.stuck_shown && age(first, now) >= settle + STUCK_AFTER {
        wish.stuck_shown = true;
        actions.push(SupplyAction::Alarm(SupplyAlarm::Stuck));
    }
    actions
}

/// Waiting for the button is no failure: no alarm, and a look now and then.
fn wait_for_user(supply: &Supply, wish: &mut OnWish, now: DateTime<Utc>) -> Vec<SupplyAction> {
    let mut actions = retry(supply, wish, now);
    if !wish.asked_user {
        wish.asked_user = true;
        actions.push(SupplyAction::AskUser);
    }
    actions
}
