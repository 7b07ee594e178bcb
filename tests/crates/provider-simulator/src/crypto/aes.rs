//! AES as the two providers use it: GCM-256 for WeChat resources (payments.md A5) and CBC-128 with
//! a zero IV for Alipay's content encryption (B4).

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    AES_128, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey,
    PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Seals a WeChat resource; `None` when the key is not 32 bytes or the nonce not 12.
pub(crate) fn seal_gcm(key: &str, nonce: &str, aad: &str, plaintext: &[u8]) -> Option<String> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(nonce.as_bytes()).ok()?;
    let mut bytes = plaintext.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::from(aad.as_bytes()), &mut bytes).ok()?;
    Some(STANDARD.encode(bytes))
}

/// Opens a WeChat resource; `None` on any doubt. Only the tests and the self-check open.
#[cfg(test)]
pub(crate) fn open_gcm(key: &str, nonce: &str, aad: &str, sealed: &str) -> Option<Vec<u8>> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(nonce.as_bytes()).ok()?;
    let mut bytes = STANDARD.decode(sealed).ok()?;
    Some(key.open_in_place(nonce, Aad::from(aad.as_bytes()), &mut bytes).ok()?.to_vec())
}

/// Encrypts an Alipay node with a base64 key of 16 bytes.
pub(crate) fn encrypt_cbc(key: &str, plaintext: &[u8]) -> Option<String> {
    let key = UnboundCipherKey::new(&AES_128, &STANDARD.decode(key).ok()?).ok()?;
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(key).ok()?;
    let mut bytes = plaintext.to_vec();
    let zero = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    key.less_safe_encrypt(&mut bytes, zero).ok()?;
    Some(STANDARD.encode(bytes))
}

/// Decrypts an Alipay `biz_content` with a base64 key of 16 bytes.
pub(crate) fn decrypt_cbc(key: &str, sealed: &str) -> Option<Vec<u8>> {
    let key = UnboundCipherKey::new(&AES_128, &STANDARD.decode(key).ok()?).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let mut bytes = STANDARD.decode(sealed).ok()?;
    let zero = DecryptionContext::Iv128(FixedLength::from([0; 16]));
    Some(key.decrypt(&mut bytes, zero).ok()?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_resource_opens_only_with_its_key_nonce_and_associated_text() {
        let sealed = seal_gcm(KEY, "uaGeNnBYNjl7", "transaction", b"{}").unwrap();
        let mut flipped = STANDARD.decode(&sealed).unwrap();
        flipped[0] ^= 1;
        for (name, key, nonce, aad, sealed, opens) in [
            ("own", KEY, "uaGeNnBYNjl7", "transaction", sealed.clone(), true),
            ("other nonce", KEY, "uaGeNnBYNjl8", "transaction", sealed.clone(), false),
            ("other aad", KEY, "uaGeNnBYNjl7", "refund", sealed.clone(), false),
            ("flipped", KEY, "uaGeNnBYNjl7", "transaction", STANDARD.encode(flipped), false),
            ("short key", "0123", "uaGeNnBYNjl7", "transaction", sealed.clone(), false),
        ] {
            assert_eq!(open_gcm(key, nonce, aad, &sealed).is_some(), opens, "{name}");
        }
    }

    #[test]
    fn the_first_block_of_cbc_with_a_zero_iv_is_the_plain_cipher() {
        // FIPS 197 appendix C.1: key 000102…0f, plaintext 00112233…ff.
        let key = STANDARD.encode((0..16).collect::<Vec<u8>>());
        let block: Vec<u8> = (0..16).map(|digit| digit * 0x11).collect();
        let sealed = STANDARD.decode(encrypt_cbc(&key, &block).unwrap()).unwrap();
        assert_eq!(sealed[..4], [0x69, 0xc4, 0xe0, 0xd8]);
        assert_eq!(sealed[12..16], [0x70, 0xb4, 0xc5, 0x5a]);
        assert_eq!(decrypt_cbc(&key, &STANDARD.encode(sealed)).unwrap(), block);
    }
}
