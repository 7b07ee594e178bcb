//! `yufu-m1`: how a purchase lies on a card of sixteen-byte blocks. Layout only: the MAC is made
//! and looked at by the server, whose key never leaves it.
//!
//! A card carries two copies of [`COPY_BLOCKS`] blocks. One copy is, big end first: version (1),
//! card number (4), meter number as BCD (6), purchase sequence (4), amount in fen (4), tariff
//! version (2), the server's Unix seconds (4), zeroes up to [`SIGNED_BYTES`], MAC (8). Blocks are
//! written in their order, so that the last one, which holds the MAC, makes the copy valid.

use crate::card::Block;

/// The name both sides give this format.
pub const NAME: &str = "yufu-m1";
/// The only version there is.
pub const VERSION: u8 = 1;
/// The first block of copy A and of copy B.
pub const COPIES: [u8; 2] = [4, 8];
/// Blocks of one copy.
pub const COPY_BLOCKS: u8 = 3;
/// Bytes of one block.
pub const BLOCK_BYTES: usize = 16;
/// Bytes of one copy.
pub const COPY_BYTES: usize = COPY_BLOCKS as usize * BLOCK_BYTES;
/// Bytes of a copy the MAC is made over.
pub const SIGNED_BYTES: usize = 40;
/// Bytes of the MAC: the first ones of a CMAC-AES128.
pub const MAC_BYTES: usize = 8;
/// Digits of a meter's number.
pub const METER_DIGITS: usize = 12;

/// What one copy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// The card's number in the server's register.
    pub card_no: u32,
    /// The meter's number: [`METER_DIGITS`] digits.
    pub meter_no: String,
    /// The purchase's sequence number on this card.
    pub seq: u32,
    /// The amount in fen.
    pub amount_fen: u32,
    /// The tariff's version.
    pub tariff_version: u16,
    /// When the server made it, in Unix seconds.
    pub server_time: u32,
}

impl Purchase {
    /// The bytes the MAC is made over; `None` where the meter's number is not
    /// [`METER_DIGITS`] digits.
    pub fn to_sign(&self) -> Option<[u8; SIGNED_BYTES]> {
        let meter = bcd(&self.meter_no)?;
        let mut bytes = [0; SIGNED_BYTES];
        bytes[0] = VERSION;
        bytes[1..5].copy_from_slice(&self.card_no.to_be_bytes());
        bytes[5..11].copy_from_slice(&meter);
        bytes[11..15].copy_from_slice(&self.seq.to_be_bytes());
        bytes[15..19].copy_from_slice(&self.amount_fen.to_be_bytes());
        bytes[19..21].copy_from_slice(&self.tariff_version.to_be_bytes());
        bytes[21..25].copy_from_slice(&self.server_time.to_be_bytes());
        Some(bytes)
    }

    /// Reads such bytes; `None` for another version, a figure that is no digit, or anything but
    /// zeroes where nothing stands.
    pub fn from_signed(bytes: &[u8; SIGNED_BYTES]) -> Option<Purchase> {
        if bytes[0] != VERSION || bytes[25..].iter().any(|byte| *byte != 0) {
            return None;
        }
        let word = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        Some(Purchase {
            card_no: word(1),
            meter_no: digits(&bytes[5..11])?,
            seq: word(11),
            amount_fen: word(15),
            tariff_version: u16::from_be_bytes([bytes[19], bytes[20]]),
            server_time: word(21),
        })
    }
}

/// One copy as it was read, its MAC not yet believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// What the MAC is made over.
    pub signed: [u8; SIGNED_BYTES],
    /// The MAC.
    pub mac: [u8; MAC_BYTES],
}

impl Copy {
    /// The blocks of copy `copy` (0 or 1) in the order they are written; none for any other.
    pub fn blocks(&self, copy: u8) -> Vec<Block> {
        let Some(first) = COPIES.get(usize::from(copy)) else { return Vec::new() };
        let bytes = [self.signed.as_slice(), self.mac.as_slice()].concat();
        bytes
            .chunks(BLOCK_BYTES)
            .zip(*first..)
            .map(|(block, number)| Block { number, bytes: hex(block) })
            .collect()
    }

    /// Copy `copy` out of what was read; `None` where a block is missing, unread or misshapen.
    pub fn read(blocks: &[Block], copy: u8) -> Option<Copy> {
        let first = *COPIES.get(usize::from(copy))?;
        let mut bytes = Vec::with_capacity(COPY_BYTES);
        for number in first..first + COPY_BLOCKS {
            let block = blocks.iter().find(|block| block.number == number)?;
            let read = unhex(&block.bytes)?;
            if read.len() != BLOCK_BYTES {
                return None;
            }
            bytes.extend(read);
        }
        let (signed, mac) = bytes.split_at(SIGNED_BYTES);
        Some(Copy { signed: signed.try_into().ok()?, mac: mac.try_into().ok()? })
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads hexadecimal of either case; `None` for anything else.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    text.as_bytes().chunks(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

fn nibble(figure: u8) -> Option<u8> {
    char::from(figure).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn bcd(number: &str) -> Option<[u8; METER_DIGITS / 2]> {
    if number.len() != METER_DIGITS || !number.bytes().all(|figure| figure.is_ascii_digit()) {
        return None;
    }
    unhex(number)?.try_into().ok()
}

fn digits(bytes: &[u8]) -> Option<String> {
    let text = hex(bytes);
    text.bytes().all(|figure| figure.is_ascii_digit()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purchase() -> Purchase {
        Purchase {
            card_no: 0x0102_0304,
            meter_no: "112233445566".to_owned(),
            seq: 7,
            amount_fen: 10_000,
            tariff_version: 3,
            server_time: 0x6560_0000,
        }
    }

    #[test]
    fn a_purchase_lies_on_the_card_as_the_layout_says() {
        // Written down by hand from the table in docs/kiosk.md.
        let copy = Copy { signed: purchase().to_sign().unwrap(), mac: [0xee; 8] };
        let blocks = copy.blocks(1);
        let expected = [
            (8, "01010203041122334455660000000700"),
            (9, "00271000036560000000000000000000"),
            (10, "0000000000000000eeeeeeeeeeeeeeee"),
        ];
        assert_eq!(blocks.len(), expected.len());
        for (block, (number, bytes)) in blocks.iter().zip(expected) {
            assert_eq!((block.number, block.bytes.as_str()), (number, bytes));
        }
        assert_eq!(Copy::read(&blocks, 1), Some(copy));
        assert_eq!(Purchase::from_signed(&copy.signed), Some(purchase()));
        assert_eq!(Copy::read(&blocks, 0), None);
        assert!(copy.blocks(2).is_empty());
    }

    #[test]
    fn what_is_not_a_copy_is_not_read() {
        let good = Copy { signed: purchase().to_sign().unwrap(), mac: [1; 8] }.blocks(0);
        for bytes in ["", "00", "zz", "0g010203041122334455660000000700", "é"] {
            let mut torn = good.clone();
            torn[1].bytes = bytes.to_owned();
            assert_eq!(Copy::read(&torn, 0), None, "{bytes}");
        }
        assert_eq!(Copy::read(&good[..2], 0), None);
        for (at, byte) in [(0, 2), (5, 0xa1), (25, 1), (39, 1)] {
            let mut signed = purchase().to_sign().unwrap();
            signed[at] = byte;
            assert_eq!(Purchase::from_signed(&signed), None, "byte {at}");
        }
        for number in ["", "1122", "11223344556a", "1122334455667"] {
            let other = Purchase { meter_no: number.to_owned(), ..purchase() };
            assert_eq!(other.to_sign(), None, "{number}");
        }
    }
}
