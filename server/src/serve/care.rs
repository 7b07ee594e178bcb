//! What has to be done now and then: keys reloaded, new meters taken up, old rows forgotten.

use std::time::Duration;

use actix_web::web::Data;
use chrono::TimeDelta;
use domain::{BusinessDay, ProjectId};
use store::{Store, StoreError, idempotency, job, overview, site};
use tokio::sync::watch;
use vending::merchant::{Addresses, MerchantCatalogue};

use crate::http::App;

/// How often keys and meters are looked at.
const OFTEN: Duration = Duration::from_secs(60);
/// Every so many of those turns the books are rolled up and old rows forgotten.
const SELDOM: u32 = 60;
/// How long the answers to writes are kept for their repeats.
const ANSWERS_KEPT: TimeDelta = TimeDelta::days(30);
/// How long jobs that are done are kept.
const JOBS_KEPT: TimeDelta = TimeDelta::days(7);
/// Jobs forgotten in one turn.
const JOBS_FORGOTTEN_MAX: u64 = 1_000;

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
    let mut turn = 0u32;
    let mut size = overview::site_size(app.house.store().read()).await.ok();
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(OFTEN) => {}
            _ = stop.changed() => return,
        }
        turn = turn.wrapping_add(1);
        if let Err(error) = often(&app, &mut size).await {
            tracing::warn!(%error, "keys or meters could not be looked at");
        }
        if turn.is_multiple_of(SELDOM)
            && let Err(error) = seldom(&app).await
        {
            tracing::warn!(%error, "the hourly care failed");
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

async fn seldom(app: &App) -> Result<(), StoreError> {
    let (store, now) = (app.house.store(), app.clock.now());
    let yesterday = BusinessDay::of(now - TimeDelta::days(1));
    for project in site::projects(store.read()).await? {
        let project = ProjectId(project.id);
        store.roll_up(project, now).await?;
        store.fold_day(project, yesterday).await?;
    }
    store
        .transact(move |tx| {
            Box::pin(async move {
                idempotency::forget(tx, now - ANSWERS_KEPT).await?;
                job::forget_done(tx, now - JOBS_KEPT, JOBS_FORGOTTEN_MAX).await
            })
        })
        .await?;
    Ok(())
}
