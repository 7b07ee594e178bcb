//! TLS by rustls, where it ends here and not at a proxy in front.

use std::{path::Path, sync::Arc};

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

/// Why there is no TLS to serve with.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Only one of the two files is named.
    #[error("[server] tls_certificate and tls_key belong together: only one of them is set")]
    Half,
    /// The certificate file cannot be read or holds none.
    #[error("the file {0} holds no certificate chain in PEM")]
    Certificate(String),
    /// The key file cannot be read or holds none.
    #[error("the file {0} holds no private key in PEM")]
    Key(String),
    /// Key and certificate do not fit together, or the key is of a kind rustls refuses.
    #[error("the certificate and the key cannot be used together")]
    Unfit(#[from] rustls::Error),
}

/// Reads the two files. `None` when neither is named: TLS ends elsewhere.
///
/// Versions 1.2 and 1.3 with rustls' own choice of ciphers, by the one crypto library of the house.
pub fn open(certificate: &str, key: &str) -> Result<Option<ServerConfig>, TlsError> {
    if certificate.is_empty() && key.is_empty() {
        return Ok(None);
    }
    if certificate.is_empty() || key.is_empty() {
        return Err(TlsError::Half);
    }
    let bad_certificate = || TlsError::Certificate(certificate.to_owned());
    let chain = CertificateDer::pem_file_iter(Path::new(certificate));
    let chain: Vec<_> = chain.and_then(Iterator::collect).map_err(|_| bad_certificate())?;
    if chain.is_empty() {
        return Err(bad_certificate());
    }
    let private = PrivateKeyDer::from_pem_file(Path::new(key));
    let private = private.map_err(|_| TlsError::Key(key.to_owned()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)?;
    Ok(Some(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_configuration_and_missing_files_are_named() {
        assert!(matches!(open("", ""), Ok(None)));
        assert!(matches!(open("cert.pem", ""), Err(TlsError::Half)));
        assert!(matches!(open("", "key.pem"), Err(TlsError::Half)));
        let missing = open("no/such/cert.pem", "no/such/key.pem").unwrap_err();
        assert!(missing.to_string().contains("no/such/cert.pem"), "{missing}");
    }
}
