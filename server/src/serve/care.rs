//! What the server looks at now and then: changed keys and new meters are taken up while it runs.

use std::time::Duration;

use actix_web::web::Data;
use store::{Store, StoreError, overview};
use tokio::sync::watch;
use vending::merchant::{Addresses, MerchantCatalogue};

use crate::http::App;

/// How often keys and meters are looked at.
const OFTEN: Duration = Duration::from_secs(60);

/// Reads the merchants' rows and keys anew. A merchant whose folder is broken keeps the keys it had
/// and is named in the log.
pub async fn reload_merchants(
    merchants: &MerchantCatalogue,
    store: &Store,
    addresses: &Addresses,
) -> Result<(), StoreError> {
    for (merchant, error) in merchants.reload(store, addresses).await? {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%merchant, %error, cause, "a merchant's keys cannot be used");
    }
    Ok(())
}

/// Takes care until told to stop. Whatever fails is tried again at the next turn.
pub async fn keep(app: Data<App>, mut stop: watch::Receiver<bool>) {
    let mut size = overview::site_size(app.house.store().read()).await.ok();
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(OFTEN) => {}
            _ = stop.changed() => return,
        }
        if let Err(error) = often(&app, &mut size).await {
            tracing::warn!(%error, "keys or meters could not be looked at");
        }
    }
}

async fn often(app: &App, size: &mut Option<(i64, i64)>) -> Result<(), StoreError> {
    let store = app.house.store();
    reload_merchants(app.house.merchants(), store, &app.addresses).await?;
    let fresh = overview::site_size(store.read()).await?;
    if *size == Some(fresh) {
        return Ok(());
    }
    *size = Some(fresh);
    match app.house.configure_lines().await {
        Ok(faults) => {
            for fault in faults {
                tracing::warn!(fault, "a line or meter cannot be used");
            }
        }
        Err(error) => tracing::warn!(%error, "the lines could not be set up anew"),
    }
    Ok(())
}
