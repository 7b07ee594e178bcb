//! Upkeep: what has to happen now and then, whoever pays or reads: orders nobody paid are closed,
//! days are folded, books rolled up, leases renewed, done jobs forgotten.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{BusinessDay, GatewayId, OrderId, ProjectId};
use store::{
    StoreError,
    gateway::GatewayLease,
    job, order,
    reading::gap,
    retention::{self, Evidence, Passing},
    site, work_item,
};
use tokio::sync::watch;

use crate::{
    gap::GAPS_KEPT,
    house::House,
    notice,
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
/// Frames, readings set aside and letters that fitted nothing are kept this long: a little more
/// than the two years a dispute may reach back.
const EVIDENCE_KEPT: TimeDelta = TimeDelta::days(800);
/// Rows forgotten in one transaction, so that payments never wait long behind it.
const FORGET_MAX: u64 = 1_000;
/// Such transactions of a kind in one long round: fourteen million rows a day.
const FORGET_BATCHES_MAX: usize = 100;
/// The alarm of a gateway without a connection.
const GATEWAY_OFFLINE: &str = "gateway.offline";
/// So long after a start gateways have to dial in before their silence is an alarm.
const OFFLINE_AFTER: Duration = Duration::from_secs(60);
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
        self.watch_gateways().await?;
        self.hold_leases().await
    }

    /// Closes orders whose time is over and for which no provider can still take money. Those with
    /// an open attempt are left to their query jobs.
    ///
    /// Invariant: no order is closed by a clock that was set a short while ago (I14); proved by
    /// `a_clock_that_jumps_400_days_and_back_neither_expires_nor_stops_billing`.
    pub async fn close_expired(&self) -> Result<()> {
        if !self.clock_is_settled() {
            return Ok(());
        }
        let now = self.now();
        for order in order::expired(self.store().read(), now, EXPIRED_MAX).await? {
            let (project, id) = (ProjectId(order.project_id), OrderId(order.id));
            self.close_if_unpaid(project, id, "expired").await?;
        }
        Ok(())
    }

    /// Raises an alarm for every gateway without a connection, and clears it when it is back. In
    /// its first round a process waits: everybody dials in anew.
    async fn watch_gateways(&self) -> Result<()> {
        let lines = self.gateway().status();
        let connected: HashMap<_, _> =
            lines.iter().map(|l| (l.gateway, l.remote.is_some())).collect();
        let young = self.clock().monotonic() < OFFLINE_AFTER;
        for row in site::gateways(self.store().read(), None).await? {
            let Some(online) = connected.get(&row.id).copied() else { continue };
            let (project, subject) = (ProjectId(row.project_id), row.id.to_string());
            let db = self.store().read();
            let standing = work_item::standing(db, project, GATEWAY_OFFLINE, &subject).await?;
            if online == standing.is_none() || (young && !online) {
                continue;
            }
            self.tell_gateway(&row, online).await?;
        }
        Ok(())
    }

    async fn tell_gateway(&self, row: &site::Gateway, online: bool) -> Result<()> {
        let (kind, project, now) = (GATEWAY_OFFLINE, ProjectId(row.project_id), self.now());
        let subject = row.id.to_string();
        let detail = serde_json::json!({ "name": row.name });
        let alarm = work_item::Alarm {
            project_id: row.project_id,
            id: domain::CommandId::generate(self.clock(), self.rng()).0,
            kind: kind.to_owned(),
            subject_kind: "gateway".to_owned(),
            subject_id: subject.clone(),
            raised_at: now,
            cleared_at: None,
            detail: detail.to_string(),
        };
        let about = ("gateway", subject.clone());
        let (zh, en) = (format!("{} 离线", row.name), format!("{} is offline", row.name));
        let item = notice::work_item_about(self, project, about, kind, (&zh, &en), &detail);
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    if online {
                        work_item::clear(tx, project, kind, &subject, now).await?;
                        let back = "the gateway is back";
                        work_item::close_about(tx, project, kind, &subject, back, now).await?;
                    } else if work_item::raise(tx, alarm).await? {
                        work_item::open(tx, item).await?;
                    }
                    Ok::<_, VendingError>(())
                })
            })
            .await
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

    /// Rolls the books up, folds finished days if asked to, and forgets what is old.
    pub async fn long_round(&self, fold: bool) -> Result<()> {
        let now = self.now();
        let mut first_error = None;
        for project in site::projects(self.store().read()).await? {
            // What one project cannot do is no reason to leave the others out (I11).
            if let Err(error) = self.keep_project(ProjectId(project.id), fold, now).await {
                tracing::warn!(project = project.id, error = %error, "a project was not kept");
                first_error = first_error.or(Some(error));
            }
        }
        self.forget_old(now).await?;
        first_error.map_or(Ok(()), |error| Err(error.into()))
    }

    async fn keep_project(
        &self,
        project: ProjectId,
        fold: bool,
        now: DateTime<Utc>,
    ) -> std::result::Result<(), StoreError> {
        self.store().roll_up(project, now).await?;
        let heal =
            self.store().transact(move |tx| Box::pin(work_item::clear_healed(tx, project, now)));
        heal.await?;
        if fold {
            self.fold_finished_days(project, now).await?;
        }
        Ok(())
    }

    /// Forgets what is too old to matter: done jobs, and evidence past its time.
    ///
    /// Invariant: nothing grows for ever but the books and the orders' own timelines; proved by
    /// `a_long_round_forgets_all_that_is_old`.
    async fn forget_old(&self, now: DateTime<Utc>) -> Result<()> {
        self.forget_in_batches(None, now).await?;
        for what in Passing::ALL {
            self.forget_passing(what, now).await?;
        }
        for project in site::projects(self.store().read()).await? {
            for what in Evidence::ALL {
                self.forget_in_batches(Some((what, ProjectId(project.id))), now).await?;
            }
        }
        let forgotten = self
            .store()
            .transact(move |tx| Box::pin(async move { gap::forget(tx, now - GAPS_KEPT).await }));
        forgotten.await?;
        Ok(())
    }

    /// Forgets evidence of a project, or done jobs, until little is left or the round is over.
    async fn forget_in_batches(
        &self,
        what: Option<(Evidence, ProjectId)>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        for _ in 0..FORGET_BATCHES_MAX {
            let gone = self.store().transact(move |tx| {
                Box::pin(async move {
                    match what {
                        None => job::forget_done(tx, now - JOBS_KEPT, FORGET_MAX).await,
                        Some((what, project)) => {
                            let before = now - EVIDENCE_KEPT;
                            retention::forget(tx, what, project, before, FORGET_MAX).await
                        }
                    }
                })
            });
            if gone.await? < FORGET_MAX {
                break;
            }
        }
        Ok(())
    }

    /// Forgets what stands outside any project and is past its time, in the same bounds.
    async fn forget_passing(&self, what: Passing, now: DateTime<Utc>) -> Result<()> {
        for _ in 0..FORGET_BATCHES_MAX {
            let gone = self
                .store()
                .transact(move |tx| Box::pin(retention::forget_passing(tx, what, now, FORGET_MAX)));
            if gone.await? < FORGET_MAX {
                break;
            }
        }
        Ok(())
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
