//! Who is asked whether a command may be done, and who does it.

use async_trait::async_trait;
use kiosk_wire::command::Verb;
use serde_json::Value;

pub use crate::session::May;

use super::task::Task;

/// The largest picture of the screen that is sent, in bytes.
pub const UPLOAD_PICTURE_MAX: usize = 1024 * 1024;
/// The largest log that is sent, in bytes.
pub const UPLOAD_LOG_MAX: usize = 4 * 1024 * 1024;

/// Knows what the customer is doing.
pub trait Gate: Send + Sync {
    /// Whether this may be done now.
    fn may(&self, verb: Verb) -> May;
}

/// The screen as a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// `image/jpeg` or `image/png`.
    pub media_type: &'static str,
    /// At most [`UPLOAD_PICTURE_MAX`] bytes.
    pub bytes: Vec<u8>,
}

/// Does what was asked. Errors are sentences for an operator.
#[async_trait]
pub trait Hands: Send + Sync {
    /// The screen, personal data masked; half its size unless `full`.
    async fn picture(&self, full: bool) -> Result<Picture, String>;
    /// The log's end, at most [`UPLOAD_LOG_MAX`] bytes.
    async fn log(&self) -> Result<Vec<u8>, String>;
    /// Everything else but a picture, a log and the time, which the link sees to. Of a power verb
    /// `Ok` means that it has begun.
    async fn act(&self, task: Task) -> Result<Value, String>;
}
