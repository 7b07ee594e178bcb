//! Reading any answer: `errcode` decides, and it is usually absent on success (C1, C7).

use std::convert::Infallible;

use serde::{Deserialize, de::DeserializeOwned};

use super::code::{self, Call};
use crate::{
    http::Response,
    json,
    outcome::{Doubt, Outcome, Rejection},
};

/// The most of WeChat's own words we keep, in characters; they end in a `rid` worth logging.
const MESSAGE_MAX: usize = 300;

#[derive(Deserialize)]
struct Verdict {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

/// Every outcome but `Done`.
pub(super) type Undone = Outcome<Infallible>;

/// The outcome of a reading that either ended or did not.
pub(super) fn settle<T>(reading: Result<T, Undone>) -> Outcome<T> {
    reading.map_or_else(|undone| undone.map(|never| match never {}), Outcome::Done)
}

/// What cannot be read settles nothing.
pub(super) fn unreadable() -> Undone {
    Outcome::Unknown(Doubt::Unreadable)
}

/// The fields of a success; every other answer as its outcome.
///
/// WeChat answers with HTTP 200 whatever happened. Any other status was written by something on
/// the way, and says nothing about what became of the call.
pub(super) fn fields<F: DeserializeOwned>(call: Call, response: &Response) -> Result<F, Undone> {
    if response.status != 200 {
        let code = format!("HTTP_{}", response.status);
        let why = Rejection::new(code, "not an answer of WeChat's");
        return Err(Outcome::Unknown(Doubt::Unlisted(why)));
    }
    let verdict: Verdict = json::read(&response.body).map_err(|_| unreadable())?;
    if verdict.errcode != 0 {
        let message: String = verdict.errmsg.chars().take(MESSAGE_MAX).collect();
        let why = Rejection::new(verdict.errcode.to_string(), message);
        return Err(code::outcome(call, why));
    }
    json::read(&response.body).map_err(|_| unreadable())
}
