//! Requests to a CJ/T 188 meter, checked, then encoded without failing.

use super::{Address, Di, Dialect, Frame, MeterType};
use crate::dlt645::Control;
use crate::{BcdError, MeterTime, Payload, PayloadTooLong, bcd_from_u64};

/// What is asked of the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// C=01: read an identifier, usually [`Di::READING`] or [`Di::PURCHASE_RECORD`].
    Read(Di),
    /// C=03: read the address of the only meter on the line.
    ReadAddress,
    /// C=04 A017: open (55) or close (99) the valve.
    Valve {
        /// True to open.
        open: bool,
    },
    /// C=04 A013: purchase; plain on the 2004 edition, anybody on the bus could send it.
    Purchase {
        /// One-byte purchase sequence.
        sequence: u8,
        /// Amount in fen, sent as XXXXXX.XX.
        amount_fen: u32,
    },
    /// C=04 A015: set the clock.
    SetTime(MeterTime),
    /// C=15 A018: give the meter this address.
    WriteAddress(Address),
    /// C=16 A016: set the base reading.
    SetBaseReading {
        /// The eight digits of the register.
        value: u32,
        /// The byte after the value, 00 in the published frame.
        unit: u8,
    },
}

/// A request with the dialect its answer is read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    command: Command,
    serial: u8,
    dialect: Dialect,
    frame: Frame,
}

/// Why a request is not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The wildcard is only for reading the address; everything else goes to one exact meter.
    #[error("address {address} cannot be used for {command:?}")]
    Address {
        /// The refused address.
        address: Address,
        /// The command.
        command: Command,
    },
    /// A number has more digits than its field.
    #[error(transparent)]
    Number(#[from] BcdError),
    /// The data does not fit into one frame.
    #[error(transparent)]
    TooLong(#[from] PayloadTooLong),
}

impl Command {
    /// The identifier the command carries.
    #[must_use]
    pub const fn di(&self) -> Di {
        match self {
            Command::Read(di) => *di,
            Command::ReadAddress => Di::ADDRESS,
            Command::Valve { .. } => Di::VALVE,
            Command::Purchase { .. } => Di::PURCHASE,
            Command::SetTime(_) => Di::TIME,
            Command::WriteAddress(_) => Di::WRITE_ADDRESS,
            Command::SetBaseReading { .. } => Di::BASE_READING,
        }
    }

    /// The control byte of the request.
    #[must_use]
    pub const fn control(&self) -> Control {
        Control(match self {
            Command::Read(_) => 0x01,
            Command::ReadAddress => 0x03,
            Command::Valve { .. } | Command::Purchase { .. } | Command::SetTime(_) => 0x04,
            Command::WriteAddress(_) => 0x15,
            Command::SetBaseReading { .. } => 0x16,
        })
    }

    pub(super) const fn is_read(&self) -> bool {
        matches!(self, Command::Read(_) | Command::ReadAddress)
    }

    fn put(&self, data: &mut Payload) -> Result<(), RequestError> {
        let mut digits = [0; 4];
        match self {
            Command::Read(_) | Command::ReadAddress => {}
            Command::Valve { open } => data.push(&[if *open { 0x55 } else { 0x99 }])?,
            Command::Purchase { sequence, amount_fen } => {
                bcd_from_u64(u64::from(*amount_fen), &mut digits)?;
                data.push(&[*sequence])?;
                data.push(&digits)?;
            }
            Command::SetTime(time) => {
                data.push(&time.second_first())?;
                // The century of a MeterTime is always 20.
                data.push(&[0x20])?;
            }
            Command::WriteAddress(address) => data.push(&address.wire())?,
            Command::SetBaseReading { value, unit } => {
                bcd_from_u64(u64::from(*value), &mut digits)?;
                data.push(&digits)?;
                data.push(&[*unit])?;
            }
        }
        Ok(())
    }
}

impl Request {
    /// A request; `serial` is repeated by the meter and should differ between neighbours.
    ///
    /// # Errors
    /// [`RequestError`]: a wildcard where one meter must be named, a number too long.
    pub fn new(
        meter_type: MeterType,
        address: Address,
        command: Command,
        serial: u8,
        dialect: Dialect,
    ) -> Result<Self, RequestError> {
        let good = match command {
            Command::ReadAddress => address.is_exact() || address == Address::WILDCARD,
            Command::WriteAddress(new) => address.is_exact() && new.is_exact(),
            _ => address.is_exact(),
        };
        if !good || (meter_type == MeterType::ANY && address != Address::WILDCARD) {
            return Err(RequestError::Address { address, command });
        }
        let order = if command.is_read() { dialect.read_order } else { dialect.write_order };
        let mut data = Payload::EMPTY;
        data.push(&order.wire(command.di()))?;
        data.push(&[serial])?;
        command.put(&mut data)?;
        let frame = Frame { meter_type, address, control: command.control(), data };
        Ok(Request { command, serial, dialect, frame })
    }

    /// What is asked.
    #[must_use]
    pub const fn command(&self) -> &Command {
        &self.command
    }

    /// The serial number the meter must repeat.
    #[must_use]
    pub const fn serial(&self) -> u8 {
        self.serial
    }

    /// The dialect the answer is read in.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The frame as it will be sent.
    #[must_use]
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Appends the request with `preamble` bytes FE in front; 2 to 4 are usual.
    pub fn encode(&self, preamble: u8, out: &mut Vec<u8>) {
        self.frame.encode(preamble, out);
    }
}
