//! Pairing over the wire: asks until an operator has taken the kiosk up.

use std::sync::Arc;

use kiosk_wire::{
    device::{Identity, PairingRequest},
    text::Problem,
};
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use super::{
    http::{Http, Reply, Request},
    server::{LinkError, LinkSettings, json},
};
use crate::{
    ambient::Ambient,
    device::{Ask, DeviceKey, Heard, IdentityError, Pairing, Papers, Pending, Shown},
};

/// How long one question may take, in milliseconds.
const ASK_MS: u64 = 8_000;

/// The pairing cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PairingEnd {
    /// The link cannot be set up.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The papers cannot be kept.
    #[error(transparent)]
    Papers(#[from] IdentityError),
}

/// Asks for a code, shows it, and waits until an operator has typed it. Returns once the identity
/// stands on the disk; `shown` changes with what stands on the screen.
pub async fn pair(
    settings: &LinkSettings,
    key: &DeviceKey,
    papers: &Papers,
    (hardware, version): (&str, &str),
    shown: &watch::Sender<Option<Shown>>,
    ambient: Arc<dyn Ambient>,
) -> Result<Identity, PairingEnd> {
    let http = Http::new(settings, Arc::clone(&ambient))?;
    let request = PairingRequest {
        public_key: key.public_hex(),
        hardware: hardware.to_owned(),
        version: version.to_owned(),
    };
    let now_ms = ambient.now_ms();
    let mut pairing = Pairing::begin(request, key.fingerprint(), papers.pending(), now_ms);
    loop {
        let screen = Some(pairing.shown());
        shown.send_if_modified(|was| std::mem::replace(was, screen.clone()) != screen);
        let heard = match pairing.ask(ambient.now_ms()) {
            Ask::Keep(identity) => {
                papers.keep(&identity)?;
                shown.send_replace(None);
                return Ok(identity);
            }
            Ask::Wait { until_ms } => {
                ambient.sleep(until_ms.saturating_sub(ambient.now_ms())).await;
                continue;
            }
            Ask::Code(request) => {
                let request = Request::post(&["pairings"], json(&request), ASK_MS);
                heard(http.send(request, None).await, Heard::Code)
            }
            Ask::Outcome { pairing_id, proof } => {
                let id = pairing_id.to_string();
                let path = ["pairings", id.as_str(), "outcome"];
                let request = Request::post(&path, json(&proof), ASK_MS);
                heard(http.send(request, None).await, Heard::Outcome)
            }
        };
        if let Heard::Code(code) = &heard {
            papers.keep_pending(&Pending::of(code))?;
        }
        pairing.hear(heard, ambient.now_ms(), ambient.draw(1_000));
    }
}

/// Reads an answer. Only the server's own word that there is no such request ends one: what a
/// portal or a proxy says does not.
fn heard<T: DeserializeOwned>(reply: Option<Reply>, of: impl FnOnce(T) -> Heard) -> Heard {
    let Some(reply) = reply else { return Heard::Nothing };
    match reply.status {
        200..300 => serde_json::from_slice(&reply.body).map_or(Heard::Nothing, of),
        404 if serde_json::from_slice::<Problem>(&reply.body).is_ok() => Heard::Unknown,
        _ => Heard::Nothing,
    }
}
