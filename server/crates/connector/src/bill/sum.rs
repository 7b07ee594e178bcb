//! Running sums over the rows, held against the totals at the end.

use domain::Money;

/// A sum of amounts; once it does not fit it stays lost and agrees with nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum(Option<Money>);

impl Default for Sum {
    fn default() -> Self {
        Sum(Some(Money::ZERO))
    }
}

impl Sum {
    pub(crate) fn add(&mut self, amount: Money) {
        self.0 = self.0.and_then(|sum| sum.checked_add(amount).ok());
    }

    pub(crate) fn is(self, total: Money) -> bool {
        self.0 == Some(total)
    }

    /// Whether the sum is this total with whichever sign.
    pub(crate) fn is_either_way(self, total: Money) -> bool {
        self.0.is_some_and(|sum| sum.fen().unsigned_abs() == total.fen().unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_that_does_not_fit_agrees_with_nothing() {
        let mut sum = Sum::default();
        sum.add(Money::from_fen(i64::MAX));
        assert!(sum.is(Money::from_fen(i64::MAX)));
        sum.add(Money::from_fen(1));
        sum.add(Money::from_fen(-1));
        assert!(!sum.is(Money::from_fen(i64::MAX)));
    }
}
