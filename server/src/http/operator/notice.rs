//! Notices that left the house, or did not: what failed stands first.

use chrono::{DateTime, Utc};
use serde::Serialize;
use store::notice::{
    Notice,
    delivery::{self, Delivery},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::page::{Paging, cut, page_of};
use crate::{
    access::Perm,
    http::{
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The routes.
pub const ROUTES: &[Route] =
    &[Route::get("/projects/{project}/notices", "notice.deliveries", |call| Box::pin(list(call)))
        .in_project(Perm::ViewSite)
        .says("通知送达情况", "Messages to tenants, what failed first; at most 500")
        .query::<Paging>()
        .answers::<NoticeDeliveryPage>(200)];

/// A message to a tenant in one channel. It names no person and shows no text.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoticeDelivery {
    /// The notice.
    pub notice_id: Uuid,
    /// What it is about.
    #[schema(example = "cut-off")]
    pub kind: String,
    /// The account it is about.
    pub account_id: Option<Uuid>,
    /// The order it is about.
    pub order_id: Option<Uuid>,
    /// When it was told in the tenant's pages.
    pub told_at: DateTime<Utc>,
    /// `wechat`, `service-account` or `sms`.
    #[schema(example = "sms")]
    pub channel: String,
    /// `waiting`, `sent`, `delivered`, `failed` or `skipped`.
    #[schema(example = "failed")]
    pub state: String,
    /// How often it was tried.
    #[schema(example = 1)]
    pub attempts: i64,
    /// When it is tried next.
    pub next_at: Option<DateTime<Utc>>,
    /// Why it failed, waits or was skipped: our code or the provider's.
    #[schema(example = "notice.unknown")]
    pub why: Option<String>,
    /// When that was.
    pub updated_at: DateTime<Utc>,
}

page_of!(
    /// Messages to tenants.
    NoticeDeliveryPage,
    NoticeDelivery
);

fn view((row, notice): (Delivery, Notice)) -> NoticeDelivery {
    NoticeDelivery {
        notice_id: row.notice_id,
        kind: notice.kind,
        account_id: notice.account_id,
        order_id: notice.order_id,
        told_at: notice.created_at,
        channel: row.channel,
        state: row.state,
        attempts: row.attempts,
        next_at: row.next_at,
        why: row.why,
        updated_at: row.updated_at,
    }
}

async fn list(call: Call) -> Result<Answer> {
    let (page, page_size) = call.query::<Paging>()?.bounds()?;
    let rows = delivery::of_project(call.house().store().read(), call.project()?).await?;
    let total = rows.len();
    let items = cut(rows, page, page_size).into_iter().map(view).collect();
    Answer::ok(&NoticeDeliveryPage { items, total, page, page_size })
}
