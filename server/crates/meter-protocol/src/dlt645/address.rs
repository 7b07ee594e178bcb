//! The twelve-digit meter address and the customer number, which share one form.

use crate::bcd::from_two_digits;
use std::fmt;
use std::str::FromStr;

/// A meter address in wire order, low byte first (A.1): `202208310002` is `02 00 31 08 22 20`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; 6]);

/// A customer number in wire order: twelve digits, low byte first (A.6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerNo([u8; 6]);

/// Why a text is not an address or a customer number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not exactly twelve characters.
    #[error("an address has twelve digits, this has {len} characters")]
    Length {
        /// Number of characters.
        len: usize,
    },
    /// A character that is neither a digit nor part of a leading `AA` wildcard pair.
    #[error("{character:?} at position {at} is not a digit of an address")]
    NotDigit {
        /// Position from 0, as written.
        at: usize,
        /// The character.
        character: char,
    },
}

impl Address {
    /// All meters, without reply; only broadcast time, freeze and 1D (A.2).
    pub const BROADCAST: Address = Address([0x99; 6]);
    /// Any meter, with reply; only on a line known to hold one meter (A.2).
    pub const WILDCARD: Address = Address([0xAA; 6]);

    /// Takes the six bytes as they stand on the wire.
    #[must_use]
    pub const fn from_wire(wire: [u8; 6]) -> Self {
        Address(wire)
    }

    /// The six bytes as they stand on the wire, low byte first.
    #[must_use]
    pub const fn wire(self) -> [u8; 6] {
        self.0
    }

    /// True for `99` x6.
    #[must_use]
    pub fn is_broadcast(self) -> bool {
        self == Address::BROADCAST
    }

    /// True when any byte is AA: a shortened or all-AA address (A.2).
    #[must_use]
    pub fn is_wildcard(self) -> bool {
        self.0.contains(&0xAA)
    }

    /// True for an address one meter can own: twelve decimal digits, not the broadcast.
    #[must_use]
    pub fn is_exact(self) -> bool {
        !self.is_broadcast() && self.0.iter().all(|byte| from_two_digits(*byte).is_some())
    }

    /// True when a meter that calls itself `self` may answer a request sent to `asked`.
    ///
    /// AA bytes of `asked` match anything; the answer must carry a real address, never AA (A.2).
    #[must_use]
    pub fn answers(self, asked: Address) -> bool {
        if !asked.is_wildcard() {
            return self == asked;
        }
        !self.is_wildcard()
            && self.0.iter().zip(asked.0).all(|(own, wanted)| wanted == 0xAA || *own == wanted)
    }
}

impl CustomerNo {
    /// Takes the six bytes as they stand in the frame after -33H, low byte first.
    #[must_use]
    pub const fn from_wire(wire: [u8; 6]) -> Self {
        CustomerNo(wire)
    }

    /// The six bytes, low byte first.
    #[must_use]
    pub const fn wire(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Reads twelve digits, high digit first. Leading pairs `AA` give a shortened address.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        twelve(text, true).map(Address)
    }
}

impl FromStr for CustomerNo {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        twelve(text, false).map(CustomerNo)
    }
}

fn twelve(text: &str, wildcard_allowed: bool) -> Result<[u8; 6], AddressError> {
    let len = text.chars().count();
    if len != 12 {
        return Err(AddressError::Length { len });
    }
    let mut wire = [0_u8; 6];
    let mut wildcard_head = wildcard_allowed;
    let characters: Vec<char> = text.chars().collect();
    for (pair_no, pair) in characters.chunks_exact(2).enumerate() {
        let slot = &mut wire[5 - pair_no];
        wildcard_head &= pair.iter().all(|character| matches!(character, 'A' | 'a'));
        if wildcard_head {
            *slot = 0xAA;
            continue;
        }
        for (offset, character) in pair.iter().enumerate() {
            let at = pair_no * 2 + offset;
            let digit = character
                .to_digit(10)
                .and_then(|digit| u8::try_from(digit).ok())
                .ok_or(AddressError::NotDigit { at, character: *character })?;
            *slot = *slot << 4 | digit;
        }
    }
    Ok(wire)
}

fn write_high_first(wire: [u8; 6], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    wire.iter().rev().try_for_each(|byte| write!(f, "{byte:02X}"))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_high_first(self.0, f)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_high_first(self.0, f)
    }
}

impl fmt::Display for CustomerNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_high_first(self.0, f)
    }
}

impl fmt::Debug for CustomerNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_high_first(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_twelve_digits_with_wildcard_pairs_only_at_the_high_end() {
        let not_digit = |at, character| Err(AddressError::NotDigit { at, character });
        let table = [
            ("202208310002", Ok([0x02, 0x00, 0x31, 0x08, 0x22, 0x20])),
            ("AAAAAAAAAAAA", Ok([0xAA; 6])),
            ("aaAA08310002", Ok([0x02, 0x00, 0x31, 0x08, 0xAA, 0xAA])),
            ("2022AA310002", not_digit(4, 'A')),
            ("A02208310002", not_digit(0, 'A')),
            ("20220831000", Err(AddressError::Length { len: 11 })),
            ("20220831000x", not_digit(11, 'x')),
            ("２02208310002", not_digit(0, '２')),
        ];
        for (text, expected) in table {
            assert_eq!(text.parse::<Address>().map(Address::wire), expected, "{text}");
        }
        assert_eq!(
            "AAAA00000001".parse::<CustomerNo>(),
            Err(AddressError::NotDigit { at: 0, character: 'A' })
        );
    }

    #[test]
    fn only_the_meter_that_was_asked_may_answer_and_never_with_a_wildcard() {
        let table = [
            ("202208310002", "202208310002", true),
            ("202208310003", "202208310002", false),
            ("202208310002", "AAAAAAAAAAAA", true),
            ("202208310002", "AAAA08310002", true),
            ("202208310003", "AAAA08310002", false),
            ("AAAAAAAAAAAA", "AAAAAAAAAAAA", false),
        ];
        for (own, asked, expected) in table {
            let own: Address = own.parse().unwrap();
            assert_eq!(own.answers(asked.parse().unwrap()), expected, "{own} asked as {asked}");
        }
    }
}
