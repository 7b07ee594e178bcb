//! In what CJ/T 188 meters differ, as flags of the meter profile.

use std::fmt;
use std::str::FromStr;

/// A data identifier, written as in the standard: `901F`, `A017`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Di(pub u16);

/// The text is not four hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a CJ/T 188 data identifier is four hex digits")]
pub struct DiError;

impl Di {
    /// Current flow, settlement flow, time and status.
    pub const READING: Di = Di(0x901F);
    /// Read back of the last purchase.
    pub const PURCHASE_RECORD: Di = Di(0x8105);
    /// Read address.
    pub const ADDRESS: Di = Di(0x810A);
    /// Purchase.
    pub const PURCHASE: Di = Di(0xA013);
    /// Clock.
    pub const TIME: Di = Di(0xA015);
    /// Base reading (motor sync).
    pub const BASE_READING: Di = Di(0xA016);
    /// Valve.
    pub const VALVE: Di = Di(0xA017);
    /// Write address.
    pub const WRITE_ADDRESS: Di = Di(0xA018);
}

impl FromStr for Di {
    type Err = DiError;

    fn from_str(text: &str) -> Result<Self, DiError> {
        if text.len() != 4 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(DiError);
        }
        u16::from_str_radix(text, 16).map(Di).map_err(|_| DiError)
    }
}

impl fmt::Display for Di {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for Di {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

/// Byte order of the data identifier on the wire; all four combinations occur in captures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DiOrder {
    /// `90 1F`, `A0 17`.
    #[default]
    HighFirst,
    /// `1F 90`, `17 A0`.
    LowFirst,
}

impl DiOrder {
    /// The two bytes of `di` as they go on the wire.
    #[must_use]
    pub const fn wire(self, di: Di) -> [u8; 2] {
        match self {
            DiOrder::HighFirst => di.0.to_be_bytes(),
            DiOrder::LowFirst => di.0.to_le_bytes(),
        }
    }

    /// The identifier two wire bytes mean.
    #[must_use]
    pub const fn read(self, wire: [u8; 2]) -> Di {
        match self {
            DiOrder::HighFirst => Di(u16::from_be_bytes(wire)),
            DiOrder::LowFirst => Di(u16::from_le_bytes(wire)),
        }
    }
}

/// The flags of one meter model. Identifier order may differ between reads and writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// Order in reads (C=01, 03).
    pub read_order: DiOrder,
    /// Order in writes (C=04, 15, 16).
    pub write_order: DiOrder,
    /// Status byte 1 has its bits mirrored (one firmware: C0 fault, 20 battery low).
    pub status_mirrored: bool,
}

/// What the status byte says about the valve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Valve {
    /// D1D0 = 00.
    Open,
    /// D1D0 = 01.
    Closed,
    /// D1D0 = 10, which no source explains.
    Unexplained,
    /// D1D0 = 11.
    Fault,
}

/// The two status bytes ST, in wire order and with the dialect's bit order undone in the first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status {
    /// First byte, D0 least significant whatever the meter sends.
    pub first: u8,
    /// Second byte, vendor defined.
    pub second: u8,
}

impl Status {
    /// Reads ST as the dialect sends it.
    #[must_use]
    pub const fn read(wire: [u8; 2], dialect: Dialect) -> Self {
        let [first, second] = wire;
        let first = if dialect.status_mirrored { first.reverse_bits() } else { first };
        Status { first, second }
    }

    /// The valve. The immediate reply to a valve command proves nothing: poll 901F (C).
    #[must_use]
    pub const fn valve(self) -> Valve {
        match self.first & 0b11 {
            0b00 => Valve::Open,
            0b01 => Valve::Closed,
            0b10 => Valve::Unexplained,
            _ => Valve::Fault,
        }
    }

    /// D2: battery low.
    #[must_use]
    pub const fn battery_low(self) -> bool {
        self.first & 0b100 != 0
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X} {:02X}", self.first, self.second)
    }
}
