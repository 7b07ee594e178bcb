//! Answers: HTTP 200 with JSON whatever happened, bent by faults (payments.md C, errors).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::misbehave;

/// The fields of a success, or a refusal.
pub(crate) type Outcome = Result<Value, Refusal>;

/// A code and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) errcode: i64,
    pub(crate) errmsg: String,
}

impl Refusal {
    /// Nobody knows whether it happened.
    pub(crate) const BUSY: Self = Self { errcode: -1, errmsg: String::new() };

    pub(crate) fn new(errcode: i64, errmsg: &str) -> Self {
        Self { errcode, errmsg: errmsg.to_owned() }
    }
}

/// Nothing to say but that it went well.
pub(crate) fn fine() -> Outcome {
    Ok(json!({"errcode": 0, "errmsg": "ok"}))
}

fn injected(faults: &[Fault]) -> Option<Refusal> {
    faults.iter().find_map(|fault| match fault {
        Fault::Status { code, .. } => {
            Some(Refusal::new(code.parse().unwrap_or(-1), "simulated refusal"))
        }
        Fault::SystemError { .. } => Some(Refusal::BUSY),
        _ => None,
    })
}

/// Sends the outcome, as the faults will have it.
pub(crate) fn send(outcome: Outcome, faults: &[Fault], rid: &str) -> HttpResponse {
    if let Some(to) = misbehave::redirect(faults) {
        return HttpResponse::Found().insert_header(("Location", to)).finish();
    }
    if let Some(broken) = misbehave::gateway_error(faults) {
        return broken;
    }
    let node = match injected(faults).map_or(outcome, Err) {
        Ok(fields) => fields,
        Err(Refusal { errcode: -1, .. }) => json!({"errcode": -1, "errmsg": "system error"}),
        Err(Refusal { errcode, errmsg }) => {
            json!({"errcode": errcode, "errmsg": format!("{errmsg}, rid: {rid}-00000001-00000001")})
        }
    };
    let body = misbehave::other_body(faults).unwrap_or_else(|| node.to_string().into_bytes());
    let mut response = HttpResponse::build(StatusCode::OK);
    response.insert_header(("Content-Type", "application/json; encoding=utf-8"));
    if faults.iter().any(|fault| matches!(fault, Fault::Cut { .. })) {
        return misbehave::cut(&mut response, body);
    }
    response.body(body)
}
