//! The data part of a frame, kept inline so that the hot path does not allocate.

use std::fmt;
use std::ops::Deref;

/// Longest data part any of our frames can declare: its length is one byte.
pub const PAYLOAD_LEN_MAX: usize = 255;

/// Up to 255 bytes of frame data, stored inline. Reads as a byte slice.
#[derive(Clone, Copy)]
pub struct Payload {
    len: u8,
    bytes: [u8; PAYLOAD_LEN_MAX],
}

/// More than 255 bytes were offered as the data of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{len} bytes do not fit into one frame of at most {PAYLOAD_LEN_MAX}")]
pub struct PayloadTooLong {
    /// The offered length.
    pub len: usize,
}

impl Payload {
    /// No data.
    pub const EMPTY: Payload = Payload { len: 0, bytes: [0; PAYLOAD_LEN_MAX] };

    /// Copies `wire`, changing every byte by `change` (DL/T 645 takes 33H off).
    ///
    /// Bytes past 255 are not taken; decoders have already bounded the length by a one-byte field.
    #[must_use]
    pub(crate) fn from_wire(wire: &[u8], change: impl Fn(u8) -> u8) -> Self {
        let mut payload = Payload::EMPTY;
        for (to, from) in payload.bytes.iter_mut().zip(wire) {
            *to = change(*from);
        }
        payload.len = u8::try_from(wire.len()).unwrap_or(u8::MAX);
        payload
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// [`PayloadTooLong`] when the whole would pass 255 bytes; nothing is appended then.
    pub fn push(&mut self, more: &[u8]) -> Result<(), PayloadTooLong> {
        let start = usize::from(self.len);
        let len = start + more.len();
        let (Ok(len_byte), Some(room)) = (u8::try_from(len), self.bytes.get_mut(start..len)) else {
            return Err(PayloadTooLong { len });
        };
        room.copy_from_slice(more);
        self.len = len_byte;
        Ok(())
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl TryFrom<&[u8]> for Payload {
    type Error = PayloadTooLong;

    fn try_from(bytes: &[u8]) -> Result<Self, PayloadTooLong> {
        let mut payload = Payload::EMPTY;
        payload.push(bytes)?;
        Ok(payload)
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex::spaced(self.as_slice()))
    }
}
