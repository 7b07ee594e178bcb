//! Throw-away X.509 certificates: WeChat platform certificates (payments.md A4) and the three
//! certificates of an Alipay application (B5).

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, SerialNumber,
};
use x509_parser::num_bigint::BigUint;

use super::{KeyError, RsaKey, digest};

/// The first and last year a throw-away certificate is good for.
const YEARS: (i32, i32) = (2020, 2049);

/// The organisation every throw-away certificate names.
const ORGANISATION: &str = "Yufu provider simulator";

/// A certificate and what the providers quote from it.
pub(crate) struct Certificate {
    pub(crate) pem: String,
    /// Serial number, upper-case hex, as `Wechatpay-Serial` and `serial_no` carry it.
    pub(crate) serial: String,
    /// `md5(issuer DN + serial decimal)`, as `app_cert_sn` and its relatives carry it.
    pub(crate) sn: String,
}

/// What goes into a certificate.
pub(crate) struct Subject<'a> {
    pub(crate) common_name: &'a str,
    pub(crate) serial: [u8; 16],
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, "CN");
    name.push(DnType::OrganizationName, ORGANISATION);
    name.push(DnType::OrganizationalUnitName, "test bench");
    name.push(DnType::CommonName, common_name);
    name
}

fn params(subject: &Subject<'_>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(subject.common_name);
    params.serial_number = Some(SerialNumber::from_slice(&subject.serial));
    params.not_before = rcgen::date_time_ymd(YEARS.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(YEARS.1, 12, 31);
    params
}

fn described(pem: String, issuer: &str, serial: &[u8]) -> Certificate {
    // The reverse of the encoding order, comma without a space (payments.md B5).
    let issuer = format!("CN={issuer},OU=test bench,O={ORGANISATION},C=CN");
    let number = BigUint::from_bytes_be(serial).to_string();
    let hex = serial.iter().map(|byte| format!("{byte:02X}")).collect();
    Certificate { pem, serial: hex, sn: digest::md5_hex(format!("{issuer}{number}").as_bytes()) }
}

/// A certificate that signs itself: a root.
pub(crate) fn root(key: &RsaKey, subject: &Subject<'_>) -> Result<Certificate, KeyError> {
    let mut params = params(subject);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let made = params.self_signed(key.certifier()).map_err(|_| KeyError::Certificate)?;
    Ok(described(made.pem(), subject.common_name, &subject.serial))
}

/// A certificate for `key`, issued by the root named `issuer`.
pub(crate) fn issued(
    key: &RsaKey,
    subject: &Subject<'_>,
    root_key: &RsaKey,
    issuer: &Subject<'_>,
) -> Result<Certificate, KeyError> {
    let mut root_params = params(issuer);
    root_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let signer = Issuer::new(root_params, root_key.certifier());
    let made =
        params(subject).signed_by(key.certifier(), &signer).map_err(|_| KeyError::Certificate)?;
    Ok(described(made.pem(), issuer.common_name, &subject.serial))
}

#[cfg(test)]
mod tests {
    use x509_parser::pem::parse_x509_pem;

    use super::*;

    #[test]
    fn a_certificate_names_its_serial_and_its_issuer_in_the_order_providers_print() {
        let (root_key, key) = (RsaKey::generate().unwrap(), RsaKey::generate().unwrap());
        let authority = Subject { common_name: "Root", serial: [0x11; 16] };
        let subject = Subject { common_name: "App", serial: [0x22; 16] };
        let made = issued(&key, &subject, &root_key, &authority).unwrap();
        let (_, pem) = parse_x509_pem(made.pem.as_bytes()).unwrap();
        let parsed = pem.parse_x509().unwrap();
        assert_eq!(parsed.raw_serial_as_string().replace(':', "").to_uppercase(), made.serial);
        let encoded = parsed.issuer().to_string();
        let mut parts: Vec<&str> = encoded.split(", ").collect();
        parts.reverse();
        let text = format!("{}{}", parts.join(","), parsed.serial);
        assert_eq!(digest::md5_hex(text.as_bytes()), made.sn);
    }
}
