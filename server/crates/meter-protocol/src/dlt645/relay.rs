//! Relay, alarm and keep-power commands, 1CH (A.5).

use super::{Operator, Password};
use crate::{MeterTime, Payload, PayloadTooLong};
use std::fmt;

/// N1 of a 1CH command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum RelayAction {
    /// 1A: open the relay.
    Trip = 0x1A,
    /// 1B: allow closing; the meter waits for the user's button.
    AllowClose = 0x1B,
    /// 1C: close now.
    DirectClose = 0x1C,
    /// 1D: open, and close by itself after N2 times five minutes.
    TripThenClose = 0x1D,
    /// 1E: open, and allow closing after N2 times five minutes.
    TripThenAllow = 0x1E,
    /// 2A: alarm on.
    AlarmOn = 0x2A,
    /// 2B: alarm off.
    AlarmOff = 0x2B,
    /// 3A: keep power; a later trip fails until it is lifted.
    KeepPower = 0x3A,
    /// 3B: end of keep power.
    EndKeepPower = 0x3B,
}

impl RelayAction {
    /// Every action, in the order of the table in A.5.
    pub const ALL: [RelayAction; 9] = [
        RelayAction::Trip,
        RelayAction::AllowClose,
        RelayAction::DirectClose,
        RelayAction::TripThenClose,
        RelayAction::TripThenAllow,
        RelayAction::AlarmOn,
        RelayAction::AlarmOff,
        RelayAction::KeepPower,
        RelayAction::EndKeepPower,
    ];

    /// The byte N1.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The action of a byte N1, when it is a known one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        RelayAction::ALL.into_iter().find(|action| action.code() == code)
    }

    /// The name used by the `frame` command.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RelayAction::Trip => "trip",
            RelayAction::AllowClose => "allow-close",
            RelayAction::DirectClose => "direct-close",
            RelayAction::TripThenClose => "trip-then-close",
            RelayAction::TripThenAllow => "trip-then-allow",
            RelayAction::AlarmOn => "alarm-on",
            RelayAction::AlarmOff => "alarm-off",
            RelayAction::KeepPower => "keep-power",
            RelayAction::EndKeepPower => "end-keep-power",
        }
    }
}

/// How a relay command proves that it may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayAuthority {
    /// A plain password; the meter compares `valid_until` with its own clock and refuses past it.
    Plain {
        /// Level and digits; which level is allowed differs per firmware.
        password: Password,
        /// What to do.
        action: RelayAction,
        /// N2: the delay of 1D and 1E in units of five minutes, otherwise 0 (one vendor puts a
        /// channel number here).
        delay_five_minutes: u8,
        /// N3..N8: the last moment the command counts, by the meter's clock.
        valid_until: MeterTime,
    },
    /// Level 98H: N1..N8 as 16 cipher bytes and a MAC, both made by the encryption machine.
    Cipher {
        /// The encrypted N1..N8.
        cipher: [u8; 16],
        /// The MAC over it.
        mac: [u8; 4],
    },
}

/// A 1CH command: `PA P0 P1 P2, C0..C3, N1..N8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Audit tag kept by the meter.
    pub operator: Operator,
    /// Password or cipher, and what to do.
    pub authority: RelayAuthority,
}

impl Relay {
    pub(super) fn put(&self, data: &mut Payload) -> Result<(), PayloadTooLong> {
        match self.authority {
            RelayAuthority::Plain { password, action, delay_five_minutes, valid_until } => {
                data.push(&password.wire())?;
                data.push(&self.operator.wire())?;
                data.push(&[action.code(), delay_five_minutes])?;
                data.push(&valid_until.second_first())
            }
            RelayAuthority::Cipher { cipher, mac } => {
                data.push(&Password::CIPHER.wire())?;
                data.push(&self.operator.wire())?;
                data.push(&cipher)?;
                data.push(&mac)
            }
        }
    }
}

/// The extended status word of an accepted 1CH (A.5; firmware A, only when P2 was 01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayStatus(pub u16);

/// The extended error word of a refused 1CH (A.5; firmware A, only when P2 was 01).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayFault(pub u16);

const STATUS_BITS: [(u16, &str); 10] = [
    (0x0001, "direct close"),
    (0x0002, "allow close"),
    (0x0004, "trip now"),
    (0x0008, "delayed trip"),
    (0x0010, "trip with automatic restore"),
    (0x0020, "delayed, the current is too high"),
    (0x0100, "keep power"),
    (0x0200, "keep power ended"),
    (0x0400, "alarm on"),
    (0x0800, "alarm off"),
];

const FAULT_BITS: [(u16, &str); 9] = [
    (0x0001, "the meter is suspended"),
    (0x0002, "MAC check failed"),
    (0x0004, "password wrong"),
    (0x0008, "authorisation expired"),
    (0x0010, "the command's time is not valid"),
    (0x0020, "trip failed, keep power is on"),
    (0x0040, "automatic restore failed, keep power is on"),
    (0x0080, "the restore time is not valid"),
    (0x0100, "already tripped"),
];

pub(super) fn bits(
    word: u16,
    table: &'static [(u16, &'static str)],
) -> impl Iterator<Item = &'static str> {
    table.iter().filter(move |(bit, _)| word & bit != 0).map(|(_, meaning)| *meaning)
}

impl RelayStatus {
    /// What the set bits say.
    pub fn meanings(self) -> impl Iterator<Item = &'static str> {
        bits(self.0, &STATUS_BITS)
    }
}

impl RelayFault {
    /// What the set bits say.
    pub fn meanings(self) -> impl Iterator<Item = &'static str> {
        bits(self.0, &FAULT_BITS)
    }
}

impl fmt::Display for RelayFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)?;
        self.meanings().try_for_each(|meaning| write!(f, ", {meaning}"))
    }
}
