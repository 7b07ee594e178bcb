//! Deliveries that are not settled, and what persons may do about them.
//!
//! Ending a doubt by hand takes two persons (I6). The second one does not wait in a queue: they
//! stand beside the first and enter their own login, password and code, which are checked within
//! the budgets of every sign-in and never kept. So both are proven at the moment of the decision,
//! and no half-signed decision lies about.

use chrono::{DateTime, Utc};
use domain::{OperatorId, ProjectId, VendId, vend::Finding};
use serde::{Deserialize, Serialize};
use store::vend::Vend;
use utoipa::ToSchema;
use uuid::Uuid;
use vending::vend::resolve::Sight;

use super::{
    page::{Paging, cut, page_of},
    sign_in::{credentials, second_person},
};
use crate::{
    access::{Access, Perm, Reach},
    http::{
        Code, Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/projects/{project}/vends", "vend.list", |call| Box::pin(list(call)))
        .in_project(Perm::ViewMoney)
        .says("未完成的下发", "Deliveries that are not settled, the oldest first")
        .query::<Paging>()
        .answers::<VendPage>(200),
    Route::post("/projects/{project}/vends/{vend}/resend", "vend.resend", |call| {
        Box::pin(resend(call))
    })
    .in_project(Perm::ResendVend)
    .once()
    .says("重试下发", "Take a delivery up again; one in doubt is read, never blindly re-sent")
    .answers::<VendView>(202),
    Route::post("/projects/{project}/vends/{vend}/restart", "vend.restart", |call| {
        Box::pin(restart(call))
    })
    .in_project(Perm::ResendVend)
    .once()
    .says("解除隔离后重新下发", "Start a delivery again that was never sent")
    .answers::<VendView>(202),
    Route::post("/projects/{project}/vends/{vend}/resolve", "vend.resolve", |call| {
        Box::pin(resolve(call))
    })
    .in_project(Perm::SettleVend)
    .once()
    .says("双人核实待确认的下发", "Settle a doubt by the sight of two persons")
    .body::<Resolve>()
    .answers::<VendView>(200),
];

/// A delivery of money to a meter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VendView {
    /// The delivery.
    pub id: Uuid,
    /// The order that pays for it.
    pub order_id: Uuid,
    /// The meter it goes to.
    pub meter_id: Uuid,
    /// How much, in fen.
    pub amount_fen: i64,
    /// Where it stands.
    #[schema(example = "uncertain")]
    pub state: String,
    /// The count reserved for it.
    pub purchase_count: Option<i64>,
    /// How often it was sent.
    pub sent_count: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last left.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was settled.
    pub ended_at: Option<DateTime<Utc>>,
    /// The last error.
    pub last_error: Option<String>,
}

page_of!(
    /// Deliveries.
    VendPage,
    VendView
);

impl From<Vend> for VendView {
    fn from(row: Vend) -> Self {
        VendView {
            id: row.id,
            order_id: row.order_id,
            meter_id: row.meter_id,
            amount_fen: row.amount_fen,
            state: row.state,
            purchase_count: row.purchase_count,
            sent_count: row.sent_count,
            created_at: row.created_at,
            sent_at: row.sent_at,
            ended_at: row.ended_at,
            last_error: row.last_error,
        }
    }
}

/// What two persons found at the meter.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// `applied`: the purchase is in the meter. `not-delivered`: it is not, and no copy of the
    /// command can arrive any more.
    #[schema(example = "applied")]
    pub finding: String,
    /// The purchase count on the display, where the meter has one.
    #[serde(default)]
    #[schema(example = 7)]
    pub count: Option<u32>,
    /// The money left on the display, in fen.
    #[serde(default)]
    #[schema(example = 5321)]
    pub balance_fen: Option<i64>,
    /// The amount of the last purchase on the display, in fen.
    #[serde(default)]
    pub last_amount_fen: Option<i64>,
    /// Why they are sure.
    #[schema(example = "现场看屏：次数 7，余额 53.21")]
    pub reason: String,
    /// The second person, who enters this themselves.
    pub second: SecondPerson,
}

/// The second person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondPerson {
    /// Their login.
    #[schema(example = "li")]
    pub login: String,
    /// Their password.
    pub password: String,
    /// The code of their second factor, where they have one.
    #[serde(default)]
    pub totp: Option<String>,
}

/// Who the second person is: somebody else, who may do the same in this project.
pub(super) async fn agreeing(
    call: &Call,
    project: ProjectId,
    perm: Perm,
    second: SecondPerson,
) -> Result<OperatorId> {
    let shown = credentials(second.login, second.password, second.totp);
    let shown = shown.map_err(|_| Problem::new(Code::SecondPersonRefused))?;
    let second = second_person(&call.app, call.client.ip, shown).await?.operator_id();
    let reach = Reach::of(&store::operator::roles(call.house().store().read(), second).await?);
    if second == call.caller()?.id() || reach.access(project, perm) != Access::Granted {
        return Err(Problem::new(Code::SecondPersonRefused));
    }
    Ok(second)
}

async fn list(call: Call) -> Result<Answer> {
    let (page, page_size) = call.query::<Paging>()?.bounds()?;
    let rows = call.house().open_vends(call.project()?).await?;
    let total = rows.len();
    let items = cut(rows, page, page_size).into_iter().map(VendView::from).collect();
    Answer::ok(&VendPage { items, total, page, page_size })
}

async fn resend(call: Call) -> Result<Answer> {
    let id: VendId = call.id("vend")?;
    let row = call.house().resend_vend(call.project()?, id).await?;
    Answer::accepted(&VendView::from(row))
}

async fn restart(call: Call) -> Result<Answer> {
    let id: VendId = call.id("vend")?;
    let row = call.house().restart_vend(call.project()?, id).await?;
    Answer::accepted(&VendView::from(row))
}

async fn resolve(call: Call) -> Result<Answer> {
    let id: VendId = call.id("vend")?;
    let project = call.project()?;
    let wish: Resolve = call.body()?;
    let finding = match wish.finding.as_str() {
        "applied" => Finding::Applied,
        "not-delivered" => Finding::NotDelivered,
        _ => return Err(Problem::malformed("finding")),
    };
    let db = call.house().store().read();
    let known = store::vend::by_id(db, project, id).await?;
    known.ok_or_else(|| Problem::not_found("vend"))?;
    let first = call.caller()?.id();
    let second = agreeing(&call, project, Perm::SettleVend, wish.second).await?;
    let sight = Sight {
        count: wish.count,
        balance_fen: wish.balance_fen,
        last_amount_fen: wish.last_amount_fen,
        operator: first,
        second,
        reason: wish.reason,
    };
    let row = call.house().resolve_vend(project, id, finding, sight).await?;
    Answer::ok(&VendView::from(row))
}
