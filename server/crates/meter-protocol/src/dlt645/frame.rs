//! Finding and building frames of DL/T 645 (A.1), the same in the 1997 and the 2007 edition.

use super::{Address, Control};
use crate::checksum::sum8;
use crate::{Decoded, Payload};

/// Longest DATA of a standard meter, in bytes (A.1: C8H).
pub const DATA_LEN_MAX: u8 = 200;
/// Longest DATA a profile may allow: the length is one byte. A 97H-long write was captured.
pub const DATA_LEN_CEILING: u8 = u8::MAX;
/// Longest possible frame in bytes, without preamble. A buffer this long never needs more.
pub const FRAME_LEN_MAX: usize = FRAME_OVERHEAD + DATA_LEN_CEILING as usize;
/// Most FE bytes a sender puts in front (A.1); receivers accept any number.
pub const PREAMBLE_LEN_MAX: u8 = 4;

const FRAME_OVERHEAD: usize = 12;
const START: u8 = 0x68;
const END: u8 = 0x16;
const WAKE_UP: u8 = 0xFE;
const DATA_OFFSET: u8 = 0x33;

/// One checked frame, its data already without the +33H of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Whose frame it is: in a request the meter asked, in a reply the meter that answers.
    pub address: Address,
    /// The control byte.
    pub control: Control,
    /// DATA after -33H.
    pub data: Payload,
}

impl Frame {
    /// Appends the frame with `preamble` bytes FE in front (more than 4 are cut to 4).
    ///
    /// This is the raw builder of golden tests and field tools; commands to real meters go
    /// through [`super::Request`], which refuses dangerous addresses.
    pub fn encode(&self, preamble: u8, out: &mut Vec<u8>) {
        out.resize(out.len() + usize::from(preamble.min(PREAMBLE_LEN_MAX)), WAKE_UP);
        let start = out.len();
        out.push(START);
        out.extend_from_slice(&self.address.wire());
        out.push(START);
        out.push(self.control.0);
        // A payload is at most 255 bytes by construction.
        out.push(u8::try_from(self.data.len()).unwrap_or(u8::MAX));
        out.extend(self.data.iter().map(|byte| byte.wrapping_add(DATA_OFFSET)));
        let sum = sum8(&out[start..]);
        out.push(sum);
        out.push(END);
    }
}

/// Looks for a frame at the front of `buf`; `max_data` caps L (200, raised by a profile to 255).
///
/// Skips to 68, needs 68 at +7, reads L at +9, needs L+12 bytes, checks CS, checks 16, and on any
/// failure drops one byte and rescans (A.1). A 16, 68 or FE inside the frame means nothing.
#[must_use]
pub fn decode(buf: &[u8], max_data: u8) -> Decoded<Frame> {
    match buf.iter().position(|byte| *byte == START) {
        None if buf.is_empty() => return Decoded::NeedMore,
        None => return Decoded::Skip(buf.len()),
        Some(0) => {}
        Some(noise) => return Decoded::Skip(noise),
    }
    if buf.get(7).is_some_and(|byte| *byte != START) {
        return Decoded::Skip(1);
    }
    let Some(len) = buf.get(9).copied() else { return Decoded::NeedMore };
    if len > max_data {
        return Decoded::Skip(1);
    }
    let consumed = FRAME_OVERHEAD + usize::from(len);
    let Some((body, [sum, end])) = buf.get(..consumed).and_then(|frame| frame.split_last_chunk())
    else {
        return Decoded::NeedMore;
    };
    let (Some((head, data)), true) = (body.split_first_chunk::<10>(), *end == END) else {
        return Decoded::Skip(1);
    };
    if sum8(body) != *sum {
        return Decoded::Skip(1);
    }
    let [_, a0, a1, a2, a3, a4, a5, _, control, _] = *head;
    let frame = Frame {
        address: Address::from_wire([a0, a1, a2, a3, a4, a5]),
        control: Control(control),
        data: Payload::from_wire(data, |byte| byte.wrapping_sub(DATA_OFFSET)),
    };
    Decoded::Frame { frame, consumed }
}

/// As [`decode`], for the moment the line fell silent: an unfinished head is noise then, so that a
/// whole frame behind a false 68 is still found.
#[must_use]
pub fn decode_at_end(buf: &[u8], max_data: u8) -> Decoded<Frame> {
    decode(buf, max_data).at_end(buf)
}
