//! Link-layer frames: acknowledgement, short and long.

use crate::checksum::sum8;
use crate::{Decoded, Payload};

/// The meter chosen by secondary selection.
pub const ADDRESS_SELECTED: u8 = 253;
/// Every meter, with answers that collide.
pub const ADDRESS_ALL: u8 = 254;
/// Longest frame in bytes: L counts C, A, CI and data.
pub const FRAME_LEN_MAX: usize = 255 + LONG_OVERHEAD;

const ACK: u8 = 0xE5;
const SHORT_START: u8 = 0x10;
const LONG_START: u8 = 0x68;
const END: u8 = 0x16;
const SHORT_LEN: usize = 5;
/// `68 L L 68` in front, `CS 16` behind.
const LONG_OVERHEAD: usize = 6;

/// One checked frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "data stays inline: no allocation per frame")]
pub enum Frame {
    /// `E5`.
    Ack,
    /// `10 C A CS 16`.
    Short {
        /// C: 40 `SND_NKE`, 5B or 7B `REQ_UD2`.
        control: u8,
        /// A.
        address: u8,
    },
    /// `68 L L 68 C A CI data CS 16`.
    Long {
        /// C: 53 or 73 `SND_UD`, 08 `RSP_UD`.
        control: u8,
        /// A.
        address: u8,
        /// CI: 51 data send, 52 select, 72 variable response.
        information: u8,
        /// Everything behind CI.
        data: Payload,
    },
}

impl Frame {
    /// `SND_NKE`: resets the link of a meter.
    #[must_use]
    pub const fn reset(address: u8) -> Self {
        Frame::Short { control: 0x40, address }
    }

    /// `REQ_UD2`: asks for the records; `toggle` (FCB) changes after every answer that was read.
    #[must_use]
    pub const fn request(address: u8, toggle: bool) -> Self {
        Frame::Short { control: if toggle { 0x7B } else { 0x5B }, address }
    }

    /// `SND_UD` that gives the meter at `address` the primary address `new`.
    #[must_use]
    pub fn set_address(address: u8, new: u8) -> Self {
        let data = Payload::from_wire(&[0x01, 0x7A, new], |byte| byte);
        Frame::Long { control: 0x53, address, information: 0x51, data }
    }

    /// Appends the frame. Data past 252 bytes is cut, because L counts three bytes more.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Frame::Ack => out.push(ACK),
            Frame::Short { control, address } => {
                let sum = control.wrapping_add(*address);
                out.extend_from_slice(&[SHORT_START, *control, *address, sum, END]);
            }
            Frame::Long { control, address, information, data } => {
                let data = &data[..data.len().min(252)];
                let len = u8::try_from(data.len() + 3).unwrap_or(u8::MAX);
                out.extend_from_slice(&[LONG_START, len, len, LONG_START]);
                let start = out.len();
                out.extend_from_slice(&[*control, *address, *information]);
                out.extend_from_slice(data);
                let sum = sum8(&out[start..]);
                out.extend_from_slice(&[sum, END]);
            }
        }
    }
}

/// Looks for a frame at the front of `buf`.
#[must_use]
pub fn decode(buf: &[u8]) -> Decoded<Frame> {
    match buf {
        [] => Decoded::NeedMore,
        [ACK, ..] => Decoded::Frame { frame: Frame::Ack, consumed: 1 },
        [SHORT_START, rest @ ..] => decode_short(rest),
        [LONG_START, ..] => decode_long(buf),
        _ => {
            let starts = [ACK, SHORT_START, LONG_START];
            let noise = buf.iter().position(|byte| starts.contains(byte));
            Decoded::Skip(noise.unwrap_or(buf.len()))
        }
    }
}

fn decode_short(rest: &[u8]) -> Decoded<Frame> {
    let Some(&[control, address, sum, end]) = rest.first_chunk::<4>() else {
        return Decoded::NeedMore;
    };
    if sum != control.wrapping_add(address) || end != END {
        return Decoded::Skip(1);
    }
    Decoded::Frame { frame: Frame::Short { control, address }, consumed: SHORT_LEN }
}

fn decode_long(buf: &[u8]) -> Decoded<Frame> {
    let Some(&[_, len, again, start]) = buf.first_chunk::<4>() else {
        // What is there may already contradict a header.
        let differs = buf.get(2).is_some_and(|again| Some(again) != buf.get(1));
        return if differs { Decoded::Skip(1) } else { Decoded::NeedMore };
    };
    if len != again || start != LONG_START || len < 3 {
        return Decoded::Skip(1);
    }
    let consumed = usize::from(len) + LONG_OVERHEAD;
    let Some((body, [sum, end])) = buf.get(4..consumed).and_then(|body| body.split_last_chunk())
    else {
        return Decoded::NeedMore;
    };
    match body {
        [control, address, information, data @ ..] if sum8(body) == *sum && *end == END => {
            let frame = Frame::Long {
                control: *control,
                address: *address,
                information: *information,
                data: Payload::from_wire(data, |byte| byte),
            };
            Decoded::Frame { frame, consumed }
        }
        _ => Decoded::Skip(1),
    }
}
