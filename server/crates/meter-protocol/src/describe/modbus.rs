//! Modbus RTU frames. They do not say whether they are request or reply, nor how long they are;
//! the caller says the first, and the whole input is taken as one frame.

use super::{Description, Field};
use crate::checksum::crc16;
use crate::modbus::{Exception, Request, decode_request};
use crate::{Decoded, Protocol, hex};

pub(super) fn describe(bytes: &[u8], reply: bool) -> Description {
    let invalid = |reason, offset| Description::invalid(Protocol::ModbusRtu, reason, offset);
    let Some((body, crc)) = bytes.split_last_chunk::<2>().filter(|(body, _)| body.len() >= 2)
    else {
        return invalid("a frame has at least four bytes".to_owned(), bytes.len());
    };
    let expected = crc16(body).to_le_bytes();
    if expected != *crc {
        let reason =
            format!("the CRC is {}, the bytes give {}", hex::spaced(crc), hex::spaced(&expected));
        let mut description = invalid(reason, body.len());
        description.fields = head(body);
        return description;
    }
    let content = if reply { reply_fields(body) } else { request_fields(bytes) };
    match content {
        Ok((summary, content)) => {
            let mut description = Description::valid(Protocol::ModbusRtu, 0, bytes.len());
            description.summary = summary;
            description.fields = head(body);
            description.fields.extend(content);
            description.fields.push(Field::new("crc", hex::spaced(crc)));
            description
        }
        Err(reason) => {
            let mut description = invalid(reason, 2);
            description.fields = head(body);
            description
        }
    }
}

fn head(body: &[u8]) -> Vec<Field> {
    let function = body[1];
    let name = match function & 0x7F {
        0x03 => "read holding registers",
        0x04 => "read input registers",
        0x06 => "write one register",
        0x10 => "write registers",
        _ => "unlisted function",
    };
    let name = if function & 0x80 == 0 { name.to_owned() } else { format!("{name}, refused") };
    vec![
        Field::new("slave", body[0]),
        Field::new("function", format!("{function:02X}")).meaning(name),
    ]
}

type Content = Result<(String, Vec<Field>), String>;

fn request_fields(bytes: &[u8]) -> Content {
    let request = match decode_request(bytes) {
        Decoded::Frame { frame, consumed } if consumed == bytes.len() => frame,
        _ => return Err(format!("the bytes after function {:02X} are no request", bytes[1])),
    };
    let fields = vec![
        Field::new("start", format!("{:04X}", request.start())).meaning("register, hex"),
        Field::new("count", request.count()).meaning("registers"),
    ];
    Ok(match request.values() {
        [] => (read_summary(&request), fields),
        values => {
            let summary = format!(
                "to slave {}: write {} to register {:04X}",
                request.slave(),
                words(values),
                request.start()
            );
            (summary, [fields, registers(values)].concat())
        }
    })
}

fn read_summary(request: &Request) -> String {
    format!(
        "to slave {}: read {} registers from {:04X}, the answer has {} bytes",
        request.slave(),
        request.count(),
        request.start(),
        request.expected_reply_len()
    )
}

fn reply_fields(body: &[u8]) -> Content {
    let slave = body[0];
    match *body {
        [_, function, code] if function & 0x80 != 0 => {
            let exception = Exception(code);
            let error = Field::new("error", format!("{code:02X}")).meaning(exception.meaning());
            Ok((format!("slave {slave} refuses: {}", exception.meaning()), vec![error]))
        }
        [_, 0x03 | 0x04, count, ref values @ ..]
            if usize::from(count) == values.len() && values.len().is_multiple_of(2) =>
        {
            let (pairs, _) = values.as_chunks::<2>();
            let values: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            let summary = format!("slave {slave} answers {}", words(&values));
            let count = Field::new("count", values.len()).meaning("registers");
            Ok((summary, [vec![count], registers(&values)].concat()))
        }
        [_, function @ (0x06 | 0x10), high, low, second_high, second_low] => {
            let start = u16::from_be_bytes([high, low]);
            let second = u16::from_be_bytes([second_high, second_low]);
            let name = if function == 0x06 { "value" } else { "count" };
            let fields = vec![
                Field::new("start", format!("{start:04X}")).meaning("register, hex"),
                Field::new(name, second),
            ];
            Ok((format!("slave {slave} accepted the write at {start:04X}"), fields))
        }
        [_, function, ..] => Err(format!("the bytes after function {function:02X} are no reply")),
        _ => Err("the frame ends before its function".to_owned()),
    }
}

fn words(values: &[u16]) -> String {
    let words: Vec<String> = values.iter().map(|value| format!("{value:04X}")).collect();
    words.join(" ")
}

fn registers(values: &[u16]) -> Vec<Field> {
    let children = values.iter().enumerate().map(|(index, value)| {
        Field::new(format!("register_{index}"), value).meaning(format!("{value:04X}"))
    });
    vec![Field::new("registers", words(values)).children(children.collect())]
}
