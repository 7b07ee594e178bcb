//! Binary-coded decimal, low byte first, as every Chinese meter sends its numbers.

/// `value` as `len` BCD bytes, low byte first; digits that do not fit are cut off, as a
/// register that rolls over does.
pub fn put(value: u64, len: usize) -> Vec<u8> {
    let mut rest = value;
    (0..len)
        .map(|_| {
            let pair = rest % 100;
            rest /= 100;
            byte(pair)
        })
        .collect()
}

/// One BCD byte of a value below 100.
pub fn byte(value: u64) -> u8 {
    let pair = value % 100;
    (pair / 10 * 16 + pair % 10) as u8
}

/// The number in `bytes`, low byte first; `None` when a nibble is no digit.
pub fn take(bytes: &[u8]) -> Option<u64> {
    bytes.iter().rev().try_fold(0u64, |sum, &b| {
        let (high, low) = (u64::from(b >> 4), u64::from(b & 0x0f));
        if high > 9 || low > 9 {
            return None;
        }
        sum.checked_mul(100)?.checked_add(high * 10 + low)
    })
}

/// A string of decimal digits as `N` BCD bytes, low byte first, padded with zeros on the left.
/// `None` when it holds something else or is too long.
pub fn from_digits<const N: usize>(digits: &str) -> Option<[u8; N]> {
    if digits.len() > N * 2 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut out = [0u8; N];
    for (place, digit) in digits.bytes().rev().enumerate() {
        let value = digit - b'0';
        out[place / 2] |= if place % 2 == 0 { value } else { value << 4 };
    }
    Some(out)
}

/// The digits of BCD bytes, high byte first, as printed on the meter's front.
pub fn to_digits(bytes: &[u8]) -> String {
    bytes.iter().rev().map(|b| format!("{b:02X}")).collect()
}

/// Bytes of a string of hexadecimal pairs, spaces allowed; `None` when it is none.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16))
        .collect::<Option<_>>()?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    Some(digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

/// Bytes as upper-case hexadecimal pairs separated by spaces.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_travel_low_byte_first() {
        assert_eq!(put(12_345_678, 4), [0x78, 0x56, 0x34, 0x12]);
        assert_eq!(take(&[0x78, 0x56, 0x34, 0x12]), Some(12_345_678));
        assert_eq!(take(&[0xff, 0xff]), None);
        assert_eq!(from_digits::<6>("202208310002"), Some([0x02, 0x00, 0x31, 0x08, 0x22, 0x20]));
        assert_eq!(from_digits::<6>("2022083100021"), None);
        assert_eq!(to_digits(&[0x02, 0x00, 0x31, 0x08, 0x22, 0x20]), "202208310002");
        assert_eq!(from_hex("FE 1c"), Some(vec![0xfe, 0x1c]));
        assert_eq!(from_hex("FE1"), None);
    }
}
