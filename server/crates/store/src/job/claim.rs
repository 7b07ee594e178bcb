//! Claiming jobs: by priority, due first, one at a time per order key.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::GatewayId;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement, Value};

use super::{Job, PRIORITY_MAX, PRIORITY_URGENT, gateway_ids, lease_end};
use crate::{
    Store, StoreError, Tx,
    bulk::{Cell, table_of},
    entity::job,
};

/// Jobs one claim answers with at most.
pub const CLAIM_MAX: u32 = 512;

/// The first priority of work that may wait for everything else.
pub const PRIORITY_BACKGROUND: i16 = 3;

/// What a worker asks for.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Who asks; shown to operators.
    pub owner: String,
    /// The kinds it can do; empty stands for all.
    pub kinds: Vec<String>,
    /// The gateways it can reach.
    pub gateways: GatewayFilter,
    /// How many at most, up to [`CLAIM_MAX`].
    pub limit: u32,
    /// How many of them may be of [`PRIORITY_BACKGROUND`] or less urgent.
    pub background_limit: u32,
    /// How long it may hold them; longer than the longest exchange on a bus (7G).
    pub lease: Duration,
    /// The present moment: what is due.
    pub now: DateTime<Utc>,
    /// The present moment leases are counted by, which does not jump (7C).
    pub lease_now: DateTime<Utc>,
    /// Whether leases that ran out are taken back; not while nodes may differ about the time.
    pub take_back: bool,
}

/// Which jobs a worker can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayFilter {
    /// All: the one process of a small site.
    Any,
    /// Those of the gateways it owns, those that need no gateway, and those of gateways nobody
    /// owns just now: somebody has to find out that such a meter cannot be reached.
    Within(Vec<GatewayId>),
}

impl Store {
    /// Claims jobs. Leases that ran out are taken back first; a job whose attempts are used up by
    /// that is parked.
    ///
    /// Invariant: of one order key no job is claimed while another is held or an earlier one is
    /// unfinished, parked ones included (I5, 7R); proved by
    /// `jobs_of_one_meter_are_done_one_at_a_time_in_their_order`.
    pub async fn claim(&self, claim: Claim) -> Result<Vec<Job>, StoreError> {
        self.transact(move |tx| {
            Box::pin(async move {
                if claim.take_back {
                    take_back(tx, claim.lease_now).await?;
                }
                let limit = claim.limit.min(CLAIM_MAX) as usize;
                let mut background = claim.background_limit as usize;
                let mut claimed = Vec::new();
                for priority in PRIORITY_URGENT..=PRIORITY_MAX {
                    let waits = priority >= PRIORITY_BACKGROUND;
                    let left = limit.saturating_sub(claimed.len());
                    let room = if waits { left.min(background) } else { left };
                    if room == 0 {
                        continue;
                    }
                    let level = claim_level(tx, &claim, priority, room as i64).await?;
                    background -= if waits { level.len() } else { 0 };
                    claimed.extend(level);
                }
                Ok(claimed)
            })
        })
        .await
    }
}

async fn take_back(tx: &Tx, now: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "update job set \
         state = case when attempts >= attempts_max then 'parked' else 'ready' end, \
         ended_at = case when attempts >= attempts_max then $1 else null end, \
         last_error = 'the lease ran out', \
         first_error = coalesce(first_error, 'the lease ran out'), \
         lease_until = null, lease_owner = null \
         where state = 'leased' and lease_until < $1";
    let backend = tx.get_database_backend();
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, [now.into()])).await?;
    Ok(())
}

async fn claim_level(
    tx: &Tx,
    claim: &Claim,
    priority: i16,
    room: i64,
) -> Result<Vec<Job>, StoreError> {
    let backend = tx.get_database_backend();
    let kinds = serde_json::to_string(&claim.kinds).unwrap_or_default();
    let mut values: Vec<Value> = vec![
        claim.now.into(),
        priority.into(),
        room.into(),
        lease_end(claim.lease_now, claim.lease).into(),
        claim.owner.clone().into(),
        kinds.into(),
    ];
    let gateways = match &claim.gateways {
        GatewayFilter::Any => "",
        GatewayFilter::Within(ids) => {
            values.push(gateway_ids(ids).finish());
            WITHIN
        }
    };
    let sql = claim_sql(backend, claim.kinds.is_empty(), gateways);
    let rows = tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let mut jobs = Vec::with_capacity(rows.len());
    for row in rows {
        jobs.push(job::Model::from_query_result(&row, "")?);
    }
    jobs.sort_by_key(|job| (job.run_at, job.id));
    Ok(jobs)
}

const WITHIN: &str = "and (c.gateway_id is null or c.gateway_id in (select r.id from {gateways}) \
     or not exists (select 1 from gateway g where g.id = c.gateway_id \
       and g.owner is not null and g.lease_until >= $1))";

/// The candidates come off the partial index of ready jobs in order, so the cost does not grow
/// with the backlog.
fn claim_sql(backend: DbBackend, any_kind: bool, gateways: &str) -> String {
    let kinds = match (any_kind, backend) {
        (true, DbBackend::Sqlite) => "and $6 is not null",
        (true, _) => "and $6::text is not null",
        (false, DbBackend::Sqlite) => "and c.kind in (select value from json_each($6))",
        (false, _) => "and c.kind in (select jsonb_array_elements_text($6::jsonb))",
    };
    let gateways = gateways.replace("{gateways}", &table_of(backend, &[("id", Cell::Uuid)], "$7"));
    let lock = if backend == DbBackend::Sqlite { "" } else { "for update of c skip locked" };
    format!(
        "update job set state = 'leased', lease_until = $4, lease_owner = $5, \
         lease_token = lease_token + 1, attempts = attempts + 1, called = false \
         where (project_id, id) in ( \
           select c.project_id, c.id from job c \
           where c.state = 'ready' and c.priority = $2 and c.run_at <= $1 {kinds} {gateways} \
           and (c.order_key is null or not exists ( \
             select 1 from job e where e.project_id = c.project_id \
             and e.order_key = c.order_key and e.state <> 'done' and e.id <> c.id \
             and (e.state = 'leased' or (e.created_at, e.id) < (c.created_at, c.id)))) \
           order by c.run_at, c.id limit $3 {lock}) \
         returning *"
    )
}
