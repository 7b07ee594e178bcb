//! Modbus on a serial line (RTU, CRC) and on TCP (MBAP), as a slave sees it (facts B).

use crate::dlt645::Attempt;

/// Most registers one read may ask for (Modbus application protocol 6.3).
pub const REGISTERS_MAX: u16 = 125;

/// Function code: read holding registers.
pub const READ_HOLDING: u8 = 0x03;
/// Function code: read input registers.
pub const READ_INPUT: u8 = 0x04;
/// Function code: write single register.
pub const WRITE_SINGLE: u8 = 0x06;
/// Function code: write multiple registers.
pub const WRITE_MULTIPLE: u8 = 0x10;

/// Exception: function not supported.
pub const ILLEGAL_FUNCTION: u8 = 1;
/// Exception: register does not exist.
pub const ILLEGAL_ADDRESS: u8 = 2;
/// Exception: value refused.
pub const ILLEGAL_VALUE: u8 = 3;
/// Exception: device failure.
pub const DEVICE_FAILURE: u8 = 4;

/// One request or answer without its transport: unit, function, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// Slave address on the line.
    pub unit: u8,
    /// Function code; +80H in an exception.
    pub function: u8,
    /// Everything behind the function code, without checksum.
    pub body: Vec<u8>,
    /// MBAP transaction number when it came over Modbus TCP; `None` on a serial line.
    pub transaction: Option<u16>,
}

impl Pdu {
    /// The answer to this request with the same unit, function and transport.
    pub fn answer(&self, body: Vec<u8>) -> Self {
        Self { unit: self.unit, function: self.function, body, transaction: self.transaction }
    }

    /// The exception answer to this request.
    pub fn exception(&self, code: u8) -> Self {
        Self { function: self.function | 0x80, ..self.answer(vec![code]) }
    }

    /// First register and number of registers of a read or a multiple write.
    pub fn range(&self) -> Option<(u16, u16)> {
        let first = u16::from_be_bytes([*self.body.first()?, *self.body.get(1)?]);
        let count = u16::from_be_bytes([*self.body.get(2)?, *self.body.get(3)?]);
        Some((first, count))
    }

    /// The registers carried by a multiple write; `None` when the counts contradict each other.
    pub fn written(&self) -> Option<Vec<u16>> {
        let (_, count) = self.range()?;
        let bytes = self.body.get(5..)?;
        let fits =
            usize::from(count) * 2 == bytes.len() && usize::from(*self.body.get(4)?) == bytes.len();
        fits.then(|| bytes.chunks(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect())
    }

    /// Bytes on the wire: MBAP when it came so, RTU with CRC otherwise.
    pub fn encode(&self) -> Vec<u8> {
        let mut core = vec![self.unit, self.function];
        core.extend_from_slice(&self.body);
        let Some(transaction) = self.transaction else {
            let crc = crc16(&core);
            core.extend_from_slice(&crc.to_le_bytes());
            return core;
        };
        let mut out = transaction.to_be_bytes().to_vec();
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&(core.len() as u16).to_be_bytes());
        out.extend_from_slice(&core);
        out
    }
}

/// Tries to read one RTU *request* at the first byte; its length follows from the function code.
pub fn attempt_rtu(bytes: &[u8]) -> Attempt<Pdu> {
    let Some(&function) = bytes.get(1) else { return Attempt::More };
    let length = match function {
        1..=6 => 8,
        WRITE_MULTIPLE => match bytes.get(6) {
            Some(&count) => 9 + usize::from(count),
            None => return Attempt::More,
        },
        _ => return Attempt::No,
    };
    let Some(frame) = bytes.get(..length) else { return Attempt::More };
    if crc16(&frame[..length - 2]).to_le_bytes() != frame[length - 2..] {
        return Attempt::No;
    }
    let body = frame[2..length - 2].to_vec();
    Attempt::Whole(Pdu { unit: frame[0], function, body, transaction: None }, length)
}

/// Tries to read one MBAP request at the first byte.
pub fn attempt_mbap(bytes: &[u8]) -> Attempt<Pdu> {
    let Some(head) = bytes.get(..7) else { return Attempt::More };
    let length = usize::from(u16::from_be_bytes([head[4], head[5]]));
    if head[2..4] != [0, 0] || !(2..=254).contains(&length) {
        return Attempt::No;
    }
    let Some(frame) = bytes.get(..6 + length) else { return Attempt::More };
    let pdu = Pdu {
        unit: frame[6],
        function: frame[7],
        body: frame[8..].to_vec(),
        transaction: Some(u16::from_be_bytes([head[0], head[1]])),
    };
    Attempt::Whole(pdu, 6 + length)
}

/// CRC-16/MODBUS, polynomial A001 reflected, start FFFF.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff_u16, |crc, &b| {
        (0..8).fold(
            crc ^ u16::from(b),
            |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xa001 } else { crc >> 1 }
            },
        )
    })
}

/// IEEE 754 single precision of `numerator / denominator`, rounded to nearest, built from
/// integers because money of this house never passes through a float.
pub fn float32(numerator: i64, denominator: u32) -> u32 {
    if numerator == 0 || denominator == 0 {
        return 0;
    }
    let sign = u32::from(numerator < 0) << 31;
    let magnitude = u128::from(numerator.unsigned_abs());
    let denominator = u128::from(denominator);
    // Scale until the quotient has exactly 24 significant bits plus one for rounding.
    let mut exponent = 0i32;
    let mut scaled = magnitude << 40;
    while scaled / denominator >= 1 << 25 {
        scaled >>= 1;
        exponent += 1;
    }
    while scaled / denominator < 1 << 24 {
        scaled <<= 1;
        exponent -= 1;
    }
    let mut mantissa = (scaled / denominator).div_ceil(2) as u32;
    let mut power = exponent - 40 + 24;
    if mantissa == 1 << 24 {
        mantissa >>= 1;
        power += 1;
    }
    sign | (((power + 127) as u32) << 23) | (mantissa & 0x007f_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_agree_with_the_machine() {
        for (numerator, denominator) in [
            (1, 1),
            (10_000, 100),
            (12_345, 100),
            (-7, 2),
            (1, 10_000),
            (5_032, 10),
            (999_999, 100),
        ] {
            let machine = (f64::from(numerator) / f64::from(denominator)) as f32;
            let ours = f32::from_bits(float32(i64::from(numerator), denominator as u32));
            assert!((machine - ours).abs() <= machine.abs() * f32::EPSILON, "{machine} {ours}");
        }
        assert_eq!(float32(0, 100), 0);
        assert_eq!(float32(100, 1), 0x42c8_0000);
    }

    #[test]
    fn a_published_request_has_the_published_checksum() {
        let bytes = [0x01, 0x03, 0x30, 0x01, 0x00, 0x06, 0x9b, 0x08];
        let Attempt::Whole(pdu, 8) = attempt_rtu(&bytes) else { panic!("not a request") };
        assert_eq!(pdu.range(), Some((0x3001, 6)));
        assert_eq!(pdu.encode(), bytes);
    }
}
