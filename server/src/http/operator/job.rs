//! Parked jobs: work that did not succeed by itself.

use chrono::{DateTime, Utc};
use domain::JobId;
use serde::Serialize;
use store::{
    StoreError,
    job::{self, Job},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{Paging, cut, page_of};
use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/jobs/parked", "job.parked", |call| Box::pin(list(call)))
        .in_project(Perm::ViewSite)
        .says("搁置的任务", "Jobs that wait for a person, the newest first")
        .query::<Paging>()
        .answers::<JobPage>(200),
    Route::post("/projects/{project}/jobs/{job}/unpark", "job.unpark", |call| {
        Box::pin(unpark(call))
    })
    .in_project(Perm::RunJobs)
    .says("重新执行任务", "Let a parked job run again"),
];

/// A parked job.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobView {
    /// The job.
    pub id: Uuid,
    /// What it does.
    #[schema(example = "vend")]
    pub kind: String,
    /// For what.
    pub key: String,
    /// How often it was tried.
    pub attempts: i32,
    /// What went wrong first.
    pub first_error: Option<String>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was parked.
    pub parked_at: Option<DateTime<Utc>>,
}

page_of!(
    /// Parked jobs.
    JobPage,
    JobView
);

async fn list(call: Call) -> Result<Answer> {
    let (page, page_size) = call.query::<Paging>()?.bounds()?;
    let db = call.house().store().read();
    let rows = job::parked(db, Some(call.project()?), job::LIST_MAX).await?;
    let total = rows.len();
    let view = |row: Job| JobView {
        id: row.id,
        kind: row.kind,
        key: row.key,
        attempts: row.attempts,
        first_error: row.first_error,
        last_error: row.last_error,
        created_at: row.created_at,
        parked_at: row.ended_at,
    };
    let items = cut(rows, page, page_size).into_iter().map(view).collect();
    Answer::ok(&JobPage { items, total, page, page_size })
}

async fn unpark(call: Call) -> Result<Answer> {
    let id: JobId = call.id("job")?;
    let (project, now) = (call.project()?, call.app.clock.now());
    let done = call.house().store().transact(move |tx| Box::pin(job::unpark(tx, project, id, now)));
    match done.await {
        Ok(()) => Answer::none(),
        // Missing, foreign and not parked answer alike.
        Err(StoreError::Gone(_)) => Err(Problem::not_found("job")),
        Err(error) => Err(error.into()),
    }
}
