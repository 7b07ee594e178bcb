//! DL/T 645-1997: the same frame, two-byte identifiers, other control codes (`meters.md` A.8).
//!
//! Frames are found by [`crate::dlt645::decode`]. Writing (04H) is refused: the order of its
//! password differs per vendor and no source settles it. There is no freeze, no 1C and no 13.

use crate::dlt645::{Address, Control, ErrorByte, Frame};
use crate::{MeterTime, Payload};
use std::fmt;
use std::str::FromStr;

/// A 1997 data identifier, four hex digits DI1 DI0; sent low byte first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Di(pub u16);

/// The text is not four hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a data identifier of the 1997 edition is four hex digits")]
pub struct DiError;

impl Di {
    /// Takes DI0 DI1 as they stand after -33H.
    #[must_use]
    pub const fn from_wire(wire: [u8; 2]) -> Self {
        Di(u16::from_le_bytes(wire))
    }
}

impl FromStr for Di {
    type Err = DiError;

    fn from_str(text: &str) -> Result<Self, DiError> {
        if text.len() != 4 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(DiError);
        }
        u16::from_str_radix(text, 16).map(Di).map_err(|_| DiError)
    }
}

impl fmt::Display for Di {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for Di {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

/// What is asked of a 1997 meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// 01: read.
    Read(Di),
    /// 02: read the frame that follows.
    ReadFollowUp(Di),
    /// 03: repeat the last answer.
    ReadAgain,
    /// 08: set clocks by broadcast; never answered.
    BroadcastTime(MeterTime),
    /// 0A: write the address.
    WriteAddress(Address),
}

/// A request, checked and ready to encode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    command: Command,
    frame: Frame,
}

/// The address does not fit the command: reads go to one exact meter, time to all or one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("address {address} cannot be used for {command:?}")]
pub struct RequestError {
    /// The refused address.
    pub address: Address,
    /// The command.
    pub command: Command,
}

impl Command {
    const fn control(self) -> Control {
        Control(match self {
            Command::Read(_) => 0x01,
            Command::ReadFollowUp(_) => 0x02,
            Command::ReadAgain => 0x03,
            Command::BroadcastTime(_) => 0x08,
            Command::WriteAddress(_) => 0x0A,
        })
    }

    fn data(self) -> Payload {
        match self {
            Command::Read(di) | Command::ReadFollowUp(di) => {
                Payload::from_wire(&di.0.to_le_bytes(), |byte| byte)
            }
            Command::ReadAgain => Payload::EMPTY,
            Command::BroadcastTime(time) => Payload::from_wire(&time.second_first(), |byte| byte),
            Command::WriteAddress(address) => Payload::from_wire(&address.wire(), |byte| byte),
        }
    }
}

impl Request {
    /// A request.
    ///
    /// # Errors
    /// [`RequestError`] when the address does not fit the command.
    pub fn new(address: Address, command: Command) -> Result<Self, RequestError> {
        let good = match command {
            Command::BroadcastTime(_) => address.is_broadcast() || address.is_exact(),
            Command::WriteAddress(new) => address.is_exact() && new.is_exact(),
            _ => address.is_exact(),
        };
        if !good {
            return Err(RequestError { address, command });
        }
        let frame = Frame { address, control: command.control(), data: command.data() };
        Ok(Request { command, frame })
    }

    /// What is asked.
    #[must_use]
    pub const fn command(&self) -> Command {
        self.command
    }

    /// Whom it goes to.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.frame.address
    }

    /// False for the time broadcast.
    #[must_use]
    pub const fn expects_reply(&self) -> bool {
        !matches!(self.command, Command::BroadcastTime(_))
    }

    /// Appends the request with `preamble` bytes FE in front.
    pub fn encode(&self, preamble: u8, out: &mut Vec<u8>) {
        self.frame.encode(preamble, out);
    }
}

/// An answer that belongs to the request it was parsed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'f> {
    /// 81 to 83 and A1 to A3: a value after its identifier.
    Value {
        /// The identifier.
        di: Di,
        /// The value, low byte first.
        value: &'f [u8],
        /// More frames follow: ask 02H.
        more: bool,
    },
    /// 8A: the address is written.
    AddressWritten,
    /// C1 and its like: the meter refuses.
    Refused(ErrorByte),
}

/// Why a frame is not the answer; it belongs to somebody else, keep waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The request is a broadcast.
    #[error("a broadcast has no answer")]
    NoReplyExpected,
    /// Another meter answers.
    #[error("meter {got} answered, {asked} was asked")]
    Address {
        /// The address asked.
        asked: Address,
        /// The address that answered.
        got: Address,
    },
    /// A request, or a reply to another function.
    #[error("control {got} does not answer control {asked}")]
    Control {
        /// The control byte sent.
        asked: Control,
        /// The control byte received.
        got: Control,
    },
    /// Another identifier.
    #[error("identifier {got} answered, {asked} was asked")]
    Di {
        /// The identifier asked.
        asked: Di,
        /// The identifier received.
        got: Di,
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
        if !request.expects_reply() {
            return Err(Mismatch::NoReplyExpected);
        }
        let (asked, got) = (request.frame.control, frame.control);
        if !got.is_reply() || got.function_code() != asked.function_code() {
            return Err(Mismatch::Control { asked, got });
        }
        let answers = match request.command {
            // The meter may already answer under its new name.
            Command::WriteAddress(new) => {
                frame.address == new || frame.address == request.address()
            }
            _ => frame.address.answers(request.address()),
        };
        if !answers {
            return Err(Mismatch::Address { asked: request.address(), got: frame.address });
        }
        let length = Mismatch::Length { got: frame.data.len() };
        if got.is_abnormal() {
            let [error] = frame.data.as_slice() else { return Err(length) };
            return Ok(Reply::Refused(ErrorByte(*error)));
        }
        if let Command::WriteAddress(_) = request.command {
            return if frame.data.is_empty() { Ok(Reply::AddressWritten) } else { Err(length) };
        }
        let (wire, value) = frame.data.as_slice().split_first_chunk::<2>().ok_or(length)?;
        let di = Di::from_wire(*wire);
        match request.command {
            Command::Read(asked) | Command::ReadFollowUp(asked) if asked != di => {
                Err(Mismatch::Di { asked, got: di })
            }
            _ => Ok(Reply::Value { di, value, more: got.has_more() }),
        }
    }
}
