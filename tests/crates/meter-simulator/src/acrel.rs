//! Acrel DDSY1352 (facts B.1): FC03 and FC10, relay by registers 0057 and 0058.

use crate::bcd;
use crate::meter::{Meter, Mood};
use crate::modbus::{
    DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, Pdu, READ_HOLDING,
    WRITE_MULTIPLE,
};
use crate::relay::Action;
use crate::slave::{pair, read, wide, written};

/// Force-control enable; the relay register stands behind it.
const FORCE: u16 = 0x0057;

/// Answers a request.
pub(crate) fn answer(meter: &mut Meter, pdu: &Pdu, mood: Mood) -> Pdu {
    match pdu.function {
        READ_HOLDING => read(pdu, mood, |register| value(meter, register)),
        WRITE_MULTIPLE => write(meter, pdu, mood),
        _ => pdu.exception(ILLEGAL_FUNCTION),
    }
}

fn value(meter: &Meter, register: u16) -> Option<u16> {
    let energies = meter.usage.all();
    let watts = meter.load_now();
    let signed = |value: u64| if meter.sign { (value as u16).wrapping_neg() } else { value as u16 };
    let price = |slot: u16| meter.prices_e4[usize::from(slot) / 2] as u32;
    Some(match register {
        0x0000..=0x0009 => {
            let slot = register / 2;
            wide((energies[usize::from(slot)] / 10) as u32, slot * 2, register)
        }
        0x000a => 0,
        0x000b => meter.config.voltage_dv as u16,
        0x000c => (watts * 1_000 / meter.config.voltage_dv.max(1)) as u16,
        0x000d => signed(watts),
        0x000e => 0,
        0x000f => watts as u16,
        0x0010 => signed(1_000),
        0x0037 | 0x0038 => 1,
        0x0043..=0x0045 => {
            let mut number = meter.meter_no;
            number.reverse();
            pair(&number, 0x0043, register)
        }
        0x0046..=0x0049 => wide(meter.config.alarm_fen as u32, register & !1, register),
        0x004a | 0x004b => wide(meter.purse.overdraft_limit_fen as u32, 0x004a, register),
        0x004c | 0x004d | 0x0051..=0x0054 | 0x0056 => 0,
        0x004e => meter.purse.count as u16,
        0x004f | 0x0050 => wide(meter.purse.remaining_fen as u32, 0x004f, register),
        0x0055 => state(meter),
        0x0057 => forced(meter),
        // "Relay" in both sources: the contact, not the command, so that a stuck one shows.
        0x0058 => u16::from(!meter.relay.closed),
        0x0059..=0x0060 => {
            let slot = register - 0x0059;
            wide(price(slot), 0x0059 + slot / 2 * 2, register)
        }
        0x3001..=0x3006 => event(meter, register),
        0x5030 | 0x5031 => 0,
        _ => return None,
    })
}

/// Register 0055 with the bits of the 4G upload (bytes 72 and 73): L1 closed, forced, arrears.
fn state(meter: &Meter) -> u16 {
    let bit = |on: bool, place: u16| u16::from(on) << place;
    let broke = meter.config.counts_money() && meter.purse.spendable_fen() == 0;
    bit(meter.relay.closed, 13) | bit(forced(meter) == 1, 3) | bit(broke, 5)
}

/// Force control is on once the platform has written it.
fn forced(meter: &Meter) -> u16 {
    meter.parameters.get(&u32::from(FORCE)).and_then(|v| v.first()).map_or(0, |b| u16::from(*b))
}

fn event(meter: &Meter, register: u16) -> u16 {
    let mut bytes = crate::items::second_stamp(meter.clock_s());
    bytes.reverse();
    bytes.resize(12, 0);
    pair(&bytes, 0x3001, register)
}

/// FC10 of 0057 ×2 forces the relay, of 0059.. sets prices, of 0043 ×3 the account number,
/// of 000A the code; anything else does not exist for writing.
fn write(meter: &mut Meter, pdu: &Pdu, mood: Mood) -> Pdu {
    let (Some((first, count)), Some(values)) = (pdu.range(), pdu.written()) else {
        return pdu.exception(ILLEGAL_VALUE);
    };
    match (first, count) {
        (FORCE, 2) => {
            if values[0] > 1 || values[1] > 1 {
                return pdu.exception(ILLEGAL_VALUE);
            }
            meter.parameters.insert(u32::from(FORCE), vec![values[0] as u8]);
            if mood.partly {
                return pdu.exception(DEVICE_FAILURE);
            }
            force(meter, values[0] == 1, values[1] == 1);
            written(pdu)
        }
        (0x0059 | 0x005b | 0x005d | 0x005f, 2) => {
            let slot = usize::from(first - 0x0059) / 2;
            meter.prices_e4[slot] = u64::from(values[0]) << 16 | u64::from(values[1]);
            written(pdu)
        }
        (0x0043, 3) => {
            let mut bytes: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
            bytes.reverse();
            if bcd::take(&bytes).is_none() {
                return pdu.exception(ILLEGAL_VALUE);
            }
            meter.meter_no.copy_from_slice(&bytes);
            written(pdu)
        }
        (0x000a, 1) => written(pdu),
        _ => pdu.exception(ILLEGAL_ADDRESS),
    }
}

/// Enabled force trips or closes; without it the meter decides by its own money.
fn force(meter: &mut Meter, enabled: bool, trip: bool) {
    let now = meter.sim_us();
    let broke = meter.config.counts_money() && meter.purse.spendable_fen() == 0;
    let action = match (enabled, trip) {
        (true, true) => Action::Trip,
        (true, false) => Action::Close,
        (false, _) if broke => Action::Trip,
        (false, _) => Action::Close,
    };
    // Keep-power cannot be set over these registers, so nothing refuses here.
    let _ = meter.relay.command(action, now);
}
