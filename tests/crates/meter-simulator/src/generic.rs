//! A plain Modbus slave with the registers of a Hiking DDS238-2 (facts B.1): energy at 0000 in
//! 0.01 kWh, voltage, current, power, and the relay at 001A (1 on, 0 off), written by FC10 only.

use crate::meter::{Meter, Mood};
use crate::modbus::{
    DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Pdu, READ_HOLDING,
    READ_INPUT, WRITE_MULTIPLE,
};
use crate::relay::Action;
use crate::slave::{read, wide, written};

/// The relay register.
const RELAY: u16 = 0x001a;

/// Answers a request.
pub(crate) fn answer(meter: &mut Meter, pdu: &Pdu, mood: Mood) -> Pdu {
    match pdu.function {
        READ_HOLDING | READ_INPUT => read(pdu, mood, |register| value(meter, register)),
        WRITE_MULTIPLE => write(meter, pdu, mood),
        _ => pdu.exception(ILLEGAL_FUNCTION),
    }
}

fn value(meter: &Meter, register: u16) -> Option<u16> {
    let watts = meter.load_now();
    Some(match register {
        0x0000 | 0x0001 => wide((meter.usage.total() / 10) as u32, 0, register),
        0x000c => meter.config.voltage_dv as u16,
        0x000d => (watts * 1_000 / meter.config.voltage_dv.max(1)) as u16,
        0x000e if meter.sign => (watts as u16).wrapping_neg(),
        0x000e => watts as u16,
        0x0010 => 1_000,
        0x0011 => 5_000,
        RELAY => u16::from(meter.relay.closed),
        0x0002..=0x0020 => 0,
        _ => return None,
    })
}

fn write(meter: &mut Meter, pdu: &Pdu, mood: Mood) -> Pdu {
    let (Some((first, count)), Some(values)) = (pdu.range(), pdu.written()) else {
        return pdu.exception(ILLEGAL_VALUE);
    };
    if (first, count) != (RELAY, 1) {
        return pdu.exception(ILLEGAL_ADDRESS);
    }
    let action = match values[0] {
        0 => Action::Trip,
        1 => Action::Close,
        _ => return pdu.exception(ILLEGAL_VALUE),
    };
    let moved = meter.relay.command(action, meter.sim_us());
    if mood.partly || moved.is_err() {
        return pdu.exception(DEVICE_FAILURE);
    }
    written(pdu)
}
