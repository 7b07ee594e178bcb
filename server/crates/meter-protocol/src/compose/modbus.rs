//! Modbus RTU requests from parameters.

use super::{ComposeError, Kind, Reader, refused};
use crate::checksum::crc16;
use crate::modbus::Request;

pub(super) const KINDS: &[Kind] = &[
    Kind { name: "read-holding", required: &["slave", "start", "count"], optional: &[] },
    Kind { name: "read-input", required: &["slave", "start", "count"], optional: &[] },
    Kind { name: "write-single", required: &["slave", "register", "value"], optional: &[] },
    Kind { name: "write-multiple", required: &["slave", "start", "values"], optional: &[] },
    Kind { name: "raw", required: &["slave", "function"], optional: &["data"] },
];

pub(super) fn build(kind: &str, from: &Reader<'_>) -> Result<Vec<u8>, ComposeError> {
    let slave = from.number("slave")?;
    let request = match kind {
        "read-holding" => {
            Request::read_holding(slave, from.number("start")?, from.number("count")?)
        }
        "read-input" => Request::read_input(slave, from.number("start")?, from.number("count")?),
        "write-single" => {
            Request::write_single(slave, from.number("register")?, from.number("value")?)
        }
        "write-multiple" => {
            let bytes = from.bytes("values")?;
            let (pairs, rest) = bytes.as_chunks::<2>();
            if !rest.is_empty() {
                let reason = "registers have two bytes each";
                return Err(Reader::bad("values", from.text("values")?, reason));
            }
            let values: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            Request::write_multiple(slave, from.number("start")?, &values)
        }
        _ => return raw(slave, from),
    };
    let mut out = Vec::new();
    request.map_err(refused)?.encode(&mut out);
    Ok(out)
}

fn raw(slave: u8, from: &Reader<'_>) -> Result<Vec<u8>, ComposeError> {
    let [function] = from.array("function")?;
    let mut out = vec![slave, function];
    out.extend(from.bytes_or_none("data")?);
    let crc = crc16(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    Ok(out)
}
