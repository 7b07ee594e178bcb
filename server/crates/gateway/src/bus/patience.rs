//! How long an answer is waited for, and how long a bus is left alone after a lost one.
//!
//! A lost exchange costs the time-out and then the silence, so both follow what is known of the
//! meter instead of what is possible anywhere. Three rules keep that honest. The time-out never
//! falls below the frames' own time on the wire, which comes on top. A loss that repeats itself, or
//! an answer that comes after all, brings the longest patience back. And what *writes* is given the
//! whole time the profile grants the meter to think, on top of what its path has shown: a meter
//! that stores money or moves a relay takes longer than for a read, and a write given up too early
//! is a doubt that costs more than the waiting.

use std::time::Duration;

use super::Bus;

/// After so many lost exchanges in a row a meter's learnt delay is not believed any more: one is
/// noise, two may be a path that has become slow.
pub const LOST_IN_A_ROW_MAX: u8 = 2;

/// What is known of the time a meter and its path take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pace {
    /// The time beyond that on the wire: rises at once, falls slowly. Zero when not known.
    delay: Duration,
    /// Exchanges without an answer, in a row.
    lost: u8,
    /// An answer came after it was given up; the learnt delay is not believed so many answers long.
    wary: u8,
}

/// For so many answers the longest patience is kept after one came too late.
pub const WARY_ANSWERS: u8 = 16;

impl Pace {
    /// An answer came after `delay`, its time on the wire not counted.
    pub(super) fn answered(&mut self, delay: Duration) {
        let delay = delay.max(Duration::from_micros(1));
        self.delay = delay.max((self.delay * 3 + delay) / 4);
        self.lost = 0;
        self.wary = self.wary.saturating_sub(1);
    }

    /// No answer came in time.
    pub(super) fn lost(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }

    /// The answer to a request that was given up came after all: the patience was too short.
    pub(super) fn late(&mut self) {
        self.wary = WARY_ANSWERS;
    }

    /// How long to wait for the answer to a read, on top of its time on the wire: three times the
    /// known delay and a margin, never more than the longest.
    pub(super) fn patience(&self, margin: Duration, longest: Duration) -> Duration {
        let known = self.delay > Duration::ZERO && self.wary == 0;
        match known && self.lost < LOST_IN_A_ROW_MAX {
            true => (self.delay * 3 + margin).min(longest),
            false => longest,
        }
    }
}

impl Bus {
    /// The longest that a meter and the path to it may take, on top of the time on the wire.
    pub(super) fn patience(&self, at: usize) -> Duration {
        let turnaround = self.plan.meters[at].profile.quirks.turnaround_ms;
        self.shared.timing.turnaround(turnaround) + self.shared.timing.path
    }

    /// The patience of a read, learnt from the meter: one slow bus does not set the pace of all,
    /// one dead meter costs less (`reliability.md` 8G), and a lost answer does not keep a tenant in
    /// the dark longer than need be (goal P9).
    pub(super) fn read_patience(&self, at: usize) -> Duration {
        self.meters[at].pace.patience(self.shared.timing.read_margin, self.patience(at))
    }

    /// The patience of a write: as a read, and the profile's whole turnaround.
    pub(super) fn write_patience(&self, at: usize) -> Duration {
        let turnaround = self.plan.meters[at].profile.quirks.turnaround_ms;
        let turnaround = self.shared.timing.turnaround(turnaround);
        (self.read_patience(at) + turnaround).min(self.patience(at))
    }

    /// How long the bus stays silent after an exchange that was given up after `timeout`.
    ///
    /// Invariant: at least as long as was waited, so that an answer which is up to twice as slow
    /// as believed is heard before the next request is on the wire (`meters.md` H.1 no. 8; tests
    /// `a_bus_rests_as_long_as_the_lost_answer_was_waited_for`,
    /// `h1_08_a_late_answer_is_never_the_answer_to_the_next_request`).
    pub(super) fn quiet_after(&self, timeout: Duration) -> Duration {
        self.shared.timing.quiet.unwrap_or(timeout)
    }
}
