//! The amount that brings the light back, in the parts a person can check (T9).

use domain::arrears::reconnect_amount_fen;
use serde::Serialize;
use utoipa::ToSchema;

/// What has to be paid before the light comes back. The parts add up to the amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RestoreView {
    /// The least payment that brings the light back, in fen.
    #[schema(example = 2564)]
    pub amount_fen: i64,
    /// What of it is owed.
    #[schema(example = 1260)]
    pub arrears_fen: i64,
    /// What of it is use since the last bill.
    #[schema(example = 304)]
    pub unbilled_fen: i64,
    /// What of it is the least a purse has to hold, or the least that can be paid at once.
    #[schema(example = 1000)]
    pub minimum_fen: i64,
}

impl RestoreView {
    /// The same raised to the smallest order there is, because less cannot be paid.
    pub fn payable(self, order_min_fen: i64) -> RestoreView {
        let raised = order_min_fen.saturating_sub(self.amount_fen).max(0);
        RestoreView {
            amount_fen: self.amount_fen + raised,
            minimum_fen: self.minimum_fen + raised,
            ..self
        }
    }

    /// The amount for a purse with this balance, use that is not billed yet, and the project's
    /// minimum; `None` when nothing is needed.
    pub fn of(balance_fen: i64, unbilled_fen: i64, minimum_fen: i64) -> Option<RestoreView> {
        let amount_fen = reconnect_amount_fen(balance_fen, unbilled_fen, minimum_fen);
        if amount_fen == 0 {
            return None;
        }
        let rest = balance_fen.saturating_sub(unbilled_fen.max(0));
        let owed = rest.saturating_neg().max(0);
        let arrears_fen = balance_fen.saturating_neg().max(0);
        Some(RestoreView {
            amount_fen,
            arrears_fen,
            unbilled_fen: owed - arrears_fen,
            minimum_fen: amount_fen - owed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_what_brings_the_light_back_add_up() {
        // (balance, unbilled, minimum, amount, arrears, unbilled part, minimum part)
        let table = [
            (-1260, 304, 1000, 2564, 1260, 304, 1000),
            (-1260, 0, 1, 1261, 1260, 0, 1),
            (5, 2, 10, 7, 0, 0, 7),
            (50, 55, 10, 15, 0, 5, 10),
            (0, 0, 1, 1, 0, 0, 1),
        ];
        for (balance, unbilled, minimum, amount, arrears, use_, least) in table {
            let got = RestoreView::of(balance, unbilled, minimum).unwrap();
            let parts = (got.amount_fen, got.arrears_fen, got.unbilled_fen, got.minimum_fen);
            assert_eq!(parts, (amount, arrears, use_, least), "{balance} {unbilled}");
            assert_eq!(arrears + use_ + least, amount);
        }
        assert_eq!(RestoreView::of(1000, 0, 1000), None);
    }

    #[test]
    fn what_brings_the_light_back_can_be_paid() {
        // (balance, smallest order, amount, minimum part)
        for (balance, order_min, amount, least) in [(0, 100, 100, 100), (-150, 100, 151, 1)] {
            let got = RestoreView::of(balance, 0, 1).unwrap().payable(order_min);
            assert_eq!((got.amount_fen, got.minimum_fen), (amount, least), "{balance}");
            assert_eq!(got.arrears_fen + got.unbilled_fen + got.minimum_fen, got.amount_fen);
        }
    }
}
