//! The front of the API: who calls, with what right (payments.md A2, A16).
//!
//! Checks in this order: User-Agent and Accept, form of Authorization, clock, serial, signature.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

use super::problem::{self, Problem};
use crate::world::World;

/// The scheme of the Authorization header.
const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";

/// How far the caller's clock may be off, in seconds.
pub(crate) const SKEW_S_MAX: i64 = 300;

/// The longest nonce.
const NONCE_MAX: usize = 32;

/// A caller whose signature held.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) mchid: String,
    /// The key the caller wants the answer signed with.
    pub(crate) wanted_serial: Option<String>,
}

/// Checks a request over its bytes on the wire.
pub(crate) fn check(world: &World, request: &HttpRequest, body: &[u8]) -> Result<Caller, Problem> {
    let header = |name: &str| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request.headers().get(name)?.to_str().ok().filter(|value| !value.is_empty())
    };
    if header("user-agent").is_none() || header("accept").is_none() {
        return Err(problem::NO_ACCEPT);
    }
    let fields = authorization(header("authorization").unwrap_or_default())?;
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let timestamp: i64 = field("timestamp").parse().map_err(|_| problem::BAD_AUTHORIZATION)?;
    if (world.now_ms() / 1_000 - timestamp).abs() > SKEW_S_MAX {
        return Err(problem::CLOCK);
    }
    let (key, serial_no) = {
        let state = world.state();
        let keys = state.keys.wechat.get(field("mchid")).ok_or(problem::WRONG_SERIAL)?;
        (keys.merchant.clone(), keys.serial_no.clone())
    };
    if serial_no != field("serial_no") {
        return Err(problem::WRONG_SERIAL);
    }
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let head =
        format!("{}\n{target}\n{}\n{}\n", request.method(), field("timestamp"), field("nonce_str"));
    let mut message = head.into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    if !key.verify(&message, field("signature")) {
        let pay = request.uri().path().contains("/transactions");
        return Err(if pay { problem::WRONG_SIGNATURE_PAY } else { problem::WRONG_SIGNATURE });
    }
    let wanted_serial = header("wechatpay-serial").map(str::to_owned);
    Ok(Caller { mchid: field("mchid").to_owned(), wanted_serial })
}

/// Reads `SCHEME key="value",…`: five keys in any order, each once, commas without spaces.
fn authorization(text: &str) -> Result<BTreeMap<String, String>, Problem> {
    let (scheme, rest) = text.split_once(' ').ok_or(problem::BAD_AUTHORIZATION)?;
    if scheme != SCHEME {
        return Err(problem::BAD_SCHEME);
    }
    let mut fields = BTreeMap::new();
    for pair in rest.split(',') {
        let (name, value) = pair.split_once('=').ok_or(problem::BAD_AUTHORIZATION)?;
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = value.ok_or(problem::BAD_AUTHORIZATION)?;
        if fields.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(problem::BAD_AUTHORIZATION);
        }
    }
    let known = ["mchid", "nonce_str", "signature", "timestamp", "serial_no"];
    let complete = known.iter().all(|name| fields.contains_key(*name)) && fields.len() == 5;
    let nonce = fields.get("nonce_str").map_or("", String::as_str);
    let fit = (1..=NONCE_MAX).contains(&nonce.len())
        && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if complete && fit { Ok(fields) } else { Err(problem::BAD_AUTHORIZATION) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorization_header_is_read_strictly() {
        let good = concat!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"19\",nonce_str=\"n\",signature=\"c2ln\",",
            "timestamp=\"1\",serial_no=\"AB\""
        );
        let broken = problem::BAD_AUTHORIZATION;
        for (name, text, problem) in [
            ("good", good.to_owned(), None),
            ("empty", String::new(), Some(broken.clone())),
            ("scheme", good.replace("RSA2048", "SM3"), Some(problem::BAD_SCHEME)),
            ("spaces", good.replace(",n", ", n"), Some(broken.clone())),
            ("quotes", good.replace('"', ""), Some(broken.clone())),
            ("missing", good.replace(",serial_no=\"AB\"", ""), Some(broken.clone())),
            ("twice", format!("{good},mchid=\"20\""), Some(broken.clone())),
            ("long nonce", good.replace("\"n\"", &format!("\"{:033}\"", 0)), Some(broken)),
        ] {
            assert_eq!(authorization(&text).err(), problem, "{name}");
        }
    }
}
