//! What a refusal means, by the form it came in (`meters.md` A.3, A.5, A.6).

use meter_protocol::dlt645::{self, ErrorByte, Function, Serr};

use super::Answer;
use crate::command::Refusal;

/// A refused DL/T 645-2007 command.
pub(crate) fn dlt645(refused: dlt645::Refusal, function: Function) -> Answer {
    let programs = matches!(function, Function::Relay | Function::Write);
    let (raw, meaning) = match refused {
        dlt645::Refusal::Byte(error) if function == Function::Security => {
            (u16::from(error.0), vendor_recharge(error))
        }
        dlt645::Refusal::Byte(error) => return error_byte(error, programs),
        dlt645::Refusal::Security(word) => (word.0, security(word)),
        dlt645::Refusal::Relay(word) => (word.0, relay(word.0)),
        dlt645::Refusal::Unexplained => (0, Refusal::Other),
    };
    let locks_password = programs && meaning == Refusal::Password;
    Answer::Refused { raw, meaning, locks_password }
}

/// The ERR byte of anything but a recharge.
pub(crate) fn error_byte(error: ErrorByte, programs: bool) -> Answer {
    let meaning = if error.is_password() {
        Refusal::Password
    } else if error.is_no_such_data() {
        Refusal::NoSuchItem
    } else {
        Refusal::Other
    };
    let locks_password = programs && meaning == Refusal::Password;
    Answer::Refused { raw: u16::from(error.0), meaning, locks_password }
}

/// A Modbus exception (application protocol V1.1b3, 7).
pub(crate) fn modbus(code: u8) -> Answer {
    let meaning = match code {
        1 | 2 => Refusal::NoSuchItem,
        5 | 6 => Refusal::Busy,
        _ => Refusal::Other,
    };
    Answer::Refused { raw: u16::from(code), meaning, locks_password: false }
}

/// Firmware C answers a recharge with one byte of its own.
fn vendor_recharge(error: ErrorByte) -> Refusal {
    match error.0 {
        0x80 => Refusal::PurchaseCount,
        0x81 => Refusal::Customer,
        _ => Refusal::Other,
    }
}

fn security(word: Serr) -> Refusal {
    let table = [
        (0x0002, Refusal::RepeatedTopUp),
        (0x0020, Refusal::PurchaseCount),
        (0x0010, Refusal::Customer),
        (0x0040, Refusal::HoardingLimit),
        (0x0004, Refusal::Password),
        (0x0008, Refusal::Password),
        (0x0100, Refusal::Suspended),
    ];
    let found = table.into_iter().find(|(bit, _)| word.has(*bit));
    found.map_or(Refusal::Other, |(_, meaning)| meaning)
}

fn relay(word: u16) -> Refusal {
    let table = [
        (0x0004, Refusal::Password),
        (0x0008, Refusal::Password),
        (0x0010, Refusal::TimeInvalid),
        (0x0080, Refusal::TimeInvalid),
        (0x0020, Refusal::KeepPower),
        (0x0040, Refusal::KeepPower),
        (0x0001, Refusal::Suspended),
    ];
    let found = table.into_iter().find(|(bit, _)| word & bit != 0);
    found.map_or(Refusal::Other, |(_, meaning)| meaning)
}
