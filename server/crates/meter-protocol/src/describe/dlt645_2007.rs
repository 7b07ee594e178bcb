//! DL/T 645-2007 frames, by function (A.3).

use super::{Description, Field, dlt645_frame, prepaid, value};
use crate::dlt645::{
    Address, Di, ErrorByte, Format, Frame, Function, RelayAction, RelayFault, RelayStatus, Serr,
    known,
};
use crate::{MeterTime, Protocol, hex};

pub(super) fn describe(bytes: &[u8], reply: bool) -> Description {
    let found = match dlt645_frame::find(Protocol::Dlt645, bytes) {
        Ok(found) => found,
        Err(invalid) => return *invalid,
    };
    let frame = &found.0;
    let name = function_name(frame);
    let mut description = dlt645_frame::begin(Protocol::Dlt645, bytes, &found, name.clone());
    let content = content(frame);
    description.summary = summary(frame, &name, &content);
    description.fields.extend(content);
    dlt645_frame::finish(&mut description, bytes);
    let control_offset = found.1 + 8;
    description.require_direction(frame.control.is_reply(), reply, control_offset)
}

fn function_name(frame: &Frame) -> String {
    let name = match frame.control.function() {
        Some(Function::Security) => "security and prepayment",
        Some(Function::BroadcastTime) => "broadcast time",
        Some(Function::Read) => "read",
        Some(Function::ReadFollowUp) => "read follow-up",
        Some(Function::ReadAddress) => "read address",
        Some(Function::Write) => "write",
        Some(Function::WriteAddress) => "write address",
        Some(Function::Freeze) => "freeze",
        Some(Function::Baud) => "baud rate",
        Some(Function::ChangePassword) => "change password",
        Some(Function::ClearDemand) => "clear demand",
        Some(Function::ClearMeter) => "clear meter",
        Some(Function::ClearEvents) => "clear events",
        Some(Function::Relay) => "relay control",
        Some(Function::Output) => "multi-function output",
        None => "unlisted function",
    };
    name.to_owned()
}

fn summary(frame: &Frame, function: &str, content: &[Field]) -> String {
    let who = frame.address;
    let subject = |name: &str| content.iter().find(|field| field.name == name);
    let verb = match (frame.control.is_reply(), frame.control.is_abnormal()) {
        (false, _) => format!("to {who}: {function}"),
        (true, false) => format!("{who} answers: {function}"),
        (true, true) => format!("{who} refuses: {function}"),
    };
    let parts = ["di", "value", "error", "action", "amount", "result"];
    let details: Vec<String> =
        parts.iter().filter_map(|name| subject(name)).map(Field::phrase).collect();
    if details.is_empty() { verb } else { format!("{verb}, {}", details.join(", ")) }
}

fn content(frame: &Frame) -> Vec<Field> {
    let data = frame.data.as_slice();
    let Some(function) = frame.control.function() else { return raw_unless_empty(data) };
    match (frame.control.is_reply(), frame.control.is_abnormal()) {
        (true, true) => vec![refusal(function, data)],
        (true, false) => reply(function, frame),
        (false, _) => request(function, data),
    }
}

fn raw_unless_empty(data: &[u8]) -> Vec<Field> {
    if data.is_empty() { Vec::new() } else { vec![value::raw(data)] }
}

/// The ERR byte or word of an abnormal reply.
fn refusal(function: Function, data: &[u8]) -> Field {
    let joined = |meanings: Vec<&'static str>| meanings.join(", ");
    match (function, data) {
        (_, [byte]) => Field::new("error", format!("ERR {byte:02X}"))
            .meaning(joined(ErrorByte(*byte).meanings().collect())),
        (Function::Security, [low, high]) => {
            let word = u16::from_le_bytes([*low, *high]);
            Field::new("error", format!("SERR {word:04X}"))
                .meaning(joined(Serr(word).meanings().collect()))
        }
        (Function::Relay, [low, high]) => {
            let word = u16::from_le_bytes([*low, *high]);
            Field::new("error", format!("{word:04X}"))
                .meaning(joined(RelayFault(word).meanings().collect()))
        }
        _ => Field::new("error", hex::spaced(data)).meaning("unexplained"),
    }
}

fn di_field(di: Di) -> Field {
    let name = known(di).map_or_else(|| "not in the catalogue".to_owned(), |known| known.name);
    Field::new("di", di).meaning(name)
}

fn split_di(data: &[u8]) -> Option<(Di, &[u8])> {
    data.split_first_chunk::<4>().map(|(wire, rest)| (Di::from_wire(*wire), rest))
}

fn reply(function: Function, frame: &Frame) -> Vec<Field> {
    let data = frame.data.as_slice();
    match (function, split_di(data)) {
        (Function::Read, Some((di, rest))) => {
            // A part of a longer value cannot be read as a whole one.
            let format = match known(di) {
                Some(known) if !frame.control.has_more() => known.format,
                _ => Format::Raw,
            };
            let mut fields = vec![di_field(di)];
            fields.extend(value::explain(format, rest));
            fields
        }
        (Function::ReadFollowUp, Some((di, [part @ .., sequence]))) => {
            vec![di_field(di), value::raw(part), Field::new("sequence", sequence)]
        }
        (Function::Security, Some((di, rest))) => {
            let mut fields = vec![di_field(di)];
            fields.extend(prepaid::reply(di, rest));
            fields
        }
        (Function::ReadAddress | Function::WriteAddress, _) if data.len() == 6 => {
            let wire: [u8; 6] = data.try_into().unwrap_or_default();
            vec![Field::new("value", Address::from_wire(wire)).meaning("meter address")]
        }
        (Function::Relay, _) => relay_reply(data),
        (Function::ChangePassword, _) => accepted(),
        (_, _) if data.is_empty() => accepted(),
        _ => vec![value::raw(data)],
    }
}

fn accepted() -> Vec<Field> {
    vec![Field::new("result", "accepted").meaning("not yet proven, read back")]
}

fn relay_reply(data: &[u8]) -> Vec<Field> {
    let mut fields = accepted();
    match *data {
        [] => {}
        [low, high] => {
            let status = RelayStatus(u16::from_le_bytes([low, high]));
            let meanings: Vec<&str> = status.meanings().collect();
            let word = format!("{:04X}", status.0);
            fields.push(Field::new("status_word", word).meaning(meanings.join(", ")));
        }
        _ => fields.push(value::raw(data)),
    }
    fields
}

fn request(function: Function, data: &[u8]) -> Vec<Field> {
    match (function, split_di(data)) {
        (Function::Security, Some((di, rest))) => {
            let mut fields = vec![di_field(di)];
            fields.extend(prepaid::request(di, rest));
            fields
        }
        (Function::Read, Some((di, rest))) => read_request(di, rest),
        (Function::ReadFollowUp, Some((di, [sequence]))) => {
            vec![di_field(di), Field::new("sequence", sequence)]
        }
        (Function::Write, Some((di, rest))) => {
            let mut fields = vec![di_field(di)];
            fields.extend(authority(rest, value::raw));
            fields
        }
        (Function::ChangePassword, Some((di, rest))) if rest.len() == 8 => {
            let level = |byte: u8| format!("{byte:02X}");
            vec![
                di_field(di),
                Field::new("password_level", level(rest[0])),
                Field::new("new_password_level", level(rest[4])),
            ]
        }
        (Function::BroadcastTime, _) if data.len() == 6 => vec![time("value", data)],
        (Function::Freeze, _) if data.len() == 4 => vec![freeze(data)],
        (Function::WriteAddress, _) if data.len() == 6 => {
            let wire: [u8; 6] = data.try_into().unwrap_or_default();
            vec![Field::new("value", Address::from_wire(wire)).meaning("new address")]
        }
        (Function::ClearDemand | Function::ClearMeter, _) => authority(data, value::raw),
        (Function::ClearEvents, _) => authority(data, |rest| match split_di(rest) {
            Some((di, [])) => di_field(di),
            _ => value::raw(rest),
        }),
        (Function::Relay, _) => relay_request(data),
        _ => raw_unless_empty(data),
    }
}

fn read_request(di: Di, rest: &[u8]) -> Vec<Field> {
    let mut fields = vec![di_field(di)];
    match rest {
        [] => {}
        [blocks] => fields.push(Field::new("blocks", format!("{blocks:02X}"))),
        [blocks, start @ ..] => {
            fields.push(Field::new("blocks", format!("{blocks:02X}")));
            fields.extend(value::explain(Format::Minute, start));
        }
    }
    fields
}

/// `PA P0 P1 P2 C0..C3` and what follows. The digits of the password are not shown.
fn authority(data: &[u8], rest: impl Fn(&[u8]) -> Field) -> Vec<Field> {
    let Some((head, body)) = data.split_first_chunk::<8>() else { return raw_unless_empty(data) };
    let [level, _, _, _, c0, c1, c2, c3] = *head;
    let operator = crate::dlt645::Operator(u32::from_le_bytes([c0, c1, c2, c3]));
    let mut fields = vec![
        Field::new("password_level", format!("{level:02X}")),
        Field::new("operator", operator),
    ];
    if !body.is_empty() {
        fields.push(rest(body));
    }
    fields
}

fn relay_request(data: &[u8]) -> Vec<Field> {
    let (Some(body), true) = (data.get(8..), matches!(data.len(), 16 | 28)) else {
        return raw_unless_empty(data);
    };
    let mut fields = authority(&data[..8], value::raw);
    if body.len() == 20 {
        fields.push(Field::new("cipher", hex::spaced(&body[..16])));
        fields.push(Field::new("mac", hex::spaced(&body[16..])));
        return fields;
    }
    let action = RelayAction::from_code(body[0]);
    let name = action.map_or("unlisted", RelayAction::name);
    fields.push(Field::new("action", name).meaning(format!("N1 = {:02X}", body[0])));
    fields.push(Field::new("delay_five_minutes", body[1]));
    fields.push(time("valid_until", &body[2..]));
    fields
}

fn time(name: &'static str, bytes: &[u8]) -> Field {
    let wire: [u8; 6] = bytes.try_into().unwrap_or_default();
    match MeterTime::from_second_first(wire) {
        Ok(time) => Field::new(name, time),
        Err(error) => Field::new(name, hex::spaced(bytes)).meaning(format!("invalid: {error}")),
    }
}

fn freeze(data: &[u8]) -> Field {
    if data.iter().all(|byte| *byte == 0x99) {
        return Field::new("value", "now").meaning("all 99");
    }
    let part = |byte: u8| if byte == 0x99 { "**".to_owned() } else { format!("{byte:02X}") };
    let [minute, hour, day, month] = [data[0], data[1], data[2], data[3]].map(part);
    Field::new("value", format!("{month}-{day} {hour}:{minute}")).meaning("** is every")
}
