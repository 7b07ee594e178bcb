//! A frame explained for people: every byte named, and why a bad frame is refused.
//!
//! The `frame decode` command turns a [`Description`] into JSON. Names are unique among siblings,
//! so a list of fields reads as an object.

use crate::Protocol;
use std::borrow::Cow;

mod cjt188;
mod dlt645_1997;
mod dlt645_2007;
mod dlt645_frame;
mod modbus;
mod prepaid;
mod value;

/// One named part of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Short name in `snake_case`.
    pub name: Cow<'static, str>,
    /// The value as text: digits, hex or words.
    pub value: String,
    /// Unit or explanation, when there is one.
    pub meaning: Option<String>,
    /// Parts of this part.
    pub children: Vec<Field>,
}

/// Whether the bytes are a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A checked frame.
    Valid,
    /// No frame.
    Invalid {
        /// What is wrong, in one sentence.
        reason: String,
        /// Offset of the offending byte in the input, from 0.
        offset: usize,
    },
}

/// A frame explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The protocol the bytes were read in.
    pub protocol: Protocol,
    /// Valid, or why not.
    pub verdict: Verdict,
    /// One sentence.
    pub summary: String,
    /// Offset of the frame in the input, preamble not counted.
    pub offset: usize,
    /// Length of the frame in bytes; 0 for an invalid one.
    pub len: usize,
    /// The parts, in wire order. Of an invalid frame, those that could be read.
    pub fields: Vec<Field>,
}

/// Explains the first frame in `bytes`.
///
/// `reply` says that a meter sent them. Modbus needs it, because its frames do not say so; in the
/// other protocols a frame that contradicts it is reported as invalid.
#[must_use]
pub fn describe(protocol: Protocol, bytes: &[u8], reply: bool) -> Description {
    match protocol {
        Protocol::Dlt645 => dlt645_2007::describe(bytes, reply),
        Protocol::Dlt645Of1997 => dlt645_1997::describe(bytes, reply),
        Protocol::Cjt188 => cjt188::describe(bytes, reply),
        Protocol::ModbusRtu => modbus::describe(bytes, reply),
    }
}

impl Description {
    /// True for a checked frame.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.verdict == Verdict::Valid
    }

    /// The field behind a path of names such as `["control", "function"]`.
    #[must_use]
    pub fn find(&self, path: &[&str]) -> Option<&Field> {
        let (first, rest) = path.split_first()?;
        let start = self.fields.iter().find(|field| field.name == *first)?;
        rest.iter()
            .try_fold(start, |field, name| field.children.iter().find(|child| child.name == *name))
    }

    fn valid(protocol: Protocol, offset: usize, len: usize) -> Self {
        Description {
            protocol,
            verdict: Verdict::Valid,
            summary: String::new(),
            offset,
            len,
            fields: Vec::new(),
        }
    }

    fn invalid(protocol: Protocol, reason: String, offset: usize) -> Self {
        Description {
            protocol,
            summary: format!("not a {protocol} frame: {reason}"),
            verdict: Verdict::Invalid { reason, offset },
            offset,
            len: 0,
            fields: Vec::new(),
        }
    }

    /// Turns a checked frame that contradicts the direction asked into an invalid one.
    fn require_direction(mut self, is_reply: bool, wanted_reply: bool, offset: usize) -> Self {
        if wanted_reply && !is_reply {
            let reason = "the control byte says request, a reply was expected".to_owned();
            self.verdict = Verdict::Invalid { reason, offset };
        }
        self
    }
}

impl Field {
    fn new(name: impl Into<Cow<'static, str>>, value: impl ToString) -> Self {
        Field { name: name.into(), value: value.to_string(), meaning: None, children: Vec::new() }
    }

    fn meaning(mut self, meaning: impl Into<String>) -> Self {
        let meaning = meaning.into();
        self.meaning = (!meaning.is_empty()).then_some(meaning);
        self
    }

    fn children(mut self, children: Vec<Field>) -> Self {
        self.children = children;
        self
    }

    /// The value and its meaning as one phrase.
    fn phrase(&self) -> String {
        match &self.meaning {
            Some(meaning) => format!("{} {meaning}", self.value),
            None => self.value.clone(),
        }
    }
}

/// Number of FE bytes directly in front of `offset`.
fn preamble_before(bytes: &[u8], offset: usize) -> usize {
    bytes[..offset].iter().rev().take_while(|byte| **byte == 0xFE).count()
}

/// What stands around the frame: preamble, noise in front, bytes behind.
fn surroundings(bytes: &[u8], offset: usize, len: usize) -> Vec<Field> {
    let preamble = preamble_before(bytes, offset);
    let mut fields = vec![Field::new("preamble", preamble).meaning("bytes FE")];
    let (noise, trailing) = (&bytes[..offset - preamble], &bytes[offset + len..]);
    for (name, part) in [("noise_before", noise), ("bytes_behind", trailing)] {
        if !part.is_empty() {
            fields.push(Field::new(name, crate::hex::spaced(part)));
        }
    }
    fields
}
