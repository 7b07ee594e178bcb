//! Reading any answer: believed bytes, or a class of not knowing (A3, A14).

use std::convert::Infallible;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{
    code::{self, Call},
    merchant::Merchant,
    verify::{self, Disbelief},
};
use crate::{
    http::Response,
    json,
    outcome::{Doubt, Outcome, Rejection},
};

/// The most of a provider's own words we keep, in characters.
const MESSAGE_MAX: usize = 300;

#[derive(Default, Deserialize)]
struct ErrorBody {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// Every outcome but `Done`.
pub(super) type Undone = Outcome<Infallible>;

/// The outcome of a reading that either ended or did not.
pub(super) fn settle<T>(reading: Result<T, Undone>) -> Outcome<T> {
    reading.map_or_else(|undone| undone.map(|never| match never {}), Outcome::Done)
}

/// The believed body of a 200 or 204; every other answer as its outcome.
///
/// Only 2xx answers are signed. An error that carries a signature all the same is checked and
/// then counts as authenticated; one whose signature is wrong is not even a hint.
pub(super) fn body<'a>(
    call: Call,
    merchant: &Merchant,
    response: &'a Response,
    now: DateTime<Utc>,
) -> Result<&'a [u8], Undone> {
    let is_success = matches!(response.status, 200 | 204);
    let is_sealed = verify::is_sealed(&response.headers);
    if is_success || is_sealed {
        verify::verify(&merchant.trust, &response.headers, &response.body, now)
            .map_err(|why| Outcome::Unknown(doubt(why)))?;
    }
    if is_success {
        Ok(&response.body)
    } else {
        Err(refused(call, response.status, &response.body, is_sealed))
    }
}

/// Reads believed bytes as a value; what does not have the documented shape settles nothing.
pub(super) fn value<D: serde::de::DeserializeOwned>(body: &[u8]) -> Result<D, Undone> {
    json::read(body).map_err(|_| Outcome::Unknown(Doubt::Unreadable))
}

/// The outcome of an answer that is neither 200 nor 204.
fn refused(call: Call, status: u16, body: &[u8], authenticated: bool) -> Undone {
    let error: ErrorBody = json::read(body).unwrap_or_default();
    // An empty body (unknown path, wrong verb) and a proxy's HTML page have no code of their own.
    let code = if error.code.is_empty() { format!("HTTP_{status}") } else { error.code };
    let message = error.message.chars().take(MESSAGE_MAX).collect::<String>();
    let rejection = Rejection { code, message, authenticated };
    match status {
        // "Accepted": whatever it says, it is not the result yet.
        202 => Outcome::Unknown(Doubt::Pending(rejection)),
        400..=599 => code::outcome(call, status, rejection),
        _ => Outcome::Unknown(Doubt::Unlisted(rejection)),
    }
}

/// What disbelief means for the question that was asked.
pub(super) fn doubt(why: Disbelief) -> Doubt {
    match why {
        Disbelief::UnknownSerial(serial) => Doubt::UnknownSerial(serial),
        Disbelief::StaleTimestamp => Doubt::StaleTimestamp,
        Disbelief::MissingHeader(_) | Disbelief::BadHeader(_) | Disbelief::BadSignature => {
            Doubt::BadSignature
        }
    }
}
