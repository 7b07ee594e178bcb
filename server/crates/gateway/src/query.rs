//! One request as bytes, and the answer that belongs to it. Pure: no socket, no clock.
//!
//! Correlation is ours (design §5): address, control code and identifier for DL/T 645 and
//! CJ/T 188, slave, function, length and echo for Modbus. What does not fit never answers.

use meter_protocol::{Decoded, cjt188, dlt645, dlt645_1997, modbus};

use crate::{command::Refusal, profile::Quirks};

pub mod build;
pub(crate) use build::Target;
pub(crate) mod refusal;

/// An address on a bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum MeterAddress {
    Dlt645(dlt645::Address),
    Cjt188(cjt188::Address),
    Modbus(u8),
}

impl std::fmt::Display for MeterAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MeterAddress::Dlt645(address) => address.fmt(f),
            MeterAddress::Cjt188(address) => address.fmt(f),
            MeterAddress::Modbus(slave) => slave.fmt(f),
        }
    }
}

/// What ties an answer to a request: who, which function, which identifier or serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameKey {
    pub address: MeterAddress,
    pub function: u8,
    pub identifier: u32,
}

/// A request that is ready to be sent.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)]
pub(crate) enum Query {
    Dlt645(dlt645::Request),
    Dlt645V1997(dlt645_1997::Request),
    Cjt188(cjt188::Request),
    Modbus(modbus::Request),
}

/// An answer that belongs to its request. The bytes of a value go into the caller's buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A value, or a part of one when more frames follow.
    Value { more: bool },
    /// Accepted.
    Done,
    /// Accepted, with balance in fen and purchase count.
    Receipt { balance_fen: u32, count: u32 },
    /// An address.
    Address(MeterAddress),
    /// Refused.
    Refused { raw: u16, meaning: Refusal, locks_password: bool },
}

/// What a whole frame means for the request in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Answer(Answer),
    /// It would be the answer, had not another meter sent it.
    WrongAddress(MeterAddress),
    /// It answers something else, or nothing.
    Foreign(FrameKey),
    /// A request: our own echo, or another master on the bus.
    Request,
}

/// What stands at the front of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    NeedMore,
    Skip(usize),
    Frame { consumed: usize, verdict: Verdict },
}

impl Query {
    /// Appends the request.
    pub(crate) fn encode(&self, quirks: &Quirks, out: &mut Vec<u8>) {
        match self {
            Query::Dlt645(request) => request.encode(quirks.preamble, out),
            Query::Dlt645V1997(request) => request.encode(quirks.preamble, out),
            Query::Cjt188(request) => request.encode(quirks.preamble, out),
            Query::Modbus(request) => request.encode(out),
        }
    }

    /// How many bytes the request is on the bus, preamble included.
    pub(crate) fn length(&self, quirks: &Quirks) -> usize {
        let mut frame = Vec::with_capacity(64);
        self.encode(quirks, &mut frame);
        frame.len()
    }

    /// The request as it may be kept: where a password stood are zeros, under a checksum that fits,
    /// so that the frame can still be read.
    ///
    /// Invariant: no password leaves the gateway but on the wire (test
    /// `a_password_is_on_the_wire_and_in_no_record`).
    pub(crate) fn for_the_record(&self, mut frame: Vec<u8>) -> Vec<u8> {
        let Query::Dlt645(request) = self else { return frame };
        // DI4, PA, P0 P1 P2 of a write; PA, P0 P1 P2 of a relay command (`meters.md` A.3).
        let at = match request.command() {
            dlt645::Command::Write { .. } => 5,
            dlt645::Command::Relay(_) => 1,
            _ => return frame,
        };
        let start = frame.iter().position(|byte| *byte == 0x68).unwrap_or(0);
        let digits = start + 10 + at;
        let end = frame.len().saturating_sub(2);
        if digits + 3 <= end {
            frame[digits..digits + 3].fill(0x33);
            frame[end] = frame[start..end].iter().fold(0, |sum, byte| sum.wrapping_add(*byte));
        }
        frame
    }

    /// False for broadcasts.
    pub(crate) fn expects_reply(&self) -> bool {
        match self {
            Query::Dlt645(request) => request.expects_reply(),
            Query::Dlt645V1997(request) => request.expects_reply(),
            Query::Cjt188(_) | Query::Modbus(_) => true,
        }
    }

    /// Whether any meter may answer, so that answers may collide.
    pub(crate) fn is_wildcard(&self) -> bool {
        match self {
            Query::Dlt645(request) => request.address().is_wildcard(),
            Query::Cjt188(request) => request.frame().address == cjt188::Address::WILDCARD,
            Query::Dlt645V1997(_) | Query::Modbus(_) => false,
        }
    }

    /// The key its answer will have.
    pub(crate) fn key(&self) -> FrameKey {
        match self {
            Query::Dlt645(request) => FrameKey {
                address: MeterAddress::Dlt645(request.address()),
                function: request.command().function().code(),
                identifier: request.command().di().map_or(0, |di| di.0),
            },
            Query::Dlt645V1997(request) => FrameKey {
                address: MeterAddress::Dlt645(request.address()),
                function: 1,
                identifier: match request.command() {
                    dlt645_1997::Command::Read(di) | dlt645_1997::Command::ReadFollowUp(di) => {
                        u32::from(di.0)
                    }
                    _ => 0,
                },
            },
            Query::Cjt188(request) => FrameKey {
                address: MeterAddress::Cjt188(request.frame().address),
                function: request.frame().control.function_code(),
                identifier: u32::from(request.serial()),
            },
            Query::Modbus(request) => FrameKey {
                address: MeterAddress::Modbus(request.slave()),
                function: request.function(),
                identifier: u32::from(request.start()),
            },
        }
    }

    /// Looks at the front of what was received. The value of an answer is appended to `value`.
    ///
    /// Invariant: what is not the checked answer of the meter asked never becomes an
    /// [`Answer`] (test `only_the_answer_to_the_request_is_an_answer`).
    pub(crate) fn look(&self, buf: &[u8], quirks: &Quirks, value: &mut Vec<u8>) -> Found {
        match self {
            Query::Dlt645(request) => {
                framed(dlt645::decode(buf, quirks.max_data), |f| dlt645_verdict(f, request, value))
            }
            Query::Dlt645V1997(request) => {
                framed(dlt645::decode(buf, quirks.max_data), |f| v1997_verdict(f, request, value))
            }
            Query::Cjt188(request) => {
                // One start byte only: a low cap keeps a false one from being believed for long.
                let max_data = quirks.max_data.min(cjt188::DATA_LEN_MAX);
                framed(cjt188::decode(buf, max_data), |f| cjt188_verdict(f, request, value))
            }
            Query::Modbus(request) => modbus_found(buf, request, value),
        }
    }
}

/// Looks for any frame of a protocol, when no request is in hand.
pub(crate) fn look_idle(address: MeterAddress, buf: &[u8]) -> Found {
    match address {
        MeterAddress::Dlt645(_) => framed(dlt645::decode(buf, u8::MAX), dlt645_stranger),
        MeterAddress::Cjt188(_) => framed(cjt188::decode(buf, u8::MAX), cjt188_stranger),
        MeterAddress::Modbus(_) if buf.is_empty() => Found::NeedMore,
        MeterAddress::Modbus(_) => Found::Skip(buf.len()),
    }
}

fn framed<F>(decoded: Decoded<F>, verdict: impl FnOnce(&F) -> Verdict) -> Found {
    match decoded {
        Decoded::NeedMore => Found::NeedMore,
        Decoded::Skip(count) => Found::Skip(count),
        Decoded::Frame { frame, consumed } => Found::Frame { consumed, verdict: verdict(&frame) },
    }
}

fn dlt645_stranger(frame: &dlt645::Frame) -> Verdict {
    if !frame.control.is_reply() {
        return Verdict::Request;
    }
    let identifier = frame.data.as_slice().first_chunk::<4>().map_or(0, |b| u32::from_le_bytes(*b));
    let function = frame.control.function_code();
    // 1997 answers carry two bytes of identifier.
    let identifier = if function < 0x03 { identifier & 0xFFFF } else { identifier };
    let has_identifier = matches!(function, 0x01 | 0x02 | 0x03 | 0x11 | 0x12);
    Verdict::Foreign(FrameKey {
        address: MeterAddress::Dlt645(frame.address),
        function,
        identifier: if has_identifier && !frame.control.is_abnormal() { identifier } else { 0 },
    })
}

fn cjt188_stranger(frame: &cjt188::Frame) -> Verdict {
    if !frame.control.is_reply() {
        return Verdict::Request;
    }
    Verdict::Foreign(FrameKey {
        address: MeterAddress::Cjt188(frame.address),
        function: frame.control.function_code(),
        identifier: frame.data.as_slice().get(2).copied().map_or(0, u32::from),
    })
}

fn dlt645_verdict(
    frame: &dlt645::Frame,
    request: &dlt645::Request,
    value: &mut Vec<u8>,
) -> Verdict {
    use dlt645::{Mismatch, PrepaidReply, Reply};
    let stranger = || dlt645_stranger(frame);
    match dlt645::Reply::parse(frame, request) {
        Ok(Reply::Value { value: bytes, more, .. } | Reply::Part { value: bytes, more, .. }) => {
            value.extend_from_slice(bytes);
            Verdict::Answer(Answer::Value { more })
        }
        Ok(Reply::Address(address)) => {
            Verdict::Answer(Answer::Address(MeterAddress::Dlt645(address)))
        }
        Ok(Reply::Prepaid(PrepaidReply::Receipt(receipt))) => Verdict::Answer(Answer::Receipt {
            balance_fen: receipt.balance_fen,
            count: receipt.purchase_count,
        }),
        Ok(Reply::Refused(refused)) => {
            Verdict::Answer(refusal::dlt645(refused, request.command().function()))
        }
        Ok(_) => Verdict::Answer(Answer::Done),
        Err(Mismatch::Address { got, .. }) if answers_from_elsewhere(frame, request) => {
            Verdict::WrongAddress(MeterAddress::Dlt645(got))
        }
        Err(_) => stranger(),
    }
}

/// Whether the frame would be the answer, had the meter asked sent it.
fn answers_from_elsewhere(frame: &dlt645::Frame, request: &dlt645::Request) -> bool {
    if request.address().is_wildcard() {
        return true;
    }
    let moved = dlt645::Frame { address: request.address(), ..*frame };
    dlt645::Reply::parse(&moved, request).is_ok()
}

fn v1997_verdict(
    frame: &dlt645::Frame,
    request: &dlt645_1997::Request,
    value: &mut Vec<u8>,
) -> Verdict {
    use dlt645_1997::{Mismatch, Reply};
    match Reply::parse(frame, request) {
        Ok(Reply::Value { value: bytes, more, .. }) => {
            value.extend_from_slice(bytes);
            Verdict::Answer(Answer::Value { more })
        }
        Ok(Reply::AddressWritten) => Verdict::Answer(Answer::Done),
        Ok(Reply::Refused(error)) => Verdict::Answer(refusal::error_byte(error, false)),
        Err(Mismatch::Address { got, .. }) => Verdict::WrongAddress(MeterAddress::Dlt645(got)),
        Err(_) => dlt645_stranger(frame),
    }
}

fn cjt188_verdict(
    frame: &cjt188::Frame,
    request: &cjt188::Request,
    value: &mut Vec<u8>,
) -> Verdict {
    use cjt188::{Command, Mismatch, Reply};
    match Reply::parse(frame, request) {
        Ok(Reply::Refused(status)) => {
            let raw = status.map_or(0, |s| u16::from_be_bytes([s.first, s.second]));
            let meaning = Refusal::Other;
            Verdict::Answer(Answer::Refused { raw, meaning, locks_password: false })
        }
        Ok(Reply::Address(address)) => {
            Verdict::Answer(Answer::Address(MeterAddress::Cjt188(address)))
        }
        Ok(_) if matches!(request.command(), Command::Read(_)) => {
            value.extend_from_slice(frame.data.as_slice().get(3..).unwrap_or_default());
            Verdict::Answer(Answer::Value { more: false })
        }
        Ok(_) => Verdict::Answer(Answer::Done),
        Err(Mismatch::Address { got, .. }) => Verdict::WrongAddress(MeterAddress::Cjt188(got)),
        Err(_) => cjt188_stranger(frame),
    }
}

fn modbus_found(buf: &[u8], request: &modbus::Request, value: &mut Vec<u8>) -> Found {
    match modbus::decode_reply(buf, request) {
        Decoded::NeedMore => Found::NeedMore,
        Decoded::Skip(count) => match other_slave(buf, request) {
            Some(found) => found,
            None => Found::Skip(count),
        },
        Decoded::Frame { frame, consumed } => {
            let key = Query::Modbus(*request).key();
            let verdict = match modbus::Reply::parse(&frame, request) {
                Ok(modbus::Reply::Registers(registers)) => {
                    for register in registers.as_slice() {
                        value.extend_from_slice(&register.to_be_bytes());
                    }
                    Verdict::Answer(Answer::Value { more: false })
                }
                Ok(modbus::Reply::Written) => Verdict::Answer(Answer::Done),
                Ok(modbus::Reply::Refused(code)) => Verdict::Answer(refusal::modbus(code.0)),
                Err(_) => Verdict::Foreign(key),
            };
            Found::Frame { consumed, verdict }
        }
    }
}

/// A whole reply of the right shape from another slave: an address clash, not noise.
fn other_slave(buf: &[u8], request: &modbus::Request) -> Option<Found> {
    let slave = *buf.first().filter(|slave| **slave != request.slave())?;
    let same = match request.function() {
        3 => modbus::Request::read_holding(slave, request.start(), request.count()),
        4 => modbus::Request::read_input(slave, request.start(), request.count()),
        _ => modbus::Request::write_multiple(slave, request.start(), request.values()),
    };
    match modbus::decode_reply(buf, &same.ok()?) {
        Decoded::Frame { consumed, .. } => {
            let verdict = Verdict::WrongAddress(MeterAddress::Modbus(slave));
            Some(Found::Frame { consumed, verdict })
        }
        Decoded::NeedMore => Some(Found::NeedMore),
        Decoded::Skip(_) => None,
    }
}

#[cfg(test)]
mod tests;
