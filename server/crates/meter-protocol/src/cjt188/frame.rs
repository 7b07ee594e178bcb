//! Finding and building CJ/T 188 frames.

use super::{Address, MeterType};
use crate::checksum::sum8;
use crate::dlt645::Control;
use crate::{Decoded, Payload};

/// Longest DATA taken by default, in bytes; one manual promises at most 44.
pub const DATA_LEN_MAX: u8 = 64;
/// Longest DATA a profile may allow.
pub const DATA_LEN_CEILING: u8 = u8::MAX;
/// Longest possible frame in bytes, without preamble.
pub const FRAME_LEN_MAX: usize = FRAME_OVERHEAD + DATA_LEN_CEILING as usize;

const FRAME_OVERHEAD: usize = 13;
const PREAMBLE_LEN_MAX: u8 = 4;
const START: u8 = 0x68;
const END: u8 = 0x16;
const WAKE_UP: u8 = 0xFE;

/// One checked frame. The control byte has the bits of DL/T 645.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the meter measures.
    pub meter_type: MeterType,
    /// Whose frame it is.
    pub address: Address,
    /// D7 reply, D6 abnormal, the rest function.
    pub control: Control,
    /// Identifier, serial number and payload, as they stand on the wire.
    pub data: Payload,
}

impl Frame {
    /// Appends the frame with `preamble` bytes FE in front (more than 4 are cut to 4).
    pub fn encode(&self, preamble: u8, out: &mut Vec<u8>) {
        out.resize(out.len() + usize::from(preamble.min(PREAMBLE_LEN_MAX)), WAKE_UP);
        let start = out.len();
        out.extend_from_slice(&[START, self.meter_type.0]);
        out.extend_from_slice(&self.address.wire());
        out.push(self.control.0);
        // A payload is at most 255 bytes by construction.
        out.push(u8::try_from(self.data.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(&self.data);
        let sum = sum8(&out[start..]);
        out.extend_from_slice(&[sum, END]);
    }
}

/// Looks for a frame at the front of `buf`; `max_data` caps L.
///
/// There is only one start byte, so a false 68 is believed until its length is known; a cap keeps
/// that short, and [`decode_at_end`] settles it when the line falls silent.
#[must_use]
pub fn decode(buf: &[u8], max_data: u8) -> Decoded<Frame> {
    match buf.iter().position(|byte| *byte == START) {
        None if buf.is_empty() => return Decoded::NeedMore,
        None => return Decoded::Skip(buf.len()),
        Some(0) => {}
        Some(noise) => return Decoded::Skip(noise),
    }
    let Some((head, _)) = buf.split_first_chunk::<11>() else { return Decoded::NeedMore };
    let [_, meter_type, a0, a1, a2, a3, a4, a5, a6, control, len] = *head;
    if len > max_data {
        return Decoded::Skip(1);
    }
    let consumed = FRAME_OVERHEAD + usize::from(len);
    let Some((body, [sum, end])) = buf.get(..consumed).and_then(|frame| frame.split_last_chunk())
    else {
        return Decoded::NeedMore;
    };
    if *end != END || sum8(body) != *sum {
        return Decoded::Skip(1);
    }
    let frame = Frame {
        meter_type: MeterType(meter_type),
        address: Address::from_wire([a0, a1, a2, a3, a4, a5, a6]),
        control: Control(control),
        data: Payload::from_wire(&body[11..], |byte| byte),
    };
    Decoded::Frame { frame, consumed }
}

/// As [`decode`], for the moment the line fell silent: an unfinished head is noise then.
#[must_use]
pub fn decode_at_end(buf: &[u8], max_data: u8) -> Decoded<Frame> {
    decode(buf, max_data).at_end(buf)
}
