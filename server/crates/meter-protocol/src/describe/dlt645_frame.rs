//! What both editions of DL/T 645 share: finding the frame, or saying why there is none.

use super::{Description, Field, surroundings};
use crate::checksum::sum8;
use crate::dlt645::{Address, DATA_LEN_CEILING, Frame, decode_at_end};
use crate::{Decoded, Protocol, hex};

const START: u8 = 0x68;
const OVERHEAD: usize = 12;

/// The first frame with its offset and length, or the invalid description.
pub(super) fn find(
    protocol: Protocol,
    bytes: &[u8],
) -> Result<(Frame, usize, usize), Box<Description>> {
    let mut offset = 0;
    loop {
        match decode_at_end(&bytes[offset..], DATA_LEN_CEILING) {
            Decoded::Frame { frame, consumed } => return Ok((frame, offset, consumed)),
            Decoded::Skip(count) => offset += count,
            Decoded::NeedMore => return Err(Box::new(diagnose(protocol, bytes))),
        }
    }
}

/// Why the bytes hold no frame, told about the first start byte that is followed by a second one
/// where it belongs, or else about the first start byte.
fn diagnose(protocol: Protocol, bytes: &[u8]) -> Description {
    let invalid = |reason: String, offset| Description::invalid(protocol, reason, offset);
    let starts = || (0..bytes.len()).filter(|at| bytes[*at] == START);
    let Some(first) = starts().next() else {
        return invalid("there is no start byte 68".to_owned(), 0);
    };
    let Some(start) = starts().find(|at| bytes.get(at + 7) == Some(&START)) else {
        return match bytes.get(first + 7) {
            None => invalid("the frame ends inside its address".to_owned(), bytes.len()),
            Some(byte) => {
                invalid(format!("the second start byte is {byte:02X}, not 68"), first + 7)
            }
        };
    };
    let Some(len) = bytes.get(start + 9) else {
        return invalid("the frame ends before its length".to_owned(), bytes.len());
    };
    let end = start + OVERHEAD + usize::from(*len);
    if bytes.len() < end {
        let missing = end - bytes.len();
        let reason = format!("L says {len} data bytes, {missing} bytes are missing");
        return invalid(reason, bytes.len());
    }
    let expected = sum8(&bytes[start..end - 2]);
    let got = bytes[end - 2];
    if got != expected {
        let reason = format!("the checksum is {got:02X}, the bytes sum to {expected:02X}");
        return invalid(reason, end - 2);
    }
    invalid(format!("the end byte is {:02X}, not 16", bytes[end - 1]), end - 1)
}

/// A valid description with the parts that frame every message.
pub(super) fn begin(
    protocol: Protocol,
    bytes: &[u8],
    found: &(Frame, usize, usize),
    function: String,
) -> Description {
    let (frame, offset, len) = found;
    let mut description = Description::valid(protocol, *offset, *len);
    description.fields = surroundings(bytes, *offset, *len);
    let address = Field::new("address", frame.address);
    description.fields.push(match frame.address {
        Address::BROADCAST => address.meaning("every meter, without reply"),
        wildcard if wildcard.is_wildcard() => address.meaning("wildcard"),
        _ => address,
    });
    let control = frame.control;
    let direction = if control.is_reply() { "reply" } else { "request" };
    let mut parts = vec![Field::new("direction", direction), Field::new("function", function)];
    if control.is_reply() {
        parts.push(Field::new("abnormal", control.is_abnormal()));
        parts.push(Field::new("more_follows", control.has_more()));
    }
    let code = format!("{:02X}", control.0);
    description.fields.push(Field::new("control", code).children(parts));
    description.fields.push(Field::new("length", frame.data.len()).meaning("data bytes"));
    description.fields.push(Field::new("data", hex::spaced(&frame.data)).meaning("after -33H"));
    description
}

/// The checksum, which stands behind the data.
pub(super) fn finish(description: &mut Description, bytes: &[u8]) {
    let at = description.offset + description.len - 2;
    description.fields.push(Field::new("checksum", format!("{:02X}", bytes[at])));
}
