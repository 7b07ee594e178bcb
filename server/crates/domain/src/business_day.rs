//! The local day money and bills belong to.

use chrono::{DateTime, FixedOffset, NaiveDate, TimeZone, Utc};

/// A calendar day in China Standard Time (UTC+8, no daylight saving), the day of the providers'
/// bills and of every statement (`payments.md` 0: always Asia/Shanghai, never the process's zone).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusinessDay(NaiveDate);

/// China Standard Time as an offset.
pub fn china_standard_time() -> FixedOffset {
    // 8 h is a constant inside chrono's legal range, so the fallback can never be taken.
    FixedOffset::east_opt(8 * 3600).unwrap_or_else(|| Utc.fix_offset())
}

trait FixOffset {
    fn fix_offset(&self) -> FixedOffset;
}

impl FixOffset for Utc {
    fn fix_offset(&self) -> FixedOffset {
        chrono::Offset::fix(self)
    }
}

impl BusinessDay {
    /// The day a moment belongs to.
    pub fn of(at: DateTime<Utc>) -> Self {
        BusinessDay(at.with_timezone(&china_standard_time()).date_naive())
    }

    /// A day by its date.
    pub fn from_date(date: NaiveDate) -> Self {
        BusinessDay(date)
    }

    /// The date.
    pub fn date(self) -> NaiveDate {
        self.0
    }

    /// The first moment of the day, UTC.
    pub fn start(self) -> DateTime<Utc> {
        let midnight = self.0.and_time(chrono::NaiveTime::MIN);
        china_standard_time().from_utc_datetime(&midnight).to_utc() - chrono::TimeDelta::hours(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_turns_at_midnight_in_shanghai() {
        for (utc, day) in
            [("2026-11-20T15:59:59Z", "2026-11-20"), ("2026-11-20T16:00:00Z", "2026-11-21")]
        {
            let at = DateTime::parse_from_rfc3339(utc).unwrap().to_utc();
            assert_eq!(BusinessDay::of(at).date().to_string(), day);
        }
        let day = BusinessDay::from_date(NaiveDate::from_ymd_opt(2026, 11, 21).unwrap());
        assert_eq!(day.start().to_rfc3339(), "2026-11-20T16:00:00+00:00");
    }
}
