//! Text from outside, made harmless: a tenant's name may hold bytes that open a cash drawer, turn
//! the line around or have no width at all.

use std::borrow::Cow;

/// Printed where a character cannot be: the geta mark, which every Chinese printer has.
pub const GETA: char = '〓';

/// A text without control characters, marks of direction and characters nobody sees; blanks of any
/// kind become a space, and `¥`, which GB18030 writes in four bytes, the `￥` printers know.
/// At most `chars_max` characters; the last is an ellipsis where something is missing.
///
/// Invariant: nothing that is printed as text can be read as a command; proved by
/// `no_byte_of_a_name_is_ever_a_command`.
pub fn clean(text: &str, chars_max: usize) -> String {
    let kept = || text.chars().filter_map(kept);
    if kept().count() <= chars_max {
        return kept().collect();
    }
    kept().take(chars_max.saturating_sub(1)).chain(['…']).collect()
}

fn kept(character: char) -> Option<char> {
    match character {
        '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' | '\u{a0}' => Some(' '),
        '¥' => Some('￥'),
        // Marks that join or turn what stands beside them, and selectors of a variant.
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => None,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => None,
        '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}' => None,
        '\u{e0000}'..='\u{e0fff}' => None,
        // Private characters have two bytes and on each printer another shape.
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => Some(GETA),
        other if other.is_control() => None,
        other => Some(other),
    }
}

/// Columns a character takes: one for what has one byte, else two, as printers count.
pub fn width(character: char) -> usize {
    if character.is_ascii() { 1 } else { 2 }
}

/// Columns a text takes.
pub fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// Whether a printer with the two-byte part of GB18030 knows a character.
pub fn printer_knows(character: char) -> bool {
    let mut buffer = [0; 4];
    let (bytes, _, unmappable) = encoding_rs::GB18030.encode(character.encode_utf8(&mut buffer));
    !unmappable && bytes.len() <= 2
}

/// The bytes of a text of which [`printer_knows`] every character.
pub fn gb18030(text: &str) -> Cow<'_, [u8]> {
    encoding_rs::GB18030.encode(text).0
}
