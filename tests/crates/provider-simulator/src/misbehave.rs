//! The faults of answers and signatures that both providers share.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, stream};

use crate::crypto::RsaKey;
use crate::fault::Fault;
use crate::wechat_pay::signer::Signer;
use crate::world::State;

/// The longest a connection is held, in milliseconds.
pub(crate) const HOLD_MS_MAX: u64 = 120_000;

/// How long a torn answer waits between its first half and its end, in milliseconds.
const CUT_MS: u64 = 20;

/// The longest invented body in bytes.
pub(crate) const BODY_MAX: usize = 256 << 20;

/// Whether the call takes effect under these faults.
pub(crate) fn takes_effect(faults: &[Fault]) -> bool {
    !faults.iter().any(|fault| match fault {
        Fault::Status { effect, .. }
        | Fault::Timeout { effect, .. }
        | Fault::Cut { effect }
        | Fault::SystemError { effect } => !effect,
        Fault::UnsignedMissing | Fault::Redirect { .. } => true,
        _ => false,
    })
}

/// Waits as long as the faults say.
pub(crate) async fn wait(faults: &[Fault]) {
    for fault in faults {
        if let Fault::Slow { delay_ms: ms } | Fault::Timeout { hold_ms: ms, .. } = fault {
            tokio::time::sleep(Duration::from_millis((*ms).min(HOLD_MS_MAX))).await;
        }
    }
}

/// A proxy's page in the place of the answer: for a status above 499, and after a time-out.
pub(crate) fn gateway_error(faults: &[Fault]) -> Option<HttpResponse> {
    let status = faults.iter().find_map(|fault| match fault {
        Fault::Status { status, .. } if *status >= 500 => Some(*status),
        Fault::Timeout { .. } => Some(504),
        _ => None,
    })?;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    Some(HttpResponse::build(status).body("<html>Bad Gateway</html>"))
}

/// Where the answer redirects to.
pub(crate) fn redirect(faults: &[Fault]) -> Option<String> {
    faults.iter().find_map(|fault| match fault {
        Fault::Redirect { to } => Some(to.clone()),
        _ => None,
    })
}

/// A body that takes the place of the real one before signing.
pub(crate) fn other_body(faults: &[Fault]) -> Option<Vec<u8>> {
    faults.iter().find_map(|fault| match fault {
        Fault::BrokenJson => Some(b"{\"code_url\": \"weixin://wxpay/bizp".to_vec()),
        Fault::Huge { bytes } => Some(vec![b' '; (*bytes).min(BODY_MAX)]),
        _ => None,
    })
}

/// What an attacker in the middle makes of a body: another code, another state.
pub(crate) fn tampered(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let changed = text
        .replace("bizpayurl?pr=", "bizpayurl?pr=EVIL")
        .replace("/wallet/", "/wallet/EVIL")
        .replace("qr.alipay.com/bax", "qr.alipay.com/baxEVIL")
        .replace("NOTPAY", "SUCCESS")
        .replace("WAIT_BUYER_PAY", "TRADE_SUCCESS");
    if changed == text { format!("{text} ").into_bytes() } else { changed.into_bytes() }
}

/// Announces the whole body, sends half of it, and closes the connection.
pub(crate) fn cut(response: &mut HttpResponseBuilder, body: Vec<u8>) -> HttpResponse {
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX).max(2);
    let half = Bytes::copy_from_slice(&body[..body.len() / 2]);
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    let torn = stream::once(async {
        // Long enough for the first half to leave before the connection goes.
        tokio::time::sleep(Duration::from_millis(CUT_MS)).await;
        Err(broken)
    });
    let first = stream::once(async { Ok(half) });
    response.no_chunking(length).streaming(Box::pin(first.chain(torn)))
}

/// The four signature headers of WeChat and the one that names the scheme, all but computed: what
/// needs the state is decided here, the slow signing happens without it (payments.md A3).
pub(crate) struct Signing {
    key: Arc<RsaKey>,
    timestamp: i64,
    nonce: String,
    serial: String,
    /// A probe's text in place of a signature.
    probe: Option<String>,
    twice: bool,
}

impl Signing {
    /// Decides how to sign, bent by the faults; `None` leaves the headers out.
    pub(crate) fn plan(
        state: &mut State,
        signer: &Signer,
        now_s: i64,
        faults: &[Fault],
    ) -> Option<Self> {
        let mut plan = Self {
            key: signer.key.clone(),
            timestamp: now_s,
            nonce: state.chance.letters(32),
            serial: signer.serial.clone(),
            probe: None,
            twice: faults.contains(&Fault::DuplicateHeader),
        };
        for fault in faults {
            match fault {
                Fault::Unsigned => return None,
                Fault::Stale { age_s } => plan.timestamp = now_s - age_s,
                Fault::Forged => plan.key = state.keys.attacker.clone(),
                Fault::UnknownSerial => plan.serial = state.chance.hex(40),
                Fault::SignTest => {
                    let noise = STANDARD.encode(state.chance.letters(240));
                    plan.probe = Some(format!("WECHATPAY/SIGNTEST/{noise}"));
                }
                _ => {}
            }
        }
        Some(plan)
    }

    /// Signs the body; the headers in the order they are sent.
    pub(crate) fn headers(self, body: &[u8]) -> Vec<(&'static str, String)> {
        let mut message = format!("{}\n{}\n", self.timestamp, self.nonce).into_bytes();
        message.extend_from_slice(body);
        message.push(b'\n');
        let signature = self.probe.unwrap_or_else(|| self.key.sign(&message));
        let mut headers = vec![
            ("Wechatpay-Timestamp", self.timestamp.to_string()),
            ("Wechatpay-Nonce", self.nonce),
            ("Wechatpay-Signature", signature.clone()),
            ("Wechatpay-Serial", self.serial),
            ("Wechatpay-Signature-Type", "WECHATPAY2-SHA256-RSA2048".to_owned()),
        ];
        if self.twice {
            headers.push(("Wechatpay-Signature", signature));
        }
        headers
    }
}

/// The bytes with one bit in the middle flipped.
pub(crate) fn bit_flipped(mut bytes: Vec<u8>) -> Vec<u8> {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    bytes
}

/// The first half.
pub(crate) fn truncated(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() / 2);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_takes_effect_unless_a_fault_says_otherwise() {
        for (fault, effect) in [
            (Fault::SystemError { effect: true }, true),
            (Fault::SystemError { effect: false }, false),
            (Fault::Timeout { hold_ms: 1, effect: false }, false),
            (Fault::Cut { effect: true }, true),
            (Fault::UnsignedMissing, false),
            (Fault::BrokenJson, true),
            (Fault::SignTest, true),
        ] {
            assert_eq!(takes_effect(&[Fault::Slow { delay_ms: 0 }, fault.clone()]), effect);
        }
    }

    #[test]
    fn a_tampered_answer_is_never_the_same() {
        for body in ["{}", r#"{"code_url":"weixin://wxpay/bizpayurl?pr=a"}"#] {
            assert_ne!(tampered(body.as_bytes()), body.as_bytes());
        }
    }
}
