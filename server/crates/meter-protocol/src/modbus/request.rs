//! Requests: built checked, encoded without failing, their reply length known beforehand.

use crate::Decoded;
use crate::checksum::crc16;

/// Most registers one read may ask for (Modbus application protocol V1.1b3, 6.3).
pub const READ_REGISTERS_MAX: u16 = 125;
/// Most registers one write may carry (Modbus application protocol V1.1b3, 6.12).
pub const WRITE_REGISTERS_MAX: usize = 123;

pub(super) const READ_HOLDING: u8 = 0x03;
pub(super) const READ_INPUT: u8 = 0x04;
pub(super) const WRITE_SINGLE: u8 = 0x06;
pub(super) const WRITE_MULTIPLE: u8 = 0x10;
pub(super) const EXCEPTION: u8 = 0x80;

/// Register values, stored inline.
#[derive(Clone, Copy)]
pub struct Registers {
    len: u8,
    values: [u16; READ_REGISTERS_MAX as usize],
}

/// A request to one slave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    slave: u8,
    function: u8,
    start: u16,
    count: u16,
    values: Registers,
}

/// Why a request is not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Slaves are 1 to 247; a broadcast (0) is never answered and never sent by us.
    #[error("slave {slave} is not 1 to 247")]
    Slave {
        /// The refused slave.
        slave: u8,
    },
    /// No registers, or more than a frame can carry.
    #[error("{count} registers do not fit into one request")]
    Count {
        /// The refused count.
        count: usize,
    },
    /// The last register would pass FFFFH.
    #[error("{count} registers from {start:04X} pass the end of the address space")]
    Range {
        /// First register.
        start: u16,
        /// Number of registers.
        count: u16,
    },
}

impl Registers {
    const NONE: Registers = Registers { len: 0, values: [0; READ_REGISTERS_MAX as usize] };

    /// Reads big-endian register bytes; what passes 125 registers is not taken.
    pub(super) fn from_wire(wire: &[u8]) -> Self {
        let mut registers = Registers::NONE;
        let (pairs, _) = wire.as_chunks::<2>();
        for (slot, pair) in registers.values.iter_mut().zip(pairs) {
            *slot = u16::from_be_bytes(*pair);
            registers.len += 1;
        }
        registers
    }

    fn from_values(values: &[u16]) -> Self {
        let mut registers = Registers::NONE;
        for (slot, value) in registers.values.iter_mut().zip(values) {
            *slot = *value;
            registers.len += 1;
        }
        registers
    }

    /// The values in register order.
    #[must_use]
    pub fn as_slice(&self) -> &[u16] {
        &self.values[..usize::from(self.len)]
    }

    /// Two registers from `index` as an unsigned number, high register first (B.1).
    #[must_use]
    pub fn u32_at(&self, index: usize) -> Option<u32> {
        let pair = self.as_slice().get(index..index.checked_add(2)?)?;
        Some(u32::from(pair[0]) << 16 | u32::from(pair[1]))
    }
}

impl PartialEq for Registers {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Registers {}

impl std::fmt::Debug for Registers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}

impl Request {
    /// FC03: read holding registers.
    ///
    /// # Errors
    /// [`RequestError`] for a slave outside 1..=247 or a count outside 1..=125.
    pub fn read_holding(slave: u8, start: u16, count: u16) -> Result<Self, RequestError> {
        Request::read(slave, READ_HOLDING, start, count)
    }

    /// FC04: read input registers.
    ///
    /// # Errors
    /// As [`Request::read_holding`].
    pub fn read_input(slave: u8, start: u16, count: u16) -> Result<Self, RequestError> {
        Request::read(slave, READ_INPUT, start, count)
    }

    /// FC06: write one register.
    ///
    /// # Errors
    /// [`RequestError::Slave`].
    pub fn write_single(slave: u8, register: u16, value: u16) -> Result<Self, RequestError> {
        let values = Registers::from_values(&[value]);
        Request { slave, function: WRITE_SINGLE, start: register, count: 1, values }.checked()
    }

    /// FC10: write registers.
    ///
    /// # Errors
    /// [`RequestError`] for a slave outside 1..=247 or a count outside 1..=123.
    pub fn write_multiple(slave: u8, start: u16, values: &[u16]) -> Result<Self, RequestError> {
        let count = u16::try_from(values.len())
            .ok()
            .filter(|_| (1..=WRITE_REGISTERS_MAX).contains(&values.len()))
            .ok_or(RequestError::Count { count: values.len() })?;
        let values = Registers::from_values(values);
        Request { slave, function: WRITE_MULTIPLE, start, count, values }.checked()
    }

    fn read(slave: u8, function: u8, start: u16, count: u16) -> Result<Self, RequestError> {
        if !(1..=READ_REGISTERS_MAX).contains(&count) {
            return Err(RequestError::Count { count: usize::from(count) });
        }
        Request { slave, function, start, count, values: Registers::NONE }.checked()
    }

    fn checked(self) -> Result<Self, RequestError> {
        let Request { slave, start, count, .. } = self;
        if !(1..=247).contains(&slave) {
            return Err(RequestError::Slave { slave });
        }
        if u32::from(start) + u32::from(count) > 0x1_0000 {
            return Err(RequestError::Range { start, count });
        }
        Ok(self)
    }

    /// The slave asked.
    #[must_use]
    pub const fn slave(&self) -> u8 {
        self.slave
    }

    /// The function code: 03, 04, 06 or 10 (hex).
    #[must_use]
    pub const fn function(&self) -> u8 {
        self.function
    }

    /// The first register.
    #[must_use]
    pub const fn start(&self) -> u16 {
        self.start
    }

    /// The number of registers.
    #[must_use]
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// The values of a write; empty for a read.
    #[must_use]
    pub fn values(&self) -> &[u16] {
        self.values.as_slice()
    }

    /// True for FC06 and FC10.
    #[must_use]
    pub const fn is_write(&self) -> bool {
        matches!(self.function, WRITE_SINGLE | WRITE_MULTIPLE)
    }

    /// Length in bytes of the good reply, CRC included; an exception is always 5.
    #[must_use]
    pub fn expected_reply_len(&self) -> usize {
        if self.is_write() { 8 } else { 5 + 2 * usize::from(self.count) }
    }

    /// Appends the frame with its CRC.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let begin = out.len();
        out.extend_from_slice(&[self.slave, self.function]);
        out.extend_from_slice(&self.start.to_be_bytes());
        if self.function != WRITE_SINGLE {
            out.extend_from_slice(&self.count.to_be_bytes());
        }
        if self.function == WRITE_MULTIPLE {
            // At most 123 registers by construction, so 246 bytes.
            out.push(u8::try_from(2 * self.count).unwrap_or(u8::MAX));
        }
        for value in self.values() {
            out.extend_from_slice(&value.to_be_bytes());
        }
        let crc = crc16(&out[begin..]);
        out.extend_from_slice(&crc.to_le_bytes());
    }
}

/// Looks for a request at the front of `buf`: what a slave, or a person with a capture, sees.
#[must_use]
pub fn decode_request(buf: &[u8]) -> Decoded<Request> {
    let [slave, function, rest @ ..] = buf else { return Decoded::NeedMore };
    let len = match *function {
        READ_HOLDING | READ_INPUT | WRITE_SINGLE => 8,
        WRITE_MULTIPLE => match rest.get(4) {
            Some(bytes) => 9 + usize::from(*bytes),
            None => return Decoded::NeedMore,
        },
        _ => return Decoded::Skip(1),
    };
    let Some((body, crc)) = buf.get(..len).and_then(|frame| frame.split_last_chunk::<2>()) else {
        return Decoded::NeedMore;
    };
    if crc16(body).to_le_bytes() != *crc {
        return Decoded::Skip(1);
    }
    match request_of(*slave, *function, &body[2..]) {
        Some(frame) => Decoded::Frame { frame, consumed: len },
        None => Decoded::Skip(1),
    }
}

fn request_of(slave: u8, function: u8, body: &[u8]) -> Option<Request> {
    let (head, values) = body.split_first_chunk::<4>()?;
    let [start_high, start_low, second_high, second_low] = *head;
    let start = u16::from_be_bytes([start_high, start_low]);
    let second = u16::from_be_bytes([second_high, second_low]);
    let request = match function {
        READ_HOLDING | READ_INPUT => Request::read(slave, function, start, second),
        WRITE_SINGLE => Request::write_single(slave, start, second),
        _ => {
            let values = Registers::from_wire(values.get(1..)?);
            Request::write_multiple(slave, start, values.as_slice())
        }
    };
    request.ok().filter(|request| request.function == WRITE_SINGLE || request.count == second)
}
