//! The server's clock as the kiosk knows it, carried on by the monotonic one: the machine's own
//! clock is only ever compared, never trusted.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::ambient::Ambient;

/// When this program was written, in seconds of 1970: no server's clock is earlier. Raised with the
/// releases.
pub const WRITTEN_S: i64 = 1_795_200_000;
/// An answer that took longer says too little about the time, in milliseconds.
pub const RTT_MAX_MS: u64 = 10_000;
/// The longest a pushed time can have been on its way, in milliseconds.
pub const PUSH_LATE_MAX_MS: u64 = 10_000;
/// A measure is replaced by a worse one after this long, in milliseconds: clocks drift.
const FRESH_MS: u64 = 600_000;
/// Beyond this the heartbeat tells it, in milliseconds.
pub const SKEW_WARN_MS: i64 = 30_000;
/// Beyond this nothing is paid, in milliseconds.
pub const SKEW_STOP_MS: i64 = 300_000;
/// The machine's clock has jumped if it went this much further or less than time did, in
/// milliseconds.
pub const JUMP_MS: i64 = 2_000;

/// How far off the machine's clock is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skew {
    /// The server has not said what time it is.
    Unknown,
    /// Near enough.
    Good,
    /// More than [`SKEW_WARN_MS`]: somebody should see to it.
    Warn,
    /// More than [`SKEW_STOP_MS`]: no payments.
    Stop,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    server: DateTime<Utc>,
    at_ms: u64,
    rtt_ms: u64,
}

impl Anchor {
    fn now(&self, now_ms: u64) -> DateTime<Utc> {
        let since = i64::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(i64::MAX);
        self.server
            .checked_add_signed(TimeDelta::try_milliseconds(since).unwrap_or(TimeDelta::MAX))
            .unwrap_or(self.server)
    }
}

/// The server's clock.
#[derive(Clone, Debug)]
pub struct ServerTime {
    anchor: Option<Anchor>,
    floor: DateTime<Utc>,
    seen: Option<(DateTime<Utc>, u64)>,
}

impl ServerTime {
    /// Nothing is known but that it is not earlier than `floor`: when the program was built, or
    /// when the server was last heard.
    pub fn not_before(floor: DateTime<Utc>) -> ServerTime {
        ServerTime { anchor: None, floor, seen: None }
    }

    /// The server said `server` in an answer to a question asked and answered at these moments:
    /// half of the way was spent after it looked at its clock.
    pub fn observe(&mut self, server: DateTime<Utc>, asked_ms: u64, heard_ms: u64) {
        let rtt_ms = heard_ms.saturating_sub(asked_ms);
        if rtt_ms > RTT_MAX_MS {
            return self.at_least(server, heard_ms);
        }
        let half = TimeDelta::milliseconds(i64::try_from(rtt_ms / 2).unwrap_or(0));
        let new = Anchor { server: server + half, at_ms: heard_ms, rtt_ms };
        let keep = self.anchor.is_some_and(|old| {
            let apart = (new.server - old.now(heard_ms)).num_milliseconds().unsigned_abs();
            let agree = apart <= (new.rtt_ms + old.rtt_ms) / 2 + 500;
            let fresh = heard_ms.saturating_sub(old.at_ms) < FRESH_MS;
            agree && fresh && old.rtt_ms <= new.rtt_ms
        });
        if !keep {
            self.anchor = Some(new);
            // What the server says and signs outweighs what was remembered.
            self.floor = server;
        }
    }

    /// The server said so some time ago, nobody knows how long: it is not earlier than that, and
    /// not later than a push can be late.
    pub fn pushed(&mut self, server: DateTime<Utc>, heard_ms: u64) {
        let late = TimeDelta::milliseconds(i64::try_from(PUSH_LATE_MAX_MS).unwrap_or(0));
        let ahead = self.now(heard_ms).is_none_or(|now| now - server > late);
        if ahead {
            self.anchor = Some(Anchor { server, at_ms: heard_ms, rtt_ms: PUSH_LATE_MAX_MS });
        } else {
            self.at_least(server, heard_ms);
        }
    }

    /// It is not earlier than that: the `Date` of any answer.
    pub fn at_least(&mut self, server: DateTime<Utc>, heard_ms: u64) {
        self.floor = self.floor.max(server);
        if let Some(anchor) = &mut self.anchor
            && anchor.now(heard_ms) < server
        {
            *anchor = Anchor { server, at_ms: heard_ms, rtt_ms: RTT_MAX_MS };
        }
    }

    /// What the server's clock shows now; `None` while that is not known.
    pub fn now(&self, now_ms: u64) -> Option<DateTime<Utc>> {
        self.anchor.map(|anchor| anchor.now(now_ms))
    }

    /// The best guess there is: the server's clock, or the machine's if that can be true. Good
    /// enough to look at a certificate and to show a day, never for a deadline.
    pub fn best(&self, wall: DateTime<Utc>, now_ms: u64) -> DateTime<Utc> {
        self.now(now_ms).unwrap_or_else(|| wall.max(self.floor))
    }

    /// The machine's clock minus the server's, in milliseconds.
    pub fn offset_ms(&self, wall: DateTime<Utc>, now_ms: u64) -> Option<i64> {
        Some((wall - self.now(now_ms)?).num_milliseconds())
    }

    /// How far off the machine's clock is.
    pub fn skew(&self, wall: DateTime<Utc>, now_ms: u64) -> Skew {
        match self.offset_ms(wall, now_ms).map(i64::unsigned_abs) {
            None => Skew::Unknown,
            Some(off) if off > SKEW_STOP_MS.unsigned_abs() => Skew::Stop,
            Some(off) if off > SKEW_WARN_MS.unsigned_abs() => Skew::Warn,
            Some(_) => Skew::Good,
        }
    }

    /// How far the machine's clock has jumped since this was asked last, in milliseconds. The
    /// calendar has to be worked out again then; no deadline moves.
    pub fn jumped(&mut self, wall: DateTime<Utc>, now_ms: u64) -> Option<i64> {
        let (was, at_ms) = self.seen.replace((wall, now_ms))?;
        let passed = i64::try_from(now_ms.saturating_sub(at_ms)).unwrap_or(i64::MAX);
        let jump = (wall - was).num_milliseconds().saturating_sub(passed);
        (jump.unsigned_abs() > JUMP_MS.unsigned_abs()).then_some(jump)
    }
}

/// The same for everybody who asks.
#[derive(Clone)]
pub(super) struct SharedTime {
    time: Arc<Mutex<ServerTime>>,
    ambient: Arc<dyn Ambient>,
}

impl SharedTime {
    pub fn not_before(floor: DateTime<Utc>, ambient: Arc<dyn Ambient>) -> SharedTime {
        SharedTime { time: Arc::new(Mutex::new(ServerTime::not_before(floor))), ambient }
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut ServerTime, DateTime<Utc>, u64) -> T) -> T {
        let mut time = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        look(&mut time, self.ambient.now_wall(), self.ambient.now_ms())
    }

    pub fn best(&self) -> DateTime<Utc> {
        self.with(|time, wall, now_ms| time.best(wall, now_ms))
    }

    pub fn at_least(&self, server: DateTime<Utc>) {
        self.with(|time, _, now_ms| time.at_least(server, now_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(ms: i64) -> DateTime<Utc> {
        let start: DateTime<Utc> = "2026-11-21T06:00:00Z".parse().unwrap();
        start + TimeDelta::milliseconds(ms)
    }

    fn fresh() -> ServerTime {
        ServerTime::not_before(t(-86_400_000))
    }

    #[test]
    fn half_of_the_way_is_added_and_the_quicker_answer_is_believed() {
        let mut time = fresh();
        assert_eq!(time.now(0), None);
        time.observe(t(0), 1_000, 1_400);
        assert_eq!(time.now(1_400), Some(t(200)));
        assert_eq!(time.now(11_400), Some(t(10_200)));
        // A slower answer that agrees changes nothing; a quicker one does.
        time.observe(t(10_000), 10_000, 13_000);
        assert_eq!(time.now(13_000), Some(t(11_800)));
        time.observe(t(20_000), 21_000, 21_100);
        assert_eq!(time.now(21_100), Some(t(20_050)));
        // One that contradicts is the server's clock having been set.
        time.observe(t(90_000_000), 22_000, 23_000);
        assert_eq!(time.now(23_000), Some(t(90_000_500)));
        // One that took too long says only that it is not earlier.
        let mut time = fresh();
        time.observe(t(0), 0, RTT_MAX_MS + 1);
        assert_eq!(time.now(0), None);
        assert_eq!(time.best(t(-40_000_000), 0), t(0));
    }

    #[test]
    fn a_dead_battery_is_overruled_by_what_was_built_heard_and_dated() {
        let dead = DateTime::UNIX_EPOCH;
        let mut time = fresh();
        assert_eq!(time.best(dead, 0), t(-86_400_000));
        time.at_least(t(5_000), 0);
        assert_eq!(time.best(dead, 0), t(5_000));
        assert_eq!(time.best(t(9_000), 0), t(9_000), "a clock that can be true is taken");
        time.observe(t(6_000), 0, 0);
        assert_eq!(time.best(dead, 1_000), t(7_000));
        // A Date header is whole seconds and old: it never turns the clock back.
        time.at_least(t(1_000), 1_000);
        assert_eq!(time.now(1_000), Some(t(7_000)));
        time.at_least(t(9_000), 1_000);
        assert_eq!(time.now(1_000), Some(t(9_000)));
    }

    #[test]
    fn a_pushed_time_corrects_only_what_cannot_be() {
        let table = [
            // What is known, what is pushed, what is known then.
            (0, -5_000, 0),
            (0, 0, 0),
            (0, 3_000, 3_000),
            (0, -10_001, -10_001),
        ];
        for (known, pushed, then) in table {
            let mut time = fresh();
            time.observe(t(known), 0, 0);
            time.pushed(t(pushed), 0);
            assert_eq!(time.now(0), Some(t(then)), "{pushed} pushed onto {known}");
        }
        let mut time = fresh();
        time.pushed(t(0), 0);
        assert_eq!(time.now(500), Some(t(500)));
    }

    #[test]
    fn half_a_minute_off_is_told_and_five_minutes_end_payments() {
        let table = [
            (0, Skew::Good),
            (30_000, Skew::Good),
            (-30_001, Skew::Warn),
            (300_000, Skew::Warn),
            (300_001, Skew::Stop),
            (-1_700_000_000_000, Skew::Stop),
        ];
        let mut time = fresh();
        assert_eq!(time.skew(t(0), 0), Skew::Unknown);
        time.observe(t(0), 0, 0);
        for (off, skew) in table {
            assert_eq!(time.offset_ms(t(off), 0), Some(off));
            assert_eq!(time.skew(t(off), 0), skew, "{off} ms");
            assert_eq!(time.skew(t(off + 60_000), 60_000), skew, "{off} ms a minute later");
        }
    }

    #[test]
    fn a_jump_is_seen_once_and_moves_nothing() {
        let mut time = fresh();
        time.observe(t(0), 0, 0);
        let table = [
            (0, 0, None),
            (1_000, 1_000, None),
            (3_900, 2_000, None),
            (3_600_000, 3_000, Some(3_595_100)),
            (3_601_000, 4_000, None),
            (-1_000, 5_000, Some(-3_603_000)),
        ];
        for (wall, now, jump) in table {
            assert_eq!(time.jumped(t(wall), now), jump, "at {now}");
            assert_eq!(time.now(now), Some(t(now as i64)));
        }
    }
}
