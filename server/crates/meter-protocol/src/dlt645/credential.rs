//! The password and the operator code that stand in every programming command.

use std::fmt;

/// PA P0 P1 P2: a level and six digits (A.3, *Password*). Prints stars.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Password {
    level: u8,
    digits: [u8; 3],
}

/// Why a password is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// More than six digits.
    #[error("a meter password has at most six digits")]
    TooLong,
    /// A level that is neither 0 to 9 nor 98H or 99H.
    #[error("{level:02X}H is not a password level")]
    Level {
        /// The refused level.
        level: u8,
    },
}

impl Password {
    /// Level 98H: the command carries cipher and MAC instead of a password.
    pub const CIPHER: Password = Password { level: 0x98, digits: [0; 3] };
    /// Level 99H: plain text with a MAC, for class-1 parameters.
    pub const PLAIN_WITH_MAC: Password = Password { level: 0x99, digits: [0; 3] };

    /// A password of level 0 to 9 (0 is the highest) and a number of up to six digits.
    ///
    /// # Errors
    /// [`PasswordError`] for a level above 9 or a number above 999999.
    pub fn new(level: u8, number: u32) -> Result<Self, PasswordError> {
        if level > 9 {
            return Err(PasswordError::Level { level });
        }
        let mut digits = [0; 3];
        crate::bcd_from_u64(u64::from(number), &mut digits).map_err(|_| PasswordError::TooLong)?;
        Ok(Password { level, digits })
    }

    /// The level byte PA.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.level
    }

    /// PA P0 P1 P2 before +33H.
    #[must_use]
    pub const fn wire(self) -> [u8; 4] {
        let [p0, p1, p2] = self.digits;
        [self.level, p0, p1, p2]
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "level {:02X} ******", self.level)
    }
}

/// C0..C3: who gave the command. Meters keep it in their event records, so it serves as an audit
/// tag (A.3). Sent low byte first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Operator(pub u32);

impl Operator {
    /// The fixed code of the order-number family: `77 66 55 44` on the wire (A.6).
    pub const ORDER_FAMILY: Operator = Operator(0x1122_3344);

    /// C0..C3 before +33H.
    #[must_use]
    pub const fn wire(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}
