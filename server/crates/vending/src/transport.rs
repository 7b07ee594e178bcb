//! How a provider's request leaves the house.

use async_trait::async_trait;
use connector::{Request, Response};

/// Why no answer to read came back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Provably nothing was sent: the address did not resolve or the connection was refused.
    #[error("the provider could not be reached, nothing was sent")]
    NotSent,
    /// The request may have arrived: time-out, broken connection or an answer above the bound.
    #[error("the provider's answer did not arrive")]
    NoAnswer,
}

/// Sends one request and brings the raw answer back.
///
/// An implementation follows no redirects, retries nothing, verifies TLS, bounds the time and the
/// size of the answer, and never logs bodies or `Authorization`.
#[async_trait]
pub trait Transport: Send + Sync {
    /// One request, one answer.
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}
