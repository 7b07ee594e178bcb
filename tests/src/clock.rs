//! A clock that runs at the machine's pace and skips whole nights when told to.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, SystemClock};
use meter_simulator::clock::Wall;

/// The product's clock and the meters' calendars, skipped together.
pub struct SkippingClock {
    system: SystemClock,
    ahead_us: AtomicI64,
    skipped_us: AtomicI64,
    wall_s: Arc<AtomicI64>,
}

impl SkippingClock {
    /// A clock that shows the coming moment of this hour and minute, Beijing time, and runs on.
    pub fn at(hour: i64, minute: i64) -> Arc<Self> {
        let system = SystemClock::new();
        let local = system.now() + TimeDelta::hours(8);
        let into_day = local.timestamp().rem_euclid(86_400);
        let ahead_s = (hour * 3_600 + minute * 60 - into_day).rem_euclid(86_400);
        SkippingClock::ahead(system, ahead_s)
    }

    /// A clock that shows the machine's own time until it skips: providers believe it.
    pub fn true_time() -> Arc<Self> {
        SkippingClock::ahead(SystemClock::new(), 0)
    }

    fn ahead(system: SystemClock, ahead_s: i64) -> Arc<Self> {
        let clock = SkippingClock {
            system,
            ahead_us: AtomicI64::new(ahead_s * 1_000_000),
            skipped_us: AtomicI64::new(0),
            wall_s: Arc::default(),
        };
        clock.tell_meters();
        Arc::new(clock)
    }

    /// Skips ahead, for the product and for the meters.
    pub fn skip(&self, by: TimeDelta) {
        let us = by.num_microseconds().unwrap();
        self.ahead_us.fetch_add(us, Ordering::SeqCst);
        self.skipped_us.fetch_add(us, Ordering::SeqCst);
        self.tell_meters();
    }

    /// The wall clock the meters hang on; it stands between two skips.
    pub fn wall(&self) -> Wall {
        Wall::Held(Arc::clone(&self.wall_s))
    }

    fn tell_meters(&self) {
        self.wall_s.store(self.now().timestamp(), Ordering::SeqCst);
    }
}

impl Clock for SkippingClock {
    fn now(&self) -> DateTime<Utc> {
        self.system.now() + TimeDelta::microseconds(self.ahead_us.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        let skipped = u64::try_from(self.skipped_us.load(Ordering::SeqCst)).unwrap_or(0);
        self.system.monotonic() + Duration::from_micros(skipped)
    }
}
