//! Time and chance as parameters: nothing else in the kiosk asks the machine for either.

use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use chrono::{DateTime, Utc};
use uuid::{Builder, Uuid};

/// The kiosk's hands and dice.
pub trait Clock: Send + Sync {
    /// Wall-clock time of this machine, UTC. It may be years off and may jump: it is shown once the
    /// server has corrected it, and never used to measure how long something took.
    fn now_wall(&self) -> DateTime<Utc>;

    /// Time since an arbitrary start; never runs backwards. Every deadline is counted by it.
    fn monotonic(&self) -> Duration;

    /// Fills the buffer with random bytes.
    fn random(&self, bytes: &mut [u8]);

    /// Milliseconds of [`Clock::monotonic`].
    fn now_ms(&self) -> u64 {
        u64::try_from(self.monotonic().as_millis()).unwrap_or(u64::MAX)
    }

    /// A new id, version 4.
    fn fresh(&self) -> Uuid {
        let mut bytes = [0u8; 16];
        self.random(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// The machine's own.
pub struct SystemClock {
    start: Instant,
    dice: SystemRandom,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[allow(clippy::disallowed_methods)]
    pub fn new() -> Self {
        SystemClock { start: Instant::now(), dice: SystemRandom::new() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    // This is the one place of the kiosk that reads the machine's clocks.
    #[allow(clippy::disallowed_methods)]
    fn now_wall(&self) -> DateTime<Utc> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn random(&self, bytes: &mut [u8]) {
        // The operating system's generator does not fail once it was seeded; a kiosk whose
        // generator does has ids nobody may trust, and ends.
        assert!(self.dice.fill(bytes).is_ok(), "the operating system gives no random bytes");
    }
}

/// A clock that only moves when told to, with dice that always fall alike. For tests.
pub struct ManualClock {
    state: Mutex<Hands>,
}

struct Hands {
    wall: DateTime<Utc>,
    monotonic: Duration,
    thrown: u64,
}

impl ManualClock {
    /// A clock standing at a moment in seconds of the Unix epoch.
    pub fn at(unix_s: i64) -> Self {
        let wall = DateTime::from_timestamp(unix_s, 0).unwrap_or(DateTime::UNIX_EPOCH);
        ManualClock { state: Mutex::new(Hands { wall, monotonic: Duration::ZERO, thrown: 0 }) }
    }

    /// Moves both hands forward.
    pub fn advance(&self, by: Duration) {
        let mut hands = self.lock();
        hands.wall += by;
        hands.monotonic += by;
    }

    /// Sets the wall clock only, as a time server would: a jump the monotonic hand does not see.
    pub fn jump_to(&self, wall: DateTime<Utc>) {
        self.lock().wall = wall;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Hands> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now_wall(&self) -> DateTime<Utc> {
        self.lock().wall
    }

    fn monotonic(&self) -> Duration {
        self.lock().monotonic
    }

    fn random(&self, bytes: &mut [u8]) {
        let mut hands = self.lock();
        for chunk in bytes.chunks_mut(8) {
            hands.thrown += 1;
            // SplitMix64: spreads a counter over all bits; reproducible, and never for secrets.
            let mut z = hands.thrown.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_of_the_wall_does_not_move_a_deadline() {
        let clock = ManualClock::at(1_790_000_000);
        clock.advance(Duration::from_secs(3));
        clock.jump_to(DateTime::UNIX_EPOCH);
        assert_eq!(clock.now_ms(), 3_000);
        assert_eq!(clock.now_wall(), DateTime::UNIX_EPOCH);
    }

    #[test]
    fn two_ids_are_never_alike() {
        for clock in [&ManualClock::at(0) as &dyn Clock, &SystemClock::new()] {
            let (one, other) = (clock.fresh(), clock.fresh());
            assert_ne!(one, other);
            assert_eq!(one.get_version_num(), 4);
        }
    }
}
