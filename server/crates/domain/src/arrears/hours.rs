//! A stretch of the local day.

/// A stretch of the day in China Standard Time, in minutes since midnight; the end is not part
/// of it, and an end before the start lies on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The first minute.
    pub from_minute: u32,
    /// The first minute after it.
    pub to_minute: u32,
}

impl Hours {
    /// From one hour to another.
    pub const fn of(from_hour: u32, to_hour: u32) -> Self {
        Hours { from_minute: from_hour * 60, to_minute: to_hour * 60 }
    }

    /// True when the minute of the day lies in it.
    pub fn contains(self, minute: u32) -> bool {
        if self.from_minute <= self.to_minute {
            (self.from_minute..self.to_minute).contains(&minute)
        } else {
            minute >= self.from_minute || minute < self.to_minute
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_run_over_midnight() {
        let table = [
            (Hours::of(9, 17), 9 * 60, true),
            (Hours::of(9, 17), 17 * 60, false),
            (Hours::of(22, 8), 23 * 60, true),
            (Hours::of(22, 8), 7 * 60 + 59, true),
            (Hours::of(22, 8), 8 * 60, false),
            (Hours::of(5, 5), 5 * 60, false),
        ];
        for (hours, minute, want) in table {
            assert_eq!(hours.contains(minute), want, "{hours:?} {minute}");
        }
    }
}
