//! What the kiosks' side works with: its keys, made at the first start and kept with the others.

use std::sync::Arc;

use kiosk_api::{Desk, Keys, board::Board};
use tokio::sync::watch;

use super::{StartError, tenants::own_key};
use crate::config::ConfigError;

/// Where the secret lies that a site made for its kiosks. Whoever has it commands them and mints
/// value for cards; it is part of every backup.
const SETTING_KEY: &str = "kiosk_key";

/// What every kiosk's handler has at hand.
pub async fn desk(
    tenants: &Arc<mini_program_api::Desk>,
    stopping: watch::Receiver<bool>,
) -> Result<Desk, StartError> {
    let secret = own_key(tenants.house.store(), tenants.rng.as_ref(), SETTING_KEY).await?;
    let keys = Keys::new(&secret);
    let keys = keys.map_err(|error| ConfigError::Content(format!("the kiosks' key: {error}")))?;
    Ok(Desk { tenants: Arc::clone(tenants), keys, board: Board::default(), stopping })
}
