//! Requests to a 2007 meter (A.3): built checked, encoded without failing.

use super::{Address, Control, Di, Frame, Function, Operator, Password, Prepaid, Relay};
use crate::bcd::two_digits;
use crate::{MeterTime, Payload, PayloadTooLong};

/// A command to one meter, or to all. Built by [`Request::new`], so encoding cannot fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    address: Address,
    command: Command,
    frame: Frame,
}

/// What is asked of the meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// 11: read one identifier.
    Read(Di),
    /// 11 with a block count, and a start for load records.
    ReadBlocks {
        /// The identifier.
        di: Di,
        /// N: how many blocks.
        blocks: u8,
        /// From when; `None` sends N alone.
        from: Option<LoadRecordStart>,
    },
    /// 12: the next frame of a long answer; the sequence starts at 1.
    ReadFollowUp {
        /// The identifier of the read.
        di: Di,
        /// SEQ.
        sequence: u8,
    },
    /// 13: read the address of the only meter on the line. Goes to AA x6.
    ReadAddress,
    /// 15: give the only meter on the line this address. Goes to AA x6.
    WriteAddress(Address),
    /// 14: write a value.
    Write {
        /// The identifier.
        di: Di,
        /// Level and digits.
        password: Password,
        /// Audit tag.
        operator: Operator,
        /// The value before +33H, low byte first.
        value: Vec<u8>,
    },
    /// 08: set clocks by broadcast; never answered.
    BroadcastTime(MeterTime),
    /// 16: freeze now or by a pattern.
    Freeze(FreezeMoment),
    /// 17: change the baud rate.
    Baud(Baud),
    /// 18: change a password.
    ChangePassword {
        /// Which password.
        di: Di,
        /// The one that authorises the change.
        authority: Password,
        /// The new one.
        replacement: Password,
    },
    /// 19: clear the maximum demand.
    ClearDemand {
        /// Level and digits.
        password: Password,
        /// Audit tag.
        operator: Operator,
    },
    /// 1A: clear the meter.
    ClearMeter {
        /// Level and digits.
        password: Password,
        /// Audit tag.
        operator: Operator,
    },
    /// 1B: clear events of an identifier.
    ClearEvents {
        /// Level and digits.
        password: Password,
        /// Audit tag.
        operator: Operator,
        /// Which events.
        di: Di,
    },
    /// 1C: relay, alarm, keep power.
    Relay(Relay),
    /// 1D: what the multi-function terminal puts out.
    Output(u8),
    /// 03: prepayment.
    Prepaid(Prepaid),
}

/// Start of a load-record read: `mm hh DD MM YY`; the second is not sent.
pub type LoadRecordStart = MeterTime;

/// When to freeze, `mm hh DD MM`; `None` in a field means *every* and is sent as 99.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreezeMoment {
    /// Month 1 to 12; firmware B accepts only `None`.
    pub month: Option<u8>,
    /// Day 1 to 31.
    pub day: Option<u8>,
    /// Hour 0 to 23.
    pub hour: Option<u8>,
    /// Minute 0 to 59.
    pub minute: Option<u8>,
}

impl FreezeMoment {
    /// All 99: freeze at once.
    pub const NOW: FreezeMoment = FreezeMoment { month: None, day: None, hour: None, minute: None };

    fn wire(self) -> Result<[u8; 4], RequestError> {
        let field = |value: Option<u8>, low: u8, high: u8| match value {
            None => Ok(0x99),
            Some(value) if (low..=high).contains(&value) => Ok(two_digits(value)),
            Some(_) => Err(RequestError::FreezeMoment),
        };
        Ok([
            field(self.minute, 0, 59)?,
            field(self.hour, 0, 23)?,
            field(self.day, 1, 31)?,
            field(self.month, 1, 12)?,
        ])
    }
}

/// The baud feature byte Z of 17H (A.3; from one vendor's firmware and data sheet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Baud {
    /// 600 bit/s.
    B600 = 0x02,
    /// 1200 bit/s.
    B1200 = 0x04,
    /// 2400 bit/s.
    B2400 = 0x08,
    /// 4800 bit/s.
    B4800 = 0x10,
    /// 9600 bit/s.
    B9600 = 0x20,
    /// 19200 bit/s.
    B19200 = 0x40,
}

/// Why a request is not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The address does not fit the command: wildcards only for 13 and 15, broadcast only for 08,
    /// 16 and 1D, everything else to one exact meter (A.2).
    #[error("address {address} cannot be used for function {function:?}")]
    Address {
        /// The refused address.
        address: Address,
        /// The function.
        function: Function,
    },
    /// The data does not fit into one frame.
    #[error(transparent)]
    TooLong(#[from] PayloadTooLong),
    /// A freeze moment outside the calendar.
    #[error("the freeze moment is out of range")]
    FreezeMoment,
    /// Follow-up frames are counted from 1.
    #[error("follow-up frames are counted from 1")]
    Sequence,
    /// The address to write is not twelve decimal digits, or is the broadcast address.
    #[error("{address} cannot be given to a meter")]
    NewAddress {
        /// The refused address.
        address: Address,
    },
}

impl Command {
    /// The function of the command.
    #[must_use]
    pub const fn function(&self) -> Function {
        match self {
            Command::Read(_) | Command::ReadBlocks { .. } => Function::Read,
            Command::ReadFollowUp { .. } => Function::ReadFollowUp,
            Command::ReadAddress => Function::ReadAddress,
            Command::WriteAddress(_) => Function::WriteAddress,
            Command::Write { .. } => Function::Write,
            Command::BroadcastTime(_) => Function::BroadcastTime,
            Command::Freeze(_) => Function::Freeze,
            Command::Baud(_) => Function::Baud,
            Command::ChangePassword { .. } => Function::ChangePassword,
            Command::ClearDemand { .. } => Function::ClearDemand,
            Command::ClearMeter { .. } => Function::ClearMeter,
            Command::ClearEvents { .. } => Function::ClearEvents,
            Command::Relay(_) => Function::Relay,
            Command::Output(_) => Function::Output,
            Command::Prepaid(_) => Function::Security,
        }
    }

    /// The identifier a reply must repeat, for the functions that carry one.
    #[must_use]
    pub const fn di(&self) -> Option<Di> {
        match self {
            Command::Read(di)
            | Command::ReadBlocks { di, .. }
            | Command::ReadFollowUp { di, .. } => Some(*di),
            Command::Prepaid(prepaid) => Some(prepaid.di()),
            _ => None,
        }
    }

    fn data(&self, meter: Address) -> Result<Payload, RequestError> {
        let mut data = Payload::EMPTY;
        match self {
            Command::Read(di) => data.push(&di.wire())?,
            Command::ReadBlocks { di, blocks, from } => {
                data.push(&di.wire())?;
                data.push(&[*blocks])?;
                if let Some(start) = from {
                    data.push(&start.minute_first())?;
                }
            }
            Command::ReadFollowUp { sequence: 0, .. } => return Err(RequestError::Sequence),
            Command::ReadFollowUp { di, sequence } => {
                data.push(&di.wire())?;
                data.push(&[*sequence])?;
            }
            Command::ReadAddress => {}
            Command::WriteAddress(address) if !address.is_exact() => {
                return Err(RequestError::NewAddress { address: *address });
            }
            Command::WriteAddress(address) => data.push(&address.wire())?,
            Command::BroadcastTime(time) => data.push(&time.second_first())?,
            Command::Freeze(moment) => data.push(&moment.wire()?)?,
            Command::Baud(baud) => data.push(&[*baud as u8])?,
            Command::Output(byte) => data.push(&[*byte])?,
            Command::Relay(relay) => relay.put(&mut data)?,
            Command::Prepaid(prepaid) => prepaid.put(meter, &mut data)?,
            Command::Write { .. }
            | Command::ChangePassword { .. }
            | Command::ClearDemand { .. }
            | Command::ClearMeter { .. }
            | Command::ClearEvents { .. } => self.put_programming(&mut data)?,
        }
        Ok(data)
    }

    fn put_programming(&self, data: &mut Payload) -> Result<(), PayloadTooLong> {
        match self {
            Command::Write { di, password, operator, value } => {
                data.push(&di.wire())?;
                data.push(&password.wire())?;
                data.push(&operator.wire())?;
                data.push(value)
            }
            Command::ChangePassword { di, authority, replacement } => {
                data.push(&di.wire())?;
                data.push(&authority.wire())?;
                data.push(&replacement.wire())
            }
            Command::ClearDemand { password, operator }
            | Command::ClearMeter { password, operator } => {
                data.push(&password.wire())?;
                data.push(&operator.wire())
            }
            Command::ClearEvents { password, operator, di } => {
                data.push(&password.wire())?;
                data.push(&operator.wire())?;
                data.push(&di.wire())
            }
            _ => Ok(()),
        }
    }
}

impl Request {
    /// A request, checked and ready to encode.
    ///
    /// # Errors
    /// [`RequestError`]: an address the command must not be sent to, data that does not fit.
    pub fn new(address: Address, command: Command) -> Result<Self, RequestError> {
        let function = command.function();
        let good = match function {
            Function::ReadAddress | Function::WriteAddress => address == Address::WILDCARD,
            Function::BroadcastTime => address.is_broadcast() || address.is_exact(),
            Function::Freeze | Function::Output => address.is_broadcast() || address.is_exact(),
            _ => address.is_exact(),
        };
        if !good {
            return Err(RequestError::Address { address, function });
        }
        let data = command.data(address)?;
        let frame = Frame { address, control: Control(function.code()), data };
        Ok(Request { address, command, frame })
    }

    /// 11: read one identifier of one meter.
    ///
    /// # Errors
    /// [`RequestError::Address`] for a broadcast or wildcard address.
    pub fn read(address: Address, di: Di) -> Result<Self, RequestError> {
        Request::new(address, Command::Read(di))
    }

    /// Whom it goes to.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// What is asked.
    #[must_use]
    pub const fn command(&self) -> &Command {
        &self.command
    }

    /// The frame as it will be sent, data before +33H.
    #[must_use]
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// False for broadcasts, which a meter never answers: fire and pause (H.1 case 23).
    #[must_use]
    pub fn expects_reply(&self) -> bool {
        !self.address.is_broadcast() && self.command.function() != Function::BroadcastTime
    }

    /// Appends the request with `preamble` bytes FE in front; meters want
    /// [`super::PREAMBLE_LEN_MAX`].
    pub fn encode(&self, preamble: u8, out: &mut Vec<u8>) {
        self.frame.encode(preamble, out);
    }
}
