//! RSA keys: ours to sign with, theirs to verify with.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair, PublicKeyComponents},
    signature::{self, RsaPublicKeyComponents, UnparsedPublicKey},
};

/// Our private key for SHA-256 with RSA PKCS#1 v1.5, the one scheme both providers use.
pub struct SigningKey(KeyPair);

/// Why a key text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not PEM (or bare base64) of the expected kind.
    #[error("the key is not valid PEM or base64")]
    NotPem,
    /// The bytes inside are not an RSA key of 2048 to 8192 bits.
    #[error("the key is not an RSA key of 2048 to 8192 bits")]
    NotRsa,
    /// Signing failed inside the crypto library.
    #[error("the crypto library refused to sign")]
    SigningFailed,
}
