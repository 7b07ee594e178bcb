//! Who a kiosk is: pairing by a one-time code, and the greeting every session begins with.
//!
//! Keys are Ed25519 (RFC 8032). The kiosk makes its own and never shows the secret half; the
//! server's command key is told once, at pairing, and every greeting and command proves it again.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::signed::Bytes;

/// Six digits by which an operator sees that the kiosk they take up is the one they stand before:
/// the first eight bytes of the SHA-256 of its public key's 32 bytes, modulo a million. Shown at
/// the kiosk and in the back office, and reckoned by each of them itself.
pub fn fingerprint(key_sha256: &[u8; 32]) -> String {
    let [a, b, c, d, e, f, g, h, ..] = *key_sha256;
    format!("{:06}", u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000)
}

/// `POST /pairings`: an unpaired kiosk asks for a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairingRequest {
    /// Its public key, 32 bytes in hexadecimal.
    pub public_key: String,
    /// What it runs: version, board, serial number; shown to the operator.
    pub hardware: String,
    /// Its version.
    pub version: String,
}

/// The answer: what stands on the unpaired screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairingCode {
    /// This request.
    pub pairing_id: Uuid,
    /// Eight characters without 0, O, 1 and I, typed by the operator.
    pub code: String,
    /// Proves to the server that whoever asks for the outcome is who asked for the code.
    pub secret: String,
    /// How long the code is good for.
    pub expires_in_ms: u64,
}

/// `POST /pairings/{id}/outcome` with the secret: how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairingProof {
    /// From [`PairingCode`].
    pub secret: String,
}

/// How far a pairing is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PairingOutcome {
    /// No operator has typed the code yet.
    Waiting,
    /// Too late, or five wrong codes burnt it: ask for another.
    Expired,
    /// An operator has taken it up.
    Paired(Identity),
}

/// What a paired kiosk keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The kiosk.
    pub kiosk_id: Uuid,
    /// What stands on its foot, `K-03`.
    pub number: String,
    /// The server's command key, 32 bytes in hexadecimal.
    pub command_key: String,
}

/// `POST /challenges`: the first half of the greeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeRequest {
    /// The kiosk.
    pub kiosk_id: Uuid,
}

/// A nonce that is good once and for a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// 32 bytes in hexadecimal.
    pub server_nonce: String,
}

/// `POST /hello`: the second half.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The kiosk.
    pub kiosk_id: Uuid,
    /// Made anew by each start of the process; power commands are bound to it.
    pub boot_id: Uuid,
    /// 32 bytes in hexadecimal.
    pub device_nonce: String,
    /// The challenge.
    pub server_nonce: String,
    /// The kiosk's version.
    pub version: String,
    /// The kiosk's signature over [`Hello::to_sign`], 64 bytes in hexadecimal.
    pub signature: String,
}

impl Hello {
    /// What the kiosk signs.
    pub fn to_sign(&self) -> Vec<u8> {
        Bytes::named("kiosk-hello-v1")
            .and(self.server_nonce.as_bytes())
            .and(self.device_nonce.as_bytes())
            .and(self.kiosk_id.as_bytes())
            .and(self.boot_id.as_bytes())
            .and(self.version.as_bytes())
            .finish()
    }
}

/// The server's answer: a session, and proof that it holds the command key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// What the kiosk shows as `Authorization: Bearer` from now on.
    pub token: String,
    /// How long that is good for; the kiosk greets again before.
    pub expires_in_ms: u64,
    /// The server's clock.
    pub server_time: DateTime<Utc>,
    /// What the kiosk is told to do as it is set up.
    pub settings: Settings,
    /// The command key's signature over [`Welcome::to_sign`].
    pub signature: String,
}

impl Welcome {
    /// What the server signs: both nonces and what it hands out.
    pub fn to_sign(&self, hello: &Hello) -> Vec<u8> {
        Bytes::named("kiosk-welcome-v1")
            .and(hello.server_nonce.as_bytes())
            .and(hello.device_nonce.as_bytes())
            .and(hello.kiosk_id.as_bytes())
            .and(self.token.as_bytes())
            .and(&self.server_time.timestamp_micros().to_be_bytes())
            .finish()
    }
}

/// What the operator has set for this kiosk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Grows with every change.
    pub version: i64,
    /// The site's name.
    pub site: String,
    /// What stands on its foot, `K-03`.
    pub number: String,
    /// Whether a printer that cannot print keeps customers from paying (default: no, they are
    /// asked first).
    pub printer_required: bool,
    /// The paper's width in millimetres: 58 or 80.
    pub paper_mm: u16,
    /// The wallets offered: `wechat`, `alipay`.
    pub wallets: Vec<String>,
    /// Whether card meters are served here.
    pub cards: bool,
    /// The hours the screen is dark, local time `HH:MM`; both empty for never.
    pub dark_from: String,
    /// See `dark_from`.
    pub dark_until: String,
}
