//! Whether the page lives, decided from its beats and the crash signal, and what is done if not.
//!
//! WebKit calls a page that loops for ever responsive, so silence is judged here. A page that comes
//! back holds no truth: it asks for the view and draws it.

use std::collections::VecDeque;

/// A page that has once beaten is dead after so long a silence, in milliseconds.
pub const SILENCE_MS: u64 = 5_000;
/// A page that is starting is given so long, in milliseconds.
pub const START_MS: u64 = 10_000;
/// So long after a process was ended its end has to be told, in milliseconds.
const END_MS: u64 = 1_000;
/// More reloads than these within [`RELOADS_SPAN_MS`], and the process begins anew.
pub const RELOADS_MAX: usize = 3;
/// See [`RELOADS_MAX`], in milliseconds.
pub const RELOADS_SPAN_MS: u64 = 600_000;
/// A page grows over days: after so long it is loaded anew, when nobody stands there.
pub const FRESH_MS: u64 = 24 * 3_600_000;
/// Two pictures of an idle screen so far apart differ by a second's digit at least.
pub const SIGHT_MS: u64 = 90_000;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Load the page.
    Reload,
    /// End the page's process; its end is then told.
    Terminate,
    /// End this process: reloading does not help.
    Exit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Loading { since: u64 },
    Alive { heard: u64 },
    Ending { since: u64 },
}

/// The watch over one page. All moments are milliseconds of one monotonic clock.
#[derive(Debug)]
pub struct Watch {
    state: State,
    reloads: VecDeque<u64>,
    sight: Option<(u64, u64)>,
    loaded: u64,
}

impl Watch {
    /// A page that began to load `now`.
    pub fn new(now: u64) -> Watch {
        let state = State::Loading { since: now };
        Watch { state, reloads: VecDeque::new(), sight: None, loaded: now }
    }

    /// The page beats.
    pub fn beat(&mut self, now: u64) {
        // A beat that was still on its way when the process was ended proves nothing.
        if !matches!(self.state, State::Ending { .. }) {
            self.state = State::Alive { heard: now };
        }
    }

    /// Whether this page has beaten since it began to load.
    pub fn has_beaten(&self) -> bool {
        matches!(self.state, State::Alive { .. })
    }

    /// Whether the page lives, or is being brought back.
    pub fn is_well(&self, now: u64) -> bool {
        match self.state {
            State::Alive { heard } => now.saturating_sub(heard) < SILENCE_MS,
            State::Loading { since } | State::Ending { since } => {
                now.saturating_sub(since) < START_MS + END_MS
            }
        }
    }

    /// The page's process is gone, whoever ended it.
    pub fn gone(&mut self, now: u64) -> Act {
        while self.reloads.front().is_some_and(|&at| at + RELOADS_SPAN_MS <= now) {
            self.reloads.pop_front();
        }
        self.reloads.push_back(now);
        self.load(now);
        if self.reloads.len() > RELOADS_MAX { Act::Exit } else { Act::Reload }
    }

    fn load(&mut self, now: u64) {
        self.state = State::Loading { since: now };
        self.sight = None;
        self.loaded = now;
    }

    /// Nobody stands there: a page of yesterday is loaded anew, which is no sign of trouble.
    pub fn idle(&mut self, now: u64) -> Option<Act> {
        let old = now.saturating_sub(self.loaded) >= FRESH_MS;
        if !old || !matches!(self.state, State::Alive { .. }) {
            return None;
        }
        self.load(now);
        Some(Act::Reload)
    }

    /// Time passes.
    pub fn tick(&mut self, now: u64) -> Option<Act> {
        match self.state {
            State::Alive { heard } if now.saturating_sub(heard) >= SILENCE_MS => {
                self.state = State::Ending { since: now };
                Some(Act::Terminate)
            }
            State::Loading { since } if now.saturating_sub(since) >= START_MS => {
                self.state = State::Ending { since: now };
                Some(Act::Terminate)
            }
            State::Ending { since } if now.saturating_sub(since) >= END_MS => Some(self.gone(now)),
            _ => None,
        }
    }

    /// Whether it is time to look at the idle screen.
    pub fn wants_sight(&self, now: u64) -> bool {
        let due = self.sight.is_none_or(|(at, _)| now.saturating_sub(at) >= SIGHT_MS);
        due && matches!(self.state, State::Alive { .. })
    }

    /// The idle screen was seen; `digest` stands for its picture. The same picture twice is a
    /// frozen screen under a living page. A slow machine may be asked for a second picture before
    /// it has given the first: two that are not [`SIGHT_MS`] apart prove nothing.
    pub fn seen(&mut self, now: u64, digest: u64) -> Option<Act> {
        if self.sight.is_some_and(|(at, _)| now.saturating_sub(at) < SIGHT_MS) {
            return None;
        }
        let frozen = self.sight.is_some_and(|(_, before)| before == digest);
        self.sight = Some((now, digest));
        if frozen && matches!(self.state, State::Alive { .. }) {
            self.state = State::Ending { since: now };
            return Some(Act::Terminate);
        }
        None
    }

    /// Somebody stands there: what is seen may rightly stand still.
    pub fn in_use(&mut self) {
        self.sight = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Event {
        Beat,
        Idle,
        Gone,
        Tick,
        Seen(u64),
    }
    use Event::{Beat, Gone, Idle, Seen, Tick};

    /// Plays events at their moments and compares what is done.
    fn check(events: &[(u64, Event, Option<Act>)]) {
        let mut watch = Watch::new(0);
        for (number, (now, event, want)) in events.iter().enumerate() {
            let have = match event {
                Beat => {
                    watch.beat(*now);
                    None
                }
                Idle => watch.idle(*now),
                Gone => Some(watch.gone(*now)),
                Tick => watch.tick(*now),
                Seen(digest) => watch.seen(*now, *digest),
            };
            assert_eq!(have, *want, "event {number} at {now}");
        }
    }

    #[test]
    fn a_silent_page_is_ended_after_five_seconds_and_loaded_again() {
        check(&[
            (400, Beat, None),
            (5_300, Tick, None),
            (5_400, Tick, Some(Act::Terminate)),
            (5_450, Gone, Some(Act::Reload)),
            (5_900, Beat, None),
            (10_800, Tick, None),
        ]);
    }

    #[test]
    fn a_page_that_does_not_start_is_given_ten_seconds() {
        check(&[
            (9_900, Tick, None),
            (10_000, Tick, Some(Act::Terminate)),
            // Nobody tells of its end: it is loaded again all the same.
            (10_500, Tick, None),
            (11_000, Tick, Some(Act::Reload)),
        ]);
    }

    #[test]
    fn a_crash_reloads_at_once_and_the_fourth_in_ten_minutes_begins_the_process_anew() {
        check(&[
            (1_000, Beat, None),
            (2_000, Gone, Some(Act::Reload)),
            (100_000, Gone, Some(Act::Reload)),
            (200_000, Gone, Some(Act::Reload)),
            (601_999, Gone, Some(Act::Exit)),
        ]);
        check(&[
            (2_000, Gone, Some(Act::Reload)),
            (100_000, Gone, Some(Act::Reload)),
            (200_000, Gone, Some(Act::Reload)),
            (602_000, Gone, Some(Act::Reload)),
        ]);
    }

    #[test]
    fn a_beat_of_a_process_that_was_ended_does_not_call_it_alive() {
        check(&[
            (0, Beat, None),
            (5_000, Tick, Some(Act::Terminate)),
            (5_100, Beat, None),
            (6_000, Tick, Some(Act::Reload)),
        ]);
    }

    #[test]
    fn a_page_of_yesterday_is_loaded_anew_while_nobody_is_there_and_that_counts_as_no_trouble() {
        check(&[
            (400, Beat, None),
            (FRESH_MS - 1, Idle, None),
            (FRESH_MS, Beat, None),
            (FRESH_MS, Idle, Some(Act::Reload)),
            (FRESH_MS + 300, Idle, None),
            (FRESH_MS + 400, Gone, Some(Act::Reload)),
            (FRESH_MS + 500, Gone, Some(Act::Reload)),
            (FRESH_MS + 600, Gone, Some(Act::Reload)),
            (FRESH_MS + 700, Gone, Some(Act::Exit)),
        ]);
    }

    #[test]
    fn the_same_picture_of_an_idle_screen_twice_is_a_frozen_screen() {
        check(&[
            (1_000, Beat, None),
            (2_000, Seen(7), None),
            (92_000, Seen(8), None),
            (182_000, Seen(8), Some(Act::Terminate)),
        ]);
    }

    #[test]
    fn two_pictures_of_one_moment_are_no_frozen_screen() {
        check(&[
            (1_000, Beat, None),
            (2_000, Seen(7), None),
            (2_250, Seen(7), None),
            (92_000, Seen(8), None),
            (92_300, Seen(8), None),
        ]);
    }
}
