//! A meter's own password.

use std::{fmt, str::FromStr};

/// The six digits that a site has given a meter, or the fact that they are not known. Prints stars.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Password(Option<u32>);

/// The text is no password. It is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has six digits")]
pub struct PasswordFault;

impl Password {
    /// The meter has a password of its own and we do not know it.
    ///
    /// Invariant: such a meter is read and never programmed; the factory's password is not tried
    /// on it, because wrong ones lock a meter (H.1 no. 13; test
    /// `a_meter_whose_password_is_not_known_is_not_programmed`).
    pub const UNKNOWN: Password = Password(None);

    /// The digits as a number, for the one place that builds the command.
    pub(crate) fn number(self) -> Option<u32> {
        self.0
    }
}

impl FromStr for Password {
    type Err = PasswordFault;

    fn from_str(text: &str) -> Result<Self, PasswordFault> {
        let digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().ok().filter(|_| digits);
        number.map(|number| Password(Some(number))).ok_or(PasswordFault)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("******")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_six_digits_and_prints_stars() {
        for (text, good) in [
            ("123456", true),
            ("000000", true),
            ("12345", false),
            ("1234567", false),
            ("+12345", false),
            ("12345a", false),
            ("", false),
        ] {
            let password = text.parse::<Password>();
            assert_eq!(password.is_ok(), good, "{text}");
            let shown = format!("{password:?}");
            assert!(text.is_empty() || !shown.contains(text), "{shown}");
        }
    }
}
