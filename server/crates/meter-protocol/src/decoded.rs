//! The three answers of every streaming decoder.

/// What a decoder found at the front of a buffer.
///
/// Invariant: a decoder makes progress. `consumed` and the count in `Skip` are at least 1 and at
/// most the length of the buffer, and `NeedMore` is never answered for a buffer that already holds
/// the longest legal frame (test `every_decoder_always_makes_progress`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoded<F> {
    /// A whole, checked frame; drop `consumed` bytes from the front of the buffer.
    Frame {
        /// The frame.
        frame: F,
        /// Bytes of the buffer the frame occupies.
        consumed: usize,
    },
    /// The front of the buffer may still become a frame; read more bytes.
    NeedMore,
    /// This many bytes at the front cannot start a frame; drop them and ask again.
    Skip(usize),
}

impl<F> Decoded<F> {
    /// Changes the frame, keeps the rest.
    pub fn map<G>(self, change: impl FnOnce(F) -> G) -> Decoded<G> {
        match self {
            Decoded::Frame { frame, consumed } => Decoded::Frame { frame: change(frame), consumed },
            Decoded::NeedMore => Decoded::NeedMore,
            Decoded::Skip(count) => Decoded::Skip(count),
        }
    }

    /// For the moment the line fell silent: an unfinished head is then noise, and one byte is
    /// dropped so that a real frame behind a false start byte is still found (H.1 case 3).
    #[must_use]
    pub fn at_end(self, buf: &[u8]) -> Self {
        match self {
            Decoded::NeedMore if !buf.is_empty() => Decoded::Skip(1),
            other => other,
        }
    }
}
