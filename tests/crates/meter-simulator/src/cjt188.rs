//! CJ/T 188 frames of water meters (facts C): one start byte, no +33H.

use crate::dlt645::{Attempt, sum};

/// Most data bytes of one frame (44 in one manual; room for the vendor blocks above it).
pub const DATA_MAX: usize = 64;

/// 68, type, address 7, control, length, checksum, 16.
const OVERHEAD: usize = 13;

/// A CJ/T 188 frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Meter type: 10 cold water, 11 hot, 30 gas, AA any.
    pub kind: u8,
    /// Address, low byte first; the last two bytes are the maker.
    pub address: [u8; 7],
    /// Control byte.
    pub control: u8,
    /// Data: identifier 2, serial 1, payload.
    pub data: Vec<u8>,
}

impl Frame {
    /// The bytes on the wire behind `preamble` times FE.
    pub fn encode(&self, preamble: usize) -> Vec<u8> {
        let mut out = vec![0xfe; preamble];
        out.push(0x68);
        out.push(self.kind);
        out.extend_from_slice(&self.address);
        out.push(self.control);
        out.push(self.data.len().min(DATA_MAX) as u8);
        out.extend(self.data.iter().take(DATA_MAX));
        out.push(sum(&out[preamble..]));
        out.push(0x16);
        out
    }
}

/// Tries to read one frame that starts at the first byte (no preamble).
pub fn attempt(bytes: &[u8]) -> Attempt<Frame> {
    if bytes.first() != Some(&0x68) {
        return Attempt::No;
    }
    let Some(&length) = bytes.get(10) else { return Attempt::More };
    let total = usize::from(length) + OVERHEAD;
    if usize::from(length) > DATA_MAX {
        return Attempt::No;
    }
    let Some(frame) = bytes.get(..total) else { return Attempt::More };
    if frame[total - 1] != 0x16 || frame[total - 2] != sum(&frame[..total - 2]) {
        return Attempt::No;
    }
    let mut address = [0u8; 7];
    address.copy_from_slice(&frame[2..9]);
    let data = frame[11..total - 2].to_vec();
    Attempt::Whole(Frame { kind: frame[1], address, control: frame[9], data }, total)
}

/// The first whole frame anywhere in `bytes` and the end of it.
pub fn find(bytes: &[u8]) -> Option<(Frame, usize)> {
    (0..bytes.len()).find_map(|start| match attempt(&bytes[start..]) {
        Attempt::Whole(frame, used) => Some((frame, start + used)),
        Attempt::More | Attempt::No => None,
    })
}
