//! The second factor: six digits that change every thirty seconds (RFC 6238).

use domain::Rng;
use totp_rs::{Algorithm, Builder, Secret, Totp};

/// Bytes of a secret (RFC 4226 §4 recommends 160 bits).
const SECRET_BYTES: usize = 20;
/// The name an authenticator shows above the code.
const ISSUER: &str = "Yufu";

/// A fresh secret in base32, as people type it.
pub fn fresh_secret(rng: &dyn Rng) -> String {
    let mut bytes = [0u8; SECRET_BYTES];
    rng.fill(&mut bytes);
    Secret::new(Box::from(bytes)).to_base32()
}

/// The address an authenticator reads from a QR code. `None` for a secret that is none.
pub fn enrolment_url(secret: &str, login: &str) -> Option<String> {
    build(secret, login)?.to_url().ok()
}

/// The step a code is good for, by our clock, one step early or late at most. The caller uses the
/// step up, so that a code works once (S16).
pub fn step_of(secret: &str, code: &str, unix_seconds: i64) -> Option<i64> {
    let six_digits = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
    if !six_digits {
        return None;
    }
    let step = build(secret, "operator")?.check(code, u64::try_from(unix_seconds).ok()?)?;
    i64::try_from(step).ok()
}

fn build(secret: &str, login: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    // A colon would end the issuer in the address.
    let login = login.replace(':', "_");
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(1)
        .with_step_duration(30)
        .with_secret(secret)
        .with_account_name(login)
        .with_issuer(Some(ISSUER))
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use domain::SeededRng;

    use super::*;

    /// `12345678901234567890` of RFC 6238, appendix B, in base32.
    const RFC_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    #[test]
    fn the_codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, SHA-1, the last six of eight digits.
        let table = [
            (59, "287082", 1),
            (1_111_111_109, "081804", 37_037_036),
            (1_234_567_890, "005924", 41_152_263),
            (2_000_000_000, "279037", 66_666_666),
        ];
        for (at, code, step) in table {
            assert_eq!(step_of(RFC_SECRET, code, at), Some(step), "{at}");
            assert_eq!(step_of(RFC_SECRET, code, at + 90), None, "{at}");
        }
    }

    #[test]
    fn what_is_no_code_of_six_digits_is_none() {
        for code in ["", "28708", "2870820", "28708x", "２８７０８２"] {
            assert_eq!(step_of(RFC_SECRET, code, 59), None, "{code}");
        }
    }

    #[test]
    fn an_enrolment_address_names_issuer_and_login() {
        let secret = fresh_secret(&SeededRng::new(5));
        let url = enrolment_url(&secret, "a:b").unwrap();
        assert!(url.starts_with("otpauth://totp/Yufu:a_b?"), "{url}");
        assert!(url.contains(&secret), "{url}");
        assert_eq!(enrolment_url("not base32!", "a"), None);
    }
}
