//! What the gateway tells without being asked.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::item::{Item, Value};

/// Most bytes of an unknown registration that are kept (`meters.md` D).
pub const REGISTRATION_BYTES_MAX: usize = 256;

/// Most readings in one event.
pub const READINGS_MAX: usize = 1024;

/// One value of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The meter.
    pub meter: Uuid,
    /// What was read.
    pub item: Item,
    /// The value, in the item's base unit.
    pub value: Value,
    /// The meter's own clock in Unix seconds, when the same answer carried it.
    pub meter_clock: Option<i64>,
    /// When the answer arrived.
    pub at: DateTime<Utc>,
}

/// Why a gateway went offline. The text names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfflineReason {
    /// The other side closed.
    Closed,
    /// The connection broke.
    Broken,
    /// Nothing was heard for three heartbeats.
    Silent,
    /// A later connection with the same registration proved to be the right one.
    Replaced,
    /// The vendor's log-out frame.
    LoggedOut,
    /// The line's configuration changed or ended.
    Reconfigured,
    /// The gateway stopped.
    Stopped,
}

impl OfflineReason {
    /// The stable name, as stored with the interval.
    pub fn as_str(self) -> &'static str {
        match self {
            OfflineReason::Closed => "closed",
            OfflineReason::Broken => "broken",
            OfflineReason::Silent => "silent",
            OfflineReason::Replaced => "replaced",
            OfflineReason::LoggedOut => "logged-out",
            OfflineReason::Reconfigured => "reconfigured",
            OfflineReason::Stopped => "stopped",
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayEvent {
    /// A line has a connection.
    Online {
        /// The line.
        gateway: Uuid,
        /// The other side's address.
        remote: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// A line lost its connection.
    Offline {
        /// The line.
        gateway: Uuid,
        /// Why.
        reason: OfflineReason,
        /// When.
        at: DateTime<Utc>,
    },
    /// Values of scans, at most [`READINGS_MAX`] together.
    Readings(Vec<Reading>),
    /// A meter of another address answered three times: wiring or a doubled address.
    AddressClash {
        /// The line.
        gateway: Uuid,
        /// The meter that was asked.
        meter: Uuid,
        /// The address that answered.
        answered: String,
    },
    /// Two connections claim one registration. No relay or top-up until it is settled.
    DuplicateRegistration {
        /// The line.
        gateway: Uuid,
        /// The connection that was there.
        present: String,
        /// The connection that came.
        claimant: String,
    },
    /// It is settled which connection owns the line.
    DuplicateSettled {
        /// The line.
        gateway: Uuid,
        /// The connection that stays.
        kept: String,
    },
    /// Somebody connected and registered as nobody we know; the connection is closed.
    UnknownRegistration {
        /// The other side's address.
        remote: String,
        /// What it sent, at most [`REGISTRATION_BYTES_MAX`] bytes.
        bytes: Vec<u8>,
    },
    /// A meter has not answered several times in a row.
    MeterSilent {
        /// The meter.
        meter: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// A silent meter answers again.
    MeterBack {
        /// The meter.
        meter: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// A meter's clock is more than two minutes off.
    ClockOff {
        /// The meter.
        meter: Uuid,
        /// Meter minus now, in seconds.
        seconds: i64,
    },
    /// A meter refused its password; it is not programmed again for a day.
    PasswordRefused {
        /// The meter.
        meter: Uuid,
    },
    /// A frame nobody asked for: an alarm or an upload.
    Spontaneous {
        /// The line.
        gateway: Uuid,
        /// The meter, if it is one of the line's.
        meter: Option<Uuid>,
        /// The frame.
        frame: Vec<u8>,
        /// When.
        at: DateTime<Utc>,
    },
    /// The answer to a request that was given up before. It decides nothing; a late answer to a
    /// top-up is a reason to read back (`meters.md` H.1 no. 8).
    LateAnswer {
        /// The meter.
        meter: Uuid,
        /// The frame.
        frame: Vec<u8>,
        /// When.
        at: DateTime<Utc>,
    },
}
