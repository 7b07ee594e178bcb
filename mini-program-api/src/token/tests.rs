use chrono::TimeZone;
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://yufu.example";
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const OTHER: &[u8] = b"fedcba9876543210fedcba9876543210";

fn at(second: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_800_000_000 + second, 0).unwrap()
}

fn keys() -> Keys {
    Keys::new(ISSUER.to_owned(), SECRET.to_vec(), None).unwrap()
}

fn holder() -> Holder {
    Holder { person: Uuid::from_u128(1), family: Uuid::from_u128(2), version: 3 }
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token put together by hand, signed with any key under any header.
fn made(header: &Value, claims: &Value, key: &[u8]) -> String {
    let signed = format!(
        "{}.{}",
        base64(header.to_string().as_bytes()),
        base64(claims.to_string().as_bytes())
    );
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
    let tag = aws_lc_rs::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", base64(tag.as_ref()))
}

fn good_header() -> Value {
    let id = Key::new(SECRET.to_vec()).unwrap().id;
    json!({ "alg": "HS256", "typ": "at+jwt", "kid": id })
}

fn good_claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "yufu-mini", "sub": Uuid::from_u128(1), "sid": Uuid::from_u128(2),
        "ver": 3, "iat": at(0).timestamp(), "nbf": at(0).timestamp(),
        "exp": at(600).timestamp(), "jti": Uuid::from_u128(9),
    })
}

fn with(base: Value, name: &str, value: Value) -> Value {
    let mut changed = base;
    if value.is_null() {
        changed.as_object_mut().unwrap().remove(name);
    } else {
        changed[name] = value;
    }
    changed
}

#[test]
fn a_token_of_ours_is_read_until_it_runs_out() {
    let token =
        keys().issue(holder(), (at(0), TimeDelta::seconds(600)), Uuid::from_u128(9)).unwrap();
    let by_hand = made(&good_header(), &good_claims(), SECRET);
    for token in [token, by_hand] {
        for (second, good) in [(-1, false), (0, true), (599, true), (600, false)] {
            let read = keys().read(&token, at(second));
            assert_eq!(read.is_ok_and(|read| read == holder()), good, "{second}");
        }
    }
}

/// RFC 8725: each defect alone makes a token worthless, also one that is signed with our own key.
#[test]
fn every_forged_or_foreign_token_is_refused() {
    let header = |name: &str, value: Value| with(good_header(), name, value);
    let claims = |name: &str, value: Value| with(good_claims(), name, value);
    let table = [
        ("alg none", made(&header("alg", json!("none")), &good_claims(), SECRET)),
        ("alg None", made(&header("alg", json!("None")), &good_claims(), SECRET)),
        ("alg HS512", made(&header("alg", json!("HS512")), &good_claims(), SECRET)),
        ("alg RS256", made(&header("alg", json!("RS256")), &good_claims(), SECRET)),
        ("no alg", made(&header("alg", Value::Null), &good_claims(), SECRET)),
        ("another type", made(&header("typ", json!("JWT")), &good_claims(), SECRET)),
        ("no type", made(&header("typ", Value::Null), &good_claims(), SECRET)),
        ("a key nobody knows", made(&header("kid", json!("00000000")), &good_claims(), SECRET)),
        ("a path as key", made(&header("kid", json!("../../dev/null")), &good_claims(), b"")),
        ("no key named", made(&header("kid", Value::Null), &good_claims(), SECRET)),
        ("signed by another key", made(&good_header(), &good_claims(), OTHER)),
        ("signed by an empty key", made(&good_header(), &good_claims(), b"")),
        ("another issuer", made(&good_header(), &claims("iss", json!("https://x")), SECRET)),
        ("no issuer", made(&good_header(), &claims("iss", Value::Null), SECRET)),
        ("another audience", made(&good_header(), &claims("aud", json!("yufu-kiosk")), SECRET)),
        ("no audience", made(&good_header(), &claims("aud", Value::Null), SECRET)),
        ("no end", made(&good_header(), &claims("exp", Value::Null), SECRET)),
        ("an end in words", made(&good_header(), &claims("exp", json!("never")), SECRET)),
        ("not begun", made(&good_header(), &claims("nbf", json!(at(60).timestamp())), SECRET)),
        ("nobody", made(&good_header(), &claims("sub", Value::Null), SECRET)),
        ("one claim too many", made(&good_header(), &claims("admin", json!(true)), SECRET)),
        ("an empty text", String::new()),
        ("two parts", "a.b".to_owned()),
        ("endless", "a".repeat(3_000)),
    ];
    for (name, token) in table {
        assert!(keys().read(&token, at(1)).is_err(), "{name}");
    }
    // A key that comes with the token is never used (jwk, jku, x5u).
    for name in ["jwk", "jku", "x5u"] {
        let value = match name {
            "jwk" => json!({ "kty": "oct", "k": base64(OTHER) }),
            _ => json!("https://attacker.example/keys"),
        };
        let token = made(&header(name, value), &good_claims(), OTHER);
        assert!(keys().read(&token, at(1)).is_err(), "{name}");
    }
}

#[test]
fn a_cut_or_bent_signature_is_refused() {
    let token =
        keys().issue(holder(), (at(0), TimeDelta::seconds(600)), Uuid::from_u128(9)).unwrap();
    let (head, signature) = token.rsplit_once('.').unwrap();
    assert!(keys().read(head, at(1)).is_err());
    assert!(keys().read(&format!("{head}."), at(1)).is_err());
    let bent = if signature.starts_with('A') { 'B' } else { 'A' };
    assert!(keys().read(&format!("{head}.{bent}{}", &signature[1..]), at(1)).is_err());
}

#[test]
fn after_a_change_of_keys_old_tokens_live_out_their_life_and_no_longer() {
    let old = keys();
    let token = old.issue(holder(), (at(0), TimeDelta::seconds(600)), Uuid::nil()).unwrap();
    let both = Keys::new(ISSUER.to_owned(), OTHER.to_vec(), Some(SECRET.to_vec())).unwrap();
    assert!(both.read(&token, at(1)).is_ok());
    let fresh = both.issue(holder(), (at(0), TimeDelta::seconds(600)), Uuid::nil()).unwrap();
    assert!(old.read(&fresh, at(1)).is_err());
    let gone = Keys::new(ISSUER.to_owned(), OTHER.to_vec(), None).unwrap();
    assert!(gone.read(&token, at(1)).is_err());
    assert!(gone.read(&fresh, at(1)).is_ok());
}

#[test]
fn a_short_key_is_refused_and_no_key_is_printed() {
    assert!(Keys::new(ISSUER.to_owned(), vec![7; KEY_MIN - 1], None).is_err());
    assert!(!format!("{:?}", keys()).contains("0123456789abcdef"));
}
