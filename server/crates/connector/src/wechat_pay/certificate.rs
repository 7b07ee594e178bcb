//! Fetching WeChat's platform certificates (平台证书, A4).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{
    answer::{self, Undone},
    code::Call,
    merchant::{Merchant, Trust},
    resource::Resource,
    sign::{OurFault, get},
    verify::Seal,
};
use crate::{
    http::{Request, Response, Stamp},
    key::Certificate,
    outcome::{Doubt, Outcome},
};

/// The most certificates read from one answer. There are one or two at a time.
pub const CERTIFICATES_MAX: usize = 16;

#[derive(Deserialize)]
struct Body {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    serial_no: String,
    encrypt_certificate: Resource,
}

/// The request for the certificates of today.
pub fn request_certificates(merchant: &Merchant, stamp: &Stamp) -> Result<Request, OurFault> {
    get(merchant, "/v3/certificates?algorithm_type=RSA", stamp)
}

/// Reads the answer to [`request_certificates`]: every certificate that is valid now.
///
/// The first answer is signed with a key that only comes inside it. What breaks the circle is
/// our APIv3 key: the certificates are sealed with it, so whoever made them knows it. Only then
/// the signature over the whole answer is checked, with a certificate out of that answer under
/// exactly the serial the answer names. Invariant: no certificate is returned from an answer
/// that fails either check (`certificates_are_believed_only_under_seal_and_signature`).
pub fn read_certificates(
    merchant: &Merchant,
    response: &Response,
    now: DateTime<Utc>,
) -> Outcome<Vec<Certificate>> {
    answer::settle(read(merchant, response, now))
}

fn read(
    merchant: &Merchant,
    response: &Response,
    now: DateTime<Utc>,
) -> Result<Vec<Certificate>, Undone> {
    if response.status != 200 {
        answer::body(Call::Certificates, merchant, response, now)?;
        return Err(Outcome::Unknown(Doubt::Unreadable));
    }
    let disbelieved = |why| Outcome::Unknown(answer::doubt(why));
    let seal = Seal::read(&response.headers, now).map_err(disbelieved)?;
    let certificates = unseal(merchant, answer::value(&response.body)?)?;
    let mut fresh = Trust::new();
    for certificate in &certificates {
        fresh.add_certificate(certificate);
    }
    // Keys we believed before count too: an answer may be signed with a public key.
    match fresh.key_at(seal.serial, now).or(merchant.trust.key_at(seal.serial, now)) {
        Some(key) => seal.check_with(key, &response.body),
        None => seal.check(&fresh, &response.body, now),
    }
    .map_err(disbelieved)?;
    Ok(valid_now(certificates, now))
}

fn unseal(merchant: &Merchant, body: Body) -> Result<Vec<Certificate>, Undone> {
    let unreadable = || Outcome::Unknown(Doubt::Unreadable);
    if body.data.is_empty() || body.data.len() > CERTIFICATES_MAX {
        return Err(unreadable());
    }
    let mut certificates = Vec::with_capacity(body.data.len());
    for entry in body.data {
        // A box that does not open is as good as a wrong signature: it is not WeChat's.
        let pem = entry.encrypt_certificate.open(&merchant.api_v3_keys);
        let pem = pem.ok_or(Outcome::Unknown(Doubt::BadSignature))?;
        let pem = std::str::from_utf8(&pem).map_err(|_| unreadable())?;
        let certificate = Certificate::from_pem(pem).map_err(|_| unreadable())?;
        if certificate.serial_no != entry.serial_no {
            return Err(unreadable());
        }
        certificates.push(certificate);
    }
    Ok(certificates)
}

fn valid_now(certificates: Vec<Certificate>, now: DateTime<Utc>) -> Vec<Certificate> {
    certificates.into_iter().filter(|c| c.not_before <= now && now <= c.not_after).collect()
}
