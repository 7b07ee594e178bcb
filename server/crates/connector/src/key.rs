//! RSA keys: ours to sign with, theirs to verify with; and the one cipher the providers seal with.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{KeyPair, OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey, PublicKey},
    signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};

use crate::secret::Secret;

/// Why a key text is no key, or a key refused its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text is not PEM (or bare base64) of the expected kind.
    #[error("the key is not valid PEM or base64")]
    NotPem,
    /// The bytes inside are not an RSA key of 2048 to 8192 bits.
    #[error("the key is not an RSA key of 2048 to 8192 bits")]
    NotRsa,
    /// The bytes inside are not an X.509 certificate.
    #[error("the text is not an X.509 certificate")]
    NotCertificate,
    /// Signing failed inside the crypto library.
    #[error("the crypto library refused to sign")]
    SigningFailed,
    /// The text is longer than the key can carry (214 bytes for 2048 bits, `payments.md` A6).
    #[error("the text is too long for the key to carry")]
    TooLong,
}

/// Our private key for SHA-256 with RSA PKCS#1 v1.5, the one scheme both providers use.
/// Cheap to clone; prints stars.
#[derive(Clone)]
pub struct SigningKey(Arc<KeyPair>);

impl SigningKey {
    /// Reads a private key: PEM of PKCS#8 or PKCS#1, or the same bytes as bare base64, as
    /// Alipay's key tool hands them out.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = Block::read(text)?;
        let der = Secret::new(block.der);
        let key = match block.label.as_deref() {
            Some("PRIVATE KEY") => KeyPair::from_pkcs8(der.expose()),
            Some("RSA PRIVATE KEY") => KeyPair::from_der(der.expose()),
            Some(_) => return Err(KeyError::NotPem),
            None => KeyPair::from_pkcs8(der.expose()).or_else(|_| KeyPair::from_der(der.expose())),
        };
        key.map(|key| SigningKey(Arc::new(key))).map_err(|_| KeyError::NotRsa)
    }

    /// Signs the bytes; the signature comes as standard base64 on one line.
    pub fn sign_sha256(&self, message: &[u8]) -> Result<String, KeyError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        // The scheme is deterministic; the library ignores the generator it insists on.
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| KeyError::SigningFailed)?;
        Ok(BASE64.encode(signature))
    }

    /// The public half, for a self-test of a configured pair.
    pub fn verifying_key(&self) -> Result<VerifyingKey, KeyError> {
        let public = aws_lc_rs::signature::KeyPair::public_key(&*self.0);
        VerifyingKey::from_der(public.as_ref())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

/// A provider's public key. Cheap to clone.
#[derive(Clone)]
pub struct VerifyingKey {
    parsed: Arc<ParsedPublicKey>,
    spki: Vec<u8>,
}

impl VerifyingKey {
    /// Reads a public key: PEM of X.509 SubjectPublicKeyInfo or PKCS#1, the same as bare base64,
    /// or the PEM of an X.509 certificate that holds it.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = Block::read(text)?;
        match block.label.as_deref() {
            Some("CERTIFICATE") => Ok(Certificate::from_der(&block.der)?.key),
            Some("PUBLIC KEY" | "RSA PUBLIC KEY") | None => Self::from_der(&block.der),
            Some(_) => Err(KeyError::NotPem),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let key = PublicKey::from_der(der).map_err(|_| KeyError::NotRsa)?;
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(&key).map_err(|_| KeyError::NotRsa)?;
        // The encrypting key is stricter about sizes than the verifying one; both must accept.
        PublicEncryptingKey::from_der(spki.as_ref()).map_err(|_| KeyError::NotRsa)?;
        let parsed = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.as_ref());
        let parsed = Arc::new(parsed.map_err(|_| KeyError::NotRsa)?);
        Ok(VerifyingKey { parsed, spki: spki.as_ref().to_vec() })
    }

    /// True only if the signature (standard base64) is this key's over exactly these bytes.
    /// Text that is no base64 is a wrong signature, never a panic.
    pub fn verify_sha256(&self, message: &[u8], signature_base64: &str) -> bool {
        let Ok(signature) = BASE64.decode(signature_base64) else {
            return false;
        };
        self.parsed.verify_sig(message, &signature).is_ok()
    }

    /// Seals a short text for the key's owner: RSA-OAEP with SHA-1 and MGF1-SHA-1, empty label,
    /// base64 (`payments.md` A6).
    pub fn encrypt_oaep_sha1(&self, plaintext: &[u8]) -> Result<String, KeyError> {
        let key = PublicEncryptingKey::from_der(&self.spki).map_err(|_| KeyError::NotRsa)?;
        let key = OaepPublicEncryptingKey::new(key).map_err(|_| KeyError::NotRsa)?;
        if plaintext.len() > key.max_plaintext_size(&OAEP_SHA1_MGF1SHA1) {
            return Err(KeyError::TooLong);
        }
        let mut out = vec![0; key.ciphertext_size()];
        let sealed = key
            .encrypt(&OAEP_SHA1_MGF1SHA1, plaintext, &mut out, None)
            .map_err(|_| KeyError::NotRsa)?;
        Ok(BASE64.encode(sealed))
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for VerifyingKey {}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({} bytes)", self.spki.len())
    }
}

/// What we need of an X.509 certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The serial number as upper-case hexadecimal, as the WeChat platform shows it: whole
    /// bytes, no sign byte.
    pub serial_no: String,
    /// The key inside.
    pub key: VerifyingKey,
    /// First moment of validity.
    pub not_before: DateTime<Utc>,
    /// Last moment of validity.
    pub not_after: DateTime<Utc>,
}

impl Certificate {
    /// Reads the first certificate of a PEM text.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let block = Block::read(text)?;
        match block.label.as_deref() {
            Some("CERTIFICATE") | None => Self::from_der(&block.der),
            Some(_) => Err(KeyError::NotCertificate),
        }
    }

    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let (_, certificate) =
            x509_parser::parse_x509_certificate(der).map_err(|_| KeyError::NotCertificate)?;
        let moment = |time: x509_parser::time::ASN1Time| {
            DateTime::from_timestamp(time.timestamp(), 0).ok_or(KeyError::NotCertificate)
        };
        Ok(Certificate {
            serial_no: serial_hex(certificate.tbs_certificate.raw_serial()),
            key: VerifyingKey::from_der(certificate.public_key().raw)?,
            not_before: moment(certificate.validity().not_before)?,
            not_after: moment(certificate.validity().not_after)?,
        })
    }
}

/// A DER integer's bytes as upper-case hexadecimal without the sign byte; leading zero digits of
/// the number itself stay (`payments.md` A2: never trim them).
fn serial_hex(raw: &[u8]) -> String {
    let magnitude = match raw {
        [0, rest @ ..] if !rest.is_empty() => rest,
        whole => whole,
    };
    magnitude.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Opens an AES-256-GCM box whose last 16 bytes are the tag. `None` if the key has not 32 bytes,
/// the nonce not 12, or the tag does not fit: altered bytes are never returned.
pub fn open_aes_256_gcm(
    key: &Secret,
    nonce: &[u8],
    associated_data: &[u8],
    ciphertext: &[u8],
) -> Option<Vec<u8>> {
    let key = UnboundKey::new(&AES_256_GCM, key.expose()).ok()?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut buffer = ciphertext.to_vec();
    let opened = LessSafeKey::new(key)
        .open_in_place(nonce, Aad::from(associated_data), &mut buffer)
        .ok()?
        .len();
    buffer.truncate(opened);
    Some(buffer)
}

/// One PEM block, or bare base64 without a label.
struct Block {
    label: Option<String>,
    der: Vec<u8>,
}

/// The longest key or certificate text we read, in bytes.
const KEY_TEXT_MAX: usize = 64 << 10;

impl Block {
    fn read(text: &str) -> Result<Self, KeyError> {
        if text.len() > KEY_TEXT_MAX {
            return Err(KeyError::NotPem);
        }
        let Some(start) = text.find("-----BEGIN ") else {
            return Ok(Block { label: None, der: decode_lines(text)? });
        };
        let rest = &text[start + "-----BEGIN ".len()..];
        let (label, rest) = rest.split_once("-----").ok_or(KeyError::NotPem)?;
        let end = format!("-----END {label}-----");
        let (body, _) = rest.split_once(end.as_str()).ok_or(KeyError::NotPem)?;
        Ok(Block { label: Some(label.to_owned()), der: decode_lines(body)? })
    }
}

fn decode_lines(text: &str) -> Result<Vec<u8>, KeyError> {
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = BASE64.decode(packed).map_err(|_| KeyError::NotPem)?;
    if der.is_empty() { Err(KeyError::NotPem) } else { Ok(der) }
}

#[cfg(test)]
mod tests;
