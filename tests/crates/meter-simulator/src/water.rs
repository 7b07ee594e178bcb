//! A CJ/T 188 water meter with a motor valve (facts C). The reply of A013 and what a repeated
//! sequence does are unknown; here the reply is that of the valve and a repeat is refused.

use crate::bcd::{byte, put, take};
use crate::cjt188::Frame;
use crate::clock::Civil;
use crate::meter::{Address, Meter, Mood};
use crate::purse::Origin;
use crate::relay::Action;

/// Unit byte: cubic metres.
const CUBIC_METRES: u8 = 0x2c;

/// A refusal: no reason bytes exist beyond the status.
struct Refused;

/// The meter's answer.
pub(crate) fn answer(meter: &mut Meter, frame: &Frame, mood: Mood) -> Option<Frame> {
    let (Some(di_bytes), Some(&serial)) = (frame.data.get(..2), frame.data.get(2)) else {
        return None;
    };
    let pair = [di_bytes[0], di_bytes[1]];
    let low_first = meter.config.di_low_first;
    let di = if low_first { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) };
    let payload = &frame.data[3..];
    let result = match frame.control {
        0x01 => read(meter, di).ok_or(Refused),
        0x03 if di == 0x810a => Ok(Vec::new()),
        0x04 => write(meter, di, payload, mood),
        0x15 if di == 0xa018 => set_address(meter, payload),
        0x16 if di == 0xa016 => set_base(meter, payload),
        _ => Err(Refused),
    };
    let Address::Cjt188(address) = meter.address else { return None };
    let kind = meter.config.water_type;
    Some(match result {
        Ok(mut body) => {
            if mood.absent {
                body.fill(0xff);
            }
            let data = [di_bytes, &[serial], &body].concat();
            Frame { kind, address, control: frame.control | 0x80, data }
        }
        Err(Refused) => {
            let data = [&[serial][..], &status(meter)].concat();
            Frame { kind, address, control: frame.control | 0xc0, data }
        }
    })
}

/// ST: D1 D0 of byte 1 are the valve, 00 open, 01 closed, 11 fault. While the motor runs the old
/// place is reported.
fn status(meter: &Meter) -> [u8; 2] {
    let relay = &meter.relay;
    let disagrees = relay.closed != relay.command_closed;
    let faulty = relay.stuck && disagrees && relay.next_us().is_none();
    let valve = match (faulty, relay.closed) {
        (true, _) => 0b11,
        (false, true) => 0b00,
        (false, false) => 0b01,
    };
    [valve, 0]
}

/// Litres as XXXXXX.XX m³.
fn volume(litres: u64) -> Vec<u8> {
    let mut out = put(litres / 10, 4);
    out.push(CUBIC_METRES);
    out
}

fn read(meter: &Meter, di: u16) -> Option<Vec<u8>> {
    let now = meter.calendar();
    let settled = |back: usize| meter.usage.settled.get(back).map_or(0, |all| all[0]);
    Some(match di {
        0x901f => {
            let total = volume(meter.usage.total());
            let time = clock(now);
            [total, volume(settled(0)), time, status(meter).to_vec()].concat()
        }
        0x8102 => {
            let price = put(meter.prices_e4[0] / 100, 3);
            [price.clone(), put(0, 3), price.clone(), put(0, 3), price].concat()
        }
        0x8103 | 0x8104 => vec![byte(1)],
        0x8105 => {
            let purse = &meter.purse;
            let last = purse.records.front().map_or(0, |r| r.amount_fen);
            let mut out = vec![purse.count as u8];
            out.extend(put(last, 4));
            out.extend(put(purse.cumulative_fen, 4));
            out.extend(put(purse.remaining_fen, 4));
            out.extend(status(meter));
            out
        }
        0x8106 => vec![1],
        0xd120..=0xd12b => volume(settled(usize::from(di - 0xd120))),
        _ => return None,
    })
}

/// `ss mm hh DD MM YY CC`.
fn clock(now: Civil) -> Vec<u8> {
    let fields = [now.second, now.minute, now.hour, now.day, now.month, now.yy()];
    let mut out: Vec<u8> = fields.map(byte).to_vec();
    out.push(byte((now.year / 100) as u64));
    out
}

fn write(meter: &mut Meter, di: u16, payload: &[u8], mood: Mood) -> Result<Vec<u8>, Refused> {
    match (di, payload) {
        (0xa017, [0x55]) => valve(meter, Action::Close),
        (0xa017, [0x99]) => valve(meter, Action::Trip),
        (0xa013, [sequence, amount @ ..]) if amount.len() == 4 => {
            purchase(meter, *sequence, amount, mood)
        }
        (0xa010, prices) if prices.len() == 16 => {
            let price = take(&prices[..3]).ok_or(Refused)?;
            meter.prices_e4 = [price * 100; 4];
            Ok(status(meter).to_vec())
        }
        (0xa011 | 0xa012, [_]) => Ok(status(meter).to_vec()),
        (0xa015, time) if time.len() == 7 => {
            let told = crate::meter_2007::six_byte_time(&time[..6]).ok_or(Refused)?;
            meter.clock_offset_s += told - meter.clock_s();
            Ok(status(meter).to_vec())
        }
        _ => Err(Refused),
    }
}

/// The answer carries the place before the motor starts.
fn valve(meter: &mut Meter, action: Action) -> Result<Vec<u8>, Refused> {
    let before = status(meter);
    meter.relay.command(action, meter.sim_us()).map_err(|_| Refused)?;
    Ok(before.to_vec())
}

/// A013: the next sequence adds money; the same or any other is refused.
fn purchase(meter: &mut Meter, seq: u8, amount: &[u8], mood: Mood) -> Result<Vec<u8>, Refused> {
    let amount_fen = take(amount).ok_or(Refused)?;
    if seq != (meter.purse.count as u8).wrapping_add(1) {
        return Err(Refused);
    }
    let at = meter.moment();
    if mood.partly {
        meter.purse.apply(amount_fen / 2, at, Origin::Partial);
        return Err(Refused);
    }
    meter.purse.apply(amount_fen, at, Origin::Wire);
    meter.after_money();
    Ok(status(meter).to_vec())
}

fn set_address(meter: &mut Meter, payload: &[u8]) -> Result<Vec<u8>, Refused> {
    let bytes: [u8; 7] = payload.try_into().map_err(|_| Refused)?;
    meter.address = Address::Cjt188(bytes);
    Ok(status(meter).to_vec())
}

/// A016: the base reading, XXXXXX.XX m³ and its unit.
fn set_base(meter: &mut Meter, payload: &[u8]) -> Result<Vec<u8>, Refused> {
    let base = payload.get(..4).and_then(take).ok_or(Refused)?;
    meter.usage = crate::usage::Usage::starting_at(base * 10);
    Ok(status(meter).to_vec())
}
