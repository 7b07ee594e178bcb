//! `/v3/certificates`: the platform certificates in force, sealed with the APIv3 key
//! (payments.md A4).

use serde_json::{Value, json};

use super::answer::Answer;
use super::front::Caller;
use super::problem::{self, Problem};
use crate::config::KeyMode;
use crate::crypto::aes;
use crate::world::World;

/// Validity as the answer states it.
const EFFECTIVE: &str = "2020-01-01T00:00:00+08:00";
const EXPIRES: &str = "2049-12-31T23:59:59+08:00";

/// Lists the certificates; a merchant in public-key mode has none.
pub(crate) fn list(world: &World, caller: &Caller) -> Result<Answer, Problem> {
    let mut state = world.state();
    let mode = state.key_choice.get(&caller.mchid).map(|choice| choice.mode);
    if mode.is_none_or(|mode| mode == KeyMode::PublicKey) {
        return Err(problem::NO_CERTIFICATE);
    }
    let key = state.keys.wechat.get(&caller.mchid).map(|keys| keys.api_v3_key.clone());
    let key = key.ok_or(problem::MCH_NOT_EXISTS)?;
    let count = state.keys.platform.len();
    let mut rows: Vec<Value> = Vec::new();
    for at in 0..count {
        let nonce = state.chance.letters(12);
        let certificate = &state.keys.platform[at].certificate;
        let sealed = aes::seal_gcm(&key, &nonce, "certificate", certificate.pem.as_bytes());
        rows.push(json!({
            "serial_no": certificate.serial,
            "effective_time": EFFECTIVE,
            "expire_time": EXPIRES,
            "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": nonce,
                "associated_data": "certificate",
                "ciphertext": sealed.ok_or(problem::SYSTEM_ERROR)?,
            },
        }));
    }
    Ok(Answer::json(&json!({"data": rows})))
}
