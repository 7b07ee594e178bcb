//! Gateway answers: HTTP 200, a signed root node, bent by faults (payments.md B1, B3, B4).

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use encoding_rs::GBK;
use serde_json::{Value, json};

use super::request::{Refusal, Request, root};
use super::sign_in::OAUTH_TOKEN;
use super::{Failure, Outcome, node};
use crate::config::AlipayMode;
use crate::crypto::aes;
use crate::fault::Fault;
use crate::misbehave;
use crate::world::World;

/// The content type of every gateway answer.
const CONTENT_TYPE: &str = "text/html;charset=utf-8";

fn ok(body: impl Into<Vec<u8>>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("Content-Type", CONTENT_TYPE)).body(body.into())
}

/// An answer before business: no signature.
pub(crate) fn refused(refusal: &Refusal) -> HttpResponse {
    let msg =
        if refusal.code == "40001" { "Missing Required Arguments" } else { "Invalid Arguments" };
    let node = json!({"code": refusal.code, "msg": msg, "sub_code": refusal.sub_code,
        "sub_msg": refusal.sub_msg});
    ok(format!("{{\"{}\":{node}}}", refusal.root))
}

/// The node as text: Alipay escapes slashes, so that only the raw slice verifies (B3).
fn written(node: &Value) -> String {
    node.to_string().replace('/', "\\/")
}

fn injected(faults: &[Fault]) -> Option<Failure> {
    faults.iter().find_map(|fault| match fault {
        Fault::Status { code, .. } => Some(Failure::new(code, "模拟的错误")),
        Fault::SystemError { .. } | Fault::Timeout { .. } => Some(Failure::unknown()),
        _ => None,
    })
}

/// The node's text, encrypted when the request was.
fn node_text(world: &World, request: &Request, outcome: &Outcome) -> String {
    // The success of a sign-in says nothing but what it brings (C10).
    let text = match outcome {
        Ok(fields) if request.method == OAUTH_TOKEN => written(fields),
        _ => written(&node(outcome)),
    };
    let key = world.alipay_app(&request.app_id).and_then(|app| app.content_key.as_deref());
    match key.filter(|_| request.encrypted) {
        Some(key) => json!(aes::encrypt_cbc(key, text.as_bytes()).unwrap_or_default()).to_string(),
        None => text,
    }
}

/// Signature and, in certificate mode, the number of the certificate it belongs to.
fn signature(
    world: &World,
    app_id: &str,
    text: &str,
    faults: &[Fault],
) -> (String, Option<String>) {
    let forged = faults.iter().any(|fault| matches!(fault, Fault::Forged | Fault::SignTest));
    let certified = world.alipay_app(app_id).is_some_and(|app| app.mode == AlipayMode::Certificate);
    let (key, sn) = {
        let mut state = world.state();
        let Some(keys) = state.keys.alipay.get(app_id) else { return (String::new(), None) };
        let key = if forged { &state.keys.attacker } else { &keys.alipay }.clone();
        let mut sn = certified.then(|| keys.alipay_certificate.sn.clone());
        if certified && faults.contains(&Fault::UnknownSerial) {
            sn = Some(state.chance.hex(32).to_lowercase());
        }
        (key, sn)
    };
    (key.sign(text.as_bytes()), sn)
}

/// Sends the outcome, as the faults will have it.
pub(crate) fn send(
    world: &World,
    request: &Request,
    outcome: Outcome,
    faults: &[Fault],
) -> HttpResponse {
    if let Some(to) = misbehave::redirect(faults) {
        return HttpResponse::Found().insert_header(("Location", to)).finish();
    }
    for fault in faults {
        match fault {
            Fault::Status { status, .. } if *status >= 500 => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
                return HttpResponse::build(status).body("<html>Bad Gateway</html>");
            }
            Fault::UnsignedMissing => {
                let missing = Failure::new("ACQ.TRADE_NOT_EXIST", "交易不存在");
                return ok(format!("{{\"error_response\":{}}}", node(&Err(missing))));
            }
            _ => {}
        }
    }
    let outcome = injected(faults).map_or(outcome, Err);
    let root = root_of(request, &outcome);
    let text = node_text(world, request, &outcome);
    let text = match misbehave::other_body(faults) {
        Some(body) => String::from_utf8_lossy(&body).into_owned(),
        None => text,
    };
    let body = envelope(world, request, &root, text, faults);
    if faults.iter().any(|fault| matches!(fault, Fault::Cut { .. })) {
        return misbehave::cut(&mut HttpResponse::Ok(), body.into_bytes());
    }
    ok(body)
}

/// Refusals of a sign-in stand under `error_response`, signed all the same (C10).
fn root_of(request: &Request, outcome: &Outcome) -> String {
    if request.method == OAUTH_TOKEN && outcome.is_err() {
        return "error_response".to_owned();
    }
    root(&request.method)
}

fn envelope(
    world: &World,
    request: &Request,
    root: &str,
    mut text: String,
    faults: &[Fault],
) -> String {
    let (sign, sn) = signature(world, &request.app_id, &text, faults);
    let evil = || String::from_utf8_lossy(&misbehave::tampered(text.as_bytes())).into_owned();
    let second = faults.contains(&Fault::DuplicateRoot).then(evil);
    if faults.contains(&Fault::Tampered) {
        text = evil();
    }
    let mut body = format!("{{\"{root}\":{text}");
    if let Some(second) = second {
        body.push_str(&format!(",\"{root}\":{second}"));
    }
    if let Some(sn) = sn {
        body.push_str(&format!(",\"alipay_cert_sn\":\"{sn}\""));
    }
    if !faults.contains(&Fault::Unsigned) {
        body.push_str(&format!(",\"sign\":\"{sign}\""));
    }
    body.push('}');
    body
}

/// Page calls go to the wallet, or end on a GBK page that says what is wrong (B1).
pub(crate) fn page(outcome: Outcome) -> HttpResponse {
    match outcome {
        Ok(fields) => {
            let to = fields["page"].as_str().unwrap_or("/wallet").to_owned();
            HttpResponse::Found().insert_header(("Location", to)).finish()
        }
        Err(failure) => {
            let text = format!(
                "<!doctype html><html><head><meta charset=\"GBK\"><title>错误</title></head>\
                 <body><p>{}</p><p>{}</p></body></html>",
                failure.sub_code, failure.sub_msg
            );
            HttpResponse::Ok()
                .insert_header(("Content-Type", "text/html;charset=GBK"))
                .body(GBK.encode(&text).0.into_owned())
        }
    }
}
