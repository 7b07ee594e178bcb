//! DL/T 645-1997 frames (A.8).

use super::{Description, Field, dlt645_frame, value};
use crate::dlt645::{Address, ErrorByte, Format, Frame};
use crate::dlt645_1997::Di;
use crate::{MeterTime, Protocol, hex};

pub(super) fn describe(bytes: &[u8], reply: bool) -> Description {
    let found = match dlt645_frame::find(Protocol::Dlt645Of1997, bytes) {
        Ok(found) => found,
        Err(invalid) => return *invalid,
    };
    let frame = &found.0;
    let name = function_name(frame);
    let mut description =
        dlt645_frame::begin(Protocol::Dlt645Of1997, bytes, &found, name.to_owned());
    let content = content(frame);
    let verb = match (frame.control.is_reply(), frame.control.is_abnormal()) {
        (false, _) => format!("to {}: {name}", frame.address),
        (true, false) => format!("{} answers: {name}", frame.address),
        (true, true) => format!("{} refuses: {name}", frame.address),
    };
    let details: Vec<String> = content.iter().map(Field::phrase).collect();
    description.summary =
        if details.is_empty() { verb } else { format!("{verb}, {}", details.join(", ")) };
    description.fields.extend(content);
    dlt645_frame::finish(&mut description, bytes);
    description.require_direction(frame.control.is_reply(), reply, found.1 + 8)
}

const fn function_name(frame: &Frame) -> &'static str {
    match frame.control.function_code() {
        0x01 => "read",
        0x02 => "read follow-up",
        0x03 => "read again",
        0x04 => "write",
        0x08 => "broadcast time",
        0x0A => "write address",
        0x0C => "baud rate",
        0x0F => "change password",
        0x10 => "clear demand",
        _ => "unlisted function",
    }
}

fn content(frame: &Frame) -> Vec<Field> {
    let data = frame.data.as_slice();
    let (is_reply, code) = (frame.control.is_reply(), frame.control.function_code());
    if is_reply && frame.control.is_abnormal() {
        return vec![match data {
            [error] => Field::new("error", format!("ERR {error:02X}"))
                .meaning(ErrorByte(*error).meanings().collect::<Vec<_>>().join(", ")),
            _ => Field::new("error", hex::spaced(data)).meaning("unexplained"),
        }];
    }
    match (code, data) {
        (0x01..=0x04, [di0, di1, rest @ ..]) => {
            let di = Di::from_wire([*di0, *di1]);
            let (name, format) = known(di);
            let mut fields = vec![Field::new("di", di).meaning(name)];
            // The order of a write's password differs per vendor, so its bytes stay together.
            let format =
                if code == 0x04 || frame.control.has_more() { Format::Raw } else { format };
            if !rest.is_empty() {
                fields.extend(value::explain(format, rest));
            }
            fields
        }
        (0x08, _) if data.len() == 6 => {
            let wire: [u8; 6] = data.try_into().unwrap_or_default();
            vec![match MeterTime::from_second_first(wire) {
                Ok(time) => Field::new("value", time),
                Err(error) => value::raw(data).meaning(format!("invalid: {error}")),
            }]
        }
        (0x0A, _) if data.len() == 6 => {
            let wire: [u8; 6] = data.try_into().unwrap_or_default();
            vec![Field::new("value", Address::from_wire(wire)).meaning("new address")]
        }
        (_, []) => Vec::new(),
        _ => vec![value::raw(data)],
    }
}

/// Name and format of an identifier of the 1997 edition.
fn known(di: Di) -> (&'static str, Format) {
    const KWH: Format = Format::Number { len: 4, decimals: 2, signed: false, unit: "kWh" };
    const KWHS: Format = Format::Numbers { len: 4, decimals: 2, signed: false, unit: "kWh" };
    const YUAN: Format = Format::Number { len: 4, decimals: 2, signed: false, unit: "yuan" };
    let number = |len, decimals, unit| Format::Number { len, decimals, signed: false, unit };
    match di.0 {
        0x9010 => ("forward active energy, total", KWH),
        0x9011..=0x901E => ("forward active energy of a tariff", KWH),
        0x901F => ("forward active energy, total and all tariffs", KWHS),
        0x9020 => ("reverse active energy, total", KWH),
        0x9021..=0x902E => ("reverse active energy of a tariff", KWH),
        0x902F => ("reverse active energy, total and all tariffs", KWHS),
        0xB611 => ("phase A voltage", number(2, 0, "V")),
        0xB612 => ("phase B voltage", number(2, 0, "V")),
        0xB613 => ("phase C voltage", number(2, 0, "V")),
        0xB621 => ("phase A current", number(2, 2, "A")),
        0xB622 => ("phase B current", number(2, 2, "A")),
        0xB623 => ("phase C current", number(2, 2, "A")),
        0xB630 => ("active power, total", number(3, 4, "kW")),
        0xB631 => ("phase A active power", number(3, 4, "kW")),
        0xB632 => ("phase B active power", number(3, 4, "kW")),
        0xB633 => ("phase C active power", number(3, 4, "kW")),
        0xB650 => ("power factor, total", number(2, 3, "")),
        0xB651..=0xB653 => ("power factor of a phase", number(2, 3, "")),
        0xC010 => ("date", Format::Date),
        0xC011 => ("time", Format::TimeOfDay),
        0xC020 => ("status", Format::Raw),
        0xC032 => ("meter address", Format::TwelveDigits),
        0xC32F..=0xC33F => ("period table", Format::Raw),
        0xC990 => ("remaining energy", KWH),
        0xC9B0 => ("remaining money", YUAN),
        _ => ("not in the catalogue", Format::Raw),
    }
}
