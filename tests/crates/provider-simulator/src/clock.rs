//! The simulator's time: the machine's or a hand-turned one, with a skew that can be switched on.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, FixedOffset, NaiveDate, TimeZone, Timelike};
use tokio::sync::Notify;

/// China standard time in seconds east of Greenwich.
const CHINA_S: i32 = 8 * 3600;

#[derive(Debug)]
struct Shared {
    /// The hand-turned moment in Unix milliseconds; negative means "ask the machine".
    manual_ms: AtomicI64,
    skew_ms: AtomicI64,
    turned: Notify,
}

/// A clock that many parts of the simulator share; clones show the same time.
#[derive(Clone, Debug)]
pub struct SimClock(Arc<Shared>);

impl SimClock {
    /// A clock that follows the machine.
    pub fn system() -> Self {
        Self::of(-1)
    }

    /// A clock that stands still at `unix_ms` until [`SimClock::advance`] turns it.
    pub fn manual(unix_ms: i64) -> Self {
        Self::of(unix_ms.max(0))
    }

    fn of(manual_ms: i64) -> Self {
        let (manual_ms, skew_ms) = (AtomicI64::new(manual_ms), AtomicI64::new(0));
        Self(Arc::new(Shared { manual_ms, skew_ms, turned: Notify::new() }))
    }

    /// The provider's present in Unix milliseconds, skew included.
    pub fn now_ms(&self) -> i64 {
        self.true_ms() + self.0.skew_ms.load(Ordering::SeqCst)
    }

    /// The present without skew: what schedules are kept by.
    pub(crate) fn true_ms(&self) -> i64 {
        let manual = self.0.manual_ms.load(Ordering::SeqCst);
        if manual >= 0 {
            return manual;
        }
        #[expect(clippy::disallowed_methods, reason = "the one place where machine time enters")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// Turns a hand-turned clock forward; on a machine clock it does nothing.
    pub fn advance(&self, by_ms: i64) {
        if self.0.manual_ms.load(Ordering::SeqCst) >= 0 {
            self.0.manual_ms.fetch_add(by_ms.max(0), Ordering::SeqCst);
            self.0.turned.notify_waiters();
        }
    }

    /// Makes the provider's clock differ from the truth by so many milliseconds.
    pub fn set_skew_ms(&self, skew_ms: i64) {
        self.0.skew_ms.store(skew_ms, Ordering::SeqCst);
    }

    /// Waits until the true time may have reached `due_ms`, or until the clock is turned.
    pub(crate) async fn until(&self, due_ms: i64) {
        let turned = self.0.turned.notified();
        let left = due_ms - self.true_ms();
        if left <= 0 {
            return;
        }
        if self.0.manual_ms.load(Ordering::SeqCst) >= 0 {
            turned.await;
        } else {
            tokio::time::sleep(Duration::from_millis(left.unsigned_abs())).await;
        }
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::system()
    }
}

/// The moment in China standard time.
pub(crate) fn china(unix_ms: i64) -> DateTime<FixedOffset> {
    let zone = FixedOffset::east_opt(CHINA_S);
    let utc = DateTime::from_timestamp_millis(unix_ms).unwrap_or_default();
    match zone {
        Some(zone) => utc.with_timezone(&zone),
        None => utc.fixed_offset(),
    }
}

/// WeChat's form: `2026-01-01T10:00:00+08:00`.
pub(crate) fn rfc3339(unix_ms: i64) -> String {
    china(unix_ms).format("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The form of Alipay and of both bills: `2026-01-01 10:00:00`, China time without a zone.
pub(crate) fn plain(unix_ms: i64) -> String {
    china(unix_ms).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// The calendar day in China, as `20260101`.
pub(crate) fn day_digits(unix_ms: i64) -> String {
    china(unix_ms).format("%Y%m%d").to_string()
}

/// The calendar day in China.
pub(crate) fn day(unix_ms: i64) -> NaiveDate {
    china(unix_ms).date_naive()
}

/// Noon of a day in China, in Unix milliseconds.
pub(crate) fn noon_ms(day: NaiveDate) -> i64 {
    let midnight_ms = day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
    midnight_ms + (12 * 3_600 - i64::from(CHINA_S)) * 1_000
}

/// The hour of the day in China, 0 to 23.
pub(crate) fn hour(unix_ms: i64) -> u32 {
    china(unix_ms).hour()
}

/// Reads RFC 3339 into Unix milliseconds.
pub(crate) fn read_rfc3339(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.timestamp_millis())
}

/// Reads `2026-01-01 10:00:00` as China time into Unix milliseconds.
pub(crate) fn read_plain(text: &str) -> Option<i64> {
    let naive = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
    let zone = FixedOffset::east_opt(CHINA_S)?;
    zone.from_local_datetime(&naive).single().map(|moment| moment.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_china_time_whatever_the_machine_thinks() {
        // 2025-12-31 16:00:00 UTC is midnight of the new year in China.
        let midnight = 1_767_196_800_000;
        assert_eq!(rfc3339(midnight), "2026-01-01T00:00:00+08:00");
        assert_eq!(plain(midnight - 1000), "2025-12-31 23:59:59");
        assert_eq!(day_digits(midnight), "20260101");
        assert_eq!(read_plain("2026-01-01 00:00:00"), Some(midnight));
        assert_eq!(read_rfc3339("2026-01-01T00:00:00+08:00"), Some(midnight));
    }

    #[test]
    fn a_manual_clock_stands_until_it_is_turned_and_skew_is_not_truth() {
        let clock = SimClock::manual(1_000);
        clock.advance(500);
        clock.set_skew_ms(-400);
        assert_eq!((clock.true_ms(), clock.now_ms()), (1_500, 1_100));
    }
}
