//! Data identifiers a DL/T 645-2007 meter can read out or take in (facts A.6, A.7).

use crate::bcd::{byte, put, take};
use crate::clock::Civil;
use crate::meter::{DAILY_MAX, Meter};
use crate::meter_2007::{ERR_NO_DATA, ERR_OTHER, ERR_PASSWORD, address, keeps_money};
use crate::relay::Relay;

/// The data behind an identifier, low byte first; `None` when this meter has no such item.
pub(crate) fn item(meter: &Meter, di: u32) -> Option<Vec<u8>> {
    if let Some(value) = meter.parameters.get(&di) {
        return Some(value.clone());
    }
    match di >> 24 {
        0x00 => energy(meter, di).or_else(|| money(meter, di)),
        0x01 => demand(meter, di),
        0x02 => instant(meter, di),
        0x03 => record(meter, di),
        0x04 => parameter(meter, di),
        0x05 => frozen(meter, di),
        0x1d | 0x1e => movement(meter, di),
        _ => None,
    }
}

/// XXXXXX.XX kWh from watt-hours.
fn kwh(energy_wh: u64) -> Vec<u8> {
    put(energy_wh / 10, 4)
}

/// `00 DI2 DI1 DI0`: what, which tariff, which settlement; FF in DI1 or DI0 is a block.
fn energy(meter: &Meter, di: u32) -> Option<Vec<u8>> {
    let [di0, di1, di2, _] = di.to_le_bytes();
    if di2 > 0x0a {
        return None;
    }
    let tariffs = match di1 {
        0..=4 => usize::from(di1)..=usize::from(di1),
        0xff => 0..=4,
        _ => return None,
    };
    let months = match di0 {
        0..=0x0c => usize::from(di0)..=usize::from(di0),
        0xff => 0..=12,
        _ => return None,
    };
    let flows = di2 <= 1;
    let values = |month: usize| match month.checked_sub(1) {
        None => meter.usage.all(),
        Some(back) => meter.usage.settled.get(back).copied().unwrap_or_default(),
    };
    let mut out = Vec::new();
    for month in months {
        for tariff in tariffs.clone() {
            out.extend(kwh(if flows { values(month)[tariff] } else { 0 }));
        }
    }
    Some(out)
}

/// 009002xx: money in the meter and debt.
fn money(meter: &Meter, di: u32) -> Option<Vec<u8>> {
    let has_money = keeps_money(meter);
    match di {
        0x0090_0200 if has_money => Some(put(meter.purse.remaining_fen, 4)),
        0x0090_0201 if has_money => Some(put(meter.purse.overdraft_fen, 4)),
        _ => None,
    }
}

/// `01 ..`: the greatest demand, XX.XXXX kW, and when it was; this meter knows its load only.
fn demand(meter: &Meter, di: u32) -> Option<Vec<u8>> {
    let [di0, di1, di2, _] = di.to_le_bytes();
    if !(1..=2).contains(&di2) || di1 > 4 || di0 != 0 {
        return None;
    }
    let watts = if di2 == 1 { meter.config.load_w } else { 0 };
    Some([put(watts * 10, 3), minute_stamp(meter.clock_s())].concat())
}

/// Milliamperes of phase A.
fn current_ma(meter: &Meter) -> u64 {
    meter.load_now() * 10_000 / meter.config.voltage_dv.max(1)
}

/// A signed item: the top bit says the power flows backwards.
fn signed(value: u64, len: usize, negative: bool) -> Vec<u8> {
    let mut out = put(value, len);
    if let Some(top) = out.last_mut().filter(|_| negative) {
        *top |= 0x80;
    }
    out
}

/// `02 ..`: voltage, current, power, power factor of a single-phase meter; B and C are absent.
fn instant(meter: &Meter, di: u32) -> Option<Vec<u8>> {
    let [di0, phase, di2, _] = di.to_le_bytes();
    if di2 == 0x80 {
        return special(meter, di);
    }
    if di0 != 0 {
        return None;
    }
    let watts = meter.load_now();
    let negative = meter.sign;
    let (first_phase, len, value) = match di2 {
        0x01 => (1, 2, put(meter.config.voltage_dv, 2)),
        0x02 => (1, 3, signed(current_ma(meter), 3, negative)),
        0x03 | 0x05 => (0, 3, signed(watts * 10, 3, negative)),
        0x04 => (0, 3, put(0, 3)),
        0x06 => (0, 2, signed(1_000, 2, negative)),
        0x07 => (1, 2, put(0, 2)),
        _ => return None,
    };
    let one = |phase: u8| if phase <= 1 { value.clone() } else { vec![0xff; len] };
    match phase {
        0xff => Some((first_phase..=3).flat_map(one).collect()),
        phase if (first_phase..=3).contains(&phase) => Some(one(phase)),
        _ => None,
    }
}

/// 028000xx: frequency, neutral current, temperature, battery, prices.
fn special(meter: &Meter, di: u32) -> Option<Vec<u8>> {
    match di {
        0x0280_0001 => Some(signed(current_ma(meter), 3, meter.sign)),
        0x0280_0002 => Some(put(5_000, 2)),
        0x0280_0003 => Some(signed(meter.load_now() * 10, 3, meter.sign)),
        0x0280_0007 => Some(put(253, 2)),
        0x0280_0008 => Some(put(360, 2)),
        0x0280_0020 | 0x0280_0021 => Some(put(meter.price_now(), 4)),
        0x0280_0022 => Some(put(0, 2)),
        _ => None,
    }
}

/// Date without time: `WW DD MM YY` low first.
fn date(now: Civil) -> Vec<u8> {
    vec![byte(now.weekday()), byte(now.day), byte(now.month), byte(now.yy())]
}

/// Time: `ss mm hh` low first.
fn time(now: Civil) -> Vec<u8> {
    vec![byte(now.second), byte(now.minute), byte(now.hour)]
}

/// YYMMDDhhmm low first.
pub(crate) fn minute_stamp(local_s: i64) -> Vec<u8> {
    let c = Civil::from_local_s(local_s);
    vec![byte(c.minute), byte(c.hour), byte(c.day), byte(c.month), byte(c.yy())]
}

/// YYMMDDhhmmss low first.
pub(crate) fn second_stamp(local_s: i64) -> Vec<u8> {
    let mut out = vec![byte(Civil::from_local_s(local_s).second)];
    out.extend(minute_stamp(local_s));
    out
}

/// `04 ..` that is computed: clock, identity, status words, prices.
fn parameter(meter: &Meter, di: u32) -> Option<Vec<u8>> {
    let now = meter.calendar();
    let prices = |all: &[u64; 4], which: u32| match which {
        0xff => Some(all.iter().flat_map(|p| put(*p, 4)).collect()),
        1..=4 => Some(put(all[which as usize - 1], 4)),
        _ => None,
    };
    match di {
        0x0400_0101 => Some(date(now)),
        0x0400_0102 => Some(time(now)),
        0x0400_010c => Some([time(now), date(now)].concat()),
        0x0400_0401 => Some(address(meter).to_vec()),
        0x0400_0402 => Some(meter.meter_no.to_vec()),
        0x0400_040e => Some(meter.purse.customer.to_vec()),
        0x0400_0501..=0x0400_0507 => Some(status_word(meter, di & 0x0f).to_le_bytes().to_vec()),
        0x0400_05ff => Some((1..=7).flat_map(|n| status_word(meter, n).to_le_bytes()).collect()),
        0x0405_0100..=0x0405_01ff => prices(&meter.prices_e4, di & 0xff),
        0x0405_0200..=0x0405_02ff => prices(&meter.backup_prices_e4, di & 0xff),
        _ => None,
    }
}

/// Status word 1..7 (facts A.7); word 3 carries the relay.
pub(crate) fn status_word(meter: &Meter, number: u32) -> u16 {
    let bit = |on: bool, place: u16| u16::from(on) << place;
    let Relay { closed, command_closed, keep_power, alarm, .. } = meter.relay;
    let purse = &meter.purse;
    match number {
        1 => bit(meter.sign, 4) | bit(purse.overdraft_fen > 0, 14),
        3 => {
            let money = keeps_money(meter);
            let low = purse.spendable_fen() <= meter.config.alarm_fen;
            bit(!closed, 4)
                | bit(!command_closed, 6)
                | bit(alarm || (money && low), 7)
                | bit(money, 9)
                | bit(keep_power, 12)
                | bit(!purse.opened, 14)
                | bit(!purse.opened, 15)
        }
        _ => 0,
    }
}

/// 0333xxxx purchases; 0311, 0330 and 0335 events.
fn record(meter: &Meter, di: u32) -> Option<Vec<u8>> {
    let [back, what, kind, _] = di.to_le_bytes();
    match (kind, what, back) {
        (0x33, 1..=6, 1..=0x0a) if keeps_money(meter) => purchase(meter, what, usize::from(back)),
        (0x11, 0, 0) => Some(put(0, 3)),
        (0x11, 0, 1..=0x0a) => Some(put(0, 12)),
        (0x30, 0, 0) => Some(put(meter.events.programmings, 3)),
        (0x30, 0, 1..=0x0a) => Some(programming(meter, usize::from(back) - 1)),
        (0x30, 0x0d | 0x0e, 0) | (0x35, 0, 0) => Some(put(0, 3)),
        _ => None,
    }
}

fn purchase(meter: &Meter, what: u8, back: usize) -> Option<Vec<u8>> {
    let purse = &meter.purse;
    let record = purse.records.get(back - 1);
    let newest = back == 1;
    Some(match what {
        1 => record.map_or_else(|| vec![0; 5], |r| minute_stamp(r.local_s)),
        2 if newest => put(u64::from(purse.count), 2),
        2 => put(record.map_or(0, |r| u64::from(r.count)), 2),
        3 => put(record.map_or(0, |r| r.amount_fen), 4),
        4 => put(record.map_or(0, |r| r.before_fen), 4),
        5 => put(record.map_or(0, |r| r.after_fen), 4),
        _ if newest => put(purse.cumulative_fen, 4),
        _ => put(record.map_or(0, |r| r.cumulative_fen), 4),
    })
}

/// Time 6, operator 4, ten identifiers 4 each.
fn programming(meter: &Meter, back: usize) -> Vec<u8> {
    let mut out = match meter.events.programmed.get(back) {
        Some((at, operator, di)) => {
            [second_stamp(*at), operator.to_vec(), di.to_le_bytes().to_vec()].concat()
        }
        None => Vec::new(),
    };
    out.resize(50, 0);
    out
}

/// 0501 momentary and 0506 daily freeze: time, then the forward block; the lowest byte says which
/// of the kept ones, 01 the newest.
fn frozen(meter: &Meter, di: u32) -> Option<Vec<u8>> {
    let [back, what, kind, _] = di.to_le_bytes();
    let place = usize::from(back).checked_sub(1)?;
    let kept = match kind {
        0x01 if place == 0 => meter.events.momentary,
        0x06 if place < DAILY_MAX => meter.events.daily.get(place).copied(),
        _ => return None,
    };
    let (at, energies) = kept.unwrap_or_default();
    let stamp = if kept.is_some() { minute_stamp(at) } else { vec![0; 5] };
    let block: Vec<u8> = energies.iter().flat_map(|wh| kwh(*wh)).collect();
    match what {
        0x00 => Some(stamp),
        0x01 => Some(block),
        0xff => Some([stamp, block].concat()),
        _ => None,
    }
}

/// 1D trips and 1E closes: 000001 the number of them, 00nn01 the nth last with time, operator
/// and forward energy.
fn movement(meter: &Meter, di: u32) -> Option<Vec<u8>> {
    let [di0, back, di2, what] = di.to_le_bytes();
    if di0 != 1 || di2 != 0 {
        return None;
    }
    let closing = what == 0x1e;
    let relay = &meter.relay;
    if back == 0 {
        return Some(put(if closing { relay.closes } else { relay.trips }, 3));
    }
    let mut seen = relay.moved.iter().rev().filter(|m| m.closed == closing);
    let moved = seen.nth(usize::from(back) - 1);
    let ago_s = moved.map(|m| (meter.sim_us() - m.sim_us) / 1_000_000);
    let mut out = ago_s.map_or_else(Vec::new, |s| second_stamp(meter.clock_s() - s as i64));
    out.resize(10, 0);
    out.extend(kwh(meter.usage.total()));
    Some(out)
}

/// Takes in a written value; the error is the ERR byte.
pub(crate) fn store(meter: &mut Meter, di: u32, value: &[u8]) -> Result<(), u8> {
    match di {
        0x0400_0101 | 0x0400_0102 | 0x0400_010c => return set_clock(meter, di, value),
        0x0405_0200..=0x0405_02ff => return set_backup_price(meter, di & 0xff, value),
        0x0400_1001..=0x0400_1005
        | 0x0400_0106..=0x0400_0109
        | 0x0400_1401
        | 0x0400_1402
        | 0x0402_0000..=0x0402_0008
        | 0x0406_05ff => {}
        _ if item(meter, di).is_some() => return Err(ERR_PASSWORD),
        _ => return Err(ERR_NO_DATA),
    }
    let known = meter.parameters.get(&di).ok_or(ERR_NO_DATA)?;
    if known.len() != value.len() {
        return Err(ERR_OTHER);
    }
    let number = take(&value[..value.len().min(8)]).ok_or(ERR_OTHER)?;
    match di {
        0x0400_1003 => meter.purse.overdraft_limit_fen = number,
        0x0400_1004 => meter.purse.hoard_limit_fen = number,
        0x0400_1001 => meter.config.alarm_fen = number,
        0x0400_1401 => meter.relay.trip_delay_min = number,
        _ => {}
    }
    meter.parameters.insert(di, value.to_vec());
    Ok(())
}

/// Date, time or both; the half that is not written keeps its value.
fn set_clock(meter: &mut Meter, di: u32, value: &[u8]) -> Result<(), u8> {
    let now = meter.calendar();
    let (time_bytes, date_bytes) = match (di, value.len()) {
        (0x0400_0101, 4) => (time(now), value.to_vec()),
        (0x0400_0102, 3) => (value.to_vec(), date(now)),
        (0x0400_010c, 7) => (value[..3].to_vec(), value[3..].to_vec()),
        _ => return Err(ERR_OTHER),
    };
    let field = |bytes: &[u8], place: usize| take(&bytes[place..=place]).ok_or(ERR_OTHER);
    let told = Civil {
        second: field(&time_bytes, 0)?,
        minute: field(&time_bytes, 1)?,
        hour: field(&time_bytes, 2)?,
        day: field(&date_bytes, 1)?,
        month: field(&date_bytes, 2)?,
        year: 2000 + field(&date_bytes, 3)? as i64,
    };
    let told_s = told.to_local_s().ok_or(ERR_OTHER)?;
    meter.clock_offset_s += told_s - meter.clock_s();
    Ok(())
}

fn set_backup_price(meter: &mut Meter, which: u32, value: &[u8]) -> Result<(), u8> {
    let price = |bytes: &[u8]| take(bytes).ok_or(ERR_OTHER);
    match (which, value.len()) {
        (1..=4, 4) => meter.backup_prices_e4[which as usize - 1] = price(value)?,
        (0xff, 16) => {
            for (slot, bytes) in value.chunks(4).enumerate() {
                price(bytes)?;
                meter.backup_prices_e4[slot] = price(bytes)?;
            }
        }
        _ => return Err(ERR_OTHER),
    }
    Ok(())
}
