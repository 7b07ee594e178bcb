//! What a meter says when it refuses: an ERR byte, or a word for 03H and 1CH.
//!
//! A refusal does not prove that nothing was applied: a real meter answered `C3 ERR 01` and had
//! changed 11 bytes. Only reading back decides (`meters.md`, things to know first, 2).

use super::RelayFault;
use super::relay::bits;
use std::fmt;

/// The ERR byte of an abnormal reply, after -33H (A.3). Vendors differ; keep the raw byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorByte(pub u8);

/// The security error word of a refused 03H (A.6), low byte first on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Serr(pub u16);

/// A refusal, by the form it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// One ERR byte. Firmware C answers a recharge so: 80 count, 81 customer, 84 other.
    Byte(ErrorByte),
    /// Two bytes after a 03H.
    Security(Serr),
    /// Two bytes after a 1CH.
    Relay(RelayFault),
    /// Another length than one or two bytes: the frame says no, and nothing more is known.
    Unexplained,
}

const ERROR_BITS: [(u16, &str); 8] = [
    (0x01, "other error or illegal data"),
    (0x02, "no such data"),
    (0x04, "password wrong or not authorised"),
    (0x08, "baud rate cannot be changed"),
    (0x10, "too many year zones"),
    (0x20, "too many day segments"),
    (0x40, "too many tariffs"),
    (0x80, "reserved; some meters: programming key not pressed, or purchase count wrong"),
];

const SERR_BITS: [(u16, &str); 10] = [
    (0x0001, "other"),
    (0x0002, "repeated recharge"),
    (0x0004, "ESAM verification failed"),
    (0x0008, "identity authentication failed"),
    (0x0010, "customer number mismatch"),
    (0x0020, "purchase count error"),
    (0x0040, "over the hoarding limit"),
    (0x0080, "address abnormal"),
    (0x0100, "the meter is suspended"),
    (0x0200, "reclose failed"),
];

impl ErrorByte {
    /// No such data identifier.
    pub const NO_SUCH_DATA: u8 = 0x02;
    /// Password wrong or not authorised. Never retried: meters lock after N of them.
    pub const PASSWORD: u8 = 0x04;

    /// True when the "no such data" bit is set.
    #[must_use]
    pub const fn is_no_such_data(self) -> bool {
        self.0 & ErrorByte::NO_SUCH_DATA != 0
    }

    /// True when the password bit is set.
    #[must_use]
    pub const fn is_password(self) -> bool {
        self.0 & ErrorByte::PASSWORD != 0
    }

    /// What the set bits say by the standard.
    pub fn meanings(self) -> impl Iterator<Item = &'static str> {
        bits(u16::from(self.0), &ERROR_BITS)
    }
}

impl Serr {
    /// The count of the command was already used: read back and decide, never count up.
    pub const REPEATED_RECHARGE: u16 = 0x0002;
    /// The customer number is another one.
    pub const CUSTOMER: u16 = 0x0010;
    /// The count is neither the next nor the last.
    pub const PURCHASE_COUNT: u16 = 0x0020;

    /// True when `bit` is set.
    #[must_use]
    pub const fn has(self, bit: u16) -> bool {
        self.0 & bit != 0
    }

    /// What the set bits say.
    pub fn meanings(self) -> impl Iterator<Item = &'static str> {
        bits(self.0, &SERR_BITS)
    }
}

impl fmt::Display for ErrorByte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}", self.0)?;
        self.meanings().try_for_each(|meaning| write!(f, ", {meaning}"))
    }
}

impl fmt::Display for Serr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)?;
        self.meanings().try_for_each(|meaning| write!(f, ", {meaning}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Byte(error) => write!(f, "ERR {error}"),
            Refusal::Security(error) => write!(f, "SERR {error}"),
            Refusal::Relay(fault) => write!(f, "relay error {fault}"),
            Refusal::Unexplained => f.write_str("refused without a readable reason"),
        }
    }
}
