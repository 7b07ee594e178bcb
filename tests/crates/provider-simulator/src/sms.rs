//! Text messages, the far side (payments.md D): Aliyun and Tencent Cloud, told apart by the header
//! that names the action.

pub(crate) mod aliyun;
pub(crate) mod book;
pub(crate) mod tencent;
pub use book::SentText;

use actix_web::{HttpRequest, HttpResponse, web};

use crate::config::SmsGateway;
use crate::fault::{Fault, Occasion, Site};
use crate::misbehave;
use crate::world::World;

/// Answers `/`.
pub(crate) async fn serve(
    request: HttpRequest,
    body: web::Bytes,
    world: web::Data<World>,
) -> HttpResponse {
    let has = |name: &str| request.headers().contains_key(name);
    let gateway = match (has("x-acs-action"), has("x-tc-action")) {
        (true, false) => SmsGateway::Aliyun,
        (false, true) => SmsGateway::Tencent,
        _ => return HttpResponse::NotFound().finish(),
    };
    match gateway {
        SmsGateway::Aliyun => aliyun::serve(&world, &request, &body).await,
        SmsGateway::Tencent => tencent::serve(&world, &request, &body).await,
    }
}

/// A header as text; empty when it is not there or not text.
pub(crate) fn header<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The faults that strike a message to this number.
pub(crate) fn draw(world: &World, site: Site, phone: &str) -> Vec<Fault> {
    world.state().draw(Occasion { site, provider: None, out_trade_no: phone })
}

/// A code put in the place of the real one.
pub(crate) fn injected(faults: &[Fault], system_error: &str) -> Option<String> {
    faults.iter().find_map(|fault| match fault {
        Fault::Status { code, .. } => Some(code.clone()),
        Fault::SystemError { .. } => Some(system_error.to_owned()),
        _ => None,
    })
}

/// Sends a JSON body, as the faults will have it.
pub(crate) fn send(status: u16, body: &serde_json::Value, faults: &[Fault]) -> HttpResponse {
    if let Some(to) = misbehave::redirect(faults) {
        return HttpResponse::Found().insert_header(("Location", to)).finish();
    }
    if let Some(broken) = misbehave::gateway_error(faults) {
        return broken;
    }
    let body = misbehave::other_body(faults).unwrap_or_else(|| body.to_string().into_bytes());
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    let mut response = HttpResponse::build(status);
    response.insert_header(("Content-Type", "application/json;charset=utf-8"));
    if faults.iter().any(|fault| matches!(fault, Fault::Cut { .. })) {
        return misbehave::cut(&mut response, body);
    }
    response.body(body)
}
