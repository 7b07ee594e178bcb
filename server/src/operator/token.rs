//! Opaque tokens: 256 bits of chance, of which the database keeps only the hash.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::Rng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes of chance in a token.
const TOKEN_BYTES: usize = 32;
/// The longest token looked at.
const TOKEN_CHARACTERS_MAX: usize = 64;

/// A fresh token, 43 characters that may stand in a URL or header.
pub fn fresh(rng: &dyn Rng) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0u8; TOKEN_BYTES]);
    rng.fill(bytes.as_mut());
    Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()))
}

/// What the database keeps of a token. `None` for what cannot be one.
pub fn hash(token: &str) -> Option<String> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let fits = !token.is_empty() && token.len() <= TOKEN_CHARACTERS_MAX;
    (fits && token.bytes().all(legal)).then(|| sha256_hex(&[token.as_bytes()]))
}

/// The value a page has to show with its writes, so that no other site's page can make them
/// (CSRF): it follows from the token, and only our own pages can read it.
pub fn csrf(token: &str) -> String {
    sha256_hex(&[b"yufu csrf\n", token.as_bytes()])[..32].to_owned()
}

/// Compares without telling by its time how much was right.
pub fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// SHA-256 over parts, as lower-case hexadecimal.
pub fn sha256_hex(parts: &[&[u8]]) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    hex(context.finish().as_ref())
}

/// SHA-256 over one text, shortened to sixteen digits, for keys of budgets.
pub fn short_hash(text: &str) -> String {
    hex(&digest(&SHA256, text.as_bytes()).as_ref()[..8])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use domain::SeededRng;

    use super::*;

    #[test]
    fn a_token_is_long_and_its_hash_and_csrf_value_tell_nothing_of_each_other() {
        let rng = SeededRng::new(1);
        let (one, two) = (fresh(&rng), fresh(&rng));
        assert_eq!(one.len(), 43);
        assert_ne!(one, two);
        let hash = hash(&one).unwrap();
        assert_eq!(hash.len(), 64);
        assert_ne!(&hash[..32], csrf(&one));
        assert!(same(&csrf(&one), &csrf(&one)) && !same(&csrf(&one), &csrf(&two)));
    }

    #[test]
    fn what_cannot_be_a_token_has_no_hash() {
        for text in ["", "a b", "ü", &"x".repeat(65), "a\nb", "a'b"] {
            assert_eq!(hash(text), None, "{text:?}");
        }
    }

    #[test]
    fn sha256_is_the_standards() {
        // FIPS 180-2, appendix B.1.
        let want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(&[b"a", b"bc"]), want);
    }
}
