//! Packed decimal digits, low byte first, as DL/T 645 and CJ/T 188 send every number.
//!
//! A meter that lacks a value fills it with FF (H.1 case 22): that is *absent*, not 9999, and any
//! other nibble above 9 is an error, never a number.

/// Most bytes one BCD number may have: 18 digits always fit an `i64`.
pub const BCD_LEN_MAX: usize = 9;

/// Why bytes are not a BCD number, or a number does not fit its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BcdError {
    /// A nibble above 9.
    #[error("byte {byte:02X} at offset {at} is not two decimal digits")]
    NotDecimal {
        /// Offset of the byte, from 0, in wire order.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// No bytes, or more than [`BCD_LEN_MAX`].
    #[error("a number of {len} bytes is not supported, 1 to {BCD_LEN_MAX} are")]
    Length {
        /// The offered length in bytes.
        len: usize,
    },
    /// The number has more digits than the field.
    #[error("{value} does not fit into {len} bytes of digits")]
    Overflow {
        /// The number.
        value: u64,
        /// The length of the field in bytes.
        len: usize,
    },
}

/// Reads an unsigned number, low byte first. All bytes FF: `None`, the meter has no such value.
///
/// # Errors
/// [`BcdError::NotDecimal`] for a nibble above 9, [`BcdError::Length`] for 0 or more than 9 bytes.
pub fn bcd_to_u64(bytes: &[u8]) -> Result<Option<u64>, BcdError> {
    check_len(bytes.len())?;
    if bytes.iter().all(|byte| *byte == 0xFF) {
        return Ok(None);
    }
    digits(bytes, 0xFF).map(Some)
}

/// Reads a signed number, low byte first: the top bit of the last byte is the sign, not a digit
/// (H.1 case 21). All bytes FF: `None`.
///
/// # Errors
/// As [`bcd_to_u64`].
pub fn bcd_to_i64(bytes: &[u8]) -> Result<Option<i64>, BcdError> {
    check_len(bytes.len())?;
    if bytes.iter().all(|byte| *byte == 0xFF) {
        return Ok(None);
    }
    let negative = bytes.last().is_some_and(|top| top & 0x80 != 0);
    // 18 digits are below i64::MAX, so the cast cannot fail.
    let magnitude = i64::try_from(digits(bytes, 0x7F)?).unwrap_or(i64::MAX);
    Ok(Some(if negative { -magnitude } else { magnitude }))
}

/// Writes `value` into the whole of `out`, low byte first, zero-filled.
///
/// # Errors
/// [`BcdError::Overflow`] when the number has more digits than `out`; `out` is then unchanged.
pub fn bcd_from_u64(value: u64, out: &mut [u8]) -> Result<(), BcdError> {
    let capacity = u32::try_from(out.len() * 2).unwrap_or(u32::MAX);
    if 10_u64.checked_pow(capacity).is_some_and(|limit| value >= limit) {
        return Err(BcdError::Overflow { value, len: out.len() });
    }
    let mut rest = value;
    for byte in out.iter_mut() {
        *byte = two_digits(u8::try_from(rest % 100).unwrap_or(0));
        rest /= 100;
    }
    Ok(())
}

/// Packs 0..=99 into one byte; larger values lose their hundreds.
pub(crate) const fn two_digits(value: u8) -> u8 {
    (((value / 10) % 10) << 4) | (value % 10)
}

/// Unpacks one byte of two decimal digits.
pub(crate) const fn from_two_digits(byte: u8) -> Option<u8> {
    if byte >> 4 > 9 || byte & 0x0F > 9 { None } else { Some((byte >> 4) * 10 + (byte & 0x0F)) }
}

const fn check_len(len: usize) -> Result<(), BcdError> {
    if len == 0 || len > BCD_LEN_MAX { Err(BcdError::Length { len }) } else { Ok(()) }
}

fn digits(bytes: &[u8], top_mask: u8) -> Result<u64, BcdError> {
    let mut value = 0_u64;
    for (at, byte) in bytes.iter().enumerate().rev() {
        let masked = if at + 1 == bytes.len() { byte & top_mask } else { *byte };
        let pair = from_two_digits(masked).ok_or(BcdError::NotDecimal { at, byte: *byte })?;
        value = value * 100 + u64::from(pair);
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row<T> = (&'static [u8], Result<Option<T>, BcdError>);

    #[test]
    fn unsigned_numbers_read_low_byte_first_and_all_ff_is_absent() {
        let table: [Row<u64>; 8] = [
            (&[0x26, 0x00, 0x00, 0x00], Ok(Some(26))),
            (&[0x01, 0x10], Ok(Some(1001))),
            (&[0x78, 0x56, 0x34, 0x12], Ok(Some(12_345_678))),
            (&[0xFF, 0xFF], Ok(None)),
            (&[0xFF, 0x01], Err(BcdError::NotDecimal { at: 0, byte: 0xFF })),
            (&[0x00, 0x0A], Err(BcdError::NotDecimal { at: 1, byte: 0x0A })),
            (&[], Err(BcdError::Length { len: 0 })),
            (&[0; 10], Err(BcdError::Length { len: 10 })),
        ];
        for (bytes, expected) in table {
            assert_eq!(bcd_to_u64(bytes), expected, "{bytes:02X?}");
        }
    }

    #[test]
    fn the_top_bit_of_a_signed_number_is_its_sign_and_never_a_digit() {
        let table: [Row<i64>; 6] = [
            // Field capture: two public libraries print this current as 811.519.
            (&[0x19, 0x15, 0x81], Ok(Some(-11_519))),
            (&[0x19, 0x15, 0x01], Ok(Some(11_519))),
            (&[0x00, 0x80], Ok(Some(0))),
            (&[0x99; 9], Ok(Some(-199_999_999_999_999_999))),
            (&[0xFF, 0xFF, 0xFF], Ok(None)),
            (&[0x00, 0xFF], Err(BcdError::NotDecimal { at: 1, byte: 0xFF })),
        ];
        for (bytes, expected) in table {
            assert_eq!(bcd_to_i64(bytes), expected, "{bytes:02X?}");
        }
    }

    #[test]
    fn a_number_with_too_many_digits_is_refused_and_nothing_is_written() {
        let mut out = [0xEE; 2];
        assert_eq!(
            bcd_from_u64(10_000, &mut out),
            Err(BcdError::Overflow { value: 10_000, len: 2 })
        );
        assert_eq!(out, [0xEE; 2]);
        assert_eq!(bcd_from_u64(9_999, &mut out), Ok(()));
        assert_eq!(out, [0x99; 2]);
        let mut wide = [0; 12];
        assert_eq!(bcd_from_u64(u64::MAX, &mut wide), Ok(()));
        assert_eq!(wide, [0x15, 0x16, 0x55, 0x09, 0x37, 0x07, 0x44, 0x67, 0x44, 0x18, 0, 0]);
    }
}
