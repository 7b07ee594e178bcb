//! Who we are at Alipay, and whose signatures we believe.

use std::collections::BTreeMap;

use crate::{
    key::{SigningKey, VerifyingKey},
    secret::Secret,
};

/// One application at Alipay with everything needed to speak for it. Prints no secret.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// The application (`app_id`).
    pub app_id: String,
    /// The account that receives the money (`seller_id`, 2088…). Where it is set, a callback for
    /// another account is refused.
    pub seller_id: Option<String>,
    /// The mini-program that takes the payment (`op_app_id`), where it is not `app_id` itself.
    pub op_app_id: Option<String>,
    /// Our private key.
    pub signing_key: SigningKey,
    /// Alipay's keys.
    pub trust: Trust,
    /// The content key of `encrypt_type=AES`, as the platform shows it (base64, 16 bytes);
    /// `None` sends plain text.
    pub aes_key: Option<Secret>,
    /// The gateway, `https://openapi.alipay.com/gateway.do` or a simulator.
    pub gateway_url: String,
    /// Where callbacks are to arrive: one unguessable address per merchant.
    pub notify_url: String,
    /// Where the browser goes after `wap.pay`; display only, nothing is decided by it.
    pub return_url: Option<String>,
    /// The token of a merchant we act for (服务商代调用).
    pub app_auth_token: Option<Secret>,
}

/// Alipay's public keys, in the two ways it hands them out.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Key mode (公钥模式): keys without a name; two during a rotation, any of which may confirm.
    Keys(Vec<VerifyingKey>),
    /// Certificate mode (公钥证书): keys by their certificate's number (`payments.md` B5).
    Certificates {
        /// Alipay's public certificates by `alipay_cert_sn`; two during a rotation.
        by_sn: BTreeMap<String, VerifyingKey>,
        /// The number of our own certificate ([`certificate::number`](super::certificate::number)).
        app_cert_sn: String,
        /// The numbers of Alipay's roots
        /// ([`certificate::root_numbers`](super::certificate::root_numbers)).
        alipay_root_cert_sn: String,
    },
}

/// Why a signature was not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The answer names a certificate we do not have; fetching the new one mends it.
    #[error("the signature names a certificate we do not have: {sn}")]
    UnknownCertificate {
        /// The number it names.
        sn: String,
    },
    /// No key of ours confirms the signature.
    #[error("the signature is wrong")]
    Wrong,
}

impl Merchant {
    /// The number facts are filed under: the configured `seller_id`, else the `app_id`.
    ///
    /// Never taken from the wire: callbacks name the seller and queries do not, and the same
    /// trade must have the same key whichever of them proves it first.
    pub fn merchant_no(&self) -> &str {
        self.seller_id.as_deref().unwrap_or(&self.app_id)
    }
}

impl Trust {
    /// Checks RSA2 (SHA-256 with RSA PKCS#1 v1.5) over exactly these bytes. Nothing else is ever
    /// accepted, whatever `sign_type` claims.
    ///
    /// With certificates, a named one is taken exactly; where none is named (callbacks), any of
    /// ours may confirm.
    pub fn verify(
        &self,
        cert_sn: Option<&str>,
        message: &[u8],
        signature: &str,
    ) -> Result<(), TrustError> {
        let confirmed = match (self, cert_sn) {
            (Trust::Keys(keys), _) => keys.iter().any(|key| key.verify_sha256(message, signature)),
            (Trust::Certificates { by_sn, .. }, Some(sn)) => {
                let unknown = || TrustError::UnknownCertificate { sn: sn.to_owned() };
                by_sn.get(sn).ok_or_else(unknown)?.verify_sha256(message, signature)
            }
            (Trust::Certificates { by_sn, .. }, None) => {
                by_sn.values().any(|key| key.verify_sha256(message, signature))
            }
        };
        if confirmed { Ok(()) } else { Err(TrustError::Wrong) }
    }
}
