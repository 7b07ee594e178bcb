//! Whose account it is, what it signs with, and whom it believes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    Secret,
    key::{Certificate, SigningKey, VerifyingKey},
};

/// Everything needed to speak for one merchant number. Cheap enough to clone on a key change.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// Whose orders they are.
    pub mode: Mode,
    /// Serial number of our API certificate, upper-case hexadecimal as the platform shows it.
    pub serial_no: String,
    /// The private key of that certificate.
    pub signing_key: SigningKey,
    /// The APIv3 keys, 32 bytes each, newest first. After a change the former stays for as long
    /// as WeChat may still retry callbacks sealed with it (a day, A7).
    pub api_v3_keys: Vec<Secret>,
    /// WeChat's keys.
    pub trust: Trust,
    /// Scheme, host and perhaps a path, without a slash at the end:
    /// `https://api.mch.weixin.qq.com`.
    pub base_url: String,
    /// Where payment callbacks go: a full public address of at most 255 bytes, no query.
    pub notify_url: String,
    /// Where refund callbacks go; sent with every refund, so that none is notified the old way
    /// (A7).
    pub refund_notify_url: String,
}

/// Whose orders they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// An ordinary merchant (直连商户): its own number, its own money.
    Ordinary {
        /// The application the payer pays in.
        appid: String,
        /// The merchant number.
        mchid: String,
    },
    /// A partner (服务商) acting for a sub-merchant; signs with the partner's number and key.
    Partner {
        /// The partner's application.
        sp_appid: String,
        /// The partner's merchant number.
        sp_mchid: String,
        /// The sub-merchant's application, if payers are known by their openid there.
        sub_appid: Option<String>,
        /// The sub-merchant's number: whose money it is.
        sub_mchid: String,
    },
}

impl Mode {
    /// The number that signs requests.
    pub fn signing_mchid(&self) -> &str {
        match self {
            Mode::Ordinary { mchid, .. } => mchid,
            Mode::Partner { sp_mchid, .. } => sp_mchid,
        }
    }

    /// The number whose money it is; what a fact calls `merchant_no`.
    pub fn merchant_no(&self) -> &str {
        match self {
            Mode::Ordinary { mchid, .. } => mchid,
            Mode::Partner { sub_mchid, .. } => sub_mchid,
        }
    }

    /// The application of the account that signs; what a fact calls `app_id`.
    pub fn app_id(&self) -> &str {
        match self {
            Mode::Ordinary { appid, .. } => appid,
            Mode::Partner { sp_appid, .. } => sp_appid,
        }
    }

    /// The application under which the payer's openid lives, and which calls the payment up.
    pub fn payer_app_id(&self) -> &str {
        match self {
            Mode::Ordinary { appid, .. } => appid,
            Mode::Partner { sub_appid: Some(sub_appid), .. } => sub_appid,
            Mode::Partner { sp_appid, .. } => sp_appid,
        }
    }

    /// The sub-merchant's number in partner mode.
    pub fn sub_mchid(&self) -> Option<&str> {
        match self {
            Mode::Ordinary { .. } => None,
            Mode::Partner { sub_mchid, .. } => Some(sub_mchid),
        }
    }
}

/// WeChat's verification keys by serial: platform certificates and public keys
/// (`PUB_KEY_ID_…`) side by side, any number of each, matched exactly (A4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    keys: BTreeMap<String, Believed>,
    preferred: Option<String>,
}

/// A key and, where a certificate limits it, from when and until when it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Believed {
    key: VerifyingKey,
    valid: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Trust {
    /// Believes nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Believes a key under the serial or id that WeChat names it by.
    pub fn add(&mut self, serial: impl Into<String>, key: VerifyingKey) {
        self.keys.insert(serial.into(), Believed { key, valid: None });
    }

    /// Believes a platform certificate under its own serial, for as long as it is valid.
    pub fn add_certificate(&mut self, certificate: &Certificate) {
        let valid = Some((certificate.not_before, certificate.not_after));
        let believed = Believed { key: certificate.key.clone(), valid };
        self.keys.insert(certificate.serial_no.clone(), believed);
    }

    /// Asks WeChat to sign its answers with this key, and seals personal fields for it. Without
    /// a preference WeChat chooses.
    pub fn prefer(&mut self, serial: impl Into<String>) {
        self.preferred = Some(serial.into());
    }

    /// The serial to ask answers for: the preferred one, if its key is known.
    pub fn preferred(&self) -> Option<&str> {
        self.preferred.as_deref().filter(|serial| self.keys.contains_key(*serial))
    }

    /// The key under exactly this serial.
    pub fn key(&self, serial: &str) -> Option<&VerifyingKey> {
        self.keys.get(serial).map(|believed| &believed.key)
    }

    /// The key under exactly this serial, if it is believed now.
    ///
    /// Invariant: a certificate is believed up to its last moment, however long its file lies in
    /// the folder; proved by `an_expired_platform_certificate_is_believed_no_more`.
    pub fn key_at(&self, serial: &str, now: DateTime<Utc>) -> Option<&VerifyingKey> {
        let believed = self.keys.get(serial)?;
        let is_valid = believed.valid.is_none_or(|(from, until)| from <= now && now <= until);
        is_valid.then_some(&believed.key)
    }

    /// Every serial believed, for the operator.
    pub fn serials(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }
}
