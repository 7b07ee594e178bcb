//! The data identifier DI, four bytes, which means something only inside a meter profile (A.7).

use std::fmt;
use std::str::FromStr;

/// A 2007 data identifier, written as eight hex digits DI3 DI2 DI1 DI0; sent low byte first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Di(pub u32);

/// The text is not eight hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a data identifier is eight hex digits")]
pub struct DiError;

impl Di {
    /// Takes DI0 DI1 DI2 DI3 as they stand after -33H.
    #[must_use]
    pub const fn from_wire(wire: [u8; 4]) -> Self {
        Di(u32::from_le_bytes(wire))
    }

    /// DI0 DI1 DI2 DI3, before +33H.
    #[must_use]
    pub const fn wire(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }
}

impl FromStr for Di {
    type Err = DiError;

    fn from_str(text: &str) -> Result<Self, DiError> {
        if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(DiError);
        }
        u32::from_str_radix(text, 16).map(Di).map_err(|_| DiError)
    }
}

impl fmt::Display for Di {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

impl fmt::Debug for Di {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}
