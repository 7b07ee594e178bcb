//! CJ/T 188 frames. The byte order of the identifier is guessed from the known identifiers, for
//! people only: a driver takes it from the meter's profile.

use super::{Description, Field, surroundings, value};
use crate::checksum::sum8;
use crate::cjt188::{
    Address, DATA_LEN_CEILING, Di, DiOrder, Dialect, Flow, FlowReading, Frame, PurchaseRecord,
    Status, Valve, decode_at_end,
};
use crate::{Decoded, Protocol, Scaled, hex};

const START: u8 = 0x68;
const OVERHEAD: usize = 13;

pub(super) fn describe(bytes: &[u8], reply: bool) -> Description {
    let mut offset = 0;
    loop {
        match decode_at_end(&bytes[offset..], DATA_LEN_CEILING) {
            Decoded::Frame { frame, consumed } => {
                let description = explain(bytes, &frame, offset, consumed);
                let is_reply = frame.control.is_reply();
                return description.require_direction(is_reply, reply, offset + 9);
            }
            Decoded::Skip(count) => offset += count,
            Decoded::NeedMore => return diagnose(bytes),
        }
    }
}

fn diagnose(bytes: &[u8]) -> Description {
    let invalid = |reason, offset| Description::invalid(Protocol::Cjt188, reason, offset);
    let Some(start) = bytes.iter().position(|byte| *byte == START) else {
        return invalid("there is no start byte 68".to_owned(), 0);
    };
    let Some(len) = bytes.get(start + 10) else {
        return invalid("the frame ends before its length".to_owned(), bytes.len());
    };
    let end = start + OVERHEAD + usize::from(*len);
    if bytes.len() < end {
        let missing = end - bytes.len();
        let reason = format!("L says {len} data bytes, {missing} bytes are missing");
        return invalid(reason, bytes.len());
    }
    let (expected, got) = (sum8(&bytes[start..end - 2]), bytes[end - 2]);
    if expected != got {
        let reason = format!("the checksum is {got:02X}, the bytes sum to {expected:02X}");
        return invalid(reason, end - 2);
    }
    invalid(format!("the end byte is {:02X}, not 16", bytes[end - 1]), end - 1)
}

fn explain(bytes: &[u8], frame: &Frame, offset: usize, len: usize) -> Description {
    let mut description = Description::valid(Protocol::Cjt188, offset, len);
    let control = frame.control;
    let function = function_name(control.function_code());
    let direction = if control.is_reply() { "reply" } else { "request" };
    let mut fields = surroundings(bytes, offset, len);
    let meter_type = format!("{:02X}", frame.meter_type.0);
    fields.push(Field::new("meter_type", meter_type).meaning(frame.meter_type.meaning()));
    let address = Field::new("address", frame.address);
    let is_wildcard = frame.address == Address::WILDCARD;
    fields.push(if is_wildcard { address.meaning("any meter") } else { address });
    fields.push(Field::new("control", format!("{:02X}", control.0)).children(vec![
        Field::new("direction", direction),
        Field::new("function", function),
        Field::new("abnormal", control.is_abnormal()),
    ]));
    fields.push(Field::new("length", frame.data.len()).meaning("data bytes"));
    fields.push(Field::new("data", hex::spaced(&frame.data)));
    let content = content(frame);
    let verb = match (control.is_reply(), control.is_abnormal()) {
        (false, _) => format!("to {}: {function}", frame.address),
        (true, false) => format!("{} answers: {function}", frame.address),
        (true, true) => format!("{} refuses: {function}", frame.address),
    };
    let parts = ["di", "valve", "amount", "current_flow", "value", "remaining"];
    let details = content.iter().filter(|field| parts.contains(&field.name.as_ref()));
    let details: Vec<String> = details.map(Field::phrase).collect();
    description.summary =
        if details.is_empty() { verb } else { format!("{verb}, {}", details.join(", ")) };
    fields.extend(content);
    fields.push(Field::new("checksum", format!("{:02X}", bytes[offset + len - 2])));
    description.fields = fields;
    description
}

const fn function_name(code: u8) -> &'static str {
    match code {
        0x01 => "read",
        0x03 => "read address",
        0x04 => "write",
        0x09 => "key version",
        0x15 => "write address",
        0x16 => "set base reading",
        _ => "unlisted function",
    }
}

const fn di_name(di: Di) -> Option<&'static str> {
    Some(match di.0 {
        0x901F => "reading",
        0x8102 => "price",
        0x8103 => "settlement day",
        0x8104 => "reading day",
        0x8105 => "purchase record",
        0x8106 => "key version",
        0x810A => "address",
        0xA010 => "price table",
        0xA011 => "settlement day",
        0xA012 => "reading day",
        0xA013 => "purchase",
        0xA014 => "key",
        0xA015 => "clock",
        0xA016 => "base reading",
        0xA017 => "valve",
        0xA018 => "address",
        0xA019 => "factory mode",
        0xD120..=0xD12B => "monthly history",
        _ => return None,
    })
}

fn content(frame: &Frame) -> Vec<Field> {
    let data = frame.data.as_slice();
    let dialect = Dialect::default();
    if frame.control.is_abnormal()
        && let [serial, st0, st1] = *data
    {
        let mut fields = vec![Field::new("serial", serial)];
        fields.extend(status(Status::read([st0, st1], dialect)));
        return fields;
    }
    let [d0, d1, serial, rest @ ..] = data else {
        return if data.is_empty() { Vec::new() } else { vec![value::raw(data)] };
    };
    let orders = [(DiOrder::HighFirst, "high byte first"), (DiOrder::LowFirst, "low byte first")];
    let named = orders.into_iter().find(|(order, _)| di_name(order.read([*d0, *d1])).is_some());
    let (order, order_name) = named.unwrap_or(orders[0]);
    let di = order.read([*d0, *d1]);
    let name = di_name(di).unwrap_or("not in the catalogue");
    let mut fields = vec![
        Field::new("di", di).meaning(name),
        Field::new("di_order", order_name),
        Field::new("serial", serial),
    ];
    fields.extend(body(frame.control.is_reply(), di, rest, dialect));
    fields
}

fn body(is_reply: bool, di: Di, rest: &[u8], dialect: Dialect) -> Vec<Field> {
    match (is_reply, di, rest) {
        (_, _, []) => Vec::new(),
        (true, Di::READING, _) => match FlowReading::read(rest, dialect) {
            Ok(reading) => reading_fields(&reading),
            Err(error) => vec![value::raw(rest).meaning(error.to_string())],
        },
        (true, Di::PURCHASE_RECORD, _) => match PurchaseRecord::read(rest, dialect) {
            Ok(record) => record_fields(&record),
            Err(error) => vec![value::raw(rest).meaning(error.to_string())],
        },
        (true, Di::VALVE, [st0, st1]) => status(Status::read([*st0, *st1], dialect)),
        (false, Di::VALVE, [0x55]) => vec![Field::new("valve", "open").meaning("55")],
        (false, Di::VALVE, [0x99]) => vec![Field::new("valve", "close").meaning("99")],
        (false, Di::PURCHASE, [sequence, amount @ ..]) if amount.len() == 4 => vec![
            Field::new("sequence", sequence),
            value::number("amount", amount, 2, false, "yuan"),
        ],
        (false, Di::WRITE_ADDRESS, _) if rest.len() == 7 => {
            let wire: [u8; 7] = rest.try_into().unwrap_or_default();
            vec![Field::new("value", Address::from_wire(wire)).meaning("new address")]
        }
        (false, Di::BASE_READING, [digits @ .., unit]) if digits.len() == 4 => vec![
            value::number("value", digits, 0, false, ""),
            Field::new("unit", format!("{unit:02X}")),
        ],
        (false, Di::TIME, [time @ .., century]) if time.len() == 6 => {
            vec![time_field(time, *century)]
        }
        _ => vec![value::raw(rest)],
    }
}

fn time_field(time: &[u8], century: u8) -> Field {
    let wire: [u8; 6] = time.try_into().unwrap_or_default();
    match crate::MeterTime::from_second_first(wire) {
        Ok(time) if century == 0x20 => Field::new("time", time),
        Ok(_) => Field::new("time", hex::spaced(time)).meaning("invalid: the century is not 20"),
        Err(error) => Field::new("time", hex::spaced(time)).meaning(format!("invalid: {error}")),
    }
}

fn flow(name: &'static str, flow: Flow) -> Field {
    match flow.hundredths.and_then(|units| i64::try_from(units).ok()) {
        Some(units) => Field::new(name, Scaled { units, decimals: 2 }).meaning(flow.unit.symbol()),
        None => Field::new(name, "absent"),
    }
}

fn yuan(name: &'static str, fen: Option<u64>) -> Field {
    match fen.and_then(|units| i64::try_from(units).ok()) {
        Some(units) => Field::new(name, Scaled { units, decimals: 2 }).meaning("yuan"),
        None => Field::new(name, "absent"),
    }
}

fn reading_fields(reading: &FlowReading) -> Vec<Field> {
    let mut fields = vec![
        flow("current_flow", reading.current),
        flow("settlement_flow", reading.settlement),
        match reading.time {
            Ok(time) => Field::new("time", time),
            Err(error) => Field::new("time", "unset").meaning(error.to_string()),
        },
    ];
    fields.extend(status(reading.status));
    fields
}

fn record_fields(record: &PurchaseRecord) -> Vec<Field> {
    let mut fields = vec![
        Field::new("sequence", record.sequence),
        yuan("last", record.last_fen),
        yuan("cumulative", record.cumulative_fen),
        yuan("remaining", record.remaining_fen),
    ];
    fields.extend(status(record.status));
    fields
}

fn status(status: Status) -> Vec<Field> {
    let valve = match status.valve() {
        Valve::Open => "open",
        Valve::Closed => "closed",
        Valve::Unexplained => "unexplained",
        Valve::Fault => "fault",
    };
    let bytes = format!("{:02X} {:02X}", status.first, status.second);
    vec![
        Field::new("status", bytes),
        Field::new("valve", valve),
        Field::new("battery_low", status.battery_low()),
    ]
}
