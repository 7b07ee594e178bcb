//! Digests that are printed: SHA-1 for bill files (payments.md A13), MD5 for certificate numbers
//! (B5), SHA-256 to compare the parameters of two order calls.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use aws_lc_rs::hmac;
use md5::{Digest, Md5};

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of(algorithm: &'static Algorithm, bytes: &[u8]) -> String {
    hex(digest(algorithm, bytes).as_ref())
}

/// SHA-1 in lower-case hex.
pub(crate) fn sha1_hex(bytes: &[u8]) -> String {
    of(&SHA1_FOR_LEGACY_USE_ONLY, bytes)
}

/// SHA-256 in lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    of(&SHA256, bytes)
}

/// HMAC with SHA-256 (D1, D2).
pub(crate) fn hmac_sha256(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

/// MD5 in lower-case hex.
pub(crate) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_the_published_ones() {
        // RFC 3174 section 7.3, FIPS 180-2 appendix B.1, RFC 1321 appendix A.5.
        assert_eq!(sha1_hex(b"abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(sha256_hex(b"abc")[..16], *"ba7816bf8f01cfea");
        assert_eq!(md5_hex(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }
}
