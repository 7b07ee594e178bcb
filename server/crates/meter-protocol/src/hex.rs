//! Hex text of field notes and of the `frame` command: `FE FE 68 …`, with or without spaces.

use std::fmt::Write as _;

/// Longest frame text accepted, in bytes after decoding.
pub const HEX_BYTES_MAX: usize = 4096;

/// Why a text is not hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HexError {
    /// A character that is neither a hex digit nor a separator.
    #[error("the character at position {at} is not a hex digit")]
    NotHex {
        /// Character position, from 0.
        at: usize,
    },
    /// An odd number of digits.
    #[error("the number of hex digits is odd")]
    Odd,
    /// More than [`HEX_BYTES_MAX`] bytes.
    #[error("the text holds more than {HEX_BYTES_MAX} bytes")]
    TooLong,
}

/// Reads hex digits; spaces, commas, colons, dashes and line ends between them are ignored.
///
/// # Errors
/// [`HexError`] names the first offending character, an odd digit count or a text too long.
pub fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::new();
    let mut high = None;
    for (at, character) in text.chars().enumerate() {
        if character.is_whitespace() || matches!(character, ',' | ':' | '-') {
            continue;
        }
        let digit = character.to_digit(16).ok_or(HexError::NotHex { at })?;
        // `to_digit(16)` answers 0..=15.
        let digit = u8::try_from(digit).map_err(|_| HexError::NotHex { at })?;
        match high.take() {
            None => high = Some(digit << 4),
            Some(upper) if bytes.len() < HEX_BYTES_MAX => bytes.push(upper | digit),
            Some(_) => return Err(HexError::TooLong),
        }
    }
    if high.is_some() { Err(HexError::Odd) } else { Ok(bytes) }
}

/// Writes bytes as `68 AA 16`.
#[must_use]
pub fn spaced(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push(' ');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
    text
}

/// Writes bytes as `68AA16`.
#[must_use]
pub fn joined(bytes: &[u8]) -> String {
    spaced(bytes).replace(' ', "")
}
