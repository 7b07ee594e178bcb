//! The numbers certificates go by at Alipay (公钥证书, `payments.md` B5).

use md5::{Digest, Md5};
use x509_parser::{
    certificate::X509Certificate,
    objects::{oid_registry, oid2abbrev},
    pem::Pem,
    prelude::FromDer,
    x509::X509Name,
};

use crate::key::{KeyError, VerifyingKey};

/// Why a certificate text cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The text is not PEM holding an X.509 certificate.
    #[error("the text is not a PEM certificate")]
    NotACertificate,
    /// The issuer's name holds an attribute without a usual short name or without text.
    #[error("the issuer's name cannot be printed")]
    StrangeIssuer,
    /// None of the roots is an RSA certificate.
    #[error("no RSA certificate is among the roots")]
    NoRsaRoot,
    /// The certificate holds no usable key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The most certificates a root file may hold; Alipay's has four.
pub const ROOTS_MAX: usize = 64;

/// The number of one certificate (`app_cert_sn`, `alipay_cert_sn`): the MD5, in hexadecimal, of
/// the issuer's name followed by the serial number in decimal. The first certificate of the text
/// counts. MD5 is Alipay's choice; it names, it protects nothing.
pub fn number(pem: &str) -> Result<String, CertificateError> {
    let block = blocks(pem).next().ok_or(CertificateError::NotACertificate)??;
    number_of(&parse(&block)?)
}

/// The numbers of the root certificates (`alipay_root_cert_sn`), joined by `_`, in the order of
/// the file. Only roots signed with RSA count: the SM2 ones are skipped.
pub fn root_numbers(pem: &str) -> Result<String, CertificateError> {
    let mut numbers = Vec::new();
    for block in blocks(pem).take(ROOTS_MAX) {
        let block = block?;
        let root = parse(&block)?;
        let algorithm = root.signature_algorithm.algorithm.to_id_string();
        if algorithm.starts_with("1.2.840.113549.1.1.") {
            numbers.push(number_of(&root)?);
        }
    }
    if numbers.is_empty() { Err(CertificateError::NoRsaRoot) } else { Ok(numbers.join("_")) }
}

/// One of Alipay's public certificates as an entry of
/// [`Trust::Certificates::by_sn`](super::Trust::Certificates): its number and its key.
pub fn alipay_certificate(pem: &str) -> Result<(String, VerifyingKey), CertificateError> {
    Ok((number(pem)?, VerifyingKey::from_pem(pem)?))
}

fn blocks(pem: &str) -> impl Iterator<Item = Result<Pem, CertificateError>> {
    let blocks = Pem::iter_from_buffer(pem.as_bytes());
    blocks.map(|block| block.map_err(|_| CertificateError::NotACertificate))
}

fn parse(block: &Pem) -> Result<X509Certificate<'_>, CertificateError> {
    let parsed = X509Certificate::from_der(&block.contents);
    parsed.map(|(_, certificate)| certificate).map_err(|_| CertificateError::NotACertificate)
}

fn number_of(certificate: &X509Certificate<'_>) -> Result<String, CertificateError> {
    let mut text = issuer_text(certificate.issuer())?;
    text.push_str(&certificate.tbs_certificate.serial.to_string());
    let digest = Md5::digest(text.as_bytes());
    Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// `CN=…,OU=…,O=…,C=…`: the attributes in the reverse of their encoded order.
fn issuer_text(name: &X509Name<'_>) -> Result<String, CertificateError> {
    let mut parts = Vec::new();
    for attribute in name.iter_attributes() {
        let label = oid2abbrev(attribute.attr_type(), oid_registry());
        let value = attribute.as_str();
        match (label, value) {
            (Ok(label), Ok(value)) => parts.push(format!("{label}={value}")),
            _ => return Err(CertificateError::StrangeIssuer),
        }
    }
    parts.reverse();
    Ok(parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for text in ["", "no pem", garbage] {
            assert_eq!(number(text), Err(CertificateError::NotACertificate), "{text}");
        }
        assert_eq!(root_numbers(""), Err(CertificateError::NoRsaRoot));
        assert_eq!(root_numbers(garbage), Err(CertificateError::NotACertificate));
    }
}
