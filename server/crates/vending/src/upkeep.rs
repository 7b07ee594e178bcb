//! Upkeep: what has to happen now and then, whoever pays or reads: orders nobody paid are closed,
//! days are folded, books rolled up, leases renewed, done jobs forgotten.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BusinessDay, GatewayId, OrderId, ProjectId};
use store::{StoreError, gateway::GatewayLease, job, order, site};
use tokio::sync::watch;

use crate::{
    house::House,
    refusal::{Result, VendingError},
};

/// How often the short rounds are made.
const ROUND: Duration = Duration::from_secs(15);
/// Every so many rounds the books are rolled up and old jobs forgotten: ten minutes.
const LONG_ROUND: u64 = 40;
/// Expired orders looked at in one round.
const EXPIRED_MAX: u64 = 200;
/// Done jobs are kept this long for whoever asks what happened.
const JOBS_KEPT: TimeDelta = TimeDelta::days(14);
/// Done jobs forgotten in one round.
const FORGET_MAX: u64 = 1_000;
/// How long a gateway's lease lasts; renewed every round.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// The gateways this process owns where several share a database (design §5).
#[derive(Debug, Default)]
pub struct Owned(Mutex<HashMap<GatewayId, GatewayLease>>);

impl Owned {
    /// The gateways owned now.
    pub fn ids(&self) -> Vec<GatewayId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    fn set(&self, leases: HashMap<GatewayId, GatewayLease>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = leases;
    }
}

/// Keeps the house until told to stop. A round that fails is made again by the next.
pub async fn keep(house: House, mut stop: watch::Receiver<bool>) {
    let mut rounds = 0u64;
    let mut folded: Option<BusinessDay> = None;
    while !*stop.borrow() {
        if let Err(error) = house.short_round().await {
            tracing::warn!(error = %error, "a round of upkeep failed");
        }
        if rounds.is_multiple_of(LONG_ROUND) {
            let today = BusinessDay::of(house.now());
            match house.long_round(folded != Some(today)).await {
                Ok(()) => folded = Some(today),
                Err(error) => tracing::warn!(error = %error, "a long round of upkeep failed"),
            }
        }
        rounds += 1;
        tokio::select! {
            () = tokio::time::sleep(house.paced(ROUND)) => {}
            _ = stop.changed() => {}
        }
    }
}

impl House {
    async fn short_round(&self) -> Result<()> {
        self.close_expired().await?;
        self.hold_leases().await
    }

    /// Closes orders whose time is over and for which no provider can still take money. Those with
    /// an open attempt are left to their query jobs.
    pub async fn close_expired(&self) -> Result<()> {
        let now = self.now();
        for order in order::expired(self.store().read(), now, EXPIRED_MAX).await? {
            let (project, id) = (ProjectId(order.project_id), OrderId(order.id));
            self.close_if_unpaid(project, id, "expired").await?;
        }
        Ok(())
    }

    /// Owns the gateways that are connected here, for as long as they are.
    async fn hold_leases(&self) -> Result<()> {
        if !self.settings().many_nodes {
            return Ok(());
        }
        let (now, node) = (self.now(), self.settings().node.clone());
        let mut leases = HashMap::new();
        for line in self.gateway().status().iter().filter(|line| line.remote.is_some()) {
            let id = GatewayId(line.gateway);
            let lease = self.store().own_gateway(id, &node, now, now + LEASE).await?;
            if let Some(lease) = lease {
                leases.insert(id, lease);
            }
        }
        self.owned().set(leases);
        Ok(())
    }

    async fn long_round(&self, fold: bool) -> Result<()> {
        let now = self.now();
        for project in site::projects(self.store().read()).await? {
            let project = ProjectId(project.id);
            self.store().roll_up(project, now).await?;
            if fold {
                self.fold_finished_days(project, now).await?;
            }
        }
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    job::forget_done(tx, now - JOBS_KEPT, FORGET_MAX).await?;
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }

    /// Folds yesterday and the day before, so that late readings still join their day.
    async fn fold_finished_days(
        &self,
        project: ProjectId,
        now: DateTime<Utc>,
    ) -> std::result::Result<(), StoreError> {
        for days in [1, 2] {
            let day = BusinessDay::of(now - TimeDelta::days(days));
            self.store().fold_day(project, day).await?;
        }
        Ok(())
    }
}
