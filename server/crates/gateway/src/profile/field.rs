//! One value inside an answer: where it lies, how it is written, how it becomes an integer.

use chrono::NaiveDate;
use serde::Deserialize;

use crate::item::{Item, Value};

/// Meters show Beijing time (UTC+8); nothing on the wire says so.
pub const METER_UTC_OFFSET_S: i64 = 8 * 3600;

/// The two ways an answer's bytes can be wrong for its profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The answer ends before the field does.
    #[error("the answer is too short for {0}")]
    Short(Item),
    /// The bytes are not what the format allows: a digit above 9, an unknown unit, no such date.
    #[error("the bytes of {0} do not fit its format")]
    Malformed(Item),
}

/// How a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Decimal digits, low byte first.
    Bcd,
    /// Decimal digits, low byte first, the topmost bit being the sign (`meters.md` H.1 no. 21).
    BcdSigned,
    /// An unsigned number, low byte first.
    Binary,
    /// One register, unsigned.
    U16,
    /// One register, signed.
    I16,
    /// Two registers, high one first, unsigned.
    U32,
    /// Two registers, high one first, signed.
    I32,
    /// Two registers, IEEE 754 single precision; scaled without floating point.
    F32,
    /// CJ/T 188 flow: four bytes of decimal digits, two of them decimals, and a unit byte. Becomes
    /// litres or litres per hour; an unknown unit byte is an error (`meters.md` C).
    Flow,
    /// `YYMMDDWWhhmmss`, 7 bytes, low byte first.
    Clock,
    /// `YYMMDDWW`, 4 bytes, low byte first: the date part of a clock.
    Date,
    /// `hhmmss`, 3 bytes, low byte first: the time part of a clock.
    Time,
    /// `YYMMDDhhmm`, 5 bytes, low byte first.
    Minute,
    /// CJ/T 188 `ss mm hh DD MM YY CC`, 7 bytes.
    #[serde(rename = "cjt188-clock")]
    Cjt188Clock,
    /// `YY MM DD hh mm ss`, 6 bytes, high byte first.
    SecondHighFirst,
}

impl Format {
    /// The field's length where the format fixes it.
    pub const fn fixed_len(self) -> Option<usize> {
        match self {
            Format::Bcd | Format::BcdSigned | Format::Binary => None,
            Format::U16 | Format::I16 => Some(2),
            Format::Time => Some(3),
            Format::U32 | Format::I32 | Format::F32 | Format::Date => Some(4),
            Format::Flow | Format::Minute => Some(5),
            Format::SecondHighFirst => Some(6),
            Format::Clock | Format::Cjt188Clock => Some(7),
        }
    }

    /// Whether the field is one part of a value whose other part another read gives. Parts add up.
    pub const fn is_part(self) -> bool {
        matches!(self, Format::Date | Format::Time)
    }
}

/// One value inside an answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// What it is.
    pub item: Item,
    /// How it is written.
    pub format: Format,
    /// Where it begins, in bytes.
    #[serde(default)]
    pub at: usize,
    /// How long it is, in bytes, where the format does not say.
    pub bytes: Option<usize>,
    /// The raw number times this …
    #[serde(default = "one")]
    pub multiply: i64,
    /// … divided by this, rounded half away from zero, is the count of the item's base unit.
    #[serde(default = "one")]
    pub divide: i64,
    /// Only these bits of the raw number count.
    pub mask: Option<u32>,
    /// What each raw number means; a raw number that is not listed is an error.
    pub map: Option<Vec<(i64, i64)>>,
}

fn one() -> i64 {
    1
}

impl Field {
    /// The field's length in bytes.
    pub fn len(&self) -> usize {
        self.format.fixed_len().or(self.bytes).unwrap_or(0)
    }

    /// Whether the field takes no bytes; `check` refuses such a profile.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value in an answer's data.
    pub fn decode(&self, data: &[u8]) -> Result<Value, FieldError> {
        let bytes = self.at.checked_add(self.len()).and_then(|end| data.get(self.at..end));
        let bytes = bytes.ok_or(FieldError::Short(self.item))?;
        // All FF means absent (`meters.md` H.1 no. 22). A signed register may hold -1, so there it
        // takes a whole answer of FF to mean it.
        let signed = matches!(self.format, Format::I16 | Format::I32);
        let all_ff = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0xFF);
        if all_ff(bytes) && (!signed || (data.len() > bytes.len() && all_ff(data))) {
            return Ok(Value::Absent);
        }
        let value = self.number(bytes).ok_or(FieldError::Malformed(self.item))?;
        Ok(value.map_or(Value::Absent, Value::Number))
    }

    /// `None`: malformed. `Some(None)`: a date that was never set.
    fn number(&self, bytes: &[u8]) -> Option<Option<i64>> {
        match self.format {
            Format::F32 => {
                let bits = u32::from_be_bytes(bytes.try_into().ok()?);
                return self.mapped(scaled_f32(bits, self.multiply, self.divide)?);
            }
            Format::Flow => return flow(bytes).map(Some),
            Format::Clock => return clock(bytes[6], bytes[5], bytes[4], &bytes[..3]),
            Format::Date => return clock(bytes[3], bytes[2], bytes[1], &[0, 0, 0]),
            Format::Time => return seconds_of_day(bytes).map(Some),
            Format::Minute => {
                return clock(bytes[4], bytes[3], bytes[2], &[0, bytes[0], bytes[1]]);
            }
            Format::Cjt188Clock => return clock(bytes[5], bytes[4], bytes[3], &bytes[..3]),
            Format::SecondHighFirst => {
                return clock(bytes[0], bytes[1], bytes[2], &[bytes[5], bytes[4], bytes[3]]);
            }
            _ => {}
        }
        let raw = self.raw(bytes)?;
        let raw = self.mask.map_or(raw, |mask| raw & i64::from(mask));
        if self.map.is_some() {
            return self.mapped(raw);
        }
        divided(i128::from(raw) * i128::from(self.multiply), i128::from(self.divide)).map(Some)
    }

    fn raw(&self, bytes: &[u8]) -> Option<i64> {
        match self.format {
            Format::Bcd => bcd(bytes),
            Format::BcdSigned => {
                let (last, rest) = bytes.split_last()?;
                let size = digits(last & 0x7F)? * 100i64.checked_pow(rest.len() as u32)?;
                let size = size + bcd(rest)?;
                Some(if last & 0x80 != 0 { -size } else { size })
            }
            Format::Binary => {
                Some(bytes.iter().rev().fold(0i64, |sum, b| (sum << 8) | i64::from(*b)))
            }
            Format::U16 => Some(i64::from(u16::from_be_bytes(bytes.try_into().ok()?))),
            Format::I16 => Some(i64::from(i16::from_be_bytes(bytes.try_into().ok()?))),
            Format::U32 => Some(i64::from(u32::from_be_bytes(bytes.try_into().ok()?))),
            Format::I32 => Some(i64::from(i32::from_be_bytes(bytes.try_into().ok()?))),
            _ => None,
        }
    }

    fn mapped(&self, raw: i64) -> Option<Option<i64>> {
        match &self.map {
            None => Some(Some(raw)),
            Some(map) => map.iter().find(|(from, _)| *from == raw).map(|(_, to)| Some(*to)),
        }
    }
}

fn digits(byte: u8) -> Option<i64> {
    let (high, low) = (byte >> 4, byte & 0x0F);
    (high <= 9 && low <= 9).then(|| i64::from(high * 10 + low))
}

/// Decimal digits, low byte first; at most 9 bytes.
fn bcd(bytes: &[u8]) -> Option<i64> {
    bytes.iter().rev().try_fold(0i64, |sum, byte| sum.checked_mul(100)?.checked_add(digits(*byte)?))
}

/// Rounded half away from zero.
fn divided(number: i128, by: i128) -> Option<i64> {
    let half = if number < 0 { -(by / 2) } else { by / 2 };
    i64::try_from(number.checked_add(half)?.checked_div(by)?).ok()
}

/// An IEEE 754 single times `multiply` over `divide`, exactly, rounded half away from zero.
/// Infinities, NaN and what does not fit are refused.
fn scaled_f32(bits: u32, multiply: i64, divide: i64) -> Option<i64> {
    let exponent = ((bits >> 23) & 0xFF) as i32;
    let fraction = i128::from(bits & 0x7F_FFFF);
    let (mantissa, shift) = match exponent {
        0xFF => return None,
        0 => (fraction, -149),
        _ => (fraction | 0x80_0000, exponent - 150),
    };
    let sign = if bits & 0x8000_0000 != 0 { -1 } else { 1 };
    let number = mantissa * sign * i128::from(multiply);
    match shift {
        0..=39 => divided(number.checked_mul(1i128 << shift)?, i128::from(divide)),
        -62..=-1 => divided(number, i128::from(divide) << -shift),
        40.. => (mantissa == 0).then_some(0),
        // Smaller than any unit we count in.
        _ => Some(0),
    }
}

/// CJ/T 188 units (`meters.md` C).
fn flow(bytes: &[u8]) -> Option<i64> {
    let hundredths = bcd(&bytes[..4])?;
    match bytes[4] {
        0x2C | 0x35 => hundredths.checked_mul(10),
        0x29 | 0x32 => divided(i128::from(hundredths), 100),
        _ => None,
    }
}

fn seconds_of_day(low_first: &[u8]) -> Option<i64> {
    let (ss, mm, hh) = (digits(low_first[0])?, digits(low_first[1])?, digits(low_first[2])?);
    (hh < 24 && mm < 60 && ss < 60).then_some(hh * 3600 + mm * 60 + ss)
}

/// A meter's date and time of day as Unix seconds. All zero means that it was never set.
fn clock(yy: u8, month: u8, day: u8, time: &[u8]) -> Option<Option<i64>> {
    if [yy, month, day].iter().chain(time).all(|b| *b == 0) {
        return Some(None);
    }
    // A meter that lost its clock shows 1999; no meter of ours is older than 1990.
    let year = digits(yy)? + if digits(yy)? >= 90 { 1900 } else { 2000 };
    let (month, day) = (digits(month)? as u32, digits(day)? as u32);
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let midnight = date.and_hms_opt(0, 0, 0)?.and_utc().timestamp();
    Some(Some(midnight - METER_UTC_OFFSET_S + seconds_of_day(time)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(toml: &str) -> Field {
        toml::from_str(&format!("item = \"power\"\n{toml}")).expect("a field")
    }

    fn unhex(hex: &str) -> Vec<u8> {
        hex.split_whitespace().map(|b| u8::from_str_radix(b, 16).expect("hex")).collect()
    }

    /// Bytes after the removal of 33H; the captured and published ones are those of `frames.json`.
    #[test]
    fn an_answer_becomes_an_integer_in_the_base_unit() {
        let number = |n| Ok(Value::Number(n));
        let malformed = Err(FieldError::Malformed(Item::Power));
        let table: &[(&str, &str, Result<Value, FieldError>)] = &[
            ("format='bcd'\nbytes=4\nmultiply=10", "26 00 00 00", number(260)),
            ("format='bcd'\nbytes=4", "78 56 34 12", number(12_345_678)),
            ("format='bcd'\nbytes=2\nmultiply=100", "01 10", number(100_100)),
            ("format='bcd'\nbytes=2", "FF FF", Ok(Value::Absent)),
            ("format='bcd'\nbytes=2", "FF 01", malformed),
            ("format='bcd'\nbytes=2", "1A 00", malformed),
            ("format='bcd'\nbytes=4", "11 22", Err(FieldError::Short(Item::Power))),
            ("format='bcd-signed'\nbytes=3", "19 15 81", number(-11_519)),
            ("format='bcd-signed'\nbytes=3", "19 15 01", number(11_519)),
            ("format='bcd-signed'\nbytes=3", "FF FF FF", Ok(Value::Absent)),
            ("format='bcd-signed'\nbytes=3\ndivide=10", "05 00 80", number(-1)),
            ("format='binary'\nbytes=4", "10 27 00 00", number(10_000)),
            ("format='u16'\nat=2", "00 00 FF FE", number(65_534)),
            ("format='i16'", "FF FE", number(-2)),
            ("format='i16'", "FF FF", number(-1)),
            ("format='i16'", "FF FF FF FF", Ok(Value::Absent)),
            ("format='u32'", "FF FF FF FF", Ok(Value::Absent)),
            ("format='binary'\nbytes=2", "FF FF", Ok(Value::Absent)),
            ("format='u32'\nmultiply=10", "00 01 00 00", number(655_360)),
            ("format='f32'\nmultiply=100", "41 20 00 00", number(1_000)),
            ("format='f32'\nmultiply=1000", "BF 00 00 00", number(-500)),
            ("format='f32'\nmultiply=1000", "43 66 33 33", number(230_200)),
            ("format='f32'", "7F C0 00 00", malformed),
            ("format='f32'", "00 00 00 00", number(0)),
            ("format='flow'", "00 77 66 55 2C", number(556_677_000)),
            ("format='flow'", "50 01 00 00 29", number(2)),
            ("format='flow'", "50 01 00 00 77", malformed),
            ("format='clock'", "01 07 12 05 31 10 25", number(1_761_883_621)),
            ("format='clock'", "FF FF FF FF FF FF FF", Ok(Value::Absent)),
            ("format='clock'", "01 07 12 05 31 13 25", malformed),
            ("format='clock'", "35 54 23 05 31 12 99", number(946_655_675)),
            ("format='minute'", "00 00 00 00 00", Ok(Value::Absent)),
            ("format='minute'", "30 08 21 11 26", number(1_795_221_000)),
            ("format='cjt188-clock'", "31 01 22 11 05 15 20", number(1_431_352_891)),
            ("format='bcd'\nbytes=2\nmask=3\nmap=[[0,0],[1,1],[3,3]]", "01 00", number(1)),
            ("format='bcd'\nbytes=2\nmask=3\nmap=[[0,0],[1,1],[3,3]]", "02 00", malformed),
        ];
        for (toml, hex, want) in table {
            assert_eq!(&field(toml).decode(&unhex(hex)), want, "{toml} {hex}");
        }
    }

    #[test]
    fn the_date_and_the_time_of_a_1997_clock_add_up() {
        let date = field("format='date'").decode(&unhex("05 31 10 25")).expect("a date");
        let time = field("format='time'").decode(&unhex("01 07 12")).expect("a time");
        let sum = date.number().zip(time.number()).map(|(d, t)| d + t);
        assert_eq!(sum, Some(1_761_883_621));
    }
}
