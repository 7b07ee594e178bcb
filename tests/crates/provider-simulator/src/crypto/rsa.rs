//! One RSA key pair: PKCS#1 v1.5 with SHA-256, the only signature both providers use
//! (payments.md A2, B2).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{PKCS_RSA_SHA256, RsaKeySize};

/// Why a key could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The random source or the key library refused to make a pair.
    #[error("an RSA key could not be generated")]
    Generate,
    /// The PEM text is not an unencrypted RSA private key of at least 2048 bits.
    #[error("the text is not an RSA private key in PEM form")]
    Read,
    /// A certificate could not be made for the key.
    #[error("a certificate could not be made")]
    Certificate,
    /// A key folder could not be read or written.
    #[error("the key file {file} could not be read or written")]
    File {
        /// The file name inside the folder.
        file: String,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
}

/// A 2048-bit RSA key pair that signs, verifies and writes itself as PEM.
pub struct RsaKey {
    pair: RsaKeyPair,
    certifier: rcgen::KeyPair,
}

impl RsaKey {
    /// Makes a fresh 2048-bit pair.
    ///
    /// # Errors
    /// [`KeyError::Generate`] when the library refuses.
    pub fn generate() -> Result<Self, KeyError> {
        let certifier = rcgen::KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
            .map_err(|_| KeyError::Generate)?;
        Self::from_certifier(certifier)
    }

    /// Reads a private key from PEM (PKCS#8 or PKCS#1).
    ///
    /// # Errors
    /// [`KeyError::Read`] when the text is not such a key.
    pub fn from_private_pem(pem: &str) -> Result<Self, KeyError> {
        let certifier = rcgen::KeyPair::from_pem_and_sign_algo(pem, &PKCS_RSA_SHA256)
            .map_err(|_| KeyError::Read)?;
        Self::from_certifier(certifier)
    }

    fn from_certifier(certifier: rcgen::KeyPair) -> Result<Self, KeyError> {
        let pair =
            RsaKeyPair::from_pkcs8(certifier.serialized_der()).map_err(|_| KeyError::Read)?;
        Ok(Self { pair, certifier })
    }

    /// Signs the bytes; the answer is standard base64 on one line.
    pub fn sign(&self, message: &[u8]) -> String {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        match self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature) {
            Ok(()) => STANDARD.encode(signature),
            // A key that was accepted can sign; an empty signature is refused by every verifier.
            Err(_) => String::new(),
        }
    }

    /// Whether the base64 signature over the bytes is this key's.
    pub fn verify(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key().as_ref())
            .verify(message, &signature)
            .is_ok()
    }

    /// The private key as PKCS#8 PEM.
    pub fn private_pem(&self) -> String {
        self.certifier.serialize_pem()
    }

    /// The public key as SubjectPublicKeyInfo PEM.
    pub fn public_pem(&self) -> String {
        self.certifier.public_key_pem()
    }

    pub(crate) fn certifier(&self) -> &rcgen::KeyPair {
        &self.certifier
    }
}

#[cfg(test)]
mod tests {
    use super::RsaKey;

    #[test]
    fn a_signature_holds_for_its_bytes_its_key_and_nothing_else() {
        let (ours, theirs) = (RsaKey::generate().unwrap(), RsaKey::generate().unwrap());
        let signature = ours.sign(b"body\n");
        let again = RsaKey::from_private_pem(&ours.private_pem()).unwrap();
        for (name, key, message, signature, held) in [
            ("own", &ours, &b"body\n"[..], signature.clone(), true),
            ("read back from PEM", &again, b"body\n", signature.clone(), true),
            ("other bytes", &ours, b"body", signature.clone(), false),
            ("other key", &theirs, b"body\n", signature.clone(), false),
            ("probe", &ours, b"body\n", format!("WECHATPAY/SIGNTEST/{signature}"), false),
            ("empty", &ours, b"body\n", String::new(), false),
        ] {
            assert_eq!(key.verify(message, &signature), held, "{name}");
        }
    }
}
