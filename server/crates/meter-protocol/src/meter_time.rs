//! The wall-clock time a meter shows: no zone, no offset, two-digit year on the wire.

use crate::bcd::{from_two_digits, two_digits};
use std::fmt;
use std::str::FromStr;

/// A civil time of the years 2000 to 2099, as meters store it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeterTime {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
}

/// Why a time is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MeterTimeError {
    /// A field outside its range, or a day its month does not have.
    #[error("the {field} of the time is out of range: {value}")]
    Range {
        /// `year`, `month`, `day`, `hour`, `minute` or `second`.
        field: &'static str,
        /// The refused value.
        value: u16,
    },
    /// A text that is not `YYYY-MM-DD hh:mm:ss`.
    #[error("a time is written YYYY-MM-DD hh:mm:ss")]
    Text,
    /// A byte of a time that is not two decimal digits.
    #[error("byte {byte:02X} of the time is not two decimal digits")]
    NotDecimal {
        /// The byte.
        byte: u8,
    },
}

impl MeterTime {
    /// A checked civil time; `year` is 2000 to 2099, a second is 0 to 59.
    ///
    /// # Errors
    /// [`MeterTimeError::Range`] names the first field that is out of range.
    pub fn new(
        year: u16,
        month: u8,
        day: u8,
        hour: u8,
        minute: u8,
        second: u8,
    ) -> Result<Self, MeterTimeError> {
        let checks = [
            ("year", year, (2000..=2099).contains(&year)),
            ("month", u16::from(month), (1..=12).contains(&month)),
            ("day", u16::from(day), day >= 1 && day <= days_in_month(year, month)),
            ("hour", u16::from(hour), hour < 24),
            ("minute", u16::from(minute), minute < 60),
            ("second", u16::from(second), second < 60),
        ];
        match checks.into_iter().find(|(_, _, good)| !good) {
            Some((field, value, _)) => Err(MeterTimeError::Range { field, value }),
            None => Ok(MeterTime { year, month, day, hour, minute, second }),
        }
    }

    /// Reads `ss mm hh DD MM YY` (BCD), the order of every full time in DL/T 645 commands.
    ///
    /// # Errors
    /// [`MeterTimeError`] for a nibble above 9 or a field out of range.
    pub fn from_second_first(bytes: [u8; 6]) -> Result<Self, MeterTimeError> {
        let mut fields = [0_u8; 6];
        for (field, byte) in fields.iter_mut().zip(bytes) {
            *field = from_two_digits(byte).ok_or(MeterTimeError::NotDecimal { byte })?;
        }
        let [second, minute, hour, day, month, year] = fields;
        Self::new(2000 + u16::from(year), month, day, hour, minute, second)
    }

    /// Reads `mm hh DD MM YY` (BCD): a time to the minute, as in purchase and freeze records.
    ///
    /// # Errors
    /// As [`MeterTime::from_second_first`].
    pub fn from_minute_first(bytes: [u8; 5]) -> Result<Self, MeterTimeError> {
        let [minute, hour, day, month, year] = bytes;
        Self::from_second_first([0, minute, hour, day, month, year])
    }

    /// Writes `ss mm hh DD MM YY` (BCD).
    #[must_use]
    pub fn second_first(self) -> [u8; 6] {
        [self.second, self.minute, self.hour, self.day, self.month, self.year_of_century()]
            .map(two_digits)
    }

    /// Writes `mm hh DD MM YY` (BCD).
    #[must_use]
    pub fn minute_first(self) -> [u8; 5] {
        let [_, minute, hour, day, month, year] = self.second_first();
        [minute, hour, day, month, year]
    }

    /// Year, 2000 to 2099.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// Last two digits of the year.
    #[must_use]
    pub fn year_of_century(self) -> u8 {
        // A year is 2000..=2099 by construction.
        u8::try_from(self.year - 2000).unwrap_or(0)
    }

    /// Month, 1 to 12.
    #[must_use]
    pub const fn month(self) -> u8 {
        self.month
    }

    /// Day of the month, 1 to 31.
    #[must_use]
    pub const fn day(self) -> u8 {
        self.day
    }

    /// Hour, 0 to 23.
    #[must_use]
    pub const fn hour(self) -> u8 {
        self.hour
    }

    /// Minute, 0 to 59.
    #[must_use]
    pub const fn minute(self) -> u8 {
        self.minute
    }

    /// Second, 0 to 59.
    #[must_use]
    pub const fn second(self) -> u8 {
        self.second
    }

    /// Day of the week as DL/T 645 counts it: 0 is Sunday (A.7, *Clock*).
    #[must_use]
    pub fn weekday(self) -> u8 {
        const OFFSETS: [u16; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let year = if self.month < 3 { self.year - 1 } else { self.year };
        let offset = OFFSETS[usize::from(self.month - 1)];
        let day = year + year / 4 - year / 100 + year / 400 + offset + u16::from(self.day);
        // A remainder of 7 fits a byte.
        u8::try_from(day % 7).unwrap_or(0)
    }
}

impl fmt::Display for MeterTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02} ", self.year, self.month, self.day)?;
        write!(f, "{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }
}

impl FromStr for MeterTime {
    type Err = MeterTimeError;

    /// Reads `YYYY-MM-DD hh:mm:ss`; a `T` may stand for the space.
    fn from_str(text: &str) -> Result<Self, MeterTimeError> {
        let shape = b"dddd-dd-dd dd:dd:dd";
        let fits = |(byte, shape): (u8, u8)| match shape {
            b'd' => byte.is_ascii_digit(),
            b' ' => matches!(byte, b' ' | b'T'),
            _ => byte == shape,
        };
        if text.len() != shape.len() || !text.bytes().zip(*shape).all(fits) {
            return Err(MeterTimeError::Text);
        }
        let number = |from: usize, to: usize| -> Result<u16, MeterTimeError> {
            text.get(from..to).and_then(|part| part.parse().ok()).ok_or(MeterTimeError::Text)
        };
        let small = |from: usize| -> Result<u8, MeterTimeError> {
            number(from, from + 2)?.try_into().map_err(|_| MeterTimeError::Text)
        };
        Self::new(number(0, 4)?, small(5)?, small(8)?, small(11)?, small(14)?, small(17)?)
    }
}

const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        // The years are 2000 to 2099, where every fourth is a leap year.
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_do_not_exist_are_refused_and_weekdays_follow_the_calendar() {
        let table = [
            ((2024, 2, 29, 0, 0, 0), Ok(4)),
            ((2025, 10, 31, 12, 7, 1), Ok(5)),
            ((2026, 1, 1, 12, 0, 0), Ok(4)),
            ((2000, 1, 1, 0, 0, 0), Ok(6)),
            ((2023, 2, 29, 0, 0, 0), Err(("day", 29))),
            ((2026, 4, 31, 0, 0, 0), Err(("day", 31))),
            ((2026, 13, 1, 0, 0, 0), Err(("month", 13))),
            ((2026, 1, 0, 0, 0, 0), Err(("day", 0))),
            ((2026, 1, 1, 24, 0, 0), Err(("hour", 24))),
            ((2026, 1, 1, 0, 60, 0), Err(("minute", 60))),
            ((2026, 1, 1, 0, 0, 60), Err(("second", 60))),
            ((1999, 12, 31, 0, 0, 0), Err(("year", 1999))),
        ];
        for ((year, month, day, hour, minute, second), expected) in table {
            let time = MeterTime::new(year, month, day, hour, minute, second);
            let expected =
                expected.map_err(|(field, value)| MeterTimeError::Range { field, value });
            assert_eq!(time.map(MeterTime::weekday), expected, "{year}-{month}-{day}");
        }
    }

    #[test]
    fn a_time_is_read_as_it_is_written_and_nothing_else() {
        let table = [
            ("2026-12-31 23:59:59", Ok("2026-12-31 23:59:59")),
            ("2026-12-31T23:59:59", Ok("2026-12-31 23:59:59")),
            ("2026-12-31", Err(MeterTimeError::Text)),
            ("2026-12-31 23:59:5x", Err(MeterTimeError::Text)),
            ("2026-12-31 23:59:60", Err(MeterTimeError::Range { field: "second", value: 60 })),
            ("+026-12-31 23:59:59", Err(MeterTimeError::Text)),
        ];
        for (text, expected) in table {
            let time = text.parse::<MeterTime>().map(|time| time.to_string());
            assert_eq!(time.as_deref().map_err(|error| *error), expected, "{text}");
        }
    }
}
