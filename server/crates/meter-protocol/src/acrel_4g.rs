//! Acrel 4G meters that dial in over TCP (`meters.md` B.2):
//! `7B 7B | command | body | CRC16-Modbus of command and body, low first | 7D 7D`.
//!
//! There is no length and no byte stuffing, and 7D 7D may stand inside: a frame ends at the first
//! 7D 7D whose CRC is right.

use crate::checksum::{CRC16_START, crc16, crc16_step};
use crate::{Decoded, MeterTime};
use std::fmt;

/// Longest body taken, in bytes; an upload of command 91 has 144.
pub const BODY_LEN_MAX: usize = 512;
/// Longest frame in bytes.
pub const FRAME_LEN_MAX: usize = BODY_LEN_MAX + FRAME_OVERHEAD;

const FRAME_OVERHEAD: usize = 7;
const START: u8 = 0x7B;
const END: u8 = 0x7D;
const SERIAL_LEN: usize = 20;

/// The command byte.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command(pub u8);

impl Command {
    /// Parameters.
    pub const PARAMETERS: Command = Command(0x82);
    /// Registration; answered with the same command and an empty body.
    pub const REGISTER: Command = Command(0x84);
    /// Server address.
    pub const SERVER_ADDRESS: Command = Command(0x88);
    /// Alarm.
    pub const ALARM: Command = Command(0x89);
    /// Transparent Modbus RTU, both ways.
    pub const TRANSPARENT: Command = Command(0x90);
    /// Interval upload; answered with the same command and an empty body.
    pub const UPLOAD: Command = Command(0x91);
    /// Time request and its answer.
    pub const TIME: Command = Command(0x93);
    /// Heartbeat, never answered.
    pub const HEARTBEAT: Command = Command(0x94);
    /// Transparent with an id.
    pub const TRANSPARENT_WITH_ID: Command = Command(0x97);

    /// What the command is called.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            0x82 => "parameters",
            0x84 => "registration",
            0x88 => "server address",
            0x89 => "alarm",
            0x90 => "transparent Modbus RTU",
            0x91 => "upload",
            0x93 => "time",
            0x94 => "heartbeat",
            0x97 => "transparent with id",
            _ => "unlisted",
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}H", self.0)
    }
}

/// One checked frame, its body borrowed from the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'b> {
    /// The command.
    pub command: Command,
    /// Everything between command and CRC.
    pub body: &'b [u8],
}

/// The body of a registration (84).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration<'b> {
    /// Serial number, the identity of the meter: ASCII without the zero padding.
    pub serial: &'b str,
    /// SIM card number, when it is readable text.
    pub iccid: Option<&'b str>,
    /// Signal strength as sent.
    pub rssi: Option<u8>,
    /// Minutes between uploads, the last byte.
    pub interval_min: Option<u8>,
}

/// Looks for a frame at the front of `buf`.
#[must_use]
pub fn decode(buf: &[u8]) -> Decoded<Frame<'_>> {
    match buf.iter().position(|byte| *byte == START) {
        None if buf.is_empty() => return Decoded::NeedMore,
        None => return Decoded::Skip(buf.len()),
        Some(0) => {}
        Some(noise) => return Decoded::Skip(noise),
    }
    let Some(second) = buf.get(1) else { return Decoded::NeedMore };
    if *second != START {
        return Decoded::Skip(1);
    }
    let window = &buf[..buf.len().min(FRAME_LEN_MAX)];
    let mut crc = CRC16_START;
    // The CRC runs over command and body; `at` is where the CRC bytes would stand.
    for at in 3..window.len() {
        crc = crc16_step(crc, window[at - 1]);
        let Some([low, high, END, END]) = window.get(at..at + 4) else { continue };
        if crc.to_le_bytes() == [*low, *high] {
            let frame = Frame { command: Command(window[2]), body: &window[3..at] };
            return Decoded::Frame { frame, consumed: at + 4 };
        }
    }
    if window.len() == FRAME_LEN_MAX { Decoded::Skip(1) } else { Decoded::NeedMore }
}

/// Appends a frame. A body past [`BODY_LEN_MAX`] is cut and its peer will refuse it.
pub fn encode(command: Command, body: &[u8], out: &mut Vec<u8>) {
    let body = &body[..body.len().min(BODY_LEN_MAX)];
    out.extend_from_slice(&[START, START]);
    let start = out.len();
    out.push(command.0);
    out.extend_from_slice(body);
    let crc = crc16(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(&[END, END]);
}

/// Appends the answer to a time request: `YY MM DD WW hh mm ss`, binary (not BCD). Sunday is 0, as
/// an unrelated platform writes it; the maker's page prints 03 on a Tuesday.
pub fn encode_time(time: MeterTime, out: &mut Vec<u8>) {
    let body = [
        time.year_of_century(),
        time.month(),
        time.day(),
        time.weekday(),
        time.hour(),
        time.minute(),
        time.second(),
    ];
    encode(Command::TIME, &body, out);
}

impl<'b> Registration<'b> {
    /// Reads the body of an 84; `None` without a readable serial number.
    #[must_use]
    pub fn read(body: &'b [u8]) -> Option<Self> {
        let (serial, rest) = body.split_first_chunk::<SERIAL_LEN>()?;
        let serial = text(serial)?;
        // The published frame gives the SIM number 20 digits and ten bytes of padding after it.
        let iccid = rest.get(..20).and_then(text);
        Some(Registration {
            serial,
            iccid,
            rssi: rest.get(30).copied(),
            interval_min: rest.get(31..).and_then(|tail| tail.last().copied()),
        })
    }
}

/// Takes the serial number off the front of a transparent uplink, where a meter puts it or not.
#[must_use]
pub fn without_serial<'b>(body: &'b [u8], serial: &str) -> &'b [u8] {
    match body.split_first_chunk::<SERIAL_LEN>() {
        Some((head, rest)) if text(head) == Some(serial) => rest,
        _ => body,
    }
}

fn text(padded: &[u8]) -> Option<&str> {
    let end = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
    let text = std::str::from_utf8(&padded[..end]).ok()?;
    let readable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    readable.then_some(text)
}
