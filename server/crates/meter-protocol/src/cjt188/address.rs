//! Meter type and the fourteen-digit address.

use crate::bcd::from_two_digits;
use std::fmt;
use std::str::FromStr;

/// The type byte T: what the meter measures.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MeterType(pub u8);

impl MeterType {
    /// Cold water.
    pub const COLD_WATER: MeterType = MeterType(0x10);
    /// Hot water.
    pub const HOT_WATER: MeterType = MeterType(0x11);
    /// Drinking water.
    pub const DRINKING_WATER: MeterType = MeterType(0x12);
    /// Reclaimed water.
    pub const RECLAIMED_WATER: MeterType = MeterType(0x13);
    /// Gas.
    pub const GAS: MeterType = MeterType(0x30);
    /// Any type, only with the wildcard address.
    pub const ANY: MeterType = MeterType(0xAA);

    /// What the type is called.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0x10 => "cold water",
            0x11 => "hot water",
            0x12 => "drinking water",
            0x13 => "reclaimed water",
            0x20 => "heat",
            0x21 => "cooling",
            0x22 => "heat and cooling",
            0x30 => "gas",
            0x40 => "other",
            0xAA => "any",
            _ => "unlisted",
        }
    }
}

impl fmt::Debug for MeterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}H", self.0)
    }
}

/// Seven BCD bytes in wire order, low byte first: A0..A4 number, A5 A6 maker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 7]);

/// The text is not fourteen decimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a CJ/T 188 address is fourteen decimal digits, maker code first")]
pub struct AddressError;

impl Address {
    /// AA x7: any meter, only for reading the address on a line with one meter.
    pub const WILDCARD: Address = Address([0xAA; 7]);

    /// Takes the seven bytes as they stand on the wire.
    #[must_use]
    pub const fn from_wire(wire: [u8; 7]) -> Self {
        Address(wire)
    }

    /// The seven bytes as they stand on the wire.
    #[must_use]
    pub const fn wire(self) -> [u8; 7] {
        self.0
    }

    /// True for an address one meter can own: fourteen decimal digits.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self.0.iter().all(|byte| from_two_digits(*byte).is_some())
    }

    /// True when a meter that calls itself `self` may answer a request sent to `asked`.
    #[must_use]
    pub fn answers(self, asked: Address) -> bool {
        if asked == Address::WILDCARD { self.is_exact() } else { self == asked }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads fourteen digits, high digit first, or `AA` x7.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.eq_ignore_ascii_case("AAAAAAAAAAAAAA") {
            return Ok(Address::WILDCARD);
        }
        if text.len() != 14 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AddressError);
        }
        let number: u64 = text.parse().map_err(|_| AddressError)?;
        let mut wire = [0; 7];
        crate::bcd_from_u64(number, &mut wire).map_err(|_| AddressError)?;
        Ok(Address(wire))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
