//! What the tenants' side works with, from the configuration.

use std::{path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use connector::{Secret, sms, wechat};
use domain::{Clock, Rng};
use mini_program_api::{
    Desk, Settings,
    door::{AlipayDoor, Doors, Sms, SmsWay},
    keyed::Keyed,
    order::stream::Places,
    read::Board,
    token,
};
use store::{Store, StoreError, setting};
use tokio::sync::watch;
use vending::{House, merchant::Addresses};
use zeroize::Zeroizing;

use super::StartError;
use crate::config::{self, Config, ConfigError};

/// Where the key of access tokens lies that a site without a key file made for itself.
const SETTING_KEY: &str = "tenant_token_key";
/// Where the key of hashes lies that a site without a key file made for itself.
const SETTING_HASH_KEY: &str = "tenant_hash_key";
/// The longest life of an access token (S14).
const ACCESS_LIFE_MAX: Duration = Duration::from_secs(600);

/// What every tenant's handler has at hand.
pub async fn desk(
    house: &House,
    config: &Config,
    addresses: &Addresses,
    (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>),
    stopping: watch::Receiver<bool>,
) -> Result<Desk, StartError> {
    let tenant = &config.tenant;
    let current = match tenant.token_key_file.as_str() {
        "" => own_key(house.store(), rng.as_ref(), SETTING_KEY).await?,
        path => key_of(path)?,
    };
    let hashing = match tenant.hash_key_file.as_str() {
        "" => own_key(house.store(), rng.as_ref(), SETTING_HASH_KEY).await?,
        path => key_of(path)?,
    };
    let previous = match tenant.token_key_before_file.as_str() {
        "" => None,
        path => Some(key_of(path)?.to_vec()),
    };
    let keys = token::Keys::new(addresses.public_url.clone(), current.to_vec(), previous);
    let keys =
        keys.map_err(|_| ConfigError::Content("[tenant] a token key is short".to_owned()))?;
    let keyed = Keyed::new(&hashing)
        .map_err(|_| ConfigError::Content("[tenant] the hash key is short".to_owned()))?;
    let doors = doors(config)?;
    let settings = Settings {
        public_url: addresses.public_url.clone(),
        access_life: Duration::from_secs(tenant.access_life_s).min(ACCESS_LIFE_MAX),
        refresh_life: Duration::from_secs(tenant.refresh_life_days.saturating_mul(86_400)),
        service_phone: tenant.service_phone.clone(),
        switching_projects: tenant.switching_projects.clone(),
    };
    Ok(Desk {
        house: house.clone(),
        clock,
        rng,
        settings,
        keys,
        keyed,
        doors,
        reads: Board::default(),
        streams: Places::default(),
        stopping,
    })
}

/// The doors that are set up.
pub(super) fn doors(config: &Config) -> Result<Doors, StartError> {
    let wechat = &config.wechat;
    let app = |app_id: &str, secret: &config::Hidden| {
        (!app_id.is_empty()).then(|| wechat::App {
            app_id: app_id.to_owned(),
            secret: Secret::new(secret.0.as_bytes()),
            base_url: wechat.base_url.clone(),
            authorize_url: wechat.authorize_url.clone(),
        })
    };
    let alipay = &config.alipay;
    Ok(Doors {
        wechat_mini: app(&wechat.mini_app_id, &wechat.mini_secret),
        wechat_page: app(&wechat.page_app_id, &wechat.page_secret),
        alipay: (!alipay.sign_in_app_id.is_empty()).then(|| AlipayDoor {
            app_id: alipay.sign_in_app_id.clone(),
            authorize_url: alipay.authorize_url.clone(),
        }),
        sms: sms_of(&config.sms, config.server.demo)?,
        ..Doors::default()
    })
}

/// How text messages go out.
fn sms_of(sms: &config::Sms, demo: bool) -> Result<Sms, StartError> {
    let base_url = |own: &str| match sms.base_url.trim_end_matches('/') {
        "" => own.to_owned(),
        given => given.to_owned(),
    };
    let (key_id, secret) = (sms.key_id.clone(), Secret::new(sms.key_secret.0.as_bytes()));
    let sign_name = sms.sign_name.clone();
    let way = match sms.driver.as_str() {
        "none" => SmsWay::None,
        "log" => SmsWay::Log { with_code: demo },
        "aliyun" => SmsWay::Gateway(sms::Gateway::Aliyun(sms::aliyun::Account {
            access_key_id: key_id,
            access_key_secret: secret,
            sign_name,
            base_url: base_url("https://dysmsapi.aliyuncs.com"),
        })),
        "tencent" => SmsWay::Gateway(sms::Gateway::Tencent(sms::tencent::Account {
            secret_id: key_id,
            secret_key: secret,
            sdk_app_id: sms.sdk_app_id.clone(),
            sign_name,
            region: sms.region.clone(),
            base_url: base_url("https://sms.tencentcloudapi.com"),
        })),
        other => {
            let why = format!("[sms] driver: there is no {other}");
            return Err(ConfigError::Content(why).into());
        }
    };
    if matches!(way, SmsWay::Gateway(_)) && sms.code_template.is_empty() {
        return Err(ConfigError::Content("[sms] code_template is missing".to_owned()).into());
    }
    if sms.price_li < 1 || sms.day_budget_fen < 0 {
        let why = "[sms] price_li is at least 1 and day_budget_fen at least 0";
        return Err(ConfigError::Content(why.to_owned()).into());
    }
    Ok(Sms {
        way,
        code_template: sms.code_template.clone(),
        price_li: sms.price_li,
        day_budget_li: sms.day_budget_fen.saturating_mul(10),
    })
}

/// A key file: at least 32 bytes in base64.
fn key_of(path: &str) -> Result<Zeroizing<Vec<u8>>, StartError> {
    let unreadable = || StartError::Config(ConfigError::File(PathBuf::from(path)));
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|_| unreadable())?);
    let key = STANDARD.decode(text.trim()).map_err(|_| unreadable())?;
    Ok(Zeroizing::new(key))
}

/// The key a site made for itself at its first start; all processes of a site share it, because it
/// lies in their database.
pub(super) async fn own_key(
    store: &Store,
    rng: &dyn Rng,
    name: &'static str,
) -> Result<Zeroizing<Vec<u8>>, StartError> {
    let mut fresh = Zeroizing::new(vec![0u8; token::KEY_MIN]);
    rng.fill(&mut fresh);
    let drawn = Zeroizing::new(STANDARD.encode(&*fresh));
    let kept = store
        .transact(move |tx| {
            let drawn = drawn.clone();
            Box::pin(async move {
                setting::set_first(tx, name, &drawn).await?;
                setting::get(tx, name).await
            })
        })
        .await?;
    let unreadable =
        || StoreError::Unreadable { table: "setting", column: "value", row: name.to_owned() };
    let kept = Zeroizing::new(kept.ok_or_else(unreadable)?);
    let key = STANDARD.decode(kept.as_bytes()).map_err(|_| unreadable())?;
    Ok(Zeroizing::new(key))
}
