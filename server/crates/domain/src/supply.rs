//! The supply saga (供电): what a meter's relay or valve should be, driven until it is.
//!
//! A pure step function like [`crate::vend`]. A wish to have supply is kept until the relay was
//! read back as closed; a wish to cut it is a short-lived order that any newer wish cancels.
//!
//! What the caller promises:
//! 1. it stores the returned [`Supply`] before it carries out the actions, in the transaction of
//!    the fact that caused them;
//! 2. a later [`SupplyAction::RetryAfter`] replaces an earlier one; after a restart it sends
//!    [`SupplyEvent::Wake`];
//! 3. whoever owns the bus asks [`Supply::still_wanted`] right before the first byte of a command
//!    leaves, with the stored supply of that moment.

pub mod state;
pub use state::{Actual, Actuator, CloseMode, OnWish, Stage, Supply, Wish};
pub mod event;
pub use event::{
    CommandOutcome, RelayReading, SupplyAction, SupplyAlarm, SupplyEvent, TripDropped,
};
mod off;
mod on;
mod stored;
mod watch;

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    arrears::{TripCause, TripOrder},
    retry::Backoff,
};

/// How long a paid supply may stay dark before it is an alarm (V2).
pub const DARK_MAX: Duration = Duration::from_secs(60);
/// What a relay or valve gets on top of its own delay before it counts as stuck (H.1 no. 12).
pub const STUCK_AFTER: Duration = Duration::from_secs(60);
/// How long restoring goes on at full pace; then a person is shown, and it goes on slowly.
pub const FULL_PACE: Duration = Duration::from_secs(24 * 3600);
/// The wait between looks at a relay that may still move.
pub const POLL: Backoff = Backoff::seconds(2, 10);
/// The wait after a failed command or read.
pub const RETRY: Backoff = Backoff::seconds(2, 60);
/// The wait once a person has been shown.
pub const SLOW_RETRY: Backoff = Backoff::seconds(900, 900);

impl Supply {
    /// A meter nobody has wished anything for.
    pub fn idle(actuator: Actuator, jitter: u64) -> Self {
        Supply {
            actuator,
            seq: 0,
            wish: Wish::None,
            actual: Actual::Unknown,
            actual_at: None,
            keep_power: false,
            held_off: false,
            jitter,
        }
    }

    /// The next state and what to do, after `event` at `now`.
    ///
    /// Invariant: what a person cut stays cut until a person wants it back, because somebody may be
    /// working there; proved by `a_payment_does_not_switch_on_what_a_person_switched_off`.
    ///
    /// Invariant: a wish for supply ends only when the relay was read as closed (I9), and a trip
    /// that any newer wish overtook is never sent (I12); proved by
    /// `a_payment_between_decision_and_sending_cancels_the_trip` and
    /// `a_dark_room_is_shown_and_never_given_up`.
    pub fn step(mut self, event: SupplyEvent, now: DateTime<Utc>) -> (Supply, Vec<SupplyAction>) {
        let mut actions = match event {
            SupplyEvent::WantOn { credited: true } if self.held_off => Vec::new(),
            SupplyEvent::WantOn { credited } => {
                self.held_off = false;
                on::want(&mut self, credited, now)
            }
            SupplyEvent::Trip(order) => off::want(&mut self, order, now),
            SupplyEvent::KeepPower(keep) => {
                self.keep_power = keep;
                Vec::new()
            }
            SupplyEvent::Read(reading) => {
                self.note(reading, now);
                self.go_on(Told::Read(reading), now)
            }
            SupplyEvent::Unread => self.go_on(Told::Unread, now),
            SupplyEvent::Ended { seq, outcome } if seq == self.seq => {
                self.go_on(Told::Ended(outcome), now)
            }
            // The answer to a command that a newer wish has overtaken: look, and decide by that.
            SupplyEvent::Ended { .. } => self.go_on(Told::Wake, now),
            SupplyEvent::Wake => self.go_on(Told::Wake, now),
        };
        watch::watch(&mut self, &mut actions, now);
        (self, actions)
    }

    /// True while the command of this number may still leave: nothing newer was wished, and an
    /// order to trip is alive.
    pub fn still_wanted(&self, seq: u64, now: DateTime<Utc>) -> bool {
        let alive = match &self.wish {
            Wish::None => false,
            Wish::On(_) => true,
            Wish::Off { order, .. } => order.is_alive(now) && !self.keep_power,
        };
        seq == self.seq && alive
    }

    /// True while supply is wanted and not read back yet.
    pub fn is_being_restored(&self) -> bool {
        matches!(&self.wish, Wish::On(wish) if !matches!(wish.stage, Stage::Verified { .. }))
    }

    fn go_on(&mut self, told: Told, now: DateTime<Utc>) -> Vec<SupplyAction> {
        match self.wish {
            Wish::None => Vec::new(),
            Wish::On(wish) => on::go_on(self, wish, told, now),
            Wish::Off { order, stage, failures } => {
                off::go_on(self, off::Tripping { order, stage, failures }, told, now)
            }
        }
    }

    /// Invariant: what a valve or relay is said to be comes from reading it, never from a command
    /// that was accepted (H.1 no. 12); proved by `accepted_is_not_done`.
    fn note(&mut self, reading: RelayReading, now: DateTime<Utc>) {
        self.actual = match (reading.open, reading.command_open) {
            (false, _) => Actual::On,
            (true, Some(false)) if self.actuator.close == CloseMode::ByUser => Actual::Waiting,
            (true, _) => Actual::Off,
        };
        self.actual_at = Some(now);
    }

    fn next_seq(&mut self) -> u64 {
        self.seq = self.seq.saturating_add(1);
        self.seq
    }
}

/// What the pursuit of a wish is told.
#[derive(Clone, Copy)]
enum Told {
    Wake,
    Read(RelayReading),
    Unread,
    Ended(CommandOutcome),
}

/// How long ago a moment is; nothing when the clock ran backwards (I14).
fn age(at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    now.signed_duration_since(at).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests;
