use super::*;

macro_rules! key_file {
    ($name:literal) => {
        include_str!(concat!("../../tests/keys/", $name, ".pem"))
    };
}

const MESSAGE: &[u8] = b"the very bytes\n";

/// `openssl dgst -sha256 -sign merchant.pkcs8.pem` over [`MESSAGE`].
const OPENSSL_SIGNATURE: &str = include_str!("../../tests/keys/message.signature");

fn bare(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

#[test]
fn every_way_to_write_the_private_key_signs_as_openssl_does() {
    let ways = [
        key_file!("merchant.pkcs8").to_owned(),
        key_file!("merchant.pkcs1").to_owned(),
        key_file!("merchant.pkcs8").replace('\n', "\r\n"),
        bare(key_file!("merchant.pkcs8")),
        bare(key_file!("merchant.pkcs1")),
    ];
    for text in ways {
        let key = SigningKey::from_pem(&text).unwrap();
        assert_eq!(key.sign_sha256(MESSAGE).as_deref(), Ok(OPENSSL_SIGNATURE));
        assert!(key.verifying_key().unwrap().verify_sha256(MESSAGE, OPENSSL_SIGNATURE));
    }
}

#[test]
fn every_way_to_write_the_public_key_verifies_and_nothing_altered_passes() {
    let ways = [
        key_file!("merchant.public").to_owned(),
        key_file!("merchant.public-pkcs1").to_owned(),
        key_file!("merchant.certificate").to_owned(),
        bare(key_file!("merchant.public")),
    ];
    for text in ways {
        let key = VerifyingKey::from_pem(&text).unwrap();
        assert!(key.verify_sha256(MESSAGE, OPENSSL_SIGNATURE));
        assert!(!key.verify_sha256(b"the very bytes", OPENSSL_SIGNATURE));
        for wrong in ["", "====", "not base64 at all", "AAAA", &OPENSSL_SIGNATURE[1..]] {
            assert!(!key.verify_sha256(MESSAGE, wrong), "{wrong:?}");
        }
    }
    let other = VerifyingKey::from_pem(key_file!("platform-a.certificate")).unwrap();
    assert!(!other.verify_sha256(MESSAGE, OPENSSL_SIGNATURE));
}

#[test]
fn what_is_no_usable_key_is_named_and_refused() {
    let private = [
        ("", KeyError::NotPem),
        ("-----BEGIN PRIVATE KEY-----", KeyError::NotPem),
        ("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----", KeyError::NotPem),
        ("AAAA", KeyError::NotRsa),
        (key_file!("merchant.public"), KeyError::NotPem),
        (key_file!("merchant.certificate"), KeyError::NotPem),
        (key_file!("too-small.pkcs8"), KeyError::NotRsa),
        (key_file!("elliptic.pkcs8"), KeyError::NotRsa),
    ];
    for (text, why) in private {
        assert_eq!(SigningKey::from_pem(text).err(), Some(why), "{text}");
    }
    let public = [
        ("", KeyError::NotPem),
        ("AAAA", KeyError::NotRsa),
        (key_file!("merchant.pkcs8"), KeyError::NotPem),
        (key_file!("too-small.public"), KeyError::NotRsa),
        (key_file!("elliptic.public"), KeyError::NotRsa),
    ];
    for (text, why) in public {
        assert_eq!(VerifyingKey::from_pem(text).err(), Some(why), "{text}");
    }
    assert_eq!(
        Certificate::from_pem(key_file!("merchant.public")).err(),
        Some(KeyError::NotCertificate)
    );
}

#[test]
fn a_serial_is_shown_as_the_platform_shows_it() {
    // The expected texts are what `openssl x509 -serial` prints; the second has a leading zero
    // digit, the third a first byte above 7F, which DER pads with a sign byte.
    for (pem, serial) in [
        (key_file!("platform-a.certificate"), "7132D72A03E93CDDF8C03BBD1F37EEDF3D0145B9"),
        (key_file!("merchant.certificate"), "0A5D7132D72A03E93CDDF8C03BBD1F37EEDF3D01"),
        (key_file!("platform-b.certificate"), "F132D72A03E93CDDF8C03BBD1F37EEDF3D0145BA"),
    ] {
        assert_eq!(Certificate::from_pem(pem).unwrap().serial_no, serial);
    }
    let certificate = Certificate::from_pem(key_file!("platform-a.certificate")).unwrap();
    assert_eq!(certificate.not_before.to_rfc3339(), "2026-11-20T20:24:21+00:00");
    assert_eq!(certificate.not_after.to_rfc3339(), "2031-11-20T20:24:21+00:00");
}

#[test]
fn a_sealed_text_opens_with_the_private_key_and_is_at_most_214_bytes() {
    use aws_lc_rs::rsa::{OaepPrivateDecryptingKey, PrivateDecryptingKey};
    let der = Block::read(key_file!("platform-a.pkcs8")).unwrap().der;
    let private = PrivateDecryptingKey::from_pkcs8(&der).unwrap();
    let private = OaepPrivateDecryptingKey::new(private).unwrap();
    let public = VerifyingKey::from_pem(key_file!("platform-a.certificate")).unwrap();

    let sealed = BASE64.decode(public.encrypt_oaep_sha1("张三".as_bytes()).unwrap()).unwrap();
    let mut out = vec![0; private.min_output_size()];
    let opened = private.decrypt(&OAEP_SHA1_MGF1SHA1, &sealed, &mut out, None).unwrap();
    assert_eq!(opened, "张三".as_bytes());

    assert!(public.encrypt_oaep_sha1(&[0; 214]).is_ok());
    assert_eq!(public.encrypt_oaep_sha1(&[0; 215]), Err(KeyError::TooLong));
}

#[test]
fn an_altered_box_never_opens() {
    // Sealed by Node's crypto module: AES-256-GCM, tag appended.
    let ciphertext = BASE64.decode("ETX9Bl1gLfG40ua9jAv626hfOlMo2lk=").unwrap();
    let key = Secret::new("0123456789abcdefghijklmnopqrstuv");
    let nonce = b"uaGeNnBYNjl7";
    let open = |c: &[u8]| open_aes_256_gcm(&key, nonce, b"transaction", c);
    assert_eq!(open(&ciphertext).as_deref(), Some(br#"{"a":1}"#.as_slice()));
    for bit in 0..ciphertext.len() * 8 {
        let mut altered = ciphertext.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open(&altered), None, "bit {bit}");
    }
    for length in 0..ciphertext.len() {
        assert_eq!(open(&ciphertext[..length]), None, "cut to {length} bytes");
    }
    assert_eq!(open_aes_256_gcm(&key, nonce, b"refund", &ciphertext), None);
    assert_eq!(open_aes_256_gcm(&key, b"uaGeNnBYNjl", b"transaction", &ciphertext), None);
    let short = Secret::new("0123456789");
    assert_eq!(open_aes_256_gcm(&short, nonce, b"transaction", &ciphertext), None);
}

#[test]
fn keys_print_no_secret() {
    let key = SigningKey::from_pem(key_file!("merchant.pkcs8")).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey(***)");
}
