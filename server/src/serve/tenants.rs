//! What the tenants' side works with, from the configuration.

use std::{path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Clock, Rng};
use mini_program_api::{Desk, Settings, token};
use store::{Store, StoreError, setting};
use vending::{House, merchant::Addresses};
use zeroize::Zeroizing;

use super::StartError;
use crate::config::{Config, ConfigError};

/// Where the key of access tokens lies that a site without a key file made for itself.
const SETTING_KEY: &str = "tenant_token_key";
/// The longest life of an access token (S14).
const ACCESS_LIFE_MAX: Duration = Duration::from_secs(600);

/// What every tenant's handler has at hand.
pub async fn desk(
    house: &House,
    config: &Config,
    addresses: &Addresses,
    (clock, rng): (Arc<dyn Clock>, Arc<dyn Rng>),
) -> Result<Desk, StartError> {
    let tenant = &config.tenant;
    let current = match tenant.token_key_file.as_str() {
        "" => own_key(house.store(), rng.as_ref()).await?,
        path => key_of(path)?,
    };
    let previous = match tenant.token_key_before_file.as_str() {
        "" => None,
        path => Some(key_of(path)?.to_vec()),
    };
    let keys = token::Keys::new(addresses.public_url.clone(), current.to_vec(), previous);
    let keys =
        keys.map_err(|_| ConfigError::Content("[tenant] a token key is short".to_owned()))?;
    let settings = Settings {
        public_url: addresses.public_url.clone(),
        access_life: Duration::from_secs(tenant.access_life_s).min(ACCESS_LIFE_MAX),
        refresh_life: Duration::from_secs(tenant.refresh_life_days.saturating_mul(86_400)),
        service_phone: tenant.service_phone.clone(),
        switching_projects: tenant.switching_projects.clone(),
        ..Settings::default()
    };
    Ok(Desk { house: house.clone(), clock, rng, settings, keys, reads: Default::default() })
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
async fn own_key(store: &Store, rng: &dyn Rng) -> Result<Zeroizing<Vec<u8>>, StartError> {
    let mut fresh = Zeroizing::new(vec![0u8; token::KEY_MIN]);
    rng.fill(&mut fresh);
    let drawn = Zeroizing::new(STANDARD.encode(&*fresh));
    let kept = store
        .transact(move |tx| {
            let drawn = drawn.clone();
            Box::pin(async move {
                setting::set_first(tx, SETTING_KEY, &drawn).await?;
                setting::get(tx, SETTING_KEY).await
            })
        })
        .await?;
    let unreadable = || StoreError::Unreadable {
        table: "setting",
        column: "value",
        row: SETTING_KEY.to_owned(),
    };
    let kept = Zeroizing::new(kept.ok_or_else(unreadable)?);
    let key = STANDARD.decode(kept.as_bytes()).map_err(|_| unreadable())?;
    Ok(Zeroizing::new(key))
}
