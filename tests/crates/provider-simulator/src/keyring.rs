//! Every key of both sides, made at start or read from a folder, and the files a merchant gets.
//!
//! Keys are generated once per process and shared by all simulators in it, because making RSA keys
//! is the slowest thing a test would do.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::config::{Config, SmsGateway};
use crate::crypto::certificate::{self, Certificate, Subject};
use crate::crypto::{KeyError, RsaKey, digest};

/// The common name of the throw-away WeChat platform certificates.
const PLATFORM_NAME: &str = "Tenpay.com simulator";

/// The common name of the throw-away Alipay root.
const ALIPAY_ROOT_NAME: &str = "Ant simulator root";

/// The keys of one WeChat merchant.
pub(crate) struct WechatKeys {
    pub(crate) merchant: Arc<RsaKey>,
    pub(crate) serial_no: String,
    pub(crate) api_v3_key: String,
    /// What WeChat signs with in public-key mode.
    pub(crate) public: Arc<RsaKey>,
    pub(crate) public_key_id: String,
}

/// One platform certificate with its key.
pub(crate) struct PlatformKey {
    pub(crate) key: Arc<RsaKey>,
    pub(crate) certificate: Certificate,
}

/// The keys and certificates of one Alipay application.
pub(crate) struct AlipayKeys {
    pub(crate) app: Arc<RsaKey>,
    pub(crate) alipay: Arc<RsaKey>,
    pub(crate) app_certificate: Certificate,
    pub(crate) alipay_certificate: Certificate,
    pub(crate) root_certificate: Certificate,
}

/// All keys.
pub(crate) struct Keyring {
    pub(crate) wechat: BTreeMap<String, WechatKeys>,
    /// Platform certificates in force, newest last; never empty.
    pub(crate) platform: Vec<PlatformKey>,
    pub(crate) alipay: BTreeMap<String, AlipayKeys>,
    /// A key nobody trusts.
    pub(crate) attacker: Arc<RsaKey>,
    dir: Option<PathBuf>,
    rotations: usize,
}

type Cache = Mutex<BTreeMap<String, Arc<RsaKey>>>;

/// The key of this name: from the folder, else from the process's cache, else new.
fn key(dir: Option<&Path>, name: &str) -> Result<Arc<RsaKey>, KeyError> {
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let file = dir.map(|dir| dir.join(format!("{name}.pem")));
    let failed = |source| KeyError::File { file: format!("{name}.pem"), source };
    if let Some(file) = file.as_deref().filter(|file| file.exists()) {
        let pem = fs::read_to_string(file).map_err(failed)?;
        return Ok(Arc::new(RsaKey::from_private_pem(&pem)?));
    }
    // The lock is held while a key is made, so that two tests never make the same one.
    let mut cache =
        CACHE.get_or_init(Cache::default).lock().unwrap_or_else(PoisonError::into_inner);
    let made = match cache.get(name) {
        Some(known) => known.clone(),
        None => {
            let made = Arc::new(RsaKey::generate()?);
            cache.insert(name.to_owned(), made.clone());
            made
        }
    };
    if let (Some(dir), Some(file)) = (dir, file) {
        fs::create_dir_all(dir).map_err(failed)?;
        fs::write(&file, made.private_pem()).map_err(failed)?;
    }
    Ok(made)
}

/// A serial number that stays the same as long as the key does.
fn serial(key: &RsaKey, purpose: &str) -> [u8; 16] {
    let print = digest::sha256_hex(format!("{purpose}\n{}", key.public_pem()).as_bytes());
    let mut serial = [0; 16];
    for (at, byte) in serial.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&print[at * 2..at * 2 + 2], 16).unwrap_or(1);
    }
    // The first byte stays in 0x40..0x80, so that DER adds no zero and hex has no leading one.
    serial[0] = 0x40 | (serial[0] & 0x3f);
    serial
}

fn platform(dir: Option<&Path>, number: usize) -> Result<PlatformKey, KeyError> {
    let key = key(dir, &format!("wechat-platform-{number}"))?;
    let subject = Subject { common_name: PLATFORM_NAME, serial: serial(&key, "platform") };
    let certificate = certificate::root(&key, &subject)?;
    Ok(PlatformKey { key, certificate })
}

fn wechat(dir: Option<&Path>, index: usize, mchid: &str) -> Result<WechatKeys, KeyError> {
    let merchant = key(dir, &format!("wechat-merchant-{index}"))?;
    let public = key(dir, &format!("wechat-public-{index}"))?;
    let serial_no = serial(&merchant, mchid).iter().map(|byte| format!("{byte:02X}")).collect();
    let print = digest::sha256_hex(format!("{mchid}\n{}", merchant.private_pem()).as_bytes());
    let number = u64::from_str_radix(&print[32..46], 16).unwrap_or(1) % 10_000_000_000;
    Ok(WechatKeys {
        merchant,
        serial_no,
        api_v3_key: print[..32].to_owned(),
        public,
        public_key_id: format!("PUB_KEY_ID_011{mchid}2026010100{number:010}"),
    })
}

fn alipay(dir: Option<&Path>, index: usize, app_id: &str) -> Result<AlipayKeys, KeyError> {
    let root_key = key(dir, "alipay-root")?;
    let app = key(dir, &format!("alipay-app-{index}"))?;
    let own = key(dir, &format!("alipay-own-{index}"))?;
    let root = Subject { common_name: ALIPAY_ROOT_NAME, serial: serial(&root_key, "root") };
    let app_subject = Subject { common_name: app_id, serial: serial(&app, "app") };
    let own_subject = Subject { common_name: "Alipay simulator", serial: serial(&own, "own") };
    Ok(AlipayKeys {
        app_certificate: certificate::issued(&app, &app_subject, &root_key, &root)?,
        alipay_certificate: certificate::issued(&own, &own_subject, &root_key, &root)?,
        root_certificate: certificate::root(&root_key, &root)?,
        app,
        alipay: own,
    })
}

impl Keyring {
    /// Makes or reads every key the configuration needs.
    pub(crate) fn new(config: &Config) -> Result<Self, KeyError> {
        let dir = config.key_dir.as_deref();
        let merchants = config.wechat_merchants.iter().enumerate();
        let apps = config.alipay_apps.iter().enumerate();
        Ok(Self {
            wechat: merchants
                .map(|(at, one)| Ok((one.mchid.clone(), wechat(dir, at, &one.mchid)?)))
                .collect::<Result<_, KeyError>>()?,
            platform: vec![platform(dir, 0)?],
            alipay: apps
                .map(|(at, one)| Ok((one.app_id.clone(), alipay(dir, at, &one.app_id)?)))
                .collect::<Result<_, KeyError>>()?,
            attacker: key(dir, "attacker")?,
            dir: config.key_dir.clone(),
            rotations: 0,
        })
    }

    /// Adds a newer platform certificate; the older ones stay in force.
    pub(crate) fn rotate(&mut self) -> Result<String, KeyError> {
        self.rotations += 1;
        let added = platform(self.dir.as_deref(), self.rotations)?;
        let serial = added.certificate.serial.clone();
        self.platform.push(added);
        Ok(serial)
    }

    /// Takes every platform certificate but the newest out of force.
    pub(crate) fn retire(&mut self) {
        let older = self.platform.len().saturating_sub(1);
        self.platform.drain(..older);
    }
}

/// The folders [`Keyring::write`] made: merchant or application number, folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MerchantFiles {
    /// One per WeChat merchant.
    pub wechat_pay: Vec<(String, PathBuf)>,
    /// One per Alipay application.
    pub alipay: Vec<(String, PathBuf)>,
    /// One per mini-program or service account of WeChat.
    pub wechat: Vec<(String, PathBuf)>,
    /// One per SMS gateway, by its name.
    pub sms: Vec<(String, PathBuf)>,
}

impl Keyring {
    /// Writes what the merchants know under `dir`; the names are listed in the crate's docs.
    pub(crate) fn write(&self, dir: &Path, config: &Config) -> Result<MerchantFiles, KeyError> {
        let mut written = MerchantFiles::default();
        for (mchid, keys) in &self.wechat {
            let folder = dir.join("wechat-pay").join(mchid);
            let newest = self.platform.last().map(|one| one.certificate.pem.as_str());
            put(
                &folder,
                &[
                    ("merchant.key.pem", &keys.merchant.private_pem()),
                    ("serial_no.txt", &keys.serial_no),
                    ("api_v3.key", &keys.api_v3_key),
                    ("platform_certificate.pem", newest.unwrap_or_default()),
                    ("public_key.pem", &keys.public.public_pem()),
                    ("public_key_id.txt", &keys.public_key_id),
                ],
            )?;
            written.wechat_pay.push((mchid.clone(), folder));
        }
        for (app_id, keys) in &self.alipay {
            let folder = dir.join("alipay").join(app_id);
            put(
                &folder,
                &[
                    ("app.key.pem", &keys.app.private_pem()),
                    ("app_public_key.pem", &keys.app.public_pem()),
                    ("alipay_public_key.pem", &keys.alipay.public_pem()),
                    ("app_cert.pem", &keys.app_certificate.pem),
                    ("alipay_cert.pem", &keys.alipay_certificate.pem),
                    ("alipay_root_cert.pem", &keys.root_certificate.pem),
                ],
            )?;
            let app = config.alipay_apps.iter().find(|app| app.app_id == *app_id);
            if let Some(content_key) = app.and_then(|app| app.content_key.as_deref()) {
                put(&folder, &[("content.key", content_key)])?;
            }
            written.alipay.push((app_id.clone(), folder));
        }
        for app in &config.wechat_apps {
            let folder = dir.join("wechat").join(&app.app_id);
            put(&folder, &[("secret.txt", &app.secret)])?;
            written.wechat.push((app.app_id.clone(), folder));
        }
        for account in &config.sms_accounts {
            let (gateway, id, secret) = match account.gateway {
                SmsGateway::Aliyun => ("aliyun", "access_key_id.txt", "access_key_secret.txt"),
                SmsGateway::Tencent => ("tencent", "secret_id.txt", "secret_key.txt"),
            };
            let folder = dir.join("sms").join(gateway);
            put(&folder, &[(id, &account.key_id), (secret, &account.secret)])?;
            put(&folder, &[("sign_name.txt", &account.sign_name)])?;
            if account.gateway == SmsGateway::Tencent {
                put(&folder, &[("sdk_app_id.txt", &account.sdk_app_id)])?;
            }
            written.sms.push((gateway.to_owned(), folder));
        }
        Ok(written)
    }
}

fn put(folder: &Path, files: &[(&str, &str)]) -> Result<(), KeyError> {
    for (name, text) in files {
        let failed = |source| KeyError::File { file: (*name).to_owned(), source };
        fs::create_dir_all(folder).map_err(failed)?;
        fs::write(folder.join(name), text).map_err(failed)?;
    }
    Ok(())
}
