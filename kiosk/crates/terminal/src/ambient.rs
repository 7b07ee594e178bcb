//! Time and chance as the kiosk meets them: always a parameter, so that a test decides both.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use uuid::Uuid;

/// Time and chance.
pub trait Ambient: Send + Sync + 'static {
    /// The machine's own clock, which may be years off or jump.
    fn wall(&self) -> DateTime<Utc>;
    /// Milliseconds since some start, only ever growing: every deadline counts in these.
    fn monotonic_ms(&self) -> u64;
    /// Fills with bytes nobody can guess.
    fn random(&self, bytes: &mut [u8]);
    /// Ends after that many milliseconds of [`Ambient::monotonic_ms`].
    fn sleep(&self, ms: u64) -> BoxFuture<'static, ()>;

    /// An id nobody has made before.
    fn uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        self.random(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// An even draw from `0..=most`; its bias is below one in a thousand million for every wait of
    /// a kiosk.
    fn draw(&self, most: u64) -> u64 {
        let mut bytes = [0; 8];
        self.random(&mut bytes);
        u64::from_be_bytes(bytes) % most.saturating_add(1).max(1)
    }
}

/// The machine's.
pub struct System {
    start: Instant,
}

impl System {
    /// Counts from now.
    #[allow(clippy::disallowed_methods)]
    pub fn start() -> System {
        System { start: Instant::now() }
    }
}

impl Ambient for System {
    #[allow(clippy::disallowed_methods)]
    fn wall(&self) -> DateTime<Utc> {
        SystemTime::now().into()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn random(&self, bytes: &mut [u8]) {
        if aws_lc_rs::rand::fill(bytes).is_err() {
            // No key and no nonce is safe without chance: better no kiosk than a guessable one.
            tracing::error!("the machine gives no random bytes");
            std::process::abort();
        }
    }

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

impl Ambient for Manual {
    fn wall(&self) -> DateTime<Utc> {
        self.hands().wall
    }

    fn monotonic_ms(&self) -> u64 {
        self.hands().monotonic_ms
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
