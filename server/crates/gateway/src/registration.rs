//! How a modem names itself, and whose name it is.

use std::{collections::HashMap, str::FromStr, sync::Arc};

use meter_protocol::{
    dtu::{self, Charset, Deframer, Event, IdLength, Pattern},
    hex,
};

use crate::line::{Framing, Line, Link};

/// Most different shapes of registration in one gateway process.
pub const SHAPES_MAX: usize = 256;

/// A modem's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Registration {
    /// The whole packet, byte for byte.
    Packet(Vec<u8>),
    /// A packet of literal bytes around the name.
    Named {
        /// Its shape.
        pattern: Pattern,
        /// The name in it.
        name: String,
    },
    /// The name in the vendor's own registration frame.
    Vendor(String),
}

/// The text is not a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// Nothing to compare.
    #[error("a registration is not empty")]
    Empty,
    /// `hex:` is not followed by pairs of hexadecimal digits.
    #[error("`hex:` is followed by pairs of hexadecimal digits")]
    Hex,
    /// The brackets around the name are not one pair.
    #[error("one pair of brackets encloses the name, as in `LOGIN:[1001]`")]
    Brackets,
}

impl FromStr for Registration {
    type Err = RegistrationError;

    /// Reads `hex:AA0131`, a text sent as it stands (`LOGIN:1001`), or a text with the name in
    /// brackets (`LOGIN:[1001]`) where many modems share the words around it.
    fn from_str(text: &str) -> Result<Self, RegistrationError> {
        if let Some(digits) = text.strip_prefix("hex:") {
            let bytes = hex::parse(digits).map_err(|_| RegistrationError::Hex)?;
            return match bytes.is_empty() {
                true => Err(RegistrationError::Empty),
                false => Ok(Registration::Packet(bytes)),
            };
        }
        if text.is_empty() {
            return Err(RegistrationError::Empty);
        }
        let Some((prefix, rest)) = text.split_once('[') else {
            return match text.contains(']') {
                true => Err(RegistrationError::Brackets),
                false => Ok(Registration::Packet(text.as_bytes().to_vec())),
            };
        };
        let (name, suffix) = rest.split_once(']').ok_or(RegistrationError::Brackets)?;
        let whole = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        if !whole || [name, suffix].iter().any(|part| part.contains(['[', ']'])) {
            return Err(RegistrationError::Brackets);
        }
        let pattern = Pattern {
            prefix: prefix.as_bytes().to_vec(),
            charset: Charset::Text,
            length: IdLength::Fixed(name.len()),
            suffix: suffix.as_bytes().to_vec(),
        };
        Ok(Registration::Named { pattern, name: name.to_owned() })
    }
}

impl Registration {
    /// The pattern that a plain modem's packet is recognised by; none for vendor frames.
    pub(crate) fn pattern(&self) -> Option<Pattern> {
        match self {
            Registration::Packet(bytes) => Some(Pattern::fixed(&[], Charset::Binary, bytes.len())),
            Registration::Named { pattern, .. } => Some(pattern.clone()),
            Registration::Vendor(_) => None,
        }
    }

    /// The name as the framing reports it.
    pub(crate) fn name(&self) -> String {
        match self {
            Registration::Packet(bytes) => hex::joined(bytes),
            Registration::Named { name, .. } | Registration::Vendor(name) => name.clone(),
        }
    }
}

/// Which line a registration belongs to. Rebuilt when the configuration changes, read by every
/// new connection.
#[derive(Debug)]
pub(crate) struct Directory<T> {
    shapes: Vec<(dtu::Framing, HashMap<String, T>)>,
}

impl<T> Default for Directory<T> {
    fn default() -> Self {
        Directory { shapes: Vec::new() }
    }
}

/// A modem that is known: its line, its framing's state and what it said beyond its name.
pub(crate) struct Known<T> {
    pub line: T,
    pub deframer: Box<Deframer>,
    pub events: Vec<Event>,
}

impl<T: Clone> Directory<T> {
    /// Enters a line that is dialled in to. False when its name is taken or there are too many
    /// shapes.
    pub(crate) fn enter(&mut self, known: &Line, line: T) -> bool {
        let Link::DialIn { registration } = &known.link else { return true };
        let shape = match &known.framing {
            // Heartbeats may differ from modem to modem; they are no part of the shape.
            Framing::Plain { .. } => dtu::Framing::Plain(dtu::Plain {
                registration: registration.pattern(),
                ..dtu::Plain::default()
            }),
            Framing::FourFaith => dtu::Framing::FourFaith,
            Framing::Hongdian => dtu::Framing::Hongdian,
            Framing::Acrel4g => dtu::Framing::Acrel4g,
        };
        let names = match self.shapes.iter_mut().position(|(other, _)| *other == shape) {
            Some(at) => &mut self.shapes[at].1,
            None if self.shapes.len() >= SHAPES_MAX => return false,
            None => {
                self.shapes.push((shape, HashMap::new()));
                let last = self.shapes.len() - 1;
                &mut self.shapes[last].1
            }
        };
        names.insert(registration.name(), line).is_none()
    }

    /// The line whose registration stands in `heard`, all bytes of a connection so far.
    pub(crate) fn find(
        &self,
        heard: &[u8],
        framing: impl Fn(&T) -> Option<dtu::Framing>,
    ) -> Option<Known<T>> {
        let mut longer_than_name = None;
        for (shape, names) in &self.shapes {
            let mut probe = Deframer::new(shape.clone());
            probe.feed(heard, dtu::Line::Idle);
            let Some(line) = probe.id().and_then(|name| names.get(name)) else { continue };
            // The line's own framing also knows its heartbeat and prefix.
            let mut deframer = Box::new(Deframer::new(framing(line)?));
            let events = deframer.feed(heard, dtu::Line::Idle);
            if !deframer.is_transparent() {
                continue;
            }
            let has_rest = events.iter().any(|event| matches!(event, Event::Data(_)));
            let known = Known { line: line.clone(), deframer, events };
            if !has_rest {
                return Some(known);
            }
            // `1001` also begins `10011`: a name that leaves nothing over is preferred.
            longer_than_name.get_or_insert(known);
        }
        longer_than_name
    }
}

/// Kept behind a lock that is held for moments only.
pub(crate) type SharedDirectory<T> = Arc<std::sync::RwLock<Directory<T>>>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_hex_a_text_or_a_text_with_the_name_in_brackets() {
        let packet = |bytes: &[u8]| Ok(Registration::Packet(bytes.to_vec()));
        let named = |prefix: &[u8], name: &str, suffix: &[u8]| {
            Ok(Registration::Named {
                pattern: Pattern {
                    prefix: prefix.to_vec(),
                    charset: Charset::Text,
                    length: IdLength::Fixed(name.len()),
                    suffix: suffix.to_vec(),
                },
                name: name.to_owned(),
            })
        };
        let table = [
            ("hex:AA01", packet(&[0xAA, 1])),
            ("hex:AA 01", packet(&[0xAA, 1])),
            ("hex:A", Err(RegistrationError::Hex)),
            ("hex:", Err(RegistrationError::Empty)),
            ("", Err(RegistrationError::Empty)),
            ("LOGIN:1001", packet(b"LOGIN:1001")),
            ("LOGIN:[1001]", named(b"LOGIN:", "1001", b"")),
            ("[862849]\r\n", named(b"", "862849", b"\r\n")),
            ("LOGIN:[]", Err(RegistrationError::Brackets)),
            ("LOGIN:[1001", Err(RegistrationError::Brackets)),
            ("LOGIN:1001]", Err(RegistrationError::Brackets)),
            ("[1][2]", Err(RegistrationError::Brackets)),
        ];
        for (text, want) in table {
            assert_eq!(text.parse::<Registration>(), want, "{text:?}");
        }
    }
}
