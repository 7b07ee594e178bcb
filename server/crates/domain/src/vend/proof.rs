//! What a meter says about its purchases.

/// The purchase registers of a meter, read in one go (`meters.md` A.6, step 1 and 4 of H.0).
///
/// A proof is only made when every register the profile declares was answered; `None` means that
/// the profile has no such register or that the meter says "absent". A register that could not be
/// read makes the whole proof unreadable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The purchase count: 03330201, 078102FF, Acrel 004E, CJ/T 188 8105 sequence.
    pub count: Option<u32>,
    /// The last purchase's amount in fen: 03330301.
    pub last_amount_fen: Option<i64>,
    /// The sum of all purchases in fen: 03330601, CJ/T 188 8105.
    pub cumulative_fen: Option<i64>,
    /// The money left in the meter in fen: 00900200.
    pub balance_fen: Option<i64>,
    /// The money overdrawn in fen, positive: 00900201.
    pub overdraft_fen: Option<i64>,
    /// The use register in Wh (or litres): 00010000.
    pub quantity_milli: Option<i64>,
    /// The number the meter gives for itself (04000402), read as an integer.
    pub identity: Option<u64>,
}

impl Proof {
    /// What is in the meter, less what is overdrawn, in fen.
    pub fn net_fen(&self) -> Option<i64> {
        self.balance_fen?.checked_sub(self.overdraft_fen.unwrap_or(0))
    }
}

/// How a profile proves a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountRule {
    /// The meter keeps a purchase count that can be read; the count is the idempotency key.
    Counted {
        /// The highest count the register holds. A meter that stands there is quarantined and
        /// never wrapped: what it does next is not known (`meters.md` C, 8105).
        count_max: u32,
    },
    /// No readable count: one attempt only, judged by balance and use (H.0, last paragraph).
    Uncounted,
}

/// What was to be bought: the part of a vend that a verdict needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// The purchase count c that was reserved; `None` for an uncounted profile.
    pub count: Option<u32>,
    /// The amount in fen.
    pub amount_fen: i64,
    /// The price in the meter, micro-yuan per kWh (or m³).
    pub price_micro_yuan: i64,
    /// One step of the use register in Wh (or litres): 10 for `XXXXXX.XX` kWh.
    pub quantity_step_milli: i64,
}

/// Whether the balance agrees with the purchase: H.0 step 4,
/// `b1 = b0 + amount − overdraft − price × (e1 − e0)` within one price step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalanceCheck {
    /// It does.
    Agrees,
    /// The meter shows no balance or no use to compare.
    NotReadable,
    /// It does not; the purchase still stands and a person is told.
    Differs {
        /// How much more the meter holds than expected, in fen (negative: less).
        by_fen: i64,
    },
    /// The cumulative amount did not grow by the purchase (`reliability.md` finding 5).
    TotalDiffers {
        /// How much more it grew than expected, in fen (negative: less).
        by_fen: i64,
    },
}

/// Parts of a fen per (Wh × micro-yuan), as in [`crate::tariff`].
const PARTS_PER_FEN: i128 = 10_000_000;

/// How far the balance of the second proof lies above the expected one when `bought_fen` were
/// added in between: `Some(None)` within tolerance, `Some(Some(fen))` off, `None` not computable.
///
/// The tolerance is the price of one step of the use register and the fen that the meter's own
/// balance register rounds away.
pub(super) fn balance_gap(
    before: &Proof,
    after: &Proof,
    intent: &Intent,
    bought_fen: i64,
) -> Option<Option<i64>> {
    let (net0, net1) = (before.net_fen()?, after.net_fen()?);
    let used = i128::from(after.quantity_milli?) - i128::from(before.quantity_milli?);
    let price = i128::from(intent.price_micro_yuan);
    let expected = (i128::from(net0) + i128::from(bought_fen)) * PARTS_PER_FEN - price * used;
    let gap = i128::from(net1) * PARTS_PER_FEN - expected;
    let tolerance = PARTS_PER_FEN + price * i128::from(intent.quantity_step_milli);
    if used >= 0 && gap.abs() <= tolerance {
        return Some(None);
    }
    Some(Some(i64::try_from(gap.div_euclid(PARTS_PER_FEN)).unwrap_or(i64::MAX)))
}
