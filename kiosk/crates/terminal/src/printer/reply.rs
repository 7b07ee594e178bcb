//! Telling a printer's bytes apart by the bits that are fixed in each kind.

/// Asks for real-time status `n`; answered at once, whatever waits in the printer's memory.
pub fn ask_status(n: u8) -> [u8; 3] {
    [0x10, 0x04, n]
}

/// Recovers from an error and clears what is in memory.
pub const RECOVER: [u8; 3] = [0x10, 0x05, 2];
/// Asks for the paper sensor *in order*: the answer means that everything before was carried out.
pub const FENCE: [u8; 3] = [0x1d, b'r', 1];
/// Automatic status off.
pub const QUIET: [u8; 3] = [0x1d, b'a', 0];

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To [`ask_status`]: `0xx1xx10`.
    Status(u8),
    /// To [`FENCE`]: `0xx0xxxx`.
    Fence(u8),
}

/// Reads bytes as they come.
///
/// Invariant: a byte no printer sends is never a status; proved by
/// `bytes_of_other_kinds_are_told_apart`.
#[derive(Clone, Debug, Default)]
pub struct Replies {
    /// Bytes left of an automatic status, which somebody else has switched on.
    automatic: u8,
}

impl Replies {
    /// One more byte; the answer it is, if it is one.
    pub fn push(&mut self, byte: u8) -> Option<Reply> {
        let continues = byte & 0x90 == 0;
        if self.automatic > 0 && continues {
            self.automatic -= 1;
            return None;
        }
        self.automatic = 0;
        if byte & 0x93 == 0x12 {
            return Some(Reply::Status(byte));
        }
        if byte & 0x93 == 0x10 {
            self.automatic = 3;
            return None;
        }
        continues.then_some(Reply::Fence(byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_other_kinds_are_told_apart() {
        let read = |bytes: &[u8]| {
            let mut replies = Replies::default();
            bytes.iter().filter_map(|byte| replies.push(*byte)).collect::<Vec<_>>()
        };
        let rows: [(&[u8], &[Reply]); 8] = [
            (&[0x12], &[Reply::Status(0x12)]),
            (&[0x7e, 0x00], &[Reply::Status(0x7e), Reply::Fence(0)]),
            (&[0x0f], &[Reply::Fence(0x0f)]),
            (&[0xff, 0x80, 0x93, 0x13, 0x11], &[]),
            (&[0x14, 0x00, 0x00, 0x0f, 0x12], &[Reply::Status(0x12)]),
            (&[0x14, 0x00, 0x00, 0x0f, 0x00], &[Reply::Fence(0)]),
            (&[0x14, 0x12], &[Reply::Status(0x12)]),
            (&[0x18, 0x00, 0x14, 0x00, 0x00, 0x00, 0x03], &[Reply::Fence(3)]),
        ];
        for (bytes, want) in rows {
            assert_eq!(read(bytes), want, "{bytes:02x?}");
        }
        let status = |byte: &u8| Replies::default().push(*byte) == Some(Reply::Status(*byte));
        assert_eq!((0..=u8::MAX).filter(status).count(), 16);
    }
}
