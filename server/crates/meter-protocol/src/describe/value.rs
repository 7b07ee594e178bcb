//! Values behind identifiers, written out by the catalogue's formats.

use super::Field;
use crate::dlt645::{
    Address, BulkReading, Format, JoyReading, RelayState, StatusWord3, status_word_meanings,
};
use crate::{MeterTime, Scaled, bcd_to_i64, bcd_to_u64, hex};

/// Explains `value` in `format`. A value that does not fit its format is shown as hex with the
/// reason; it never becomes a number.
pub(super) fn explain(format: Format, value: &[u8]) -> Vec<Field> {
    let parts = match format {
        Format::Number { len, decimals, signed, unit } if value.len() == usize::from(len) => {
            Some(vec![number("value", value, decimals, signed, unit)])
        }
        Format::Numbers { len, decimals, signed, unit } => {
            numbers(value, usize::from(len), decimals, signed, unit)
        }
        Format::Demand { unit } => demand(value, unit),
        Format::Date | Format::TimeOfDay | Format::DateTime | Format::Minute => {
            moment(format, value)
        }
        Format::TwelveDigits => twelve_digits(value),
        Format::Text => text(value),
        Format::StatusWord(number) => status_word(number, value),
        Format::StatusBlock => status_block(value),
        Format::Bulk => bulk(value),
        Format::Joy => joy(value),
        Format::Raw | Format::Number { .. } => None,
    };
    parts.unwrap_or_else(|| vec![raw(value)])
}

pub(super) fn raw(value: &[u8]) -> Field {
    let field = Field::new("value", hex::spaced(value));
    if !value.is_empty() && value.iter().all(|byte| *byte == 0xFF) {
        field.meaning("absent: the meter has no such value")
    } else {
        field
    }
}

pub(super) fn number(
    name: impl Into<std::borrow::Cow<'static, str>>,
    bytes: &[u8],
    decimals: u8,
    signed: bool,
    unit: &str,
) -> Field {
    let digits = if signed {
        bcd_to_i64(bytes)
    } else {
        // Nine bytes of digits fit, see BCD_LEN_MAX.
        bcd_to_u64(bytes).map(|number| number.and_then(|units| i64::try_from(units).ok()))
    };
    match digits {
        Ok(Some(units)) => Field::new(name, Scaled { units, decimals }).meaning(unit),
        Ok(None) => Field::new(name, "absent").meaning("the meter sent all FF"),
        Err(error) => Field::new(name, hex::spaced(bytes)).meaning(format!("invalid: {error}")),
    }
}

fn numbers(value: &[u8], len: usize, decimals: u8, signed: bool, unit: &str) -> Option<Vec<Field>> {
    if value.is_empty() || !value.len().is_multiple_of(len) {
        return None;
    }
    let name = |index: usize| format!("value_{index}");
    let parts = value.chunks_exact(len).enumerate();
    Some(parts.map(|(at, part)| number(name(at), part, decimals, signed, unit)).collect())
}

fn demand(value: &[u8], unit: &str) -> Option<Vec<Field>> {
    let (demand, at) = value.split_at_checked(3)?;
    let mut fields = vec![number("value", demand, 4, true, unit)];
    fields.extend(
        moment(Format::Minute, at)?.into_iter().map(|field| Field { name: "at".into(), ..field }),
    );
    Some(fields)
}

fn moment(format: Format, value: &[u8]) -> Option<Vec<Field>> {
    let time = match (format, value) {
        (Format::Date, [_, day, month, year]) => {
            MeterTime::from_second_first([0, 0, 0, *day, *month, *year])
        }
        (Format::TimeOfDay, [second, minute, hour]) => {
            // Any day does: only the time is shown.
            MeterTime::from_second_first([*second, *minute, *hour, 1, 1, 0])
        }
        (Format::DateTime, [second, minute, hour, _, day, month, year]) => {
            MeterTime::from_second_first([*second, *minute, *hour, *day, *month, *year])
        }
        (Format::Minute, _) => MeterTime::from_minute_first(value.try_into().ok()?),
        _ => return None,
    };
    let time = match time {
        Ok(time) => time,
        Err(_) if value.iter().all(|byte| *byte == 0xFF) => return None,
        Err(error) => return Some(vec![raw(value).meaning(format!("invalid: {error}"))]),
    };
    let text = time.to_string();
    let shown = match format {
        Format::Date => &text[..10],
        Format::TimeOfDay => &text[11..],
        Format::Minute => &text[..16],
        _ => text.as_str(),
    };
    let mut fields = vec![Field::new("value", shown)];
    let weekday = match (format, value) {
        (Format::Date, [weekday, ..]) | (Format::DateTime, [_, _, _, weekday, ..]) => *weekday,
        _ => return Some(fields),
    };
    let agrees = weekday == time.weekday();
    let meaning = if agrees { "0 is Sunday" } else { "0 is Sunday; does not fit the date" };
    fields.push(Field::new("weekday", format!("{weekday:02X}")).meaning(meaning));
    Some(fields)
}

fn twelve_digits(value: &[u8]) -> Option<Vec<Field>> {
    let wire: [u8; 6] = value.try_into().ok()?;
    Some(vec![Field::new("value", Address::from_wire(wire))])
}

fn text(value: &[u8]) -> Option<Vec<Field>> {
    let readable = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | 0);
    if value.is_empty() || !value.iter().all(readable) {
        return None;
    }
    let text: String = value.iter().rev().map(|byte| char::from(*byte)).collect();
    Some(vec![Field::new("value", text.trim_matches(['\0', ' ']))])
}

fn status_word(number: u8, value: &[u8]) -> Option<Vec<Field>> {
    let word = u16::from_le_bytes(value.try_into().ok()?);
    let meanings = status_word_meanings(number, word).join(", ");
    let mut fields = vec![Field::new("value", format!("{word:04X}")).meaning(meanings)];
    if let (3, Some(status)) = (number, StatusWord3::read(value)) {
        let (relay, meaning) = match status.relay() {
            RelayState::Closed => ("closed", ""),
            RelayState::Open => ("open", ""),
            RelayState::OpenPending => ("closed", "told to open: a delay runs or it is stuck"),
            RelayState::WaitingForUser => ("open", "told to close: waiting for the button"),
        };
        fields.push(Field::new("relay", relay).meaning(meaning));
    }
    Some(fields)
}

fn status_block(value: &[u8]) -> Option<Vec<Field>> {
    let (words, []) = value.as_chunks::<2>() else { return None };
    let fields = (1_u8..).zip(words).map(|(number, word)| {
        let word = u16::from_le_bytes(*word);
        let meanings = status_word_meanings(number, word).join(", ");
        Field::new(format!("word_{number}"), format!("{word:04X}")).meaning(meanings)
    });
    Some(fields.collect())
}

fn scaled(name: &'static str, units: Option<u64>, decimals: u8, unit: &str) -> Field {
    match units.and_then(|units| i64::try_from(units).ok()) {
        Some(units) => Field::new(name, Scaled { units, decimals }).meaning(unit),
        None => Field::new(name, "absent"),
    }
}

fn bulk(value: &[u8]) -> Option<Vec<Field>> {
    let bulk = match BulkReading::read(value)? {
        Ok(bulk) => bulk,
        Err(error) => return Some(vec![raw(value).meaning(format!("invalid: {error}"))]),
    };
    let [a, b, c] = bulk.voltage_tenths;
    Some(vec![
        scaled("balance", bulk.balance_fen, 2, "yuan"),
        scaled("overdraft", bulk.overdraft_fen, 2, "yuan"),
        scaled("voltage_a", a, 1, "V"),
        scaled("voltage_b", b, 1, "V"),
        scaled("voltage_c", c, 1, "V"),
        Field::new("unsettled", hex::spaced(&value[14..43]))
            .meaning("currents, powers and power factors in a layout no source settles"),
        scaled("energy", bulk.energy_hundredths, 2, "kWh"),
        Field::new("tariff_energies", hex::spaced(&value[47..63])),
        Field::new("status_word", format!("{:04X}", bulk.status)).children(vec![
            Field::new("relay", if bulk.relay_open() { "open" } else { "closed" }),
            Field::new("keep_power", bulk.keeps_power()),
        ]),
    ])
}

fn joy(value: &[u8]) -> Option<Vec<Field>> {
    let joy = match JoyReading::read(value)? {
        Ok(joy) => joy,
        Err(error) => return Some(vec![raw(value).meaning(format!("invalid: {error}"))]),
    };
    Some(vec![
        Field::new("clock", joy.epoch_s).meaning("seconds since 1970"),
        scaled("remaining", joy.remaining_hundredths, 2, "kWh"),
        scaled("history", joy.history_hundredths, 2, "kWh"),
        scaled("current", joy.current_ma, 3, "A"),
        scaled("voltage", joy.voltage_hundredths, 2, "V"),
        scaled("power", joy.power_hundredths, 2, "W"),
        scaled("power_factor", joy.power_factor_thousandths, 3, ""),
        Field::new("switch", if joy.closed { "closed" } else { "open" }),
    ])
}
