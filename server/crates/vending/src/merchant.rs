//! The merchants' accounts and keys, read from their folders and swapped while the house runs.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use connector::{
    Secret, alipay,
    key::{Certificate, KeyError, SigningKey, VerifyingKey},
    wechat_pay,
};
use domain::{IdError, MerchantId, ProjectId, Provider};
use serde::{Deserialize, Serialize};
use store::{StoreError, site};

/// The largest key file read, in bytes.
const KEY_FILE_MAX: u64 = 64 * 1024;

/// A merchant account with its keys, ready for use.
pub struct Merchant {
    /// The account's id.
    pub id: MerchantId,
    /// The project whose money it takes.
    pub project: ProjectId,
    /// The provider.
    pub provider: Provider,
    /// The merchant number as the ledger and the facts name it.
    pub merchant_no: String,
    /// The unguessable last part of its callback address.
    pub path_token: String,
    /// Its keys.
    pub keys: Keys,
}

/// The keys of either provider.
pub enum Keys {
    /// WeChat Pay.
    WechatPay(Box<wechat_pay::Merchant>),
    /// Alipay.
    Alipay(Box<alipay::Merchant>),
}

/// Where the providers are and where they shall call us; the same for all merchants of a site.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// WeChat Pay's host, `https://api.mch.weixin.qq.com` outside of tests.
    pub wechat_pay_base_url: String,
    /// Alipay's gateway, `https://openapi.alipay.com/gateway.do` outside of tests.
    pub alipay_gateway_url: String,
    /// Our own address as the providers see it, without a slash at the end.
    pub public_url: String,
}

/// What of a merchant account is neither key nor number: the stored `config` column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MerchantConfig {
    /// Alipay's seller id, compared with notices when it is set.
    pub seller_id: Option<String>,
    /// Alipay's AES key for content encryption, as a file name in the folder.
    pub aes_key_file: Option<String>,
    /// Alipay's token for a service provider acting for the merchant.
    pub app_auth_token: Option<String>,
}

/// Why a merchant's folder does not make a working account. Names the file, never its content.
#[derive(Debug, thiserror::Error)]
pub enum MerchantError {
    /// A file is missing, unreadable or too large.
    #[error("the key file {file} cannot be read")]
    File {
        /// The file.
        file: String,
    },
    /// A file holds no key of the expected kind.
    #[error("the key file {file} holds no usable key")]
    Key {
        /// The file.
        file: String,
        /// What is wrong with it.
        #[source]
        source: KeyError,
    },
    /// Alipay's certificates do not fit together.
    #[error("the certificate file {file} cannot be used")]
    Certificate {
        /// The file.
        file: String,
    },
    /// There is neither a public key nor a platform certificate to verify answers with.
    #[error("the folder holds nothing to verify the provider's answers with")]
    NoTrust,
    /// The stored configuration is not of the right form.
    #[error("the merchant's configuration is not of the right form")]
    Config,
    /// The stored row is not of the right form.
    #[error("the merchant's row is not of the right form")]
    Row(#[from] IdError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

#[derive(Default)]
struct Shelf {
    by_id: HashMap<MerchantId, Arc<Merchant>>,
    by_token: HashMap<String, Arc<Merchant>>,
}

/// Every merchant account of the site. Cheap to clone; a reload swaps the whole shelf at once.
#[derive(Clone, Default)]
pub struct MerchantCatalogue {
    shelf: Arc<RwLock<Arc<Shelf>>>,
    refreshed: Arc<Mutex<HashMap<MerchantId, Duration>>>,
    /// Platform certificates that were fetched, which no folder holds.
    fetched: Arc<Mutex<HashMap<MerchantId, Vec<Certificate>>>>,
}

impl MerchantCatalogue {
    /// A merchant by its id.
    pub fn by_id(&self, id: MerchantId) -> Option<Arc<Merchant>> {
        self.read().by_id.get(&id).cloned()
    }

    /// The merchant a callback address belongs to.
    pub fn by_path_token(&self, token: &str) -> Option<Arc<Merchant>> {
        self.read().by_token.get(token).cloned()
    }

    /// The merchant through which a project takes money of a provider.
    pub fn of_project(&self, project: ProjectId, provider: Provider) -> Option<Arc<Merchant>> {
        let shelf = self.read();
        let mut found: Vec<_> = shelf
            .by_id
            .values()
            .filter(|m| m.project == project && m.provider == provider)
            .collect();
        found.sort_by_key(|m| m.id);
        found.first().map(|m| Arc::clone(m))
    }

    /// Every merchant.
    pub fn all(&self) -> Vec<Arc<Merchant>> {
        self.read().by_id.values().cloned().collect()
    }

    /// Reads every account and key anew and swaps them in. A merchant whose folder is broken keeps
    /// the keys it had; it is named in the answer, so that `yufu doctor` and the log can say it.
    ///
    /// Keys rotate by putting the new ones beside the old ones: both are accepted (P8).
    pub async fn reload(
        &self,
        store: &store::Store,
        addresses: &Addresses,
    ) -> Result<Vec<(MerchantId, MerchantError)>, StoreError> {
        let rows = site::merchants(store.read()).await?;
        let before = self.read();
        let mut shelf = Shelf::default();
        let mut broken = Vec::new();
        for row in rows {
            let id = MerchantId(row.id);
            let merchant = match open(&row, addresses) {
                Ok(merchant) => Some(Arc::new(self.with_fetched(merchant))),
                Err(error) => {
                    broken.push((id, error));
                    before.by_id.get(&id).cloned()
                }
            };
            if let Some(merchant) = merchant {
                shelf.by_token.insert(merchant.path_token.clone(), Arc::clone(&merchant));
                shelf.by_id.insert(id, merchant);
            }
        }
        *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shelf);
        Ok(broken)
    }

    /// A merchant from its folder, with the certificates that were fetched since the start.
    fn with_fetched(&self, mut merchant: Merchant) -> Merchant {
        let fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Keys::WechatPay(keys), Some(known)) =
            (&mut merchant.keys, fetched.get(&merchant.id))
        {
            known.iter().for_each(|certificate| keys.trust.add_certificate(certificate));
        }
        merchant
    }

    /// True if a merchant's certificates may be fetched now, and notes that they are.
    pub(crate) fn may_refresh(&self, id: MerchantId, now: Duration, every: Duration) -> bool {
        let mut refreshed = self.refreshed.lock().unwrap_or_else(PoisonError::into_inner);
        let due = refreshed.get(&id).is_none_or(|last| now >= *last + every);
        if due {
            refreshed.insert(id, now);
        }
        due
    }

    /// Believes further platform certificates of a merchant; answers whether any was new.
    pub(crate) fn believe(&self, id: MerchantId, certificates: &[Certificate]) -> bool {
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = shelf.by_id.get(&id).cloned() else { return false };
        let Keys::WechatPay(keys) = &known.keys else { return false };
        let mut keys = keys.clone();
        let fresh: Vec<_> =
            certificates.iter().filter(|c| keys.trust.key(&c.serial_no).is_none()).collect();
        if fresh.is_empty() {
            return false;
        }
        let mut fetched = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
        for certificate in fresh {
            keys.trust.add_certificate(certificate);
            fetched.entry(id).or_default().push(certificate.clone());
        }
        let merchant = Arc::new(Merchant {
            id: known.id,
            project: known.project,
            provider: known.provider,
            merchant_no: known.merchant_no.clone(),
            path_token: known.path_token.clone(),
            keys: Keys::WechatPay(keys),
        });
        let mut next = Shelf { by_id: shelf.by_id.clone(), by_token: shelf.by_token.clone() };
        next.by_token.insert(merchant.path_token.clone(), Arc::clone(&merchant));
        next.by_id.insert(id, merchant);
        *shelf = Arc::new(next);
        true
    }

    fn read(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Opens one account: reads its row and its folder.
pub fn open(row: &site::Merchant, addresses: &Addresses) -> Result<Merchant, MerchantError> {
    let provider: Provider = row.provider.parse()?;
    let folder = Folder(PathBuf::from(&row.key_dir));
    let keys = match provider {
        Provider::WechatPay => Keys::WechatPay(Box::new(open_wechat_pay(row, &folder, addresses)?)),
        Provider::Alipay => Keys::Alipay(Box::new(open_alipay(row, &folder, addresses)?)),
    };
    let merchant_no = match &keys {
        Keys::WechatPay(keys) => keys.mode.merchant_no().to_owned(),
        Keys::Alipay(keys) => keys.merchant_no().to_owned(),
    };
    Ok(Merchant {
        id: MerchantId(row.id),
        project: ProjectId(row.project_id),
        provider,
        merchant_no,
        path_token: row.path_token.clone(),
        keys,
    })
}

fn open_wechat_pay(
    row: &site::Merchant,
    folder: &Folder,
    addresses: &Addresses,
) -> Result<wechat_pay::Merchant, MerchantError> {
    let mode = if row.mode == "partner" {
        wechat_pay::Mode::Partner {
            sp_appid: row.app_id.clone(),
            sp_mchid: row.merchant_no.clone(),
            sub_appid: row.sub_app_id.clone(),
            sub_mchid: row.sub_merchant_no.clone(),
        }
    } else {
        wechat_pay::Mode::Ordinary { appid: row.app_id.clone(), mchid: row.merchant_no.clone() }
    };
    let mut trust = wechat_pay::Trust::default();
    for certificate in folder.matching("platform_certificate", ".pem")? {
        let text = folder.text(&certificate)?;
        let named = |source| MerchantError::Key { file: certificate.clone(), source };
        trust.add_certificate(&Certificate::from_pem(&text).map_err(named)?);
    }
    if folder.has("public_key.pem") {
        let id = folder.text("public_key_id.txt")?.trim().to_owned();
        trust.add(id.clone(), folder.verifying_key("public_key.pem")?);
        trust.prefer(id);
    }
    if trust.serials().next().is_none() {
        return Err(MerchantError::NoTrust);
    }
    // The key of before stays readable while callbacks sealed with it are still retried (F4 12).
    let mut api_v3_keys = vec![folder.secret("api_v3.key")?];
    if folder.has("api_v3.previous.key") {
        api_v3_keys.push(folder.secret("api_v3.previous.key")?);
    }
    let callback = format!("{}/callback/wechat-pay/{}", addresses.public_url, row.path_token);
    Ok(wechat_pay::Merchant {
        mode,
        serial_no: folder.text("serial_no.txt")?.trim().to_owned(),
        signing_key: folder.signing_key("merchant.key.pem")?,
        api_v3_keys,
        trust,
        base_url: addresses.wechat_pay_base_url.clone(),
        notify_url: callback.clone(),
        refund_notify_url: callback,
    })
}

fn open_alipay(
    row: &site::Merchant,
    folder: &Folder,
    addresses: &Addresses,
) -> Result<alipay::Merchant, MerchantError> {
    let config: MerchantConfig =
        serde_json::from_str(&row.config).map_err(|_| MerchantError::Config)?;
    let trust = if folder.has("app_cert.pem") {
        let file = |name: &str| MerchantError::Certificate { file: name.to_owned() };
        let mut by_sn = BTreeMap::new();
        for name in folder.matching("alipay_cert", ".pem")? {
            let known = alipay::certificate::alipay_certificate(&folder.text(&name)?);
            let (sn, key) = known.map_err(|_| file(&name))?;
            by_sn.insert(sn, key);
        }
        if by_sn.is_empty() {
            return Err(MerchantError::NoTrust);
        }
        alipay::Trust::Certificates {
            by_sn,
            app_cert_sn: alipay::certificate::number(&folder.text("app_cert.pem")?)
                .map_err(|_| file("app_cert.pem"))?,
            alipay_root_cert_sn: alipay::certificate::root_numbers(
                &folder.text("alipay_root_cert.pem")?,
            )
            .map_err(|_| file("alipay_root_cert.pem"))?,
        }
    } else if folder.has("alipay_public_key.pem") {
        let names = folder.matching("alipay_public_key", ".pem")?;
        let keys = names.iter().map(|name| folder.verifying_key(name));
        alipay::Trust::Keys(keys.collect::<Result<_, _>>()?)
    } else {
        return Err(MerchantError::NoTrust);
    };
    let aes_key = config.aes_key_file.as_deref().map(|file| folder.secret(file)).transpose()?;
    Ok(alipay::Merchant {
        app_id: row.app_id.clone(),
        seller_id: config.seller_id,
        op_app_id: None,
        signing_key: folder.signing_key("app.key.pem")?,
        trust,
        aes_key,
        gateway_url: addresses.alipay_gateway_url.clone(),
        notify_url: format!("{}/callback/alipay/{}", addresses.public_url, row.path_token),
        return_url: None,
        app_auth_token: config.app_auth_token.map(|token| Secret::new(token.into_bytes())),
    })
}

/// A merchant's key folder.
struct Folder(PathBuf);

impl Folder {
    fn has(&self, file: &str) -> bool {
        self.0.join(file).is_file()
    }

    fn text(&self, file: &str) -> Result<String, MerchantError> {
        let path = self.0.join(file);
        let shown = || MerchantError::File { file: path.display().to_string() };
        let size = fs::metadata(&path).map_err(|_| shown())?.len();
        if size > KEY_FILE_MAX {
            return Err(shown());
        }
        fs::read_to_string(&path).map_err(|_| shown())
    }

    fn secret(&self, file: &str) -> Result<Secret, MerchantError> {
        Ok(Secret::new(self.text(file)?.trim().as_bytes().to_vec()))
    }

    fn signing_key(&self, file: &str) -> Result<SigningKey, MerchantError> {
        let named = |source| MerchantError::Key { file: self.shown(file), source };
        SigningKey::from_pem(&self.text(file)?).map_err(named)
    }

    fn verifying_key(&self, file: &str) -> Result<VerifyingKey, MerchantError> {
        let named = |source| MerchantError::Key { file: self.shown(file), source };
        VerifyingKey::from_pem(&self.text(file)?).map_err(named)
    }

    /// Files by the start and end of their names, sorted: several generations may lie side by side.
    fn matching(&self, start: &str, end: &str) -> Result<Vec<String>, MerchantError> {
        let shown = |path: &Path| MerchantError::File { file: path.display().to_string() };
        let entries = fs::read_dir(&self.0).map_err(|_| shown(&self.0))?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with(start) && name.ends_with(end))
            .collect();
        names.sort();
        Ok(names)
    }

    fn shown(&self, file: &str) -> String {
        self.0.join(file).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP_KEY: &str = include_str!("../../connector/tests/alipay/keys/app.key.pem");
    const APP_CERT: &str = include_str!("../../connector/tests/alipay/keys/app.crt.pem");
    const ROOTS: &str = include_str!("../../connector/tests/alipay/keys/roots.crt.pem");
    const CERT: &str = include_str!("../../connector/tests/alipay/keys/alipay.crt.pem");
    const NEXT_CERT: &str = include_str!("../../connector/tests/alipay/keys/alipay-next.crt.pem");
    const KEY: &str = include_str!("../../connector/tests/alipay/keys/alipay.pub.pem");
    const OTHER_KEY: &str = include_str!("../../connector/tests/keys/platform-a.certificate.pem");

    fn row(folder: &Path) -> site::Merchant {
        site::Merchant {
            id: uuid::Uuid::from_u128(1),
            project_id: 1,
            provider: "alipay".to_owned(),
            mode: "ordinary".to_owned(),
            merchant_no: "2088000000000002".to_owned(),
            sub_merchant_no: String::new(),
            app_id: "2021000000000001".to_owned(),
            sub_app_id: None,
            path_token: "token".to_owned(),
            key_dir: folder.display().to_string(),
            config: "{}".to_owned(),
            active: true,
            created_at: chrono::DateTime::UNIX_EPOCH,
        }
    }

    /// How many keys of Alipay a folder with these files makes the merchant believe.
    fn believed(files: &[(&str, &str)]) -> usize {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let addresses = Addresses {
            wechat_pay_base_url: String::new(),
            alipay_gateway_url: String::new(),
            public_url: String::new(),
        };
        match open(&row(dir.path()), &addresses) {
            Ok(Merchant { keys: Keys::Alipay(keys), .. }) => match keys.trust {
                alipay::Trust::Keys(keys) => keys.len(),
                alipay::Trust::Certificates { by_sn, .. } => by_sn.len(),
            },
            _ => 0,
        }
    }

    #[test]
    fn two_generations_of_alipays_keys_lie_side_by_side() {
        let app = ("app.key.pem", APP_KEY);
        let certificates = [("app_cert.pem", APP_CERT), ("alipay_root_cert.pem", ROOTS)];
        let both = ("alipay_cert.pem", NEXT_CERT);
        let table: &[(&[(&str, &str)], usize)] = &[
            (&[app, ("alipay_public_key.pem", KEY)], 1),
            (&[app, ("alipay_public_key.pem", KEY), ("alipay_public_key.2.pem", OTHER_KEY)], 2),
            (&[app, certificates[0], certificates[1], both], 1),
            (&[app, certificates[0], certificates[1], both, ("alipay_cert.previous.pem", CERT)], 2),
            (&[app, certificates[0], certificates[1]], 0),
            (&[app], 0),
        ];
        for (files, keys) in table {
            let names: Vec<_> = files.iter().map(|(name, _)| name).collect();
            assert_eq!(believed(files), *keys, "{names:?}");
        }
    }
}
