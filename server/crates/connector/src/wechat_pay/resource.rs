//! The sealed part of callbacks and certificate answers (A5).

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;

use crate::{Secret, key::open_aes_256_gcm};

/// A box as WeChat writes it.
#[derive(Deserialize)]
pub(super) struct Resource {
    algorithm: String,
    nonce: String,
    /// Absent and empty are the same: no associated data.
    associated_data: Option<String>,
    ciphertext: String,
}

impl Resource {
    /// Opens the box with the first of our APIv3 keys that fits. `None` if none does: altered
    /// bytes are never returned (A5).
    pub(super) fn open(&self, api_v3_keys: &[Secret]) -> Option<Vec<u8>> {
        if self.algorithm != "AEAD_AES_256_GCM" {
            return None;
        }
        let ciphertext = BASE64.decode(&self.ciphertext).ok()?;
        let associated = self.associated_data.as_deref().unwrap_or_default().as_bytes();
        let nonce = self.nonce.as_bytes();
        let open = |key| open_aes_256_gcm(key, nonce, associated, &ciphertext);
        api_v3_keys.iter().find_map(open)
    }
}
