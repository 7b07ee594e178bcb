//! What is wished for a supply, and what is known of it.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};

use super::TripOrder;
use crate::{id::IdError, provider::named_enum};

named_enum! {
    /// Who closes a relay in the end.
    CloseMode, "close mode",
    /// The platform closes it.
    Direct = "direct",
    /// The platform allows it; the user presses the meter's button when appliances are off.
    ByUser = "by-user",
}

named_enum! {
    /// What the relay or valve was last read to be.
    Actual, "supply state",
    /// Closed relay, open valve: supply is there.
    On = "on",
    /// Open relay, closed valve: no supply.
    Off = "off",
    /// Closing is allowed, and the meter waits for its button.
    Waiting = "waiting",
    /// Not read yet.
    Unknown = "unknown",
}

/// How the relay or valve of a meter behaves; from its profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actuator {
    /// Who closes it.
    pub close: CloseMode,
    /// How long it may show the old state after an accepted command: 5–30 s for a motor valve,
    /// the trip delay (04001401) for a relay.
    pub settle: Duration,
}

/// How far a command has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was sent for this wish.
    Unsent,
    /// It was handed to the bus.
    Sent {
        /// When the first command for this wish was handed over.
        first: DateTime<Utc>,
        /// When the last one was.
        last: DateTime<Utc>,
    },
    /// The relay or valve was read back as wished.
    Verified {
        /// When.
        at: DateTime<Utc>,
    },
}

/// A wish to have supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnWish {
    /// Since when.
    pub since: DateTime<Utc>,
    /// True when money was paid for it: then being dark is an alarm.
    pub credited: bool,
    /// How far it has come.
    pub stage: Stage,
    /// Failed commands and reads in a row.
    pub failures: u32,
    /// True once "paid but dark" was raised.
    pub dark_shown: bool,
    /// True once "stuck" was raised.
    pub stuck_shown: bool,
    /// True once a refusal was raised.
    pub refused_shown: bool,
    /// True once the tenant was asked to press the button.
    pub asked_user: bool,
    /// True once a day of trying was shown to a person.
    pub late_shown: bool,
}

/// What is wished for a supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: it stays what it is.
    None,
    /// Supply, until it is read back, and after that kept in mind as wished.
    On(OnWish),
    /// No supply, by a short-lived order.
    Off {
        /// The order.
        order: TripOrder,
        /// How far it has come.
        stage: Stage,
        /// Failed reads in a row.
        failures: u32,
    },
}

/// The supply of one meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    /// How its relay or valve behaves.
    pub actuator: Actuator,
    /// The number of the newest wish; every command carries it.
    pub seq: u64,
    /// What is wished.
    pub wish: Wish,
    /// What was last read.
    pub actual: Actual,
    /// When it was read.
    pub actual_at: Option<DateTime<Utc>>,
    /// True while keep power (保电) is set: nothing is tripped.
    pub keep_power: bool,
    /// True while a person has cut it: no payment brings it back, only a person does.
    pub held_off: bool,
    /// A random number drawn when the supply is made; it spreads the waits.
    pub jitter: u64,
}

impl Wish {
    /// The stable name in the database and the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Wish::None => "none",
            Wish::On(_) => "on",
            Wish::Off { .. } => "off",
        }
    }
}
