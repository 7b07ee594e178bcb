//! What a card reader has to be able to do, whoever made it.

use std::time::Duration;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReaderError {
    /// There is no reader, or nobody who speaks to it.
    #[error("the card reader cannot be reached")]
    NoReader,
    /// The card is not there any more.
    #[error("the card was taken away")]
    Gone,
}

/// A reader of contactless storage cards. All waiting is bounded by the caller.
pub trait CardReader: Send {
    /// Whether a card lies there, waiting at most `wait` for one; it is then held for this kiosk
    /// alone until [`CardReader::release`].
    fn wait_card(&mut self, wait: Duration) -> Result<bool, ReaderError>;

    /// Whether no card lies there, waiting at most `wait` for that.
    fn wait_gone(&mut self, wait: Duration) -> Result<bool, ReaderError>;

    /// One command and its answer as it came: data and two bytes of status, or fewer bytes, which
    /// mean that nobody knows.
    fn transceive(&mut self, apdu: &[u8]) -> Result<Vec<u8>, ReaderError>;

    /// Lets the card go.
    fn release(&mut self);
}
