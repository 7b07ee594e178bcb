//! The control byte: who speaks, whether it went wrong, whether more follows, and what it is about.

use std::fmt;

/// The control byte C (A.1): D7 from the meter, D6 abnormal, D5 more follows, D4..D0 function.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Control(pub u8);

/// The functions of the 2007 edition (A.3), by the low five bits of the control byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Function {
    /// 03: security authentication and prepayment.
    Security = 0x03,
    /// 08: broadcast time, never answered.
    BroadcastTime = 0x08,
    /// 11: read.
    Read = 0x11,
    /// 12: read the frames that follow.
    ReadFollowUp = 0x12,
    /// 13: read the address.
    ReadAddress = 0x13,
    /// 14: write.
    Write = 0x14,
    /// 15: write the address.
    WriteAddress = 0x15,
    /// 16: freeze.
    Freeze = 0x16,
    /// 17: change the baud rate.
    Baud = 0x17,
    /// 18: change a password.
    ChangePassword = 0x18,
    /// 19: clear the maximum demand.
    ClearDemand = 0x19,
    /// 1A: clear the meter.
    ClearMeter = 0x1A,
    /// 1B: clear events.
    ClearEvents = 0x1B,
    /// 1C: relay, alarm, keep power.
    Relay = 0x1C,
    /// 1D: multi-function terminal output.
    Output = 0x1D,
}

const FUNCTIONS: [Function; 15] = [
    Function::Security,
    Function::BroadcastTime,
    Function::Read,
    Function::ReadFollowUp,
    Function::ReadAddress,
    Function::Write,
    Function::WriteAddress,
    Function::Freeze,
    Function::Baud,
    Function::ChangePassword,
    Function::ClearDemand,
    Function::ClearMeter,
    Function::ClearEvents,
    Function::Relay,
    Function::Output,
];

impl Function {
    /// The five function bits, which are also the control byte of the request.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl Control {
    /// D7: sent by a meter.
    #[must_use]
    pub const fn is_reply(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// D6: the meter refuses.
    #[must_use]
    pub const fn is_abnormal(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// D5: more frames follow.
    #[must_use]
    pub const fn has_more(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// D4..D0.
    #[must_use]
    pub const fn function_code(self) -> u8 {
        self.0 & 0x1F
    }

    /// The function, when the 2007 edition or a captured meter knows it.
    #[must_use]
    pub fn function(self) -> Option<Function> {
        FUNCTIONS.into_iter().find(|function| function.code() == self.function_code())
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}H", self.0)
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}H", self.0)
    }
}
