//! The signature over an answer or a callback (A3).

use chrono::{DateTime, Utc};

use super::merchant::Trust;
use crate::{
    http::{HeaderError, Headers},
    key::VerifyingKey,
};

/// How far a signed time may be from our clock, in seconds, either way.
pub const SKEW_MAX_S: i64 = 300;

/// The longest nonce or serial we look at, in bytes.
const FIELD_MAX: usize = 128;

/// The longest signature text we look at, in bytes: RSA-8192 has 1368.
const SIGNATURE_MAX: usize = 1400;

/// Digits of a time in seconds; ten until the year 2286.
const TIMESTAMP_DIGITS_MAX: usize = 12;

const TIMESTAMP: &str = "Wechatpay-Timestamp";
const NONCE: &str = "Wechatpay-Nonce";
const SIGNATURE: &str = "Wechatpay-Signature";
const SERIAL: &str = "Wechatpay-Serial";
const SIGNATURE_TYPE: &str = "Wechatpay-Signature-Type";

/// Why bytes are not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Disbelief {
    /// A signature header is not there.
    MissingHeader(&'static str),
    /// A signature header stands more than once, or not in the form WeChat writes it.
    BadHeader(&'static str),
    /// The signed time is too far from our clock.
    StaleTimestamp,
    /// The key is not one we hold.
    UnknownSerial(String),
    /// The signature does not fit.
    BadSignature,
}

/// The signature headers, read strictly and fresh by our clock, not yet checked.
pub(super) struct Seal<'a> {
    timestamp: &'a str,
    nonce: &'a str,
    signature: &'a str,
    /// The key WeChat says it used.
    pub(super) serial: &'a str,
}

/// True if any signature header is there, so that the rest is due as well.
pub(super) fn is_sealed(headers: &Headers) -> bool {
    [TIMESTAMP, NONCE, SIGNATURE, SERIAL].iter().any(|name| headers.has(name))
}

impl<'a> Seal<'a> {
    /// Reads the headers: each exactly once, each in its one form, the time within
    /// [`SKEW_MAX_S`] of now. The clock comes before the signature, so that an old recording
    /// costs no arithmetic and an answer says which of the two was wrong.
    pub(super) fn read(headers: &'a Headers, now: DateTime<Utc>) -> Result<Self, Disbelief> {
        let timestamp = one(headers, TIMESTAMP, TIMESTAMP_DIGITS_MAX)?;
        let nonce = one(headers, NONCE, FIELD_MAX)?;
        let signature = one(headers, SIGNATURE, SIGNATURE_MAX)?;
        let serial = one(headers, SERIAL, FIELD_MAX)?;
        if headers.has(SIGNATURE_TYPE)
            && one(headers, SIGNATURE_TYPE, FIELD_MAX)? != "WECHATPAY2-SHA256-RSA2048"
        {
            return Err(Disbelief::BadHeader(SIGNATURE_TYPE));
        }
        if !timestamp.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Disbelief::BadHeader(TIMESTAMP));
        }
        let signed_at: i64 = timestamp.parse().map_err(|_| Disbelief::BadHeader(TIMESTAMP))?;
        if signed_at.abs_diff(now.timestamp()) > SKEW_MAX_S.unsigned_abs() {
            return Err(Disbelief::StaleTimestamp);
        }
        Ok(Seal { timestamp, nonce, signature, serial })
    }

    /// Checks the signature over the raw body with the key under exactly the named serial.
    pub(super) fn check(
        &self,
        trust: &Trust,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), Disbelief> {
        let key = trust.key_at(self.serial, now);
        let key = key.ok_or_else(|| Disbelief::UnknownSerial(self.serial.to_owned()))?;
        self.check_with(key, body)
    }

    /// Checks the signature with a key already chosen.
    ///
    /// A deliberately wrong signature (验签探测, `WECHATPAY/SIGNTEST/…`) has no branch of its own:
    /// it fails here like every other.
    pub(super) fn check_with(&self, key: &VerifyingKey, body: &[u8]) -> Result<(), Disbelief> {
        let mut message = format!("{}\n{}\n", self.timestamp, self.nonce).into_bytes();
        message.extend_from_slice(body);
        message.push(b'\n');
        let fits = key.verify_sha256(&message, self.signature);
        if fits { Ok(()) } else { Err(Disbelief::BadSignature) }
    }
}

/// Reads and checks in one go.
pub(super) fn verify(
    trust: &Trust,
    headers: &Headers,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), Disbelief> {
    Seal::read(headers, now)?.check(trust, body, now)
}

fn one<'a>(
    headers: &'a Headers,
    name: &'static str,
    length_max: usize,
) -> Result<&'a str, Disbelief> {
    let value = headers.one(name).map_err(|error| match error {
        HeaderError::Missing => Disbelief::MissingHeader(name),
        HeaderError::Repeated => Disbelief::BadHeader(name),
    })?;
    // Only visible ASCII: a line feed inside the nonce would move the border between it and the
    // body, and the signature would still fit.
    let visible = value.bytes().all(|b| b.is_ascii_graphic());
    if visible && (1..=length_max).contains(&value.len()) {
        Ok(value)
    } else {
        Err(Disbelief::BadHeader(name))
    }
}
