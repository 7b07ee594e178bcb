//! Whether a reading can be true, before anybody bills it or trips on it.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};

use crate::{id::IdError, provider::named_enum};

named_enum! {
    /// How much a stored reading is worth.
    Quality, "reading quality",
    /// Read, checked and believed.
    Good = "good",
    /// Filled in by arithmetic; never a reason to trip (matrix 16L).
    Estimated = "estimated",
    /// Read, but something about it is odd; shown, not tripped on.
    Doubtful = "doubtful",
}

impl Quality {
    /// The number in the reading tables.
    pub fn code(self) -> i16 {
        match self {
            Quality::Good => 0,
            Quality::Estimated => 1,
            Quality::Doubtful => 2,
        }
    }

    /// Reads the number in the reading tables.
    pub fn from_code(code: i16) -> Option<Self> {
        Quality::ALL.iter().copied().find(|quality| quality.code() == code)
    }
}

named_enum! {
    /// Why a reading is kept but doubted.
    DoubtReason, "reason of doubt",
    /// The meter answered "no such value" (`FF FF FF FF`, `meters.md` H.1 no. 22).
    Absent = "absent",
    /// The meter's clock is further off than allowed, so the value's moment is not known.
    MeterClock = "meter-clock",
    /// Our own clock ran backwards since the last reading; no speed can be worked out (I14).
    ServerClock = "server-clock",
}

named_enum! {
    /// Why a reading is put aside for a person.
    ImpossibleReason, "reason of impossibility",
    /// The register is lower than before: meter replaced, reset, or a wrong meter answered.
    Backwards = "backwards",
    /// More was used than the connection can carry in the time.
    Jump = "jump",
    /// The value does not fit the register.
    OutOfRange = "out-of-range",
}

/// What the meter's plate and register allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhysicalLimits {
    /// The most the connection can carry, in W (or litres per hour).
    pub rate_max: i64,
    /// The highest value of the register, in Wh (or litres).
    pub register_max_milli: i64,
    /// One step of the register, in Wh (or litres).
    pub step_milli: i64,
    /// How far the meter's clock may be off.
    pub clock_off_max: Duration,
}

/// The meter clock error from which a value's moment is no longer believed (H.1 no. 11).
pub const CLOCK_OFF_MAX: Duration = Duration::from_secs(600);

/// A believed register value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When it was received, by our clock.
    pub at: DateTime<Utc>,
    /// The register in Wh (or litres).
    pub value_milli: i64,
}

/// A register value as it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was received, by our clock.
    pub at: DateTime<Utc>,
    /// The register in Wh (or litres); `None` when the meter says it has none.
    pub value_milli: Option<i64>,
    /// The meter's own clock, where it was read.
    pub meter_clock: Option<DateTime<Utc>>,
}

/// What a reading is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plausibility {
    /// Believed.
    Good,
    /// Kept, shown, and not tripped on.
    Doubtful(DoubtReason),
    /// Put aside: neither billed nor shown as the register until a person has looked.
    Quarantine(ImpossibleReason),
}

/// Judges a register value against the last believed one.
///
/// A jump is measured by the time between the two receptions, plus two register steps for the
/// rounding of both ends.
///
/// Invariant: a value that cannot be true is never billed or tripped on (matrix 16X, 17X); proved
/// by `a_reading_is_believed_doubted_or_put_aside`.
pub fn judge_reading(
    last: Option<&Reading>,
    sample: &Sample,
    limits: &PhysicalLimits,
) -> Plausibility {
    let Some(value) = sample.value_milli else {
        return Plausibility::Doubtful(DoubtReason::Absent);
    };
    if !(0..=limits.register_max_milli).contains(&value) {
        return Plausibility::Quarantine(ImpossibleReason::OutOfRange);
    }
    if let Some(last) = last {
        if value < last.value_milli {
            return Plausibility::Quarantine(ImpossibleReason::Backwards);
        }
        let elapsed = sample.at.signed_duration_since(last.at).num_milliseconds();
        if elapsed < 0 {
            return Plausibility::Doubtful(DoubtReason::ServerClock);
        }
        let carried = i128::from(limits.rate_max) * i128::from(elapsed) / 3_600_000;
        let most = carried + 2 * i128::from(limits.step_milli);
        if i128::from(value) - i128::from(last.value_milli) > most {
            return Plausibility::Quarantine(ImpossibleReason::Jump);
        }
    }
    let off = sample.meter_clock.map(|clock| clock.signed_duration_since(sample.at).abs());
    match off.and_then(|off| off.to_std().ok()) {
        Some(off) if off > limits.clock_off_max => Plausibility::Doubtful(DoubtReason::MeterClock),
        _ => Plausibility::Good,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_reading_is_believed_doubted_or_put_aside() {
        use Plausibility::{Doubtful, Good, Quarantine};
        // A single-phase 60 A connection at 220 V carries 13.2 kW.
        let limits = PhysicalLimits {
            rate_max: 13_200,
            register_max_milli: 999_999_990,
            step_milli: 10,
            clock_off_max: CLOCK_OFF_MAX,
        };
        let at = |s: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(s);
        let last = Reading { at: at(0), value_milli: 1_000_000 };
        // (seconds later, register, meter clock off in s, verdict); the last one was 1000.00 kWh.
        let table: &[(i64, Option<i64>, Option<i64>, Plausibility)] = &[
            (900, Some(1_000_000), None, Good),
            (900, Some(1_003_320), None, Good),
            (900, Some(1_003_321), None, Quarantine(ImpossibleReason::Jump)),
            (0, Some(1_000_020), None, Good),
            (0, Some(1_000_030), None, Quarantine(ImpossibleReason::Jump)),
            (900, Some(999_990), None, Quarantine(ImpossibleReason::Backwards)),
            (900, Some(0), None, Quarantine(ImpossibleReason::Backwards)),
            (900, Some(-10), None, Quarantine(ImpossibleReason::OutOfRange)),
            (900, Some(1_000_000_000), None, Quarantine(ImpossibleReason::OutOfRange)),
            (900, None, None, Doubtful(DoubtReason::Absent)),
            (-5, Some(1_000_000), None, Doubtful(DoubtReason::ServerClock)),
            (900, Some(1_000_100), Some(600), Good),
            (900, Some(1_000_100), Some(-601), Doubtful(DoubtReason::MeterClock)),
            (900, Some(1_000_100), Some(601), Doubtful(DoubtReason::MeterClock)),
        ];
        for (later, value_milli, off, want) in table {
            let meter_clock = off.map(|off| at(later + off));
            let sample = Sample { at: at(*later), value_milli: *value_milli, meter_clock };
            assert_eq!(judge_reading(Some(&last), &sample, &limits), *want, "{sample:?}");
        }
        let first = Sample { at: at(0), value_milli: Some(5), meter_clock: None };
        assert_eq!(judge_reading(None, &first, &limits), Good);
    }

    #[test]
    fn the_stored_number_of_a_quality_is_read_back() {
        for quality in Quality::ALL {
            assert_eq!(Quality::from_code(quality.code()), Some(*quality));
        }
        assert_eq!(Quality::from_code(9), None);
    }
}
