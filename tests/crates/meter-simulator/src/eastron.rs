//! Eastron SDM530Y (facts B.1): floats by FC04, purchase log at 0500H, relay log at 0700H.
//! Its recharge and relay writes are in no public page, so this meter refuses every write;
//! purchases reach it from elsewhere.

use crate::bcd::byte;
use crate::clock::Civil;
use crate::meter::{Meter, Mood};
use crate::modbus::{ILLEGAL_FUNCTION, Pdu, READ_HOLDING, READ_INPUT, float32};
use crate::slave::{pair, read, wide};

/// First register of the purchase log and the distance between two records.
const PURCHASES: u16 = 0x0500;
const PURCHASE_STEP: u16 = 0x000a;

/// Records in the purchase log.
const PURCHASES_MAX: u16 = 50;

/// First register of the relay log and the distance between two records.
const MOVES: u16 = 0x0700;
const MOVE_STEP: u16 = 4;

/// Records in the relay log.
const MOVES_MAX: u16 = 20;

/// Answers a request.
pub(crate) fn answer(meter: &mut Meter, pdu: &Pdu, mood: Mood) -> Pdu {
    match pdu.function {
        READ_HOLDING | READ_INPUT => read(pdu, mood, |register| value(meter, register)),
        _ => pdu.exception(ILLEGAL_FUNCTION),
    }
}

fn value(meter: &Meter, register: u16) -> Option<u16> {
    let purchases_end = PURCHASES + PURCHASES_MAX * PURCHASE_STEP;
    let moves_end = MOVES + MOVES_MAX * MOVE_STEP;
    match register {
        r if r < 0x0400 => Some(wide(measured(meter, r & !1), r & !1, r)),
        r if (PURCHASES..purchases_end).contains(&r) => Some(purchase(meter, r)),
        r if (MOVES..moves_end).contains(&r) => Some(moved(meter, r)),
        0xfbfe => Some(u16::from(meter.relay.stuck)),
        0xfc00 | 0xfc01 => {
            let serial = crate::bcd::take(&meter.meter_no).unwrap_or(0) as u32;
            Some(wide(serial, 0xfc00, register))
        }
        0xfc04 | 0xfc05 => Some(wide(float32(meter.price_now() as i64, 10_000), 0xfc04, register)),
        _ => None,
    }
}

/// The float that starts at an even register of the Eastron map; others are zero.
fn measured(meter: &Meter, register: u16) -> u32 {
    let watts = meter.load_now() as i64;
    let signed = if meter.sign { -watts } else { watts };
    let energy_wh = meter.usage.total() as i64;
    let voltage_dv = meter.config.voltage_dv as i64;
    match register {
        0x0000 => float32(voltage_dv, 10),
        0x0006 => float32(watts * 10_000 / voltage_dv.max(1), 1_000),
        0x000c | 0x0034 => float32(signed, 1),
        0x0012 | 0x0038 => float32(watts, 1),
        0x001e | 0x003e => float32(1, 1),
        0x0046 => float32(50, 1),
        0x0048 | 0x0156 => float32(energy_wh, 1_000),
        _ => 0,
    }
}

/// Amount as float, then YYMMDDhhmmss in BCD, newest record first.
fn purchase(meter: &Meter, register: u16) -> u16 {
    let place = register - PURCHASES;
    let Some(record) = meter.purse.records.get(usize::from(place / PURCHASE_STEP)) else {
        return 0;
    };
    let mut bytes = float32(record.amount_fen as i64, 100).to_be_bytes().to_vec();
    bytes.extend(stamp(record.local_s));
    pair(&bytes, 0, place % PURCHASE_STEP)
}

/// FF00 off or 0000 on, then the time, newest record first.
fn moved(meter: &Meter, register: u16) -> u16 {
    let place = register - MOVES;
    let newest_first = meter.relay.moved.iter().rev();
    let Some(moved) = newest_first.clone().nth(usize::from(place / MOVE_STEP)) else { return 0 };
    let ago_s = (meter.sim_us() - moved.sim_us) / 1_000_000;
    let mut bytes = vec![if moved.closed { 0x00 } else { 0xff }, 0x00];
    bytes.extend(stamp(meter.clock_s() - ago_s as i64));
    pair(&bytes, 0, place % MOVE_STEP)
}

fn stamp(local_s: i64) -> [u8; 6] {
    let c = Civil::from_local_s(local_s);
    [c.yy(), c.month, c.day, c.hour, c.minute, c.second].map(byte)
}
