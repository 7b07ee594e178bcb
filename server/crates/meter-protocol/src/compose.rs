//! Frames built from named parameters: the mirror of [`crate::describe`], for the `frame encode`
//! command and for people at a bench. Drivers use the `Request` types.

use crate::{MeterTime, Protocol, hex};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

mod cjt188;
mod dlt645_1997;
mod dlt645_2007;
mod modbus;

/// Names and values as they were typed.
pub type Parameters = BTreeMap<String, String>;

/// One kind of frame and the parameters it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The name, such as `read`.
    pub name: &'static str,
    /// Parameters that must be given.
    pub required: &'static [&'static str],
    /// Parameters that may be given.
    pub optional: &'static [&'static str],
}

/// Why no frame was built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// The protocol has no such kind.
    #[error("{kind:?} is no kind of {protocol} frame; known are {known}")]
    Kind {
        /// The protocol.
        protocol: Protocol,
        /// The refused name.
        kind: String,
        /// The known names, separated by commas.
        known: String,
    },
    /// A parameter is missing.
    #[error("the parameter {name} is missing")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A parameter the kind does not take.
    #[error("the parameter {name:?} does not belong to this kind; it takes {known}")]
    Unknown {
        /// Its name.
        name: String,
        /// The known names, separated by commas.
        known: String,
    },
    /// A value that cannot be read.
    #[error("the parameter {name} cannot be {value:?}: {reason}")]
    Value {
        /// Name of the parameter.
        name: &'static str,
        /// The refused value.
        value: String,
        /// Why.
        reason: String,
    },
    /// The values do not make a frame that may be sent.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: String,
    },
}

/// The kinds of frames a protocol knows, for the help text.
#[must_use]
pub const fn kinds(protocol: Protocol) -> &'static [Kind] {
    match protocol {
        Protocol::Dlt645 => dlt645_2007::KINDS,
        Protocol::Dlt645Of1997 => dlt645_1997::KINDS,
        Protocol::Cjt188 => cjt188::KINDS,
        Protocol::ModbusRtu => modbus::KINDS,
    }
}

/// Builds a frame of `kind` from `parameters`.
///
/// Bytes are given as hex, amounts in fen, times as `YYYY-MM-DD hh:mm:ss`, other numbers as
/// decimal or `0x` hex.
///
/// # Errors
/// [`ComposeError`] names the kind or the parameter at fault.
pub fn compose(
    protocol: Protocol,
    kind: &str,
    parameters: &Parameters,
) -> Result<Vec<u8>, ComposeError> {
    let Some(kind) = kinds(protocol).iter().find(|known| known.name == kind) else {
        let known = kinds(protocol).iter().map(|known| known.name).collect::<Vec<_>>();
        let kind = kind.to_owned();
        return Err(ComposeError::Kind { protocol, kind, known: known.join(", ") });
    };
    let takes = || kind.required.iter().chain(kind.optional);
    if let Some(name) = parameters.keys().find(|name| !takes().any(|known| known == name)) {
        let known = takes().copied().collect::<Vec<_>>().join(", ");
        return Err(ComposeError::Unknown { name: name.clone(), known });
    }
    let reader = Reader(parameters);
    for name in kind.required {
        reader.text(name)?;
    }
    match protocol {
        Protocol::Dlt645 => dlt645_2007::build(kind.name, &reader),
        Protocol::Dlt645Of1997 => dlt645_1997::build(kind.name, &reader),
        Protocol::Cjt188 => cjt188::build(kind.name, &reader),
        Protocol::ModbusRtu => modbus::build(kind.name, &reader),
    }
}

/// Reads parameters and names the one at fault.
struct Reader<'p>(&'p Parameters);

impl Reader<'_> {
    fn given(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn text(&self, name: &'static str) -> Result<&str, ComposeError> {
        self.given(name).ok_or(ComposeError::Missing { name })
    }

    fn bad(name: &'static str, value: &str, reason: impl Display) -> ComposeError {
        ComposeError::Value { name, value: value.to_owned(), reason: reason.to_string() }
    }

    fn parsed<T: FromStr<Err: Display>>(&self, name: &'static str) -> Result<T, ComposeError> {
        let text = self.text(name)?;
        text.parse().map_err(|error| Self::bad(name, text, error))
    }

    fn time(&self, name: &'static str) -> Result<MeterTime, ComposeError> {
        self.parsed(name)
    }

    fn number<T: TryFrom<u64>>(&self, name: &'static str) -> Result<T, ComposeError> {
        let text = self.text(name)?;
        let parsed = match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16),
            None => text.parse(),
        };
        let number = parsed.map_err(|_| Self::bad(name, text, "not a number"))?;
        T::try_from(number).map_err(|_| Self::bad(name, text, "out of range"))
    }

    fn number_or<T: TryFrom<u64>>(&self, name: &'static str, or: T) -> Result<T, ComposeError> {
        if self.given(name).is_some() { self.number(name) } else { Ok(or) }
    }

    fn optional_number<T: TryFrom<u64>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, ComposeError> {
        self.given(name).map(|_| self.number(name)).transpose()
    }

    fn bytes(&self, name: &'static str) -> Result<Vec<u8>, ComposeError> {
        let text = self.text(name)?;
        hex::parse(text).map_err(|error| Self::bad(name, text, error))
    }

    fn bytes_or_none(&self, name: &'static str) -> Result<Vec<u8>, ComposeError> {
        if self.given(name).is_some() { self.bytes(name) } else { Ok(Vec::new()) }
    }

    fn array<const N: usize>(&self, name: &'static str) -> Result<[u8; N], ComposeError> {
        let wrong = |_| Self::bad(name, self.given(name).unwrap_or(""), format!("not {N} bytes"));
        self.bytes(name)?.try_into().map_err(wrong)
    }

    /// A MAC; zeros when none is given, as meters without a security chip want it.
    fn mac(&self, name: &'static str) -> Result<[u8; 4], ComposeError> {
        if self.given(name).is_some() { self.array(name) } else { Ok([0; 4]) }
    }

    /// FE bytes in front, 4 unless told otherwise.
    fn preamble(&self) -> Result<u8, ComposeError> {
        match self.number_or("preamble", 4)? {
            preamble @ 0..=4 => Ok(preamble),
            preamble => Err(Self::bad("preamble", &preamble.to_string(), "0 to 4 are")),
        }
    }
}

fn refused(error: impl Display) -> ComposeError {
    ComposeError::Refused { reason: error.to_string() }
}
