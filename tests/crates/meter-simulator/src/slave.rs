//! What all Modbus slaves do alike: ranges, exceptions, echoes.

use crate::meter::Mood;
use crate::modbus::{ILLEGAL_ADDRESS, ILLEGAL_VALUE, Pdu, REGISTERS_MAX};

/// Answers a read of registers with what `register` knows; a hole in the range is refused.
pub(crate) fn read(pdu: &Pdu, mood: Mood, register: impl Fn(u16) -> Option<u16>) -> Pdu {
    let Some((first, count)) = pdu.range().filter(|_| pdu.body.len() == 4) else {
        return pdu.exception(ILLEGAL_VALUE);
    };
    if count == 0 || count > REGISTERS_MAX {
        return pdu.exception(ILLEGAL_VALUE);
    }
    let mut body = vec![(count * 2) as u8];
    for place in 0..count {
        let Some(value) = first.checked_add(place).and_then(&register) else {
            return pdu.exception(ILLEGAL_ADDRESS);
        };
        let shown = if mood.absent { 0xffff } else { value };
        body.extend_from_slice(&shown.to_be_bytes());
    }
    pdu.answer(body)
}

/// The echo of a multiple write: first register and number of registers.
pub(crate) fn written(pdu: &Pdu) -> Pdu {
    pdu.answer(pdu.body[..4.min(pdu.body.len())].to_vec())
}

/// Half of a 32-bit value that starts at register `base`.
pub(crate) fn wide(value: u32, base: u16, register: u16) -> u16 {
    if register == base { (value >> 16) as u16 } else { (value & 0xffff) as u16 }
}

/// Two bytes of a byte field that starts at register `base`.
pub(crate) fn pair(bytes: &[u8], base: u16, register: u16) -> u16 {
    let at = usize::from(register - base) * 2;
    let byte = |place: usize| bytes.get(place).copied().unwrap_or(0);
    u16::from_be_bytes([byte(at), byte(at + 1)])
}
