//! Lower-case hexadecimal: how every binary value travels and is stored.

/// Writes bytes.
pub fn encode(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads bytes; `None` for anything but pairs of digits, of either case.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits?;
    if digits.len() % 2 != 0 {
        return None;
    }
    Some(digits.chunks(2).map(|pair| (pair[0] << 4) | pair[1]).collect())
}

/// Reads exactly `N` bytes.
pub fn decode_exact<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

/// The SHA-256 of bytes, as it names them.
pub fn sha256(bytes: &[u8]) -> String {
    encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref())
}

/// Whether this is how a SHA-256 is written: 64 lower-case digits and nothing else, so that it can
/// be the name of a file.
pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were_and_other_text_is_refused() {
        assert_eq!(encode(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
        assert_eq!(decode("000FA0ff"), Some(vec![0, 0x0f, 0xa0, 0xff]));
        assert_eq!(decode_exact::<2>("0102"), Some([1, 2]));
        for text in ["0", "0g", "电费", " 00", "+1"] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode_exact::<3>("0102"), None);
    }

    #[test]
    fn a_digest_is_the_one_of_the_standard_and_names_a_file_safely() {
        // FIPS 180-4, the example of one block.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), abc);
        assert!(is_sha256(abc));
        for other in ["", "../../etc/passwd", &abc[1..], &abc.to_uppercase(), &format!("{abc}/")] {
            assert!(!is_sha256(other), "{other}");
        }
    }
}
