//! The status words 04000501 to 04000507 (A.7). Bits are of one vendor's firmware; a profile may
//! override them.

use super::relay::bits;

/// Status word 3, the one that proves a relay command (A.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatusWord3(pub u16);

/// Where the relay stands, by bits 4 (state) and 6 (command) of status word 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayState {
    /// State closed, command close.
    Closed,
    /// State open, command open.
    Open,
    /// State closed, command open: a trip delay runs, or the relay is stuck.
    OpenPending,
    /// State open, command close: waiting for the user's button.
    WaitingForUser,
}

const WORD_1: [(u16, &str); 10] = [
    (1 << 2, "clock battery low"),
    (1 << 3, "reading battery low"),
    (1 << 4, "active power reversed"),
    (1 << 5, "reactive power reversed"),
    (1 << 8, "control circuit error"),
    (1 << 9, "ESAM error"),
    (1 << 12, "program error"),
    (1 << 13, "memory error"),
    (1 << 14, "overdraft"),
    (1 << 15, "clock error"),
];

const WORD_3: [(u16, &str); 14] = [
    (1 << 0, "second set of day segments runs"),
    (1 << 1, "auxiliary supply"),
    (1 << 2, "battery supply"),
    (1 << 3, "programming allowed"),
    (1 << 4, "relay open"),
    (1 << 5, "second set of zones runs"),
    (1 << 6, "relay command open"),
    (1 << 7, "pre-trip alarm"),
    (1 << 8, "energy prepayment"),
    (1 << 9, "money prepayment"),
    (1 << 10, "second set of prices runs"),
    (1 << 11, "second set of ladders runs"),
    (1 << 12, "keep power"),
    (1 << 13, "authenticated"),
];

const WORD_3_ACCOUNT: [(u16, &str); 2] =
    [(1 << 14, "local account not opened"), (1 << 15, "remote account not opened")];

const WORD_7: [(u16, &str); 2] = [(1 << 9, "cover opened"), (1 << 10, "terminal cover opened")];

impl StatusWord3 {
    /// Reads the two bytes of the value, low byte first; `None` for another length or all FF.
    #[must_use]
    pub fn read(value: &[u8]) -> Option<Self> {
        let word = u16::from_le_bytes(value.try_into().ok()?);
        (word != u16::MAX).then_some(StatusWord3(word))
    }

    /// Where the relay stands.
    #[must_use]
    pub const fn relay(self) -> RelayState {
        match (self.0 & 1 << 4 != 0, self.0 & 1 << 6 != 0) {
            (false, false) => RelayState::Closed,
            (true, true) => RelayState::Open,
            (false, true) => RelayState::OpenPending,
            (true, false) => RelayState::WaitingForUser,
        }
    }

    /// Bit 12: keep power is on, a trip will fail.
    #[must_use]
    pub const fn keeps_power(self) -> bool {
        self.0 & 1 << 12 != 0
    }

    /// Bit 7: pre-trip alarm.
    #[must_use]
    pub const fn alarms_before_trip(self) -> bool {
        self.0 & 1 << 7 != 0
    }
}

/// What the set bits of status word `number` (1 to 7) say, as far as a source names them.
#[must_use]
pub fn status_word_meanings(number: u8, word: u16) -> Vec<&'static str> {
    match number {
        1 => bits(word, &WORD_1).collect(),
        3 => bits(word, &WORD_3).chain(bits(word, &WORD_3_ACCOUNT)).collect(),
        7 => bits(word, &WORD_7).collect(),
        _ => Vec::new(),
    }
}
