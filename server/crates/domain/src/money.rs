//! Money as an integer count of the smallest unit, with its currency.

use std::fmt;

/// The currencies Yufu keeps books in. One today; the enum keeps amounts of different currencies
/// from being added by accident once there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Currency {
    /// Chinese yuan; the minor unit is the fen (分), 1/100 yuan.
    Cny,
}

impl Currency {
    /// ISO 4217 code as the providers print it.
    pub fn code(self) -> &'static str {
        match self {
            Currency::Cny => "CNY",
        }
    }

    /// Reads an ISO 4217 code. Anything but `CNY` is refused: an unknown currency is never assumed.
    pub fn from_code(code: &str) -> Result<Self, MoneyError> {
        match code {
            "CNY" => Ok(Currency::Cny),
            _ => Err(MoneyError::UnknownCurrency),
        }
    }
}

/// An amount of money: a signed count of minor units (fen).
///
/// There is deliberately no `+`, `-` or `*`: every operation can overflow and says so.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why an amount could not be computed or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The result does not fit into 64 bits.
    #[error("the amount is too large to be represented")]
    Overflow,
    /// The two amounts are of different currencies.
    #[error("amounts of different currencies cannot be combined")]
    CurrencyMismatch,
    /// The currency code is not one Yufu keeps books in.
    #[error("the currency is not supported")]
    UnknownCurrency,
    /// The text is not a decimal yuan amount with at most two decimals.
    #[error("the text is not an amount in yuan with at most two decimals")]
    NotAnAmount,
}

impl Money {
    /// Nothing, in yuan.
    pub const ZERO: Money = Money::from_fen(0);

    /// An amount in fen (1/100 yuan).
    pub const fn from_fen(fen: i64) -> Self {
        Money { minor: fen, currency: Currency::Cny }
    }

    /// The amount in fen. Only meaningful for CNY, the one currency there is.
    pub const fn fen(self) -> i64 {
        self.minor
    }

    /// The currency of the amount.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// True for amounts above zero.
    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// True for amounts below zero.
    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// The sum; fails on overflow or different currencies.
    pub fn checked_add(self, other: Money) -> Result<Money, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference; fails on overflow or different currencies.
    pub fn checked_sub(self, other: Money) -> Result<Money, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    /// The amount with its sign turned; fails for the one value that has no opposite.
    pub fn checked_neg(self) -> Result<Money, MoneyError> {
        let minor = self.minor.checked_neg().ok_or(MoneyError::Overflow)?;
        Ok(Money { minor, currency: self.currency })
    }

    fn combine(self, other: Money, op: fn(i64, i64) -> Option<i64>) -> Result<Money, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch);
        }
        let minor = op(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Money { minor, currency: self.currency })
    }

    /// Reads a decimal yuan text as Alipay and the bills write it: `0.01`, `50.00`, `-3`, `1.5`.
    ///
    /// At most two decimals, no sign but `-`, no grouping, no exponent, no surrounding blanks:
    /// whatever else arrives is an error and never a guess.
    pub fn parse_yuan(text: &str) -> Result<Money, MoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (yuan, fen) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(yuan) || !plain(fen) || fen.len() > 2 {
            return Err(MoneyError::NotAnAmount);
        }
        let yuan: i64 = yuan.parse().map_err(|_| MoneyError::Overflow)?;
        let tens = if fen.len() == 1 { 10 } else { 1 };
        let fen: i64 = fen.parse::<i64>().map_err(|_| MoneyError::NotAnAmount)? * tens;
        let minor = yuan.checked_mul(100).and_then(|m| m.checked_add(fen));
        let minor = minor.ok_or(MoneyError::Overflow)?;
        Ok(Money::from_fen(if negative { -minor } else { minor }))
    }

    /// The amount as a decimal yuan text with exactly two decimals, as Alipay wants it.
    pub fn to_yuan(self) -> String {
        let sign = if self.minor < 0 { "-" } else { "" };
        let abs = self.minor.unsigned_abs();
        format!("{sign}{}.{:02}", abs / 100, abs % 100)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_yuan())
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_yuan(), self.currency.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuan_texts_are_read_to_the_fen_or_refused() {
        let table: &[(&str, Result<i64, MoneyError>)] = &[
            ("0.01", Ok(1)),
            ("50.00", Ok(5000)),
            ("1.5", Ok(150)),
            ("7", Ok(700)),
            ("-0.30", Ok(-30)),
            ("92233720368547758.07", Ok(i64::MAX)),
            ("92233720368547758.08", Err(MoneyError::Overflow)),
            ("99999999999999999999", Err(MoneyError::Overflow)),
            ("1.005", Err(MoneyError::NotAnAmount)),
            ("", Err(MoneyError::NotAnAmount)),
            ("-", Err(MoneyError::NotAnAmount)),
            (".5", Err(MoneyError::NotAnAmount)),
            ("1.", Err(MoneyError::NotAnAmount)),
            ("+1", Err(MoneyError::NotAnAmount)),
            ("1e3", Err(MoneyError::NotAnAmount)),
            ("1,000", Err(MoneyError::NotAnAmount)),
            (" 1", Err(MoneyError::NotAnAmount)),
            ("１", Err(MoneyError::NotAnAmount)),
            ("NaN", Err(MoneyError::NotAnAmount)),
        ];
        for (text, want) in table {
            assert_eq!(Money::parse_yuan(text).map(Money::fen), *want, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_amount_survives_its_own_text(fen in (i64::MIN + 1)..) {
            let money = Money::from_fen(fen);
            proptest::prop_assert_eq!(Money::parse_yuan(&money.to_yuan()), Ok(money));
        }
    }

    #[test]
    fn overflow_is_an_error_and_never_a_wrap() {
        let max = Money::from_fen(i64::MAX);
        assert_eq!(max.checked_add(Money::from_fen(1)), Err(MoneyError::Overflow));
        assert_eq!(Money::from_fen(i64::MIN).checked_neg(), Err(MoneyError::Overflow));
    }
}
