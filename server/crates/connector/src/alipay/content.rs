//! AES content encryption (`payments.md` B4): encrypted first, then signed.

use aws_lc_rs::{
    cipher::{
        AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
        PaddedBlockEncryptingKey, UnboundCipherKey,
    },
    iv::FixedLength,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::secret::Secret;

/// The content cannot be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ContentError {
    /// The key is not the base64 of 16 bytes.
    #[error("the content key is not the base64 of 16 bytes")]
    BadKey,
    /// The content is not base64 of whole blocks with the padding this key gives.
    #[error("the content cannot be opened with the configured key")]
    Damaged,
}

// Alipay fixes the vector at zero: equal contents look equal. The signature, not the cipher,
// protects the content.
const ZERO_VECTOR: [u8; 16] = [0; 16];

/// AES-128-CBC with PKCS#7 padding and the zero vector, as base64.
pub(super) fn seal(key: &Secret, content: &[u8]) -> Result<String, ContentError> {
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(cipher_key(key)?);
    let key = key.map_err(|_| ContentError::BadKey)?;
    let mut buffer = content.to_vec();
    let context = EncryptionContext::Iv128(FixedLength::from(&ZERO_VECTOR));
    key.less_safe_encrypt(&mut buffer, context).map_err(|_| ContentError::Damaged)?;
    Ok(BASE64.encode(buffer))
}

/// The opposite of [`seal`].
pub(super) fn open(key: &Secret, sealed: &str) -> Result<Vec<u8>, ContentError> {
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(cipher_key(key)?);
    let key = key.map_err(|_| ContentError::BadKey)?;
    let mut buffer = BASE64.decode(sealed).map_err(|_| ContentError::Damaged)?;
    let context = DecryptionContext::Iv128(FixedLength::from(&ZERO_VECTOR));
    let opened = key.decrypt(&mut buffer, context).map_err(|_| ContentError::Damaged)?.len();
    buffer.truncate(opened);
    Ok(buffer)
}

fn cipher_key(key: &Secret) -> Result<UnboundCipherKey, ContentError> {
    let bytes = BASE64.decode(key.expose().trim_ascii()).map_err(|_| ContentError::BadKey)?;
    let bytes = Secret::new(bytes);
    UnboundCipherKey::new(&AES_128, bytes.expose()).map_err(|_| ContentError::BadKey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_sealed_by_the_sdk_open_and_ours_are_the_same() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/alipay/vectors.json")).unwrap();
        let key = Secret::new("MDEyMzQ1Njc4OWFiY2RlZg==");
        let contents = vectors["contents"].as_array().unwrap();
        assert_eq!(contents.len(), 3);
        for content in contents {
            let plain = content["plain"].as_str().unwrap().as_bytes();
            let sealed = content["sealed"].as_str().unwrap();
            assert_eq!(open(&key, sealed).unwrap(), plain);
            assert_eq!(seal(&key, plain).unwrap(), sealed);
        }
    }

    #[test]
    fn damaged_content_and_bad_keys_are_errors() {
        let key = Secret::new("MDEyMzQ1Njc4OWFiY2RlZg==");
        let sealed = seal(&key, b"{}").unwrap();
        assert_eq!(open(&key, &sealed).unwrap(), b"{}");
        for (key, sealed, want) in [
            ("MDEyMzQ1Njc4OWFiY2RlZg==", "", ContentError::Damaged),
            ("MDEyMzQ1Njc4OWFiY2RlZg==", "no base64", ContentError::Damaged),
            ("MDEyMzQ1Njc4OWFiY2RlZg==", "AAAA", ContentError::Damaged),
            ("c2hvcnQ=", sealed.as_str(), ContentError::BadKey),
            ("%", sealed.as_str(), ContentError::BadKey),
        ] {
            assert_eq!(open(&Secret::new(key), sealed), Err(want), "{key} {sealed}");
        }
    }
}
