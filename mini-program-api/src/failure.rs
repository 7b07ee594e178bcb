//! Why a request of a tenant fails. The server turns it into a status and a problem document; the
//! codes and both languages stand in its one table.

use std::fmt::Display;

use store::StoreError;
use vending::{Refusal, VendingError};

/// The result of a handler.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a request fails.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// There is nothing of that name within the caller's reach; what is another's answers the same.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A field of the request cannot be read.
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
    /// There is no valid access token.
    #[error("the caller has to sign in")]
    SignInRequired,
    /// A refresh token that was used before was shown again: its sign-in has ended.
    #[error("the refresh token was used before")]
    SessionReused,
    /// The code, challenge or ticket is wrong, used or too old. Which of them is not told.
    #[error("the code is wrong, used or too old")]
    CodeRefused,
    /// The ticket opened a sign-in before, in this very browser: another page of it was first.
    #[error("this browser has signed in with the ticket already")]
    SignedIn,
    /// Too many tries.
    #[error("too many tries; the next one in {retry_after_s} s")]
    TooMany {
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// Whoever asks for so many messages shows first that a machine of theirs has worked for it.
    #[error("a proof of work is required")]
    ProofRequired {
        /// What has to be hashed.
        puzzle: String,
        /// How many leading zero bits the hash has to have.
        bits: u32,
    },
    /// A meter and its proof do not belong together, or one of them does not exist. Which is not
    /// told (T2).
    #[error("the meter and its proof do not belong together")]
    BindingRefused,
    /// Only the first person of a home may do this.
    #[error("only the owner of the home may do this")]
    OwnerOnly,
    /// The home has as many persons or invitations, or the person as many homes, as there may be.
    #[error("the home or the person has as many as there may be")]
    HomeFull,
    /// The identity belongs to another person already.
    #[error("the identity belongs to somebody else")]
    IdentityTaken,
    /// WeChat, Alipay or the SMS provider did not answer, or refused us.
    #[error("{0} cannot be reached just now")]
    DoorClosed(&'static str),
    /// This way to sign in is not set up here.
    #[error("this way to sign in is not offered here")]
    NotOffered,
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
