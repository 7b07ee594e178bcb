//! Time as a meter sees it: simulated microseconds for physics, a wall clock for its calendar.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// China has no summer time: meters keep UTC+8.
pub const UTC_OFFSET_S: i64 = 8 * 3600;

/// The instant a pure step of the simulator happens at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Simulated microseconds since the site started: real time × speed. Line timing, load,
    /// valve travel and delays follow it.
    pub sim_us: u64,
    /// Local wall-clock seconds since 1970-01-01 (UTC+8 already added). Meter calendars follow
    /// it unscaled, so that a fast simulation still agrees with the server about the date.
    pub local_s: i64,
}

/// Where the wall clock comes from.
#[derive(Clone, Debug, Default)]
pub enum Wall {
    /// The machine's clock.
    #[default]
    System,
    /// A clock somebody else moves: UTC seconds since 1970.
    Held(Arc<AtomicI64>),
}

impl Wall {
    /// UTC microseconds since 1970.
    pub fn unix_us(&self) -> i64 {
        match self {
            Self::System => system_unix_us(),
            Self::Held(seconds) => seconds.load(Ordering::SeqCst) * 1_000_000,
        }
    }

    /// Seconds since 1970 in the meters' local time.
    pub fn local_s(&self) -> i64 {
        self.unix_us().div_euclid(1_000_000) + UTC_OFFSET_S
    }
}

/// The only place of this crate that asks the machine for the date: the simulator stands outside
/// the product and cannot be handed the product's clock.
#[expect(clippy::disallowed_methods, reason = "the simulator shares no clock with the product")]
pub(crate) fn system_unix_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| d.as_micros() as i64)
}

/// A calendar moment; the weekday counts from Sunday = 0 as DL/T 645 does (facts A.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Civil {
    /// Year, four digits.
    pub year: i64,
    /// Month 1..=12.
    pub month: u64,
    /// Day 1..=31.
    pub day: u64,
    /// Hour 0..=23.
    pub hour: u64,
    /// Minute 0..=59.
    pub minute: u64,
    /// Second 0..=59.
    pub second: u64,
}

impl Civil {
    /// The calendar moment of local seconds since 1970 (proleptic Gregorian).
    pub fn from_local_s(local_s: i64) -> Self {
        let (days, rest) = (local_s.div_euclid(86_400), local_s.rem_euclid(86_400) as u64);
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        Self {
            year: yoe + era * 400 + i64::from(month <= 2),
            month: month as u64,
            day: (doy - (153 * mp + 2) / 5 + 1) as u64,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
        }
    }

    /// Local seconds since 1970; `None` when a field is outside its range.
    pub fn to_local_s(self) -> Option<i64> {
        let fields_fit = (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second < 60;
        if !fields_fit {
            return None;
        }
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let yoe = year.rem_euclid(400);
        let mp = (self.month as i64 + 9) % 12;
        let doy = (153 * mp + 2) / 5 + self.day as i64 - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        let days = era * 146_097 + doe - 719_468;
        Some(days * 86_400 + (self.hour * 3600 + self.minute * 60 + self.second) as i64)
    }

    /// Weekday, Sunday = 0.
    pub fn weekday(self) -> u64 {
        let days = self.to_local_s().unwrap_or(0).div_euclid(86_400);
        (days + 4).rem_euclid(7) as u64
    }

    /// Two-digit year.
    pub fn yy(self) -> u64 {
        self.year.rem_euclid(100) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_agrees_with_known_dates() {
        let rows = [
            (0, (1970, 1, 1, 0, 0, 0), 4),
            (951_782_400, (2000, 2, 29, 0, 0, 0), 2),
            (1_761_912_421, (2025, 10, 31, 12, 7, 1), 5),
            (1_798_761_599, (2026, 12, 31, 23, 59, 59), 4),
        ];
        for (local_s, (year, month, day, hour, minute, second), weekday) in rows {
            let civil = Civil::from_local_s(local_s);
            assert_eq!(civil, Civil { year, month, day, hour, minute, second });
            assert_eq!(civil.weekday(), weekday);
            assert_eq!(civil.to_local_s(), Some(local_s));
        }
    }
}
