//! Why a request of a kiosk fails. The server turns it into a status and a problem document.

use std::fmt::Display;

use store::StoreError;
use vending::{Refusal, VendingError};

/// The result of a handler.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a request fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is nothing of that name within the kiosk's reach; what is another's answers the same.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A body or query cannot be read.
    #[error("{place} cannot be read: {why}")]
    Unreadable {
        /// `body` or `query`.
        place: &'static str,
        /// What the reader says.
        why: String,
    },
    /// A field holds what it may not hold.
    #[error("the field {0} is not of the right form")]
    Malformed(&'static str),
    /// There is no valid session: the kiosk greets again.
    #[error("the kiosk has to greet again")]
    Session,
    /// The kiosk is not let in any more, or never was.
    #[error("the kiosk is not let in")]
    Revoked,
    /// The code fits no kiosk that waits, or is burnt or too old. Which of them is not told.
    #[error("the pairing is refused")]
    PairingRefused,
    /// The operator saw another fingerprint than the key has.
    #[error("the fingerprint is another one")]
    FingerprintDiffers,
    /// The number or the key belongs to a kiosk that is there already.
    #[error("there is such a kiosk already")]
    Taken,
    /// A code by SMS is wrong, used or too old.
    #[error("the code is wrong, used or too old")]
    CodeRefused,
    /// Too many tries.
    #[error("too many tries; the next one in {retry_after_s} s")]
    TooMany {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// Text messages cannot be sent just now, or not at all.
    #[error("{0} cannot be reached just now")]
    DoorClosed(&'static str),
    /// An order the kiosk's journal knows and the books do not.
    #[error("the order is not in the books")]
    OrderUnknown,
    /// A card that cannot be sold to, by its stable reason.
    #[error("the card is refused: {0}")]
    Card(&'static str),
    /// A command that cannot be ordered, by its stable reason.
    #[error("the command is refused: {0}")]
    Command(&'static str),
    /// Content that may not be shown, with the field that is wrong.
    #[error("the content is refused: {0}")]
    Content(String),
    /// A file that is not what it says, is too large, or is one too many.
    #[error("the file is refused: {0}")]
    File(&'static str),
    /// The house refuses.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Something is wrong here; the text is for the log only.
    #[error("internal: {0}")]
    Internal(String),
}

impl Failure {
    /// A fault of ours, with what the log should say.
    pub fn internal(why: &impl Display) -> Failure {
        Failure::Internal(why.to_string())
    }
}

impl From<VendingError> for Failure {
    fn from(error: VendingError) -> Self {
        match error {
            VendingError::Refused(Refusal::NotFound { what }) => Failure::NotFound(what),
            VendingError::Refused(refusal) => Failure::Refused(refusal),
            VendingError::Store(error) => Failure::Store(error),
        }
    }
}

impl From<mini_program_api::Failure> for Failure {
    fn from(failure: mini_program_api::Failure) -> Self {
        use mini_program_api::Failure as Theirs;
        match failure {
            Theirs::NotFound(what) => Failure::NotFound(what),
            Theirs::Unreadable { place, why } => Failure::Unreadable { place, why },
            Theirs::Malformed(field) => Failure::Malformed(field),
            Theirs::CodeRefused => Failure::CodeRefused,
            Theirs::TooMany { retry_after_s } => Failure::TooMany { retry_after_s },
            Theirs::DoorClosed(door) => Failure::DoorClosed(door),
            Theirs::NotOffered => Failure::DoorClosed("sms"),
            Theirs::Refused(refusal) => Failure::Refused(refusal),
            Theirs::Store(error) => Failure::Store(error),
            other => Failure::Internal(other.to_string()),
        }
    }
}
