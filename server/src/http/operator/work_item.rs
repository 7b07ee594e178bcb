//! Work items: what a person has to settle.

use chrono::{DateTime, Utc};
use domain::WorkItemId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::work_item::{self, WorkItem};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    page::{Paging, cut, page_of},
    site::json_of,
};
use crate::{
    access::Perm,
    http::{
        Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The longest resolution an operator may write.
const RESOLUTION_MAX: usize = 500;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/work-items", "work.list", |call| Box::pin(list(call)))
        .in_project(Perm::ViewSite)
        .says("待办", "Open work items, the oldest first")
        .query::<Paging>()
        .answers::<WorkItemPage>(200),
    Route::post("/projects/{project}/work-items/{work_item}/close", "work.close", |call| {
        Box::pin(close(call))
    })
    .in_project(Perm::CloseWork)
    .says("办结待办", "Close a work item with how it was settled")
    .body::<Close>(),
];

/// A work item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WorkItemView {
    /// The item.
    pub id: Uuid,
    /// What kind of case it is.
    #[schema(example = "payment.mismatch")]
    pub kind: String,
    /// What it is about.
    #[schema(example = "order")]
    pub subject_kind: String,
    /// Which one.
    pub subject_id: String,
    /// Its title in Chinese.
    #[schema(example = "金额对不上，已暂停入账")]
    pub title_zh: String,
    /// Its title in English.
    #[schema(example = "The amount differs, held")]
    pub title_en: String,
    /// What is known about it.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// Since when it is open.
    pub opened_at: DateTime<Utc>,
}

page_of!(
    /// Work items.
    WorkItemPage,
    WorkItemView
);

/// How a case was settled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// In a sentence.
    #[schema(example = "已与租客核对，按实付金额补单")]
    pub resolution: String,
}

async fn list(call: Call) -> Result<Answer> {
    let (page, page_size) = call.query::<Paging>()?.bounds()?;
    let rows = work_item::open_items(call.house().store().read(), call.project()?).await?;
    let total = rows.len();
    let view = |row: WorkItem| WorkItemView {
        id: row.id,
        kind: row.kind,
        subject_kind: row.subject_kind,
        subject_id: row.subject_id,
        title_zh: row.title_zh,
        title_en: row.title_en,
        detail: json_of(&row.detail),
        opened_at: row.opened_at,
    };
    let items = cut(rows, page, page_size).into_iter().map(view).collect();
    Answer::ok(&WorkItemPage { items, total, page, page_size })
}

async fn close(call: Call) -> Result<Answer> {
    let id: WorkItemId = call.id("work_item")?;
    let wish: Close = call.body()?;
    let length = wish.resolution.trim().chars().count();
    if length == 0 || length > RESOLUTION_MAX {
        return Err(Problem::malformed("resolution"));
    }
    let (project, by) = (call.project()?, call.caller()?.operator.login.clone());
    let now = call.app.clock.now();
    let closed = call.house().store().transact(move |tx| {
        Box::pin(async move { work_item::close(tx, project, id, &by, &wish.resolution, now).await })
    });
    if closed.await? { Answer::none() } else { Err(Problem::not_found("work_item")) }
}
