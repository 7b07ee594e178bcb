//! What time alone brings: alarms, and the timer that makes somebody look again.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{
    Actual, DARK_MAX, FULL_PACE, OnWish, RETRY, Stage, Supply, SupplyAction, SupplyAlarm, Wish, age,
};

/// Raises what time alone makes an alarm, and makes sure that somebody looks again.
///
/// Invariant: "paid but dark" is raised 60 s after a credit unless supply was read back or the
/// meter waits for its user (V2); proved by `paid_but_dark_is_an_alarm_after_a_minute`.
pub(super) fn watch(supply: &mut Supply, actions: &mut Vec<SupplyAction>, now: DateTime<Utc>) {
    let open = match supply.wish {
        Wish::None => false,
        Wish::On(OnWish { stage, .. }) | Wish::Off { stage, .. } => {
            !matches!(stage, Stage::Verified { .. })
        }
    };
    if !open {
        return;
    }
    if !actions.iter().any(|action| matches!(action, SupplyAction::RetryAfter(_))) {
        // An answer is on its way; should it get lost, the timer looks.
        actions.push(SupplyAction::RetryAfter(RETRY.jittered(u32::MAX, supply.jitter)));
    }
    let waiting = supply.actual == Actual::Waiting;
    let Wish::On(wish) = &mut supply.wish else {
        return;
    };
    let lasted = age(wish.since, now);
    if wish.credited && !waiting && !wish.dark_shown && lasted >= DARK_MAX {
        wish.dark_shown = true;
        actions.push(SupplyAction::Alarm(SupplyAlarm::PaidButDark));
    }
    if !waiting && !wish.late_shown && lasted >= FULL_PACE {
        wish.late_shown = true;
        actions.push(SupplyAction::Alarm(SupplyAlarm::StillDark));
    }
    let left = DARK_MAX.saturating_sub(lasted);
    if wish.credited && !wish.dark_shown && !left.is_zero() {
        shorten(actions, left);
    }
}

fn shorten(actions: &mut [SupplyAction], most: Duration) {
    for action in actions {
        if let SupplyAction::RetryAfter(delay) = action {
            *delay = (*delay).min(most);
        }
    }
}
