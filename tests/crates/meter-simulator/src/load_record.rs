//! Load records (DI 06xxxxxx): the long answers of a DL/T 645 meter, which need follow-up frames.

use crate::bcd::{put, take};
use crate::items::minute_stamp;
use crate::meter::Meter;

/// Most blocks one request gets.
const BLOCKS_MAX: u64 = 24;

/// Seconds between two records.
const INTERVAL_S: i64 = 3_600;

/// `N` hourly records up to now, oldest first. Each is A0 A0, length, time, voltage, current,
/// frequency, AA, power, AA, power factor, AA, forward energy, AA AA AA, sum, E5.
pub(crate) fn blocks(meter: &Meter, asked: &[u8]) -> Option<Vec<u8>> {
    let count = match asked.first() {
        Some(n) => take(&[*n])?.clamp(1, BLOCKS_MAX),
        None => 1,
    };
    let newest = meter.clock_s().div_euclid(INTERVAL_S) * INTERVAL_S;
    let all = (0..count).rev().flat_map(|back| record(meter, newest - back as i64 * INTERVAL_S));
    Some(all.collect())
}

fn record(meter: &Meter, at: i64) -> Vec<u8> {
    let watts = meter.load_now();
    let back_h = (meter.clock_s() - at).div_euclid(INTERVAL_S).max(0) as u64;
    let energy = meter.usage.total().saturating_sub(back_h * watts);
    let mut body = minute_stamp(at);
    body.extend(put(meter.config.voltage_dv, 2));
    body.extend(put(watts * 10_000 / meter.config.voltage_dv.max(1), 3));
    body.extend(put(5_000, 2));
    body.push(0xaa);
    body.extend(put(watts * 10, 3));
    body.push(0xaa);
    body.extend(put(1_000, 2));
    body.push(0xaa);
    body.extend(put(energy / 10, 4));
    body.extend([0xaa, 0xaa, 0xaa]);
    let mut out = vec![0xa0, 0xa0, body.len() as u8];
    out.extend(body);
    out.push(crate::dlt645::sum(&out));
    out.push(0xe5);
    out
}
