//! Answers: signed when they are a success, bare when they are not, and bent by faults
//! (payments.md A1, A3).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::Value;

use super::front::Caller;
use super::problem::{self, Problem};
use super::signer;
use crate::fault::Fault;
use crate::misbehave::{self, Signing};
use crate::world::World;

/// A success before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Bill files are not signed (A3).
    pub(crate) signed: bool,
}

impl Answer {
    pub(crate) fn json(document: &Value) -> Self {
        Self { status: 200, body: document.to_string().into_bytes(), signed: true }
    }

    pub(crate) fn no_content() -> Self {
        Self { status: 204, body: Vec::new(), signed: true }
    }

    pub(crate) fn file(bytes: Vec<u8>) -> Self {
        Self { status: 200, body: bytes, signed: false }
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An answer without body, signature or number.
pub(crate) fn empty(code: u16) -> HttpResponse {
    HttpResponse::build(status(code)).finish()
}

fn request_id(world: &World, inner: u32) -> String {
    format!("08{}-{inner}", world.state().chance.hex(29))
}

/// An error answer; errors carry no signature.
pub(crate) fn refused(world: &World, problem: &Problem) -> HttpResponse {
    HttpResponse::build(status(problem.status))
        .insert_header(("Request-ID", request_id(world, problem.inner)))
        .insert_header(("Content-Type", "application/json; charset=utf-8"))
        .body(problem.body().to_string())
}

/// The error a fault puts in place of the outcome.
fn injected(faults: &[Fault]) -> Option<Problem> {
    faults.iter().find_map(|fault| match fault {
        Fault::Status { status, code, .. } => Some(Problem::chosen(*status, code)),
        Fault::SystemError { .. } => Some(problem::SYSTEM_ERROR),
        Fault::UnsignedMissing => Some(problem::ORDER_NOT_EXIST),
        Fault::Timeout { .. } => Some(Problem::chosen(504, "SYSTEM_ERROR")),
        _ => None,
    })
}

/// Sends the outcome, as the faults will have it.
pub(crate) fn send(
    world: &World,
    caller: &Caller,
    outcome: Result<Answer, Problem>,
    faults: &[Fault],
) -> HttpResponse {
    if let Some(to) = misbehave::redirect(faults) {
        return HttpResponse::Found().insert_header(("Location", to)).finish();
    }
    if let Some(problem) = injected(faults) {
        return refused(world, &problem);
    }
    let mut answer = match outcome {
        Ok(answer) => answer,
        Err(problem) => return refused(world, &problem),
    };
    if let Some(body) = misbehave::other_body(faults) {
        answer.body = body;
    }
    let mut response = HttpResponse::build(status(answer.status));
    response.insert_header(("Request-ID", request_id(world, 0)));
    if answer.signed {
        for (name, value) in signature(world, caller, &answer.body, faults) {
            response.append_header((name, value));
        }
    }
    if faults.contains(&Fault::Tampered) {
        answer.body = misbehave::tampered(&answer.body);
    }
    if answer.status == 204 {
        return response.finish();
    }
    if answer.signed {
        response.insert_header(("Content-Type", "application/json; charset=utf-8"));
    }
    if faults.iter().any(|fault| matches!(fault, Fault::Cut { .. })) {
        return misbehave::cut(&mut response, answer.body);
    }
    response.body(answer.body)
}

fn signature(
    world: &World,
    caller: &Caller,
    body: &[u8],
    faults: &[Fault],
) -> Vec<(&'static str, String)> {
    let now_s = world.now_ms() / 1_000;
    let plan = {
        let mut state = world.state();
        let wanted = caller.wanted_serial.as_deref();
        let signer = signer::of_answer(&state, &caller.mchid, wanted);
        signer.and_then(|signer| Signing::plan(&mut state, &signer, now_s, faults))
    };
    plan.map(|plan| plan.headers(body)).unwrap_or_default()
}
