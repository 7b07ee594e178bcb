//! Work to be done: written with the fact that causes it, claimed by lease, ended by its token,
//! parked and shown when it will not succeed, never dropped.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{GatewayId, JobId, ProjectId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Statement, Value,
};

use crate::{
    Store, StoreError, Tx,
    bulk::{self, Rows, insert_sql},
    entity::job,
};

mod claim;
pub use claim::{CLAIM_MAX, Claim, GatewayFilter, PRIORITY_BACKGROUND};
mod wait;
pub(crate) use wait::{cry, listen};

/// A job as stored.
pub type Job = job::Model;

/// The most urgent priority.
pub const PRIORITY_URGENT: i16 = 0;
/// The least urgent priority; a claim looks at each of the few there are.
pub const PRIORITY_MAX: i16 = 4;
/// The most jobs one list answers with.
pub const LIST_MAX: u64 = 1_000;

/// A job held by a worker. The token fences it: once the lease has passed on, the former holder's
/// word no longer counts (5N, 7N).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The project.
    pub project: ProjectId,
    /// The job.
    pub job: JobId,
    /// Grows with every claim of this job.
    pub token: i64,
}

/// How a worker's turn with a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing is left to do.
    Done,
    /// It goes on at this moment; nothing has failed, and what failed before is forgotten: only
    /// failures in a row use up the attempts.
    Again(DateTime<Utc>),
    /// Its meter hangs on another gateway now: whoever reaches that goes on at once.
    Elsewhere(GatewayId),
    /// It failed; it is tried again at this moment, or parked once its attempts are used up.
    Retry(DateTime<Utc>, String),
    /// It cannot succeed by itself: a person has to look.
    Park(String),
}

impl Job {
    /// What a worker shows to end its turn.
    pub fn lease(&self) -> Lease {
        Lease { project: ProjectId(self.project_id), job: JobId(self.id), token: self.lease_token }
    }
}

/// A job that waits to be claimed from `run_at` on. Fields nobody sets otherwise start empty.
pub fn draft(project: ProjectId, id: JobId, kind: &str, key: &str, at: DateTime<Utc>) -> Job {
    Job {
        project_id: project.0,
        id: id.0,
        kind: kind.to_owned(),
        key: key.to_owned(),
        payload: "{}".to_owned(),
        order_key: None,
        gateway_id: None,
        priority: 2,
        run_at: at,
        state: "ready".to_owned(),
        lease_until: None,
        lease_token: 0,
        lease_owner: None,
        attempts: 0,
        attempts_max: 10,
        first_error: None,
        last_error: None,
        created_at: at,
        ended_at: None,
        called: false,
    }
}

/// Adds a job; `false` if one of its kind and key is already known, which is left alone.
pub async fn insert(tx: &Tx, job: &Job) -> Result<bool, StoreError> {
    check(job)?;
    let sql = insert_sql::<job::Entity>(
        tx.get_database_backend(),
        &[],
        "on conflict (project_id, kind, key) do nothing",
    );
    let added = bulk::execute(tx, &sql, Rows::of([job])).await?;
    tx.wake_workers();
    Ok(added > 0)
}

/// Adds a job, or makes the known one of its kind and key run at `run_at` at the latest, even if
/// it was done or parked. A job a worker holds just now runs once more afterwards, however the
/// worker ends it.
///
/// Invariant: a call that comes while a worker holds the job is heard after it; proved by
/// `a_wake_during_the_last_moment_of_a_turn_is_heard`.
pub async fn schedule(tx: &Tx, job: &Job) -> Result<(), StoreError> {
    schedule_all(tx, std::slice::from_ref(job)).await
}

/// The same for several jobs, no two of one kind and key, in one statement.
pub async fn schedule_all(tx: &Tx, jobs: &[Job]) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    jobs.iter().try_for_each(check)?;
    let sql = insert_sql::<job::Entity>(
        tx.get_database_backend(),
        &[],
        "on conflict (project_id, kind, key) do update set \
         payload = excluded.payload, priority = excluded.priority, \
         gateway_id = excluded.gateway_id, \
         run_at = case when job.state = 'ready' and job.run_at < excluded.run_at \
           then job.run_at else excluded.run_at end, \
         attempts = case when job.state = 'leased' then job.attempts else 0 end, \
         ended_at = null, called = (job.state = 'leased'), \
         state = case when job.state = 'leased' then 'leased' else 'ready' end",
    );
    bulk::execute(tx, &sql, Rows::of(jobs)).await?;
    tx.wake_workers();
    Ok(())
}

fn check(job: &Job) -> Result<(), StoreError> {
    if (PRIORITY_URGENT..=PRIORITY_MAX).contains(&job.priority) {
        return Ok(());
    }
    Err(StoreError::Refused(format!("the job's priority {} is out of range", job.priority)))
}

/// Ends a worker's turn, in the transaction of whatever the work has changed.
///
/// Invariant: only the holder of the newest token ends a turn (I8, 5N); proved by
/// `a_worker_whose_lease_has_passed_on_is_not_heard`.
///
/// Errors: [`StoreError::Gone`] if the lease has passed on; the work has to be undone then.
pub async fn end(tx: &Tx, lease: Lease, end: End, now: DateTime<Utc>) -> Result<(), StoreError> {
    let (sql, values) = end_statement(lease, end, now);
    let sql = format!(
        "update job set {sql}, called = false, lease_until = null, lease_owner = null \
         where project_id = $1 and id = $2 and lease_token = $3 and state = 'leased'"
    );
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    tx.wake_workers();
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Gone("lease of the job")) }
}

/// A job that was called meanwhile goes on when its caller said, from its first attempt, whatever
/// the turn itself has come to; only a failure still keeps its wait.
fn end_statement(lease: Lease, end: End, now: DateTime<Utc>) -> (&'static str, Vec<Value>) {
    let mut values: Vec<Value> =
        vec![lease.project.0.into(), lease.job.0.into(), lease.token.into()];
    let sql = match end {
        End::Done => {
            values.push(now.into());
            "state = case when called then 'ready' else 'done' end, \
             attempts = case when called then 0 else attempts end, \
             ended_at = case when called then null else $4 end"
        }
        End::Again(at) => {
            values.push(at.into());
            "state = 'ready', attempts = 0, \
             run_at = case when called and run_at < $4 then run_at else $4 end"
        }
        End::Elsewhere(gateway) => {
            values.extend([now.into(), gateway.0.into()]);
            "state = 'ready', attempts = 0, run_at = $4, gateway_id = $5"
        }
        End::Retry(at, error) => {
            values.extend([at.into(), error.into(), now.into()]);
            "state = case when attempts >= attempts_max and not called \
               then 'parked' else 'ready' end, \
             attempts = case when called then 0 else attempts end, \
             run_at = $4, first_error = coalesce(first_error, $5), last_error = $5, \
             ended_at = case when attempts >= attempts_max and not called then $6 else null end"
        }
        End::Park(error) => {
            values.extend([now.into(), error.into()]);
            "state = case when called then 'ready' else 'parked' end, \
             attempts = case when called then 0 else attempts end, \
             ended_at = case when called then null else $4 end, \
             first_error = coalesce(first_error, $5), last_error = $5"
        }
    };
    (sql, values)
}

/// Holds a job for longer.
///
/// Errors: [`StoreError::Gone`] if the lease has passed on: stop at once.
pub async fn renew(tx: &Tx, lease: Lease, until: DateTime<Utc>) -> Result<(), StoreError> {
    let sql = "update job set lease_until = $4 \
         where project_id = $1 and id = $2 and lease_token = $3 and state = 'leased'";
    let values: [Value; 4] =
        [lease.project.0.into(), lease.job.0.into(), lease.token.into(), until.into()];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Gone("lease of the job")) }
}

/// Lets a parked job run again from its first attempt, at an operator's word.
pub async fn unpark(
    tx: &Tx,
    project: ProjectId,
    id: JobId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "update job set state = 'ready', attempts = 0, run_at = $3, ended_at = null \
         where project_id = $1 and id = $2 and state = 'parked'";
    let values: [Value; 3] = [project.0.into(), id.0.into(), at.into()];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    tx.wake_workers();
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Gone("parked job")) }
}

/// A job by its kind and key.
pub async fn by_key<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kind: &str,
    key: &str,
) -> Result<Option<Job>, StoreError> {
    let found = job::Entity::find()
        .filter(job::Column::ProjectId.eq(project.0))
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::Key.eq(key))
        .one(db)
        .await?;
    Ok(found)
}

/// Parked jobs, the newest first; of one project or of all.
pub async fn parked<C: ConnectionTrait>(
    db: &C,
    project: Option<ProjectId>,
    limit: u64,
) -> Result<Vec<Job>, StoreError> {
    let mut query = job::Entity::find().filter(job::Column::State.eq("parked"));
    if let Some(project) = project {
        query = query.filter(job::Column::ProjectId.eq(project.0));
    }
    let query = query.order_by_desc(job::Column::EndedAt).limit(limit.clamp(1, LIST_MAX));
    Ok(query.all(db).await?)
}

/// Jobs of one kind that wait for their time, the next one first.
pub async fn waiting<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kind: &str,
    limit: u64,
) -> Result<Vec<Job>, StoreError> {
    let query = job::Entity::find()
        .filter(job::Column::ProjectId.eq(project.0))
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::State.eq("ready"))
        .order_by_asc(job::Column::RunAt)
        .limit(limit.clamp(1, LIST_MAX));
    Ok(query.all(db).await?)
}

/// Ends a job of one kind that nobody has claimed yet, at a person's word.
///
/// Errors: [`StoreError::Gone`] if there is none, or it is being done or done already.
pub async fn withdraw(
    tx: &Tx,
    project: ProjectId,
    (kind, id): (&str, JobId),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "update job set state = 'done', ended_at = $4, last_error = 'withdrawn' \
         where project_id = $1 and kind = $2 and id = $3 and state = 'ready'";
    let values: [Value; 4] = [project.0.into(), kind.into(), id.0.into(), now.into()];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Gone("waiting job")) }
}

/// How many jobs are in one state.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct StateCount {
    /// `ready`, `leased`, `done` or `parked`.
    pub state: String,
    /// How many.
    pub count: i64,
}

/// How many jobs there are in each state, for the metrics.
pub async fn counts<C: ConnectionTrait>(db: &C) -> Result<Vec<StateCount>, StoreError> {
    let sql = "select state, count(*) as count from job group by state order by state";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    Ok(StateCount::find_by_statement(statement).all(db).await?)
}

/// Forgets jobs that were done before a moment, a bounded number at a time; answers how many.
/// Parked ones stay until a person has looked.
pub async fn forget_done(tx: &Tx, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
    let sql = "delete from job where state = 'done' and (project_id, id) in \
         (select project_id, id from job where state = 'done' and ended_at < $1 limit $2)";
    let limit = i64::try_from(limit.min(LIST_MAX)).unwrap_or(0);
    let values: [Value; 2] = [before.into(), limit.into()];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(done.rows_affected())
}

impl Store {
    /// Ends a worker's turn where the work itself has changed nothing in the database.
    pub async fn end_job(
        &self,
        lease: Lease,
        how: End,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.transact(move |tx| Box::pin(end(tx, lease, how, now))).await
    }
}

/// When a lease taken now runs out.
fn lease_end(now: DateTime<Utc>, lease: std::time::Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(lease).unwrap_or(TimeDelta::MAX)
}

/// A gateway id as SQL text comparison needs it.
fn gateway_ids(gateways: &[GatewayId]) -> Rows {
    let mut rows = Rows::new();
    gateways.iter().for_each(|id| rows.push([Value::from(id.0)]));
    rows
}

/// Takes back every lease at once, for the one process of a small site that starts again: whoever
/// held them before is gone. Never where several processes share the database.
pub async fn take_back_all(tx: &Tx) -> Result<u64, StoreError> {
    let sql = "update job set state = 'ready', lease_until = null, lease_owner = null \
         where state = 'leased'";
    let statement = Statement::from_string(tx.get_database_backend(), sql);
    let done = tx.execute_raw(statement).await?;
    tx.wake_workers();
    Ok(done.rows_affected())
}

/// Lets everything that waits for a gateway run now, because its line is back (I9).
pub async fn wake_gateway(
    tx: &Tx,
    project: ProjectId,
    gateway: GatewayId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "update job set run_at = $3 \
         where project_id = $1 and gateway_id = $2 and state = 'ready' and run_at > $3";
    let values: [Value; 3] = [project.0.into(), gateway.0.into(), at.into()];
    let backend = tx.get_database_backend();
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    tx.wake_workers();
    Ok(())
}

/// Lets every ready job that waits beyond a moment run now: waits were counted by a clock that
/// showed another time then. Answers how many.
pub async fn recall(tx: &Tx, beyond: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let sql = "update job set run_at = $1 where state = 'ready' and run_at > $2";
    let values: [Value; 2] = [now.into(), beyond.into()];
    let backend = tx.get_database_backend();
    let done = tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    tx.wake_workers();
    Ok(done.rows_affected())
}
