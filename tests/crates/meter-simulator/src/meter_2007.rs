//! What a DL/T 645-2007 meter does with each control code (facts A.2, A.3, A.5).

use crate::bcd;
use crate::clock::Civil;
use crate::config::{Firmware, MeterKind};
use crate::dlt645::Frame;
use crate::items;
use crate::load_record;
use crate::meter::{Meter, Mood};
use crate::relay::Action;
use crate::{meter_1997, prepay};

/// ERR: other error or illegal data.
pub(crate) const ERR_OTHER: u8 = 0x01;
/// ERR: no such data.
pub(crate) const ERR_NO_DATA: u8 = 0x02;
/// ERR: password wrong or not authorised.
pub(crate) const ERR_PASSWORD: u8 = 0x04;
/// ERR: baud rate cannot be changed.
const ERR_BAUD: u8 = 0x08;

/// Data bytes behind the identifier in a first frame, then in each follow-up (firmware A).
const FIRST_MAX: usize = 196;
const NEXT_MAX: usize = 195;

/// Wrong passwords before programming locks, and for how long (neither is recorded for a real
/// meter; a lock after three for a day is the harsh end of what is seen).
pub(crate) const WRONG_MAX: u32 = 3;
const LOCK_US: u64 = 24 * 3_600 * 1_000_000;

/// Programming records kept.
const PROGRAMMED_MAX: usize = 10;

/// A broadcast clock is believed only when it is this close.
const SYNC_WINDOW_S: i64 = 300;

const BROADCAST: [u8; 6] = [0x99; 6];
const UNIVERSAL: [u8; 6] = [0x88; 6];

/// Whether a frame is meant for the meter at `own`: exact, broadcast, or shortened with AA from
/// the high end; wildcards are refused where they could do harm (facts A.2).
pub(crate) fn meant(frame: &Frame, own: [u8; 6]) -> bool {
    if frame.control & 0x80 != 0 {
        return false;
    }
    if frame.address == own {
        return true;
    }
    if frame.address == BROADCAST {
        return matches!(frame.control, 0x08 | 0x16 | 0x1d);
    }
    let wild_allowed = matches!(frame.control, 0x01 | 0x11 | 0x12 | 0x13 | 0x15);
    let masked = frame.address.iter().rev().take_while(|b| **b == 0xaa).count();
    let tail = 6 - masked;
    let shortened = masked > 0 && frame.address[..tail] == own[..tail];
    wild_allowed && (shortened || frame.address == UNIVERSAL)
}

/// The meter's answer; `None` is silence.
pub(crate) fn answer(meter: &mut Meter, frame: &Frame, mood: Mood) -> Option<Frame> {
    let broadcast = frame.address == BROADCAST;
    let result = match frame.control {
        0x01 if meter.config.firmware == Firmware::C => return meter_1997::answer(meter, frame),
        0x03 => prepay::answer(meter, &frame.data, mood),
        0x08 => {
            broadcast_time(meter, &frame.data);
            return None;
        }
        0x11 => return Some(read(meter, frame, mood)),
        0x12 if mood.cut => return None,
        0x12 => return Some(follow_up(meter, frame)),
        0x13 => Ok(own_address(meter)),
        0x14 => write(meter, &frame.data, mood),
        0x15 => set_address(meter, &frame.data),
        0x16 => freeze(meter, &frame.data),
        0x17 => Err(vec![ERR_BAUD]),
        0x18 => change_password(meter, &frame.data),
        0x19..=0x1b => Err(vec![ERR_PASSWORD]),
        0x1c => control(meter, &frame.data),
        0x1d => Ok(frame.data.clone()),
        _ => return None,
    };
    if broadcast {
        return None;
    }
    Some(reply(meter, frame.control, result))
}

/// A reply frame: data, or the error bytes with D6 set.
fn reply(meter: &Meter, control: u8, result: Result<Vec<u8>, Vec<u8>>) -> Frame {
    let address = address(meter);
    match result {
        Ok(data) => Frame { address, control: control | 0x80, data },
        Err(data) => Frame { address, control: control | 0xc0, data },
    }
}

pub(crate) fn address(meter: &Meter) -> [u8; 6] {
    match meter.address {
        crate::meter::Address::Dlt645(address) => address,
        _ => [0; 6],
    }
}

fn own_address(meter: &Meter) -> Vec<u8> {
    address(meter).to_vec()
}

fn read(meter: &mut Meter, frame: &Frame, mood: Mood) -> Frame {
    let Some(di) = frame.di() else { return reply(meter, 0x11, Err(vec![ERR_OTHER])) };
    let found = if di >> 24 == 0x06 {
        load_record::blocks(meter, &frame.data[4..])
    } else {
        items::item(meter, di)
    };
    let Some(mut data) = found else { return reply(meter, 0x11, Err(vec![ERR_NO_DATA])) };
    if mood.absent {
        data.fill(0xff);
    }
    meter.follow = None;
    let mut out = di.to_le_bytes().to_vec();
    let more = data.len() > FIRST_MAX;
    if more {
        let rest = data.split_off(FIRST_MAX);
        meter.follow = Some((di, rest, 1));
    }
    out.extend(data);
    let mut answer = reply(meter, 0x11, Ok(out));
    answer.control |= if more { 0x20 } else { 0 };
    answer
}

/// 12H: the next part; a wrong sequence number or identifier finds no data.
fn follow_up(meter: &mut Meter, frame: &Frame) -> Frame {
    let asked = (frame.di(), frame.data.get(4).copied());
    let Some((di, rest, sequence)) = meter.follow.clone() else {
        return reply(meter, 0x12, Err(vec![ERR_NO_DATA]));
    };
    if asked != (Some(di), Some(sequence)) {
        return reply(meter, 0x12, Err(vec![ERR_NO_DATA]));
    }
    let (now, later) = rest.split_at(rest.len().min(NEXT_MAX));
    let mut out = di.to_le_bytes().to_vec();
    out.extend_from_slice(now);
    out.push(sequence);
    let more = !later.is_empty();
    meter.follow = more.then(|| (di, later.to_vec(), sequence.wrapping_add(1)));
    let mut answer = reply(meter, 0x12, Ok(out));
    answer.control |= if more { 0x20 } else { 0 };
    answer
}

/// Level and three digits; after [`WRONG_MAX`] wrong ones programming is locked for a day.
pub(crate) fn authorised(meter: &mut Meter, pa: &[u8]) -> bool {
    let now = meter.sim_us();
    if meter.password.refused || meter.password.locked_until_us > now {
        return false;
    }
    let right =
        matches!(pa.first(), Some(0x02 | 0x04)) && pa.get(1..4) == Some(&meter.password.digits);
    if right {
        meter.password.wrong = 0;
        return true;
    }
    meter.password.wrong += 1;
    if meter.password.wrong >= WRONG_MAX {
        meter.password.wrong = 0;
        meter.password.locked_until_us = now + LOCK_US;
    }
    false
}

/// 14H: password, operator, data. Only the clock, limits and the standby set can be written.
fn write(meter: &mut Meter, data: &[u8], mood: Mood) -> Result<Vec<u8>, Vec<u8>> {
    let (Some(head), Some(value)) = (data.get(..12), data.get(12..)) else {
        return Err(vec![ERR_OTHER]);
    };
    let di = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let operator = [head[8], head[9], head[10], head[11]];
    if !authorised(meter, &head[4..8]) {
        return Err(vec![ERR_PASSWORD]);
    }
    if items::item(meter, di).is_none() {
        return Err(vec![ERR_NO_DATA]);
    }
    if mood.partly {
        let half = value.len().div_ceil(2);
        if let Some(mut now) = items::item(meter, di).filter(|now| now.len() == value.len()) {
            now[..half].copy_from_slice(&value[..half]);
            let _ = items::store(meter, di, &now);
        }
        return Err(vec![ERR_OTHER]);
    }
    items::store(meter, di, value).map_err(|err| vec![err])?;
    meter.events.programmings += 1;
    let record = (meter.clock_s(), operator, di);
    meter.events.programmed.push_front(record);
    meter.events.programmed.truncate(PROGRAMMED_MAX);
    Ok(Vec::new())
}

/// 08H: believed once a day, within five minutes of the own clock and not near midnight.
fn broadcast_time(meter: &mut Meter, data: &[u8]) {
    let Some(told) = six_byte_time(data) else { return };
    let own = meter.clock_s();
    let day = own.div_euclid(86_400);
    let into_day = own.rem_euclid(86_400);
    let near_midnight = !(SYNC_WINDOW_S..=86_400 - SYNC_WINDOW_S).contains(&into_day);
    let close = (told - own).abs() < SYNC_WINDOW_S;
    if close && !near_midnight && meter.events.last_time_sync_day != Some(day) {
        meter.clock_offset_s += told - own;
        meter.events.last_time_sync_day = Some(day);
    }
}

/// `ss mm hh DD MM YY`, BCD, as local seconds.
pub(crate) fn six_byte_time(data: &[u8]) -> Option<i64> {
    let field = |place: usize| bcd::take(data.get(place..=place)?);
    let civil = Civil {
        second: field(0)?,
        minute: field(1)?,
        hour: field(2)?,
        day: field(3)?,
        month: field(4)?,
        year: 2000 + field(5)? as i64,
    };
    civil.to_local_s()
}

/// 15H is answered under the new address.
fn set_address(meter: &mut Meter, data: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let bytes: [u8; 6] = data.try_into().map_err(|_| vec![ERR_OTHER])?;
    bcd::take(&bytes).ok_or_else(|| vec![ERR_OTHER])?;
    meter.address = crate::meter::Address::Dlt645(bytes);
    Ok(Vec::new())
}

/// 16H: all 99 freezes at once; a pattern is accepted and takes the next day's end.
fn freeze(meter: &mut Meter, data: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    if data.len() != 4 || data.iter().any(|b| b >> 4 > 9 || b & 0x0f > 9) {
        return Err(vec![ERR_OTHER]);
    }
    if data == [0x99; 4] {
        meter.events.momentary = Some((meter.clock_s(), meter.usage.all()));
    }
    Ok(Vec::new())
}

/// 18H: the old password must be right; the answer carries the new one.
fn change_password(meter: &mut Meter, data: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let (Some(old), Some(fresh)) = (data.get(4..8), data.get(8..12)) else {
        return Err(vec![ERR_OTHER]);
    };
    if !authorised(meter, old) {
        return Err(vec![ERR_PASSWORD]);
    }
    meter.password.digits.copy_from_slice(&fresh[1..4]);
    Ok(fresh.to_vec())
}

/// 1CH: `PA P0..P2 C0..C3 N1 N2 ss mm hh DD MM YY`; with P2 = 01 the answer carries the extended
/// status word of firmware A.
fn control(meter: &mut Meter, data: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let extended = data.get(3) == Some(&0x01);
    let refuse =
        |err: u8, word: u16| Err(if extended { word.to_le_bytes().to_vec() } else { vec![err] });
    if data.len() != 16 {
        return refuse(ERR_OTHER, 0x0001);
    }
    if !authorised(meter, &data[..4]) {
        return refuse(ERR_PASSWORD, 0x0004);
    }
    let valid_until = six_byte_time(&data[10..16]);
    if valid_until.is_none_or(|until| until < meter.clock_s()) {
        return refuse(ERR_OTHER, 0x0010);
    }
    let minutes = u64::from(data[9]) * 5;
    let (action, word) = match data[8] {
        0x1a if meter.relay.trip_delay_min > 0 => (Action::Trip, 0x0008_u16),
        0x1a => (Action::Trip, 0x0004),
        0x1b => (Action::AllowClose, 0x0002),
        0x1c => (Action::Close, 0x0001),
        0x1d => (Action::TripFor(minutes, false), 0x0010),
        0x1e => (Action::TripFor(minutes, true), 0x0010),
        0x2a => (Action::Alarm(true), 0x0400),
        0x2b => (Action::Alarm(false), 0x0800),
        0x3a => (Action::KeepPower(true), 0x0100),
        0x3b => (Action::KeepPower(false), 0x0200),
        _ => return refuse(ERR_OTHER, 0x0001),
    };
    if meter.relay.command(action, meter.sim_us()).is_err() {
        return refuse(ERR_OTHER, 0x0020);
    }
    Ok(if extended { word.to_le_bytes().to_vec() } else { Vec::new() })
}

/// The writable and constant parameters of a meter fresh from the factory.
pub(crate) fn fill_parameters(meter: &mut Meter) {
    let alarm = bcd::put(meter.config.alarm_fen, 4);
    let overdraft = bcd::put(meter.purse.overdraft_limit_fen, 4);
    let hoard = bcd::put(meter.purse.hoard_limit_fen, 4);
    let trip_delay = bcd::put(meter.relay.trip_delay_min, 2);
    let model: Vec<u8> = b"SIM-645-07".iter().rev().copied().collect();
    let mut put = |di: u32, value: Vec<u8>| {
        meter.parameters.insert(di, value);
    };
    put(0x0400_1001, alarm.clone());
    put(0x0400_1002, alarm);
    put(0x0400_1003, overdraft);
    put(0x0400_1004, hoard);
    put(0x0400_1005, vec![0; 4]);
    put(0x0400_1401, trip_delay);
    put(0x0400_1402, vec![0, 0, 0x06]);
    put(0x0400_040b, model);
    put(0x0480_0001, b"1.0.0-mis".to_vec());
    for di in 0x0400_0f01..=0x0400_0f04 {
        put(di, vec![0; 4]);
    }
    for di in 0x0400_0106..=0x0400_0109 {
        put(di, vec![0; 5]);
    }
    for (di, value) in [(0x0400_0201, 14), (0x0400_0202, 8), (0x0400_0203, 14), (0x0400_0204, 4)] {
        put(di, vec![bcd::byte(value)]);
    }
    put(0x0400_0205, vec![0, 0]);
    put(0x0400_0801, vec![0x3e]);
    put(0x0400_0802, vec![1]);
    put(0x0400_0b01, vec![0x00, 0x01]);
    for set in [0x0401_0000_u32, 0x0402_0000] {
        // Slots repeat their last entry: one zone from 1 January, a usual day.
        put(set, [0x01, 0x01, 0x01].repeat(14));
        for day in 1..=8 {
            put(set + day, [0x03, 0x00, 0x00].repeat(14));
        }
    }
    put(0x0406_04ff, vec![0; 64]);
    put(0x0406_05ff, vec![0; 64]);
}

/// At the switch moment 04000108 the standby prices become the running ones.
pub(crate) fn switch_prices(meter: &mut Meter) {
    let Some(at) = meter.parameters.get(&0x0400_0108) else { return };
    if at.iter().all(|b| *b == 0) || at.iter().all(|b| *b == 0x99) {
        return;
    }
    // YYMMDDhhmm low first is the six-byte time without its seconds.
    let with_seconds: Vec<u8> = std::iter::once(0).chain(at.iter().copied()).collect();
    if six_byte_time(&with_seconds).is_some_and(|moment| meter.clock_s() >= moment) {
        std::mem::swap(&mut meter.prices_e4, &mut meter.backup_prices_e4);
        meter.parameters.insert(0x0400_0108, vec![0; 5]);
    }
}

/// Whether the meter keeps money at all.
pub(crate) fn keeps_money(meter: &Meter) -> bool {
    meter.config.kind == MeterKind::Prepaid2007
}
