//! Replies, looked for with the request in hand.

use super::request::{EXCEPTION, Registers, Request, WRITE_SINGLE};
use crate::checksum::crc16;
use crate::{Decoded, Payload};
use std::fmt;

/// Longest RTU frame in bytes (Modbus over serial line V1.02, 2.3).
pub const FRAME_LEN_MAX: usize = 256;
/// Shortest reply in bytes: an exception.
pub const REPLY_LEN_MIN: usize = 5;

/// A reply frame whose CRC is right, from the slave asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adu {
    /// The slave that answers.
    pub slave: u8,
    /// Function code; the top bit marks an exception.
    pub function: u8,
    /// Everything between function and CRC.
    pub body: Payload,
}

/// An answer that belongs to the request it was parsed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "registers stay inline: no allocation per frame")]
pub enum Reply {
    /// The registers read.
    Registers(Registers),
    /// The write is echoed: accepted, not yet proven.
    Written,
    /// The slave refuses.
    Refused(Exception),
}

/// The exception code of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exception(pub u8);

/// Why a frame with a right CRC is not the answer: keep waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Another slave or function: a late reply.
    #[error("slave {slave} function {function:02X} does not answer the request")]
    Header {
        /// Slave that answered.
        slave: u8,
        /// Function code received.
        function: u8,
    },
    /// The body is not as long as the request demands.
    #[error("{got} bytes answered where {expected} were due")]
    Length {
        /// Body bytes due.
        expected: usize,
        /// Body bytes received.
        got: usize,
    },
    /// A write was echoed with another register, count or value: a late reply to another write.
    #[error("the echo differs from what was written")]
    Echo,
}

impl Exception {
    /// What the code says (Modbus application protocol V1.1b3, 7).
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self.0 {
            1 => "illegal function",
            2 => "illegal data address",
            3 => "illegal data value",
            4 => "device failure",
            5 => "acknowledged, still working",
            6 => "device busy",
            8 => "memory parity error",
            10 => "gateway path unavailable",
            11 => "gateway target did not respond",
            _ => "unlisted exception",
        }
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02X}, {}", self.0, self.meaning())
    }
}

/// Looks for the reply to `request` at the front of `buf`.
///
/// Slave, function and, for reads, byte count must fit at once; a header that does not is skipped
/// byte by byte, so noise and late replies of another shape never stall the line.
#[must_use]
pub fn decode_reply(buf: &[u8], request: &Request) -> Decoded<Adu> {
    match buf.iter().position(|byte| *byte == request.slave()) {
        None if buf.is_empty() => return Decoded::NeedMore,
        None => return Decoded::Skip(buf.len()),
        Some(0) => {}
        Some(noise) => return Decoded::Skip(noise),
    }
    let Some(function) = buf.get(1).copied() else { return Decoded::NeedMore };
    let len = if function == request.function() | EXCEPTION {
        REPLY_LEN_MIN
    } else if function == request.function() {
        request.expected_reply_len()
    } else {
        return Decoded::Skip(1);
    };
    let counted = function == request.function() && !request.is_write();
    if counted && buf.get(2).is_some_and(|bytes| usize::from(*bytes) + 5 != len) {
        return Decoded::Skip(1);
    }
    let Some((body, crc)) = buf.get(..len).and_then(|frame| frame.split_last_chunk::<2>()) else {
        return Decoded::NeedMore;
    };
    if crc16(body).to_le_bytes() != *crc {
        return Decoded::Skip(1);
    }
    let body = Payload::from_wire(&body[2..], |byte| byte);
    Decoded::Frame { frame: Adu { slave: request.slave(), function, body }, consumed: len }
}

/// As [`decode_reply`], for the moment the line fell silent.
#[must_use]
pub fn decode_reply_at_end(buf: &[u8], request: &Request) -> Decoded<Adu> {
    decode_reply(buf, request).at_end(buf)
}

impl Reply {
    /// Reads `adu` as the answer to `request`: slave, function, length and, for writes, the echo.
    ///
    /// # Errors
    /// [`Mismatch`] when the frame answers something else.
    pub fn parse(adu: &Adu, request: &Request) -> Result<Self, Mismatch> {
        let header = Mismatch::Header { slave: adu.slave, function: adu.function };
        if adu.slave != request.slave() {
            return Err(header);
        }
        let got = adu.body.len();
        if adu.function == request.function() | EXCEPTION {
            return match adu.body.as_slice() {
                [code] => Ok(Reply::Refused(Exception(*code))),
                _ => Err(Mismatch::Length { expected: 1, got }),
            };
        }
        if adu.function != request.function() {
            return Err(header);
        }
        let expected = request.expected_reply_len() - 4;
        if got != expected {
            return Err(Mismatch::Length { expected, got });
        }
        if request.is_write() {
            return if adu.body.as_slice() == echo(request) {
                Ok(Reply::Written)
            } else {
                Err(Mismatch::Echo)
            };
        }
        match adu.body.split_first() {
            Some((count, values)) if usize::from(*count) == values.len() => {
                Ok(Reply::Registers(Registers::from_wire(values)))
            }
            _ => Err(Mismatch::Length { expected, got }),
        }
    }
}

fn echo(request: &Request) -> [u8; 4] {
    let second = match request.values() {
        [value] if request.function() == WRITE_SINGLE => *value,
        _ => request.count(),
    };
    let [start_high, start_low] = request.start().to_be_bytes();
    let [second_high, second_low] = second.to_be_bytes();
    [start_high, start_low, second_high, second_low]
}
