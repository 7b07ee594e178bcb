//! Whom the kiosk believes to be its server, below the greeting: TLS, with an authority or a key
//! of its own where the operator has set one.

use std::{fmt, sync::Arc, time::Duration};

use aws_lc_rs::digest;
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
    time_provider::TimeProvider,
};

use super::time::SharedTime;

/// The most pins; one and a spare are usual.
const PINS_MAX: usize = 8;

/// Whom to believe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// The only authority, as PEM; `None` for those of the machine.
    pub authority_pem: Option<Vec<u8>>,
    /// The SHA-256 of the public keys (SubjectPublicKeyInfo) one of which the server's certificate
    /// has to have; empty for any.
    pub key_pins: Vec<[u8; 32]>,
}

/// What was set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// Not PEM, or no certificate in it.
    #[error("the server's authority cannot be read")]
    Authority,
    /// Too many pins.
    #[error("more than {PINS_MAX} pinned keys")]
    Pins,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    /// Certificates cannot be checked.
    #[error("certificates cannot be checked")]
    Verifier(#[from] rustls::client::VerifierBuilderError),
}

impl Trust {
    /// TLS 1.2 and 1.3 by aws-lc, certificates looked at by the corrected clock: a dead battery
    /// does not lock a kiosk out.
    pub(super) fn config(&self, time: SharedTime) -> Result<ClientConfig, TrustError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let inner = self.verifier(&provider)?;
        if self.key_pins.len() > PINS_MAX {
            return Err(TrustError::Pins);
        }
        let pins = self.key_pins.clone();
        let verifier = Arc::new(Pinned { inner, pins });
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(Corrected(time)))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, TrustError> {
        let Some(pem) = &self.authority_pem else {
            let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(provider))?;
            return Ok(Arc::new(verifier));
        };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(|_| TrustError::Authority)?)?;
        }
        if roots.is_empty() {
            return Err(TrustError::Authority);
        }
        let roots = Arc::new(roots);
        Ok(WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider)).build()?)
    }
}

struct Corrected(SharedTime);

impl fmt::Debug for Corrected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Corrected")
    }
}

impl TimeProvider for Corrected {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.best().timestamp()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// What the inner one says, and the pin on top of it: never instead.
#[derive(Debug)]
struct Pinned {
    inner: Arc<dyn ServerCertVerifier>,
    pins: Vec<[u8; 32]>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let good = self.inner.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        if self.pins.is_empty() {
            return Ok(good);
        }
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let key = certificate.subject_public_key_info();
        let sum = digest::digest(&digest::SHA256, &key);
        if self.pins.iter().any(|pin| pin == sum.as_ref()) {
            return Ok(good);
        }
        Err(rustls::Error::General("the server's key is not one of the pinned ones".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
