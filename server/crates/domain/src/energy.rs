//! Energy as an integer count of watt-hours.

use std::fmt;

/// An amount of energy in watt-hours (`Wh`); 1 kWh (one "度" on a bill) is 1000 of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Energy(i64);

impl Energy {
    /// Nothing.
    pub const ZERO: Energy = Energy(0);

    /// An amount in watt-hours.
    pub const fn from_wh(wh: i64) -> Self {
        Energy(wh)
    }

    /// The amount in watt-hours.
    pub const fn wh(self) -> i64 {
        self.0
    }

    /// The difference to an earlier register value; `None` when the register went backwards or
    /// the difference does not fit.
    pub fn since(self, earlier: Energy) -> Option<Energy> {
        self.0.checked_sub(earlier.0).filter(|d| *d >= 0).map(Energy)
    }

    /// The sum; `None` on overflow.
    pub fn checked_add(self, other: Energy) -> Option<Energy> {
        self.0.checked_add(other.0).map(Energy)
    }
}

impl fmt::Display for Energy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let abs = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:03} kWh", abs / 1000, abs % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_that_runs_backwards_has_no_difference() {
        let table = [(1500, 500, Some(1000)), (500, 500, Some(0)), (499, 500, None)];
        for (now, before, want) in table {
            let got = Energy::from_wh(now).since(Energy::from_wh(before));
            assert_eq!(got.map(Energy::wh), want, "{now} since {before}");
        }
    }

    #[test]
    fn three_decimals_are_always_shown() {
        assert_eq!(Energy::from_wh(-1_005).to_string(), "-1.005 kWh");
    }
}
