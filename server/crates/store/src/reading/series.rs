//! One day of one item as bytes: about one byte a reading.
//!
//! ```text
//! version (1) · count · first minute · runs · (step, length)… · first value · unit · delta…
//! ```
//!
//! Numbers are unsigned LEB128 varints, signed ones zig-zag first. Minutes are told in runs of
//! equal steps, because meters are read on a grid. Values are told as differences in multiples of
//! their greatest common divisor, because a register counts in tens of watt-hours.

/// Values one series holds at most: four a minute.
pub const VALUES_MAX: usize = 4 * MINUTES as usize;

/// Minutes of a day.
pub const MINUTES: u16 = 1440;

const VERSION: u8 = 1;

/// A value at a minute of the day (0–1439).
pub type Sample = (u16, i64);

/// Why a series cannot be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeriesError {
    /// Too many values, none at all, or a minute outside the day or out of order.
    #[error("the values are not one day's")]
    NotADay,
    /// The bytes end too early or go on too long, or hold a number that cannot be.
    #[error("the series is damaged")]
    Damaged,
    /// A later program wrote it.
    #[error("the series has the unknown version {0}")]
    UnknownVersion(u8),
}

/// Writes a day; the samples are in the order of their minutes.
pub fn encode(samples: &[Sample]) -> Result<Vec<u8>, SeriesError> {
    let in_order = samples.windows(2).all(|pair| pair[0].0 <= pair[1].0);
    let in_day = samples.last().is_some_and(|last| last.0 < MINUTES);
    if !in_order || !in_day || samples.len() > VALUES_MAX {
        return Err(SeriesError::NotADay);
    }
    let mut bytes = vec![VERSION];
    put(&mut bytes, samples.len() as u128);
    put(&mut bytes, u128::from(samples[0].0));
    let steps = samples.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let mut runs: Vec<(u16, usize)> = Vec::new();
    for step in steps {
        match runs.last_mut() {
            Some((of, length)) if *of == step => *length += 1,
            _ => runs.push((step, 1)),
        }
    }
    put(&mut bytes, runs.len() as u128);
    for (step, length) in runs {
        put(&mut bytes, u128::from(step));
        put(&mut bytes, length as u128);
    }
    put(&mut bytes, zig_zag(i128::from(samples[0].1)));
    let deltas = || samples.windows(2).map(|pair| i128::from(pair[1].1) - i128::from(pair[0].1));
    let unit = deltas().fold(0, |unit, delta| divisor(unit, delta.unsigned_abs())).max(1);
    put(&mut bytes, unit);
    // A divisor of the differences fits, like them, into 65 bits.
    deltas().for_each(|delta| put(&mut bytes, zig_zag(delta / unit as i128)));
    Ok(bytes)
}

/// Reads a day. Never panics and never allocates beyond [`VALUES_MAX`], whatever the bytes.
pub fn decode(bytes: &[u8]) -> Result<Vec<Sample>, SeriesError> {
    let (&version, mut rest) = bytes.split_first().ok_or(SeriesError::Damaged)?;
    if version != VERSION {
        return Err(SeriesError::UnknownVersion(version));
    }
    let count = take_small(&mut rest, VALUES_MAX)?;
    let minutes = take_minutes(&mut rest, count)?;
    let mut value = un_zig_zag(take(&mut rest)?);
    let unit = i128::try_from(take(&mut rest)?).map_err(|_| SeriesError::Damaged)?;
    let mut samples = Vec::with_capacity(count);
    for (index, minute) in minutes.into_iter().enumerate() {
        if index > 0 {
            let delta = un_zig_zag(take(&mut rest)?).checked_mul(unit);
            let next = delta.and_then(|delta| value.checked_add(delta));
            value = next.ok_or(SeriesError::Damaged)?;
        }
        samples.push((minute, i64::try_from(value).map_err(|_| SeriesError::Damaged)?));
    }
    if rest.is_empty() { Ok(samples) } else { Err(SeriesError::Damaged) }
}

fn take_minutes(rest: &mut &[u8], count: usize) -> Result<Vec<u16>, SeriesError> {
    if count == 0 {
        return Err(SeriesError::Damaged);
    }
    let mut minute = take_small(rest, usize::from(MINUTES) - 1)?;
    let mut minutes = Vec::with_capacity(count);
    minutes.push(minute as u16);
    for _ in 0..take_small(rest, count)? {
        let step = take_small(rest, usize::from(MINUTES))?;
        let length = take_small(rest, count)?;
        if length > count - minutes.len() {
            return Err(SeriesError::Damaged);
        }
        for _ in 0..length {
            minute += step;
            if minute >= usize::from(MINUTES) {
                return Err(SeriesError::Damaged);
            }
            minutes.push(minute as u16);
        }
    }
    if minutes.len() == count { Ok(minutes) } else { Err(SeriesError::Damaged) }
}

fn put(bytes: &mut Vec<u8>, mut number: u128) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads a varint of at most 70 bits: more than any value or difference needs.
fn take(rest: &mut &[u8]) -> Result<u128, SeriesError> {
    let mut number = 0u128;
    for shift in (0..70).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(SeriesError::Damaged)?;
        *rest = tail;
        number |= u128::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(SeriesError::Damaged)
}

fn take_small(rest: &mut &[u8], max: usize) -> Result<usize, SeriesError> {
    let number = usize::try_from(take(rest)?).map_err(|_| SeriesError::Damaged)?;
    if number <= max { Ok(number) } else { Err(SeriesError::Damaged) }
}

/// 0, −1, 1, −2, … as 0, 1, 2, 3, …
fn zig_zag(number: i128) -> u128 {
    ((number << 1) ^ (number >> 127)) as u128
}

fn un_zig_zag(number: u128) -> i128 {
    (number >> 1) as i128 ^ -((number & 1) as i128)
}

fn divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_on_a_grid_takes_one_byte_a_reading() {
        let samples: Vec<Sample> = (0..96)
            .map(|n| (n * 15, 1_234_560 + i64::from(n) * 370 + i64::from(n % 7) * 10))
            .collect();
        let bytes = encode(&samples).unwrap();
        assert!(bytes.len() <= 96 + 12, "{} bytes", bytes.len());
        assert_eq!(decode(&bytes).unwrap(), samples);
    }

    #[test]
    fn a_short_day_has_these_bytes() {
        // Worked by hand: version 1, 3 values, minute 5, one run of step 15 twice, 100 = zig-zag
        // 200 = c8 01, unit 10, then 2 × 10 = zig-zag 4 and −1 × 10 = zig-zag 1.
        let bytes = [1, 3, 5, 1, 15, 2, 0xc8, 1, 10, 4, 1];
        let samples = [(5, 100), (20, 120), (35, 110)];
        assert_eq!(encode(&samples).unwrap(), bytes);
        assert_eq!(decode(&bytes).unwrap(), samples);
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for samples in [&[][..], &[(1440, 0)], &[(5, 0), (4, 0)]] {
            assert_eq!(encode(samples), Err(SeriesError::NotADay), "{samples:?}");
        }
        for bytes in
            [&[][..], &[1], &[1, 0], &[1, 3, 5, 1, 15, 9, 2, 1, 2, 2], &[1, 1, 0, 0, 0, 1, 7]]
        {
            assert_eq!(decode(bytes), Err(SeriesError::Damaged), "{bytes:?}");
        }
        assert_eq!(decode(&[9]), Err(SeriesError::UnknownVersion(9)));
    }

    proptest::proptest! {
        #[test]
        fn every_day_survives_its_bytes(
            mut samples in proptest::collection::vec((0u16..1440, proptest::num::i64::ANY), 1..200),
        ) {
            samples.sort_by_key(|sample| sample.0);
            let bytes = encode(&samples).unwrap();
            proptest::prop_assert_eq!(decode(&bytes).unwrap(), samples);
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..64),
        ) {
            let _ = decode(&bytes);
            let _ = decode(&[&[VERSION][..], &bytes].concat());
        }
    }
}
