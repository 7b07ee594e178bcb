//! DL/T 645 frames, 2007 and 1997 alike (facts A.1): this simulator's own codec, written from the
//! layout and never from the product's.

/// Most data bytes one frame may carry here; the standard says 200, vendors send 147 and 151.
pub const DATA_MAX: usize = 255;

/// Bytes around the data: 68, address 6, 68, control, length, checksum, 16.
const OVERHEAD: usize = 12;

/// Added to each data byte on the wire.
const OFFSET: u8 = 0x33;

/// A frame with its data as the meter means it, without the +33H of the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Address, low byte first.
    pub address: [u8; 6],
    /// Control byte.
    pub control: u8,
    /// Data, +33H already taken off.
    pub data: Vec<u8>,
}

/// What stands at the start of a buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt<F> {
    /// A whole frame with a right checksum, and the number of bytes it takes.
    Whole(F, usize),
    /// A beginning that may become a frame.
    More,
    /// No frame starts here.
    No,
}

impl Frame {
    /// The bytes on the wire behind `preamble` times FE.
    pub fn encode(&self, preamble: usize) -> Vec<u8> {
        let mut out = vec![0xfe; preamble];
        out.push(0x68);
        out.extend_from_slice(&self.address);
        out.push(0x68);
        out.push(self.control);
        out.push(self.data.len().min(DATA_MAX) as u8);
        out.extend(self.data.iter().take(DATA_MAX).map(|b| b.wrapping_add(OFFSET)));
        out.push(sum(&out[preamble..]));
        out.push(0x16);
        out
    }

    /// The data identifier in the first four bytes, as it is written (00010000).
    pub fn di(&self) -> Option<u32> {
        let bytes: [u8; 4] = self.data.get(..4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    }
}

/// Tries to read one frame that starts at the first byte (no preamble).
pub fn attempt(bytes: &[u8]) -> Attempt<Frame> {
    let starts = |place: usize| bytes.get(place).is_none_or(|&b| b == 0x68);
    if bytes.is_empty() || !starts(0) || !starts(7) {
        return Attempt::No;
    }
    let Some(&length) = bytes.get(9) else { return Attempt::More };
    let total = usize::from(length) + OVERHEAD;
    let Some(frame) = bytes.get(..total) else { return Attempt::More };
    if frame[total - 1] != 0x16 || frame[total - 2] != sum(&frame[..total - 2]) {
        return Attempt::No;
    }
    let mut address = [0u8; 6];
    address.copy_from_slice(&frame[1..7]);
    let data = frame[10..total - 2].iter().map(|b| b.wrapping_sub(OFFSET)).collect();
    Attempt::Whole(Frame { address, control: frame[8], data }, total)
}

/// The first whole frame anywhere in `bytes` and the end of it, skipping preamble and noise.
pub fn find(bytes: &[u8]) -> Option<(Frame, usize)> {
    (0..bytes.len()).find_map(|start| match attempt(&bytes[start..]) {
        Attempt::Whole(frame, used) => Some((frame, start + used)),
        Attempt::More | Attempt::No => None,
    })
}

/// Sum of bytes modulo 256.
pub(crate) fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0u8, |sum, b| sum.wrapping_add(*b))
}
