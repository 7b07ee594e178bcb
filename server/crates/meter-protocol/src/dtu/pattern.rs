//! How a registration packet is recognised, as data of the gateway's profile.

use crate::hex;

/// Literal bytes, then the identity, then literal bytes: `LOGIN:` + `1001`, `AA 01` + 11 + `0D`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// Bytes in front of the identity; may be empty.
    pub prefix: Vec<u8>,
    /// Which bytes the identity may have.
    pub charset: Charset,
    /// How long the identity is.
    pub length: IdLength,
    /// Bytes behind the identity; may be empty with a fixed length.
    pub suffix: Vec<u8>,
}

/// The bytes an identity may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charset {
    /// 0 to 9.
    Digits,
    /// Printable ASCII without the space.
    Text,
    /// Any byte; the identity is then written as hex.
    Binary,
}

/// The length of an identity in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdLength {
    /// Exactly this many.
    Fixed(usize),
    /// Up to the suffix, at most this many. A variable length needs a suffix: the ends of TCP
    /// segments say nothing.
    UpTo(usize),
}

/// Whether bytes begin with a registration packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// They do.
    Yes {
        /// The identity.
        id: String,
        /// Bytes of the whole packet.
        len: usize,
    },
    /// They may, once more bytes are there.
    Maybe,
    /// They do not.
    No,
}

impl Pattern {
    /// `prefix` and then exactly `len` bytes of `charset`.
    #[must_use]
    pub fn fixed(prefix: &[u8], charset: Charset, len: usize) -> Self {
        let length = IdLength::Fixed(len);
        Pattern { prefix: prefix.to_vec(), charset, length, suffix: Vec::new() }
    }

    /// InDTU and 力控: `AA 01`, eleven ASCII characters, `0D`.
    #[must_use]
    pub fn in_dtu() -> Self {
        Pattern {
            prefix: vec![0xAA, 0x01],
            charset: Charset::Text,
            length: IdLength::Fixed(11),
            suffix: vec![0x0D],
        }
    }

    /// True when the pattern can be recognised without looking at segment ends.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        match self.length {
            IdLength::Fixed(len) => len > 0,
            IdLength::UpTo(len) => len > 0 && !self.suffix.is_empty(),
        }
    }

    /// Compares the front of `bytes`.
    #[must_use]
    pub fn matches(&self, bytes: &[u8]) -> Match {
        let common = self.prefix.len().min(bytes.len());
        if bytes[..common] != self.prefix[..common] || !self.is_usable() {
            return Match::No;
        }
        if common < self.prefix.len() {
            return Match::Maybe;
        }
        let rest = &bytes[common..];
        match self.length {
            IdLength::Fixed(len) => self.match_fixed(rest, len),
            IdLength::UpTo(len_max) => self.match_variable(rest, len_max),
        }
    }

    fn match_fixed(&self, rest: &[u8], len: usize) -> Match {
        let id = &rest[..len.min(rest.len())];
        let tail = &rest[id.len()..];
        let common = self.suffix.len().min(tail.len());
        if !self.charset.allows(id) || tail[..common] != self.suffix[..common] {
            Match::No
        } else if id.len() < len || common < self.suffix.len() {
            Match::Maybe
        } else {
            self.found(id)
        }
    }

    fn match_variable(&self, rest: &[u8], len_max: usize) -> Match {
        let at = rest.windows(self.suffix.len()).position(|window| window == self.suffix);
        match at {
            Some(len) if (1..=len_max).contains(&len) && self.charset.allows(&rest[..len]) => {
                self.found(&rest[..len])
            }
            None if rest.len() < len_max + self.suffix.len() => {
                // The last bytes may already be part of the suffix.
                let sure = rest.len().saturating_sub(self.suffix.len() - 1);
                if self.charset.allows(&rest[..sure]) { Match::Maybe } else { Match::No }
            }
            _ => Match::No,
        }
    }

    fn found(&self, id: &[u8]) -> Match {
        let len = self.prefix.len() + id.len() + self.suffix.len();
        Match::Yes { id: self.charset.name(id), len }
    }
}

impl Charset {
    fn allows(self, bytes: &[u8]) -> bool {
        match self {
            Charset::Digits => bytes.iter().all(u8::is_ascii_digit),
            Charset::Text => bytes.iter().all(u8::is_ascii_graphic),
            Charset::Binary => true,
        }
    }

    fn name(self, bytes: &[u8]) -> String {
        match self {
            Charset::Binary => hex::joined(bytes),
            Charset::Digits | Charset::Text => bytes.iter().map(|byte| char::from(*byte)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_recognised_at_every_length_and_never_by_segment_ends() {
        let yes = |id: &str, len| Match::Yes { id: id.to_owned(), len };
        let login = Pattern::fixed(b"LOGIN:", Charset::Digits, 4);
        let line = Pattern {
            prefix: b"ID=".to_vec(),
            charset: Charset::Text,
            length: IdLength::UpTo(6),
            suffix: b"\r\n".to_vec(),
        };
        let mac = Pattern::fixed(&[], Charset::Binary, 6);
        let unusable = Pattern { suffix: Vec::new(), ..line.clone() };
        let table: [(&Pattern, &[u8], Match); 17] = [
            (&login, b"", Match::Maybe),
            (&login, b"LOG", Match::Maybe),
            (&login, b"LOGIN:10", Match::Maybe),
            (&login, b"LOGIN:1001", yes("1001", 10)),
            (&login, b"LOGIN:1001\x68", yes("1001", 10)),
            (&login, b"LOGIN:10x1", Match::No),
            (&login, b"HELLO", Match::No),
            (&line, b"ID=ab", Match::Maybe),
            (&line, b"ID=ab\r", Match::Maybe),
            (&line, b"ID=ab\r\nxyz", yes("ab", 7)),
            (&line, b"ID=\r\n", Match::No),
            (&line, b"ID=abcdefg\r\n", Match::No),
            (&mac, &[0xD8, 0xB0, 0x4C, 0, 0], Match::Maybe),
            (&mac, &[0xD8, 0xB0, 0x4C, 0, 0, 1], yes("D8B04C000001", 6)),
            (&Pattern::in_dtu(), b"\xAA\x0113912345678\x0D", yes("13912345678", 14)),
            (&Pattern::in_dtu(), b"\xAA\x0113912345678\x0E", Match::No),
            (&unusable, b"ID=ab", Match::No),
        ];
        for (pattern, bytes, expected) in table {
            assert_eq!(pattern.matches(bytes), expected, "{}", hex::spaced(bytes));
        }
    }
}
