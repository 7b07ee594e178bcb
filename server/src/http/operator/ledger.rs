//! The proof of the books, and the log of what was done by whom.

use chrono::{DateTime, Utc};
use domain::ProjectId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{
    ledger::AuditError,
    operation_log::{self, Operation},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{page::PAGE_SIZE_MAX, site::json_of};
use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        route::{Answer, Call, Need, Route},
    },
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/ledger/audit", "ledger.audit", |call| Box::pin(audit(call)))
        .in_project(Perm::Audit)
        .says("核对账本", "Prove the books of a project")
        .answers::<AuditView>(200),
    Route::get("/projects/{project}/operation-log", "log.list", |call| {
        Box::pin(log_of_project(call))
    })
    .in_project(Perm::Audit)
    .says("项目操作日志", "What was done in a project, by whom")
    .query::<Before>()
    .answers::<Operations>(200),
    Route::get("/operation-log", "log.list_all", |call| Box::pin(log_of_all(call)))
        .needs(Need::Everywhere(Perm::Audit))
        .says("全站操作日志", "What was done anywhere, by whom")
        .query::<Before>()
        .answers::<Operations>(200),
];

/// What an audit found.
#[derive(Serialize, ToSchema)]
pub struct AuditView {
    /// True if every rule holds.
    pub proven: bool,
    /// The rule that does not hold, with the first row that breaks it.
    pub broken: Option<String>,
    /// Transactions looked at.
    pub transactions: i64,
    /// Postings looked at.
    pub postings: i64,
    /// Purses looked at.
    pub purses: i64,
    /// Holds that are open.
    pub open_holds: i64,
    /// Payments that were credited.
    pub credited_facts: i64,
    /// The sum of all amounts posted, in fen.
    pub posted_fen: i64,
}

/// Which lines of the log.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Only lines before this one; the last `id` of the page before.
    #[serde(default)]
    pub before: Option<i64>,
    /// At most 200; 50 when not said.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// Lines of the log.
#[derive(Serialize, ToSchema)]
pub struct Operations {
    /// The newest first.
    pub items: Vec<OperationView>,
}

/// A line of the log.
#[derive(Serialize, ToSchema)]
pub struct OperationView {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub operator_id: Option<Uuid>,
    /// In which project.
    pub project_id: Option<i64>,
    /// What, by the name of the route.
    #[schema(example = "vend.resolve")]
    pub action: String,
    /// On what.
    pub target: String,
    /// With which wish, without secrets.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// Where from.
    pub ip: String,
    /// `begun`, then `done` or `refused` with why.
    #[schema(example = "done 200")]
    pub outcome: String,
}

async fn audit(call: Call) -> Result<Answer> {
    let found = call.house().store().audit(Some(call.project()?)).await;
    let (report, broken) = match found {
        Ok(report) => (report, None),
        Err(AuditError::Store(error)) => return Err(error.into()),
        Err(broken) => (Default::default(), Some(broken.to_string())),
    };
    Answer::ok(&AuditView {
        proven: broken.is_none(),
        broken,
        transactions: report.transactions,
        postings: report.postings,
        purses: report.purses,
        open_holds: report.open_holds,
        credited_facts: report.credited_facts,
        posted_fen: report.posted_fen,
    })
}

async fn log_of_project(call: Call) -> Result<Answer> {
    let project = call.project()?;
    log(call, Some(project)).await
}

async fn log_of_all(call: Call) -> Result<Answer> {
    log(call, None).await
}

async fn log(call: Call, project: Option<ProjectId>) -> Result<Answer> {
    let wish: Before = call.query()?;
    let limit = wish.limit.unwrap_or(50);
    if !(1..=PAGE_SIZE_MAX).contains(&limit) {
        return Err(Problem::malformed("limit"));
    }
    let db = call.house().store().read();
    let rows = operation_log::list(db, project, wish.before, limit as u64).await?;
    let view = |row: Operation| OperationView {
        id: row.id,
        at: row.at,
        operator_id: row.operator_id,
        project_id: row.project_id,
        action: row.action,
        target: row.target,
        detail: json_of(&row.detail),
        ip: row.ip,
        outcome: row.outcome,
    };
    Answer::ok(&Operations { items: rows.into_iter().map(view).collect() })
}
