//! A decimal number as a meter means it: an integer and where its point stands. No floats.

use std::fmt;

/// `units` times ten to the power of minus `decimals`: 26 with 2 decimals is 0.26.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scaled {
    /// The digits, with sign.
    pub units: i64,
    /// How many of them stand behind the point.
    pub decimals: u8,
}

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = self.units.unsigned_abs().to_string();
        let decimals = usize::from(self.decimals);
        if decimals == 0 {
            return write!(f, "{sign}{digits}");
        }
        let digits = format!("{digits:0>width$}", width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        write!(f, "{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_point_stands_where_the_decimals_say() {
        let table = [
            (26, 2, "0.26"),
            (-11_519, 3, "-11.519"),
            (0, 2, "0.00"),
            (7, 0, "7"),
            (-5, 4, "-0.0005"),
            (12_345_678, 2, "123456.78"),
        ];
        for (units, decimals, expected) in table {
            assert_eq!(Scaled { units, decimals }.to_string(), expected);
        }
    }
}
