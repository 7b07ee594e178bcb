//! Volume as an integer count of litres.

use std::fmt;

/// An amount of volume in litres (`L`); 1 m³ (one "吨" on a bill) is 1000 of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Volume(i64);

impl Volume {
    /// Nothing.
    pub const ZERO: Volume = Volume(0);

    /// An amount in litres.
    pub const fn from_l(l: i64) -> Self {
        Volume(l)
    }

    /// The amount in litres.
    pub const fn l(self) -> i64 {
        self.0
    }

    /// The difference to an earlier register value; `None` when the register went backwards or
    /// the difference does not fit.
    pub fn since(self, earlier: Volume) -> Option<Volume> {
        self.0.checked_sub(earlier.0).filter(|d| *d >= 0).map(Volume)
    }

    /// The sum; `None` on overflow.
    pub fn checked_add(self, other: Volume) -> Option<Volume> {
        self.0.checked_add(other.0).map(Volume)
    }
}

impl fmt::Display for Volume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let abs = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:03} m³", abs / 1000, abs % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_that_runs_backwards_has_no_difference() {
        let table = [(1500, 500, Some(1000)), (500, 500, Some(0)), (499, 500, None)];
        for (now, before, want) in table {
            let got = Volume::from_l(now).since(Volume::from_l(before));
            assert_eq!(got.map(Volume::l), want, "{now} since {before}");
        }
    }

    #[test]
    fn three_decimals_are_always_shown() {
        assert_eq!(Volume::from_l(-1_005).to_string(), "-1.005 m³");
    }
}
