//! What money is for, and who keeps it.

use std::{fmt, str::FromStr};

use crate::id::IdError;

/// What a purse may be spent on. Purposes are ring-fenced: energy money never pays a fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Electricity (电).
    Electricity,
    /// Water (水).
    Water,
    /// Gas (气).
    Gas,
}

impl Purpose {
    /// Every purpose there is.
    pub const ALL: [Purpose; 3] = [Purpose::Electricity, Purpose::Water, Purpose::Gas];

    /// The stable name in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Electricity => "electricity",
            Purpose::Water => "water",
            Purpose::Gas => "gas",
        }
    }
}

/// Who keeps the tenant's money (design §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MoneyModel {
    /// The meter counts money down itself; a top-up is pushed into it under a purchase count.
    MeterHeld,
    /// The platform keeps the purse, bills readings, and only switches the relay or valve.
    PlatformHeld,
}

impl MoneyModel {
    /// The stable name in the database and in meter profiles.
    pub fn as_str(self) -> &'static str {
        match self {
            MoneyModel::MeterHeld => "meter-held",
            MoneyModel::PlatformHeld => "platform-held",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Purpose {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let found = Purpose::ALL.into_iter().find(|p| p.as_str() == text);
        found.ok_or(IdError { kind: "purpose" })
    }
}

impl FromStr for MoneyModel {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let all = [MoneyModel::MeterHeld, MoneyModel::PlatformHeld];
        let found = all.into_iter().find(|m| m.as_str() == text);
        found.ok_or(IdError { kind: "money model" })
    }
}
