//! What a supply is told, and what it asks for.

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};

use super::TripOrder;
use crate::{id::IdError, provider::named_enum};

/// What the meter says about its relay or valve (status word 3 bits 4, 6 and 12, or 901F ST).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayReading {
    /// True when there is no supply: relay open, valve closed.
    pub open: bool,
    /// What the meter was last told, where it says so: true for open.
    pub command_open: Option<bool>,
    /// True when the meter says that keep power is set.
    pub keep_power: bool,
}

/// What happened to one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandOutcome {
    /// The meter accepted it (9C), which is not yet done.
    Accepted,
    /// The meter refused it (DC).
    Refused,
    /// Time-out or garbage.
    NoAnswer,
    /// It never left: the bus owner dropped it or its time was over.
    NotSent,
}

/// What a supply is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupplyEvent {
    /// Supply is to be there: after a credit, or on a person's word.
    WantOn {
        /// True after a credit: then being dark is an alarm.
        credited: bool,
    },
    /// Supply is to be cut, by leave of [`crate::may_trip`] or of a person.
    Trip(TripOrder),
    /// Keep power (保电) is set or taken off.
    KeepPower(bool),
    /// The relay or valve was read.
    Read(RelayReading),
    /// It could not be read.
    Unread,
    /// A command ended.
    Ended {
        /// The number of the command.
        seq: u64,
        /// How.
        outcome: CommandOutcome,
    },
    /// The timer rang, or the process came back.
    Wake,
}

named_enum! {
    /// Why an order to trip was dropped.
    TripDropped, "reason of a dropped trip",
    /// A newer wish came after the decision: a payment, a person, another order.
    Superseded = "superseded",
    /// It was older than its life, or the clock ran backwards.
    Expired = "expired",
    /// Keep power is set.
    KeepPower = "keep-power",
    /// Supply is being restored right now.
    BeingRestored = "being-restored",
    /// Another trip is under way.
    UnderWay = "under-way",
    /// The meter refused it.
    Refused = "refused",
    /// It never left.
    NotSent = "not-sent",
    /// The relay was read as still closed, and there was no yes from the meter.
    NotTaken = "not-taken",
    /// The meter said yes, but its relay or valve did not move.
    Stuck = "stuck",
}

named_enum! {
    /// What a person has to be told.
    SupplyAlarm, "supply alarm",
    /// Paid a minute ago, and still no supply.
    PaidButDark = "paid-but-dark",
    /// The command was accepted, but the relay or valve did not move.
    Stuck = "stuck",
    /// The meter refuses the command.
    Refused = "refused",
    /// A day of trying has not restored supply; trying goes on slowly.
    StillDark = "still-dark",
}

/// What a supply asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SupplyAction {
    /// Close the relay, open the valve.
    SendClose {
        /// The command's number.
        seq: u64,
    },
    /// Let the user close the relay by the meter's button.
    SendAllowClose {
        /// The command's number.
        seq: u64,
    },
    /// Open the relay, close the valve.
    SendTrip {
        /// The command's number.
        seq: u64,
        /// The last moment its first byte may leave.
        not_after: DateTime<Utc>,
    },
    /// Take a trip out of every queue.
    CancelTrip {
        /// The command's number.
        seq: u64,
    },
    /// Read the relay or valve.
    ReadRelay,
    /// The tenant has to press the meter's button.
    AskUser,
    /// The relay or valve was read back as wished.
    Done {
        /// The number of the wish.
        seq: u64,
        /// True for supply there, false for cut.
        on: bool,
    },
    /// An order to trip ended without a trip; a new one needs a new decision.
    DropTrip(TripDropped),
    /// Wake this supply again after a while; replaces any earlier one.
    RetryAfter(Duration),
    /// Tell a person.
    Alarm(SupplyAlarm),
}
