//! Time that can be waited for: a [`Clock`] whose tasks may sleep, and a test's, which only moves
//! when it is moved.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use crate::clock::{Clock, SystemClock};

/// A clock whose tasks may sleep.
pub trait Ambient: Clock + 'static {
    /// Ends after that many milliseconds of [`Clock::now_ms`].
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()>;

    /// An even draw from `0..=most`; its bias is below one in a thousand million for every wait of
    /// a kiosk.
    fn draw(&self, most: u64) -> u64 {
        let mut bytes = [0; 8];
        self.random(&mut bytes);
        u64::from_be_bytes(bytes) % most.saturating_add(1).max(1)
    }
}

impl Ambient for SystemClock {
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(ms)))
    }
}

/// A test's: time stands until it is moved, chance is a sequence.
#[derive(Clone)]
pub struct Manual(Arc<Mutex<Hands>>);

struct Hands {
    wall: DateTime<Utc>,
    monotonic_ms: u64,
    chance: u64,
    sleepers: BTreeMap<(u64, u64), oneshot::Sender<()>>,
    sleeps: u64,
}

impl Manual {
    /// Stands at this moment, with this chance.
    pub fn at(wall: DateTime<Utc>, seed: u64) -> Manual {
        Manual(Arc::new(Mutex::new(Hands {
            wall,
            monotonic_ms: 1_000,
            chance: seed,
            sleepers: BTreeMap::new(),
            sleeps: 0,
        })))
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass on both clocks and wakes whoever slept until then.
    pub fn pass(&self, ms: u64) {
        let mut hands = self.hands();
        hands.monotonic_ms += ms;
        hands.wall += TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX));
        let next = (hands.monotonic_ms + 1, 0);
        let later = hands.sleepers.split_off(&next);
        for (_, sleeper) in std::mem::replace(&mut hands.sleepers, later) {
            // Whoever sleeps no more does not mind.
            let _ = sleeper.send(());
        }
    }

    /// Sets the machine's clock, as a dead battery or a technician does.
    pub fn set_wall(&self, wall: DateTime<Utc>) {
        self.hands().wall = wall;
    }

    /// How long until the first sleeper wakes; `None` where nobody sleeps.
    pub fn next_ms(&self) -> Option<u64> {
        let mut hands = self.hands();
        hands.sleepers.retain(|_, sleeper| !sleeper.is_closed());
        let first = hands.sleepers.keys().next()?;
        Some(first.0.saturating_sub(hands.monotonic_ms))
    }
}

impl Clock for Manual {
    fn now_wall(&self) -> DateTime<Utc> {
        self.hands().wall
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.hands().monotonic_ms)
    }

    fn random(&self, bytes: &mut [u8]) {
        let mut hands = self.hands();
        for byte in bytes {
            // SplitMix64: a test's chance has to be even, not secret.
            hands.chance = hands.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = hands.chance;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (z ^ (z >> 31)).to_be_bytes()[0];
        }
    }
}

impl Ambient for Manual {
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()> {
        let (wake, woken) = oneshot::channel();
        let mut hands = self.hands();
        hands.sleeps += 1;
        let key = (hands.monotonic_ms + ms, hands.sleeps);
        if ms == 0 {
            return Box::pin(async {});
        }
        hands.sleepers.insert(key, wake);
        Box::pin(async move {
            // A clock that is gone wakes nobody: the test has ended.
            if woken.await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}
