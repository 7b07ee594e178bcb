//! Tying an answer to its question. On a transparent bus nothing else does (H.1 cases 7, 8, 18).

use super::prepaid::{AuthEnd, Prepaid, WalletReceipt, WalletStatus};
use super::{
    Address, Command, Control, Di, ErrorByte, Frame, Function, Refusal, RelayFault, RelayStatus,
    Request, Serr,
};

/// An answer that belongs to the request it was parsed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply<'f> {
    /// 91 or B1: the value after its identifier.
    Value {
        /// The identifier, equal to the one asked.
        di: Di,
        /// The value, low byte first; may be all FF for *absent*.
        value: &'f [u8],
        /// More frames follow: ask 12H from sequence 1.
        more: bool,
    },
    /// 92 or B2: a further part of a long value.
    Part {
        /// The identifier, equal to the one asked.
        di: Di,
        /// The part.
        value: &'f [u8],
        /// Equal to the sequence asked.
        sequence: u8,
        /// Yet more frames follow.
        more: bool,
    },
    /// 93 or 95: the meter's address.
    Address(Address),
    /// 94, 96, 99, 9A, 9B: accepted. Not yet done: read back.
    Accepted,
    /// 9C: the relay command is accepted, with the extended status of meters that send one.
    Relay(Option<RelayStatus>),
    /// 97 or 9D: the byte of the request, echoed.
    Echo(u8),
    /// 98: the new password is in force; its bytes are not kept.
    PasswordChanged,
    /// 83.
    Prepaid(PrepaidReply<'f>),
    /// D6 set: the meter refuses. This does not prove that nothing was applied.
    Refused(Refusal),
}

/// The answers to 03H.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrepaidReply<'f> {
    /// The identifier alone (firmware A and B, order-number family).
    Done,
    /// With balance, count and customer (firmware C).
    Receipt(WalletReceipt),
    /// To 078102FF.
    Status(WalletStatus),
    /// To 070002FF.
    AuthEnd(AuthEnd),
    /// To 070000FF: random number 2 and the ESAM serial.
    Authenticated {
        /// Random number 2.
        random: [u8; 4],
        /// Serial of the security chip.
        esam: [u8; 8],
    },
    /// A length no source describes; the bytes after the identifier.
    Unknown(&'f [u8]),
}

/// Why a frame is not the answer to a request. It belongs to somebody else: keep waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// The request is a broadcast; nobody answers it.
    #[error("a broadcast has no answer")]
    NoReplyExpected,
    /// D7 is clear: an echo of a request, ours or another master's.
    #[error("control {control} is a request, not a reply")]
    NotAReply {
        /// The control byte.
        control: Control,
    },
    /// Another meter answers: address clash or wiring; three of them are an alarm.
    #[error("meter {got} answered, {asked} was asked")]
    Address {
        /// The address asked.
        asked: Address,
        /// The address that answered.
        got: Address,
    },
    /// Another function: a late reply or a spontaneous frame.
    #[error("control {got} does not answer function {asked:?}")]
    Function {
        /// The function asked.
        asked: Function,
        /// The control byte received.
        got: Control,
    },
    /// Another identifier: a late reply or a spontaneous frame.
    #[error("identifier {got} answered, {asked} was asked")]
    Di {
        /// The identifier asked.
        asked: Di,
        /// The identifier received.
        got: Di,
    },
    /// Another part of a long value.
    #[error("part {got} answered, {asked} was asked")]
    Sequence {
        /// The sequence asked.
        asked: u8,
        /// The sequence received.
        got: u8,
    },
    /// Address, function and identifier fit, the length does not.
    #[error("{got} data bytes cannot be an answer to function {asked:?}")]
    Length {
        /// The function asked.
        asked: Function,
        /// Data length in bytes.
        got: usize,
    },
    /// An echo that differs from what was sent.
    #[error("the meter echoed {got:02X}, {asked:02X} was sent")]
    Echo {
        /// The byte sent.
        asked: u8,
        /// The byte received.
        got: u8,
    },
}

impl<'f> Reply<'f> {
    /// Reads `frame` as the answer to `request`.
    ///
    /// # Errors
    /// [`Mismatch`] when the frame answers something else; the exchange then keeps waiting.
    pub fn parse(frame: &'f Frame, request: &Request) -> Result<Self, Mismatch> {
        let asked = request.command().function();
        if !request.expects_reply() {
            return Err(Mismatch::NoReplyExpected);
        }
        if !frame.control.is_reply() {
            return Err(Mismatch::NotAReply { control: frame.control });
        }
        if !frame.address.answers(request.address()) {
            return Err(Mismatch::Address { asked: request.address(), got: frame.address });
        }
        if frame.control.function_code() != asked.code() {
            return Err(Mismatch::Function { asked, got: frame.control });
        }
        if frame.control.is_abnormal() {
            return Ok(Reply::Refused(refusal(asked, &frame.data)));
        }
        let length = Mismatch::Length { asked, got: frame.data.len() };
        match asked {
            Function::Read | Function::ReadFollowUp | Function::Security => {
                with_identifier(frame, request.command(), length)
            }
            Function::ReadAddress | Function::WriteAddress => address(frame, request, length),
            Function::Baud | Function::Output => echo(frame, request, length),
            Function::ChangePassword => Ok(Reply::PasswordChanged),
            Function::Relay => match *frame.data.as_slice() {
                [] => Ok(Reply::Relay(None)),
                [low, high] => Ok(Reply::Relay(Some(RelayStatus(u16::from_le_bytes([low, high]))))),
                _ => Err(length),
            },
            Function::BroadcastTime
            | Function::Write
            | Function::Freeze
            | Function::ClearDemand
            | Function::ClearMeter
            | Function::ClearEvents => {
                if frame.data.is_empty() {
                    Ok(Reply::Accepted)
                } else {
                    Err(length)
                }
            }
        }
    }
}

fn refusal(asked: Function, data: &[u8]) -> Refusal {
    match (asked, data) {
        (_, [byte]) => Refusal::Byte(ErrorByte(*byte)),
        (Function::Security, [low, high]) => {
            Refusal::Security(Serr(u16::from_le_bytes([*low, *high])))
        }
        (Function::Relay, [low, high]) => {
            Refusal::Relay(RelayFault(u16::from_le_bytes([*low, *high])))
        }
        _ => Refusal::Unexplained,
    }
}

fn with_identifier<'f>(
    frame: &'f Frame,
    command: &Command,
    length: Mismatch,
) -> Result<Reply<'f>, Mismatch> {
    let (wire, value) = frame.data.as_slice().split_first_chunk::<4>().ok_or(length)?;
    let di = Di::from_wire(*wire);
    match command.di() {
        Some(asked) if asked != di => return Err(Mismatch::Di { asked, got: di }),
        _ => {}
    }
    let more = frame.control.has_more();
    match command {
        Command::Prepaid(prepaid) => Ok(Reply::Prepaid(prepaid_reply(prepaid, value))),
        Command::ReadFollowUp { sequence: asked, .. } => {
            let (sequence, value) = value.split_last().ok_or(length)?;
            if sequence != asked {
                return Err(Mismatch::Sequence { asked: *asked, got: *sequence });
            }
            Ok(Reply::Part { di, value, sequence: *sequence, more })
        }
        _ => Ok(Reply::Value { di, value, more }),
    }
}

fn prepaid_reply<'f>(prepaid: &Prepaid, value: &'f [u8]) -> PrepaidReply<'f> {
    let typed = match prepaid {
        Prepaid::Status(_) => WalletStatus::read(value).map(PrepaidReply::Status),
        Prepaid::AuthEnd(_) => AuthEnd::read(value).map(PrepaidReply::AuthEnd),
        Prepaid::Authenticate(_) => authenticated(value),
        _ if value.is_empty() => Some(PrepaidReply::Done),
        _ => WalletReceipt::read(value).map(PrepaidReply::Receipt),
    };
    typed.unwrap_or(PrepaidReply::Unknown(value))
}

fn authenticated<'f>(value: &[u8]) -> Option<PrepaidReply<'f>> {
    let (random, rest) = value.split_first_chunk::<4>()?;
    let esam = <[u8; 8]>::try_from(rest).ok()?;
    Some(PrepaidReply::Authenticated { random: *random, esam })
}

fn address<'f>(frame: &Frame, request: &Request, length: Mismatch) -> Result<Reply<'f>, Mismatch> {
    if let (Command::WriteAddress(_), []) = (request.command(), frame.data.as_slice()) {
        return Ok(Reply::Address(frame.address));
    }
    let inside = <[u8; 6]>::try_from(frame.data.as_slice()).map_err(|_| length)?;
    let inside = Address::from_wire(inside);
    // Colliding answers of several meters must never name a third one.
    if inside == frame.address {
        Ok(Reply::Address(inside))
    } else {
        Err(Mismatch::Address { asked: inside, got: frame.address })
    }
}

fn echo<'f>(frame: &Frame, request: &Request, length: Mismatch) -> Result<Reply<'f>, Mismatch> {
    let ([got], [asked]) = (frame.data.as_slice(), request.frame().data.as_slice()) else {
        return Err(length);
    };
    if got == asked {
        Ok(Reply::Echo(*got))
    } else {
        Err(Mismatch::Echo { asked: *asked, got: *got })
    }
}
