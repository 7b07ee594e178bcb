//! The protocols the `frame` command knows by name.

use std::fmt;
use std::str::FromStr;

/// A protocol a frame can be described or composed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `dlt645-2007`.
    Dlt645,
    /// `dlt645-1997`.
    Dlt645Of1997,
    /// `cjt188`.
    Cjt188,
    /// `modbus-rtu`.
    ModbusRtu,
}

/// The name is no protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a protocol; known are dlt645-2007, dlt645-1997, cjt188, modbus-rtu")]
pub struct ProtocolError {
    /// The refused name.
    pub name: String,
}

impl Protocol {
    /// Every protocol, in the order of the help text.
    pub const ALL: [Protocol; 4] =
        [Protocol::Dlt645, Protocol::Dlt645Of1997, Protocol::Cjt188, Protocol::ModbusRtu];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Dlt645 => "dlt645-2007",
            Protocol::Dlt645Of1997 => "dlt645-1997",
            Protocol::Cjt188 => "cjt188",
            Protocol::ModbusRtu => "modbus-rtu",
        }
    }
}

impl FromStr for Protocol {
    type Err = ProtocolError;

    fn from_str(name: &str) -> Result<Self, ProtocolError> {
        Protocol::ALL
            .into_iter()
            .find(|protocol| protocol.name() == name)
            .ok_or_else(|| ProtocolError { name: name.to_owned() })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
