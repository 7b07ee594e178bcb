//! Tying a CJ/T 188 answer to its question: address, function, identifier and serial number.

use super::{
    Address, Command, Di, FlowReading, Frame, PurchaseRecord, ReadingError, Request, Status,
};
use crate::dlt645::Control;

/// An answer that belongs to the request it was parsed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'f> {
    /// To 901F. An error means the layout is not the one of the profile: no reading, no guess.
    Reading(Result<FlowReading, ReadingError>),
    /// To 8105.
    Purchase(Result<PurchaseRecord, ReadingError>),
    /// To 810A.
    Address(Address),
    /// To a valve command: what the meter says at once, before the motor moved.
    Valve(Status),
    /// To any other identifier or write: the bytes after the serial number.
    Value(&'f [u8]),
    /// D6 set; with the status when the meter sent one.
    Refused(Option<Status>),
}

/// Why a frame is not the answer; keep waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// A request, or a reply to another function.
    #[error("control {got} does not answer control {asked}")]
    Control {
        /// The control byte sent.
        asked: Control,
        /// The control byte received.
        got: Control,
    },
    /// Another meter answers.
    #[error("meter {got} answered, {asked} was asked")]
    Address {
        /// The address asked.
        asked: Address,
        /// The address that answered.
        got: Address,
    },
    /// Another identifier, or the dialect has the wrong byte order.
    #[error("identifier {got} answered, {asked} was asked")]
    Di {
        /// The identifier asked.
        asked: Di,
        /// The identifier received, read in the dialect's order.
        got: Di,
    },
    /// Another serial number: a late reply.
    #[error("serial number {got} answered, {asked} was sent")]
    Serial {
        /// The serial number sent.
        asked: u8,
        /// The serial number received.
        got: u8,
    },
    /// The length fits no answer.
    #[error("{got} data bytes cannot be an answer")]
    Length {
        /// Data length in bytes.
        got: usize,
    },
}

impl<'f> Reply<'f> {
    /// Reads `frame` as the answer to `request`.
    ///
    /// # Errors
    /// [`Mismatch`] when the frame answers something else.
    pub fn parse(frame: &'f Frame, request: &Request) -> Result<Self, Mismatch> {
        let (asked, got) = (request.frame().control, frame.control);
        if !got.is_reply() || got.function_code() != asked.function_code() {
            return Err(Mismatch::Control { asked, got });
        }
        check_address(frame, request)?;
        let length = Mismatch::Length { got: frame.data.len() };
        if got.is_abnormal() {
            return refused(frame, request, length);
        }
        let (wire, rest) = frame.data.as_slice().split_first_chunk::<2>().ok_or(length)?;
        let (serial, value) = rest.split_first().ok_or(length)?;
        check_di(*wire, request)?;
        check_serial(*serial, request)?;
        let dialect = request.dialect();
        Ok(match request.command() {
            Command::Read(Di::READING) => Reply::Reading(FlowReading::read(value, dialect)),
            Command::Read(Di::PURCHASE_RECORD) => {
                Reply::Purchase(PurchaseRecord::read(value, dialect))
            }
            Command::ReadAddress => Reply::Address(frame.address),
            Command::Valve { .. } => {
                let status = <[u8; 2]>::try_from(value).map_err(|_| length)?;
                Reply::Valve(Status::read(status, dialect))
            }
            _ => Reply::Value(value),
        })
    }
}

fn check_address(frame: &Frame, request: &Request) -> Result<(), Mismatch> {
    let asked = request.frame().address;
    let answers = match request.command() {
        // The meter may already answer under its new name.
        Command::WriteAddress(new) => frame.address == *new || frame.address == asked,
        _ => frame.address.answers(asked),
    };
    if answers { Ok(()) } else { Err(Mismatch::Address { asked, got: frame.address }) }
}

fn check_di(wire: [u8; 2], request: &Request) -> Result<(), Mismatch> {
    let dialect = request.dialect();
    let is_read = request.command().is_read();
    let order = if is_read { dialect.read_order } else { dialect.write_order };
    let (asked, got) = (request.command().di(), order.read(wire));
    if asked == got { Ok(()) } else { Err(Mismatch::Di { asked, got }) }
}

fn check_serial(got: u8, request: &Request) -> Result<(), Mismatch> {
    let asked = request.serial();
    if got == asked { Ok(()) } else { Err(Mismatch::Serial { asked, got }) }
}

/// An abnormal reply is SER and ST, three bytes (two manuals); other lengths still mean *no*.
fn refused<'f>(frame: &Frame, request: &Request, length: Mismatch) -> Result<Reply<'f>, Mismatch> {
    match *frame.data.as_slice() {
        [serial, st0, st1] => {
            check_serial(serial, request)?;
            Ok(Reply::Refused(Some(Status::read([st0, st1], request.dialect()))))
        }
        [] | [_] | [_, _] => Ok(Reply::Refused(None)),
        _ => Err(length),
    }
}
