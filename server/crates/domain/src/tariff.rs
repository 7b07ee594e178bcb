//! What a quantity costs: prices per unit and the arithmetic to the fen.

use crate::money::Money;

/// A flat price (单一电价) per kWh or per cubic metre, in micro-yuan (1/1,000,000 yuan).
///
/// Six decimals of a yuan hold every published Chinese tariff exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlatPrice {
    micro_yuan: i64,
}

/// The part of a charge below one fen that a rounded bill line leaves over.
///
/// Carrying it into the next line makes the sum of the rounded lines equal the rounded total
/// (I17); it is kept in units of 1/10,000,000 fen and always stays below one fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Carry(i64);

/// One bill line: what is due now and what is carried over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The amount due, in whole fen, rounded down; the rest is in `carry`.
    pub amount: Money,
    /// The part below one fen for the next line of the same meter.
    pub carry: Carry,
}

/// Why a charge could not be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TariffError {
    /// The price is negative or above [`FlatPrice::MAX_MICRO_YUAN`].
    #[error("the price per unit is out of range")]
    PriceOutOfRange,
    /// The quantity is negative.
    #[error("the quantity is negative")]
    NegativeQuantity,
    /// The result does not fit into 64 bits.
    #[error("the charge is too large to be represented")]
    Overflow,
    /// The carry does not lie between zero and one fen.
    #[error("the carried remainder is out of range")]
    CarryOutOfRange,
}

/// Parts of one fen per (milli-unit × micro-yuan): 1000 milli-units × 10,000 micro-yuan per fen.
const PARTS_PER_FEN: i128 = 10_000_000;

impl Carry {
    /// Nothing carried.
    pub const NONE: Carry = Carry(0);

    /// Reads a stored carry; anything outside one fen is refused.
    pub fn from_parts(parts: i64) -> Result<Self, TariffError> {
        if (0..PARTS_PER_FEN as i64).contains(&parts) {
            Ok(Carry(parts))
        } else {
            Err(TariffError::CarryOutOfRange)
        }
    }

    /// The stored form, in 1/10,000,000 fen.
    pub fn parts(self) -> i64 {
        self.0
    }
}

impl FlatPrice {
    /// The highest price accepted: 1,000 yuan per unit.
    pub const MAX_MICRO_YUAN: i64 = 1_000_000_000;

    /// A price in micro-yuan per kWh or cubic metre.
    pub fn from_micro_yuan(micro_yuan: i64) -> Result<Self, TariffError> {
        if (0..=Self::MAX_MICRO_YUAN).contains(&micro_yuan) {
            Ok(FlatPrice { micro_yuan })
        } else {
            Err(TariffError::PriceOutOfRange)
        }
    }

    /// The price in micro-yuan per unit.
    pub fn micro_yuan(self) -> i64 {
        self.micro_yuan
    }

    /// The charge for a quantity in milli-units (Wh or litres).
    ///
    /// Rounding: down to the fen, the remainder is carried to the next line of the same meter, so
    /// nobody gains or loses by the number of lines a month is split into.
    ///
    /// Invariant: the sum of the lines equals the charge of the summed quantity, to the fen (I17);
    /// proved by `lines_split_anywhere_add_up_to_the_whole`.
    pub fn charge(self, milli_units: i64, carry: Carry) -> Result<Charge, TariffError> {
        if milli_units < 0 {
            return Err(TariffError::NegativeQuantity);
        }
        let parts = i128::from(milli_units) * i128::from(self.micro_yuan) + i128::from(carry.0);
        let fen = i64::try_from(parts / PARTS_PER_FEN).map_err(|_| TariffError::Overflow)?;
        let rest = (parts % PARTS_PER_FEN) as i64;
        Ok(Charge { amount: Money::from_fen(fen), carry: Carry(rest) })
    }

    /// How many milli-units (Wh or litres) an amount buys, rounded down; `None` at price zero or
    /// for an amount below zero. For display ("about 147 kWh"), never for money.
    pub fn buys(self, amount: Money) -> Option<i64> {
        if self.micro_yuan == 0 || amount.is_negative() {
            return None;
        }
        let parts = i128::from(amount.fen()) * PARTS_PER_FEN / i128::from(self.micro_yuan);
        i64::try_from(parts).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(micro: i64) -> FlatPrice {
        FlatPrice::from_micro_yuan(micro).unwrap()
    }

    #[test]
    fn a_kilowatt_hour_costs_its_price_and_the_rest_is_carried() {
        // (micro-yuan per kWh, Wh, carried in, fen, carried out)
        let table = [
            (528_300, 1000, 0, 52, 8_300_000),
            (528_300, 1000, 8_300_000, 53, 6_600_000),
            (528_300, 0, 8_300_000, 0, 8_300_000),
            (1_000_000, 370, 0, 37, 0),
            (0, 999_999, 0, 0, 0),
        ];
        for (micro, wh, carry, fen, rest) in table {
            let got = price(micro).charge(wh, Carry::from_parts(carry).unwrap()).unwrap();
            assert_eq!((got.amount.fen(), got.carry.parts()), (fen, rest), "{micro} {wh} {carry}");
        }
    }

    #[test]
    fn what_cannot_be_priced_is_an_error() {
        assert_eq!(price(1).charge(-1, Carry::NONE), Err(TariffError::NegativeQuantity));
        let dear = price(FlatPrice::MAX_MICRO_YUAN);
        assert_eq!(dear.charge(i64::MAX, Carry::NONE), Err(TariffError::Overflow));
        assert_eq!(FlatPrice::from_micro_yuan(-1), Err(TariffError::PriceOutOfRange));
        assert_eq!(Carry::from_parts(10_000_000), Err(TariffError::CarryOutOfRange));
    }

    #[test]
    fn fifty_yuan_buy_the_shown_energy() {
        assert_eq!(price(528_300).buys(Money::from_fen(5000)), Some(94_643));
        assert_eq!(price(0).buys(Money::from_fen(1)), None);
    }

    proptest::proptest! {
        #[test]
        fn lines_split_anywhere_add_up_to_the_whole(
            micro in 0i64..5_000_000,
            lines in proptest::collection::vec(0i64..10_000_000, 1..40),
        ) {
            let whole = price(micro).charge(lines.iter().sum(), Carry::NONE).unwrap();
            let mut carry = Carry::NONE;
            let mut sum = 0;
            for wh in lines {
                let line = price(micro).charge(wh, carry).unwrap();
                sum += line.amount.fen();
                carry = line.carry;
            }
            proptest::prop_assert_eq!((sum, carry), (whole.amount.fen(), whole.carry));
        }
    }
}
