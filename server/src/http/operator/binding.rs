//! Tenants' ties to their homes, as staff see to them: printed codes, requests, the QR on meters.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{AccountId, BindingId, BindingRequestId, MeterId, ProjectId};
use mini_program_api::binding as tenant;
use serde::{Deserialize, Serialize};
use store::{
    StoreError, account,
    binding::{Bound, request},
    meter, meter_tag,
};
use utoipa::ToSchema;
use uuid::Uuid;
use vending::Refusal;

use crate::{
    access::Perm,
    http::{
        Code, Problem,
        error::Result,
        route::{Answer, Call, Route},
        tenant::problem,
    },
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post(
        "/projects/{project}/accounts/{account}/binding-code",
        "account.print_code",
        |call| Box::pin(print(call)),
    )
    .in_project(Perm::ManageAccounts)
    .says("打印绑定码", "Print a code with which a tenant binds; the one before no longer works")
    .answers::<PrintedCode>(201),
    Route::get("/projects/{project}/binding-requests", "binding_request.list", |call| {
        Box::pin(list(call))
    })
    .in_project(Perm::ManageAccounts)
    .says("待处理的绑定申请", "Requests to be bound that wait, the oldest first")
    .answers::<BindingRequests>(200),
    Route::post(
        "/projects/{project}/binding-requests/{binding_request}/decision",
        "binding_request.decide",
        |call| Box::pin(decide(call)),
    )
    .in_project(Perm::ManageAccounts)
    .says("同意或拒绝绑定申请", "Agree to a request to be bound, or refuse it")
    .body::<RequestDecision>(),
    Route::post("/projects/{project}/meters/tags", "meter.tags", |call| Box::pin(tags(call)))
        .in_project(Perm::ManageAccounts)
        .says("生成表计二维码", "The QR of every meter in service; made where there is none")
        .answers::<MeterTags>(200),
];

/// The longest reason, in characters.
const REASON_MAX: usize = 200;
/// How many tags are made in one unit, so that nobody waits long for the writer.
const TAGS_AT_ONCE_MAX: usize = 200;

/// A printed code, shown this once.
#[derive(Serialize, ToSchema)]
pub struct PrintedCode {
    /// The code.
    #[schema(example = "K7Q2M-Z9XW4")]
    pub code: String,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// How many persons may bind with it.
    #[schema(example = 10)]
    pub uses: i64,
}

/// Requests that wait, at most 200.
#[derive(Serialize, ToSchema)]
pub struct BindingRequests {
    /// The requests, the oldest first.
    pub items: Vec<BindingRequestView>,
}

/// A request to be bound.
#[derive(Serialize, ToSchema)]
pub struct BindingRequestView {
    /// The request.
    pub id: Uuid,
    /// The account.
    pub account_id: Uuid,
    /// Its number.
    #[schema(example = "A0502")]
    pub account_no: String,
    /// The name on the contract, to compare with.
    #[schema(example = "王小明")]
    pub account_name: String,
    /// The meter that was named.
    pub meter_id: Uuid,
    /// What the person calls themselves.
    #[schema(example = "王小明")]
    pub name: String,
    /// What they add.
    pub note: String,
    /// When they asked.
    pub created_at: DateTime<Utc>,
}

/// What staff decide.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestDecision {
    /// True to bind the person.
    pub accept: bool,
    /// Why not, for the person to read; needed to refuse.
    #[serde(default)]
    #[schema(example = "请携带合同到前台")]
    pub reason: String,
}

/// The QR of meters.
#[derive(Serialize, ToSchema)]
pub struct MeterTags {
    /// One a meter, by its number.
    pub items: Vec<MeterTagView>,
}

/// The QR of a meter.
#[derive(Serialize, ToSchema)]
pub struct MeterTagView {
    /// The number on its face.
    #[schema(example = "000030220101")]
    pub meter_no: String,
    /// What is printed under the QR.
    #[schema(example = "7QK2MZ9XW4RT")]
    pub tag: String,
    /// What the QR says.
    #[schema(example = "https://yufu.example/t/7QK2MZ9XW4RT")]
    pub url: String,
}

async fn print(call: Call) -> Result<Answer> {
    let id: AccountId = call.id("account")?;
    let (project, operator) = (call.project()?, call.caller()?.id());
    let found = account::by_id(call.house().store().read(), project, id).await?;
    found.ok_or_else(|| Problem::not_found("account"))?;
    let printed = tenant::print(&call.app.tenants, project, id, operator).await;
    let printed = printed.map_err(problem)?.ok_or(Refusal::AccountClosed)?;
    let (code, expires_at, uses) = (printed.code, printed.expires_at, printed.uses);
    Answer::created(&PrintedCode { code, expires_at, uses })
}

async fn list(call: Call) -> Result<Answer> {
    let (project, db) = (call.project()?, call.house().store().read());
    let mut items = Vec::new();
    for row in request::open_of_project(db, project).await? {
        let account = account::by_id(db, project, AccountId(row.account_id)).await?;
        let (account_no, account_name) =
            account.map(|account| (account.account_no, account.name)).unwrap_or_default();
        items.push(BindingRequestView {
            id: row.id,
            account_id: row.account_id,
            account_no,
            account_name,
            meter_id: row.meter_id,
            name: row.name,
            note: row.note,
            created_at: row.created_at,
        });
    }
    Answer::ok(&BindingRequests { items })
}

async fn decide(call: Call) -> Result<Answer> {
    let wish: RequestDecision = call.body()?;
    let id: BindingRequestId = call.id("binding_request")?;
    let (project, operator) = (call.project()?, call.caller()?.id());
    let reason = wish.reason.trim().to_owned();
    if reason.chars().count() > REASON_MAX {
        return Err(Problem::malformed("reason"));
    }
    if !wish.accept && reason.is_empty() {
        return Err(Refusal::ReasonMissing.into());
    }
    let store = call.house().store();
    request::by_id(store.read(), project, id)
        .await?
        .ok_or_else(|| Problem::not_found("binding_request"))?;
    let now = call.app.clock.now();
    let changed = || Problem::new(Code::Changed);
    if !wish.accept {
        let done = store.transact(move |tx| {
            Box::pin(async move { request::refuse(tx, project, id, operator, &reason, now).await })
        });
        return if done.await? { Answer::none() } else { Err(changed()) };
    }
    let binding = BindingId::generate(call.app.clock.as_ref(), call.app.rng.as_ref());
    let house = call.house().clone();
    let bound = store.transact(move |tx| {
        Box::pin(async move {
            let bound = request::accept(tx, project, id, binding, operator, now).await?;
            if let Bound::New(binding) = &bound {
                vending::notice::note_bound(tx, &house, binding).await?;
            }
            Ok::<_, store::StoreError>(bound)
        })
    });
    match bound.await? {
        Bound::New(_) | Bound::Already(_) => Answer::none(),
        Bound::Full => Err(Problem::new(Code::HomeFull)),
        Bound::Refused => Err(changed()),
    }
}

async fn tags(call: Call) -> Result<Answer> {
    let (project, store) = (call.project()?, call.house().store());
    let meters = meter::list(store.read(), project).await?;
    let meters: Vec<_> = meters.into_iter().filter(|meter| meter.is_in_service()).collect();
    let ids: Vec<_> = meters.iter().map(meter::Meter::meter_id).collect();
    let mut made = HashMap::new();
    for some in ids.chunks(TAGS_AT_ONCE_MAX) {
        made.extend(made_for(&call, project, some.to_vec()).await?);
    }
    let url = &call.app.addresses.public_url;
    let items = meters.into_iter().filter_map(|meter| {
        let tag = made.remove(&meter.id)?;
        let url = format!("{url}/t/{tag}");
        Some(MeterTagView { meter_no: meter.meter_no, tag, url })
    });
    Answer::ok(&MeterTags { items: items.collect() })
}

/// The tags of some meters, made where there are none.
async fn made_for(
    call: &Call,
    project: ProjectId,
    meters: Vec<MeterId>,
) -> Result<Vec<(Uuid, String)>> {
    let (now, rng) = (call.app.clock.now(), std::sync::Arc::clone(&call.app.rng));
    let store = call.house().store();
    let made = store.transact(move |tx| {
        Box::pin(async move {
            let mut made = Vec::new();
            for meter in meters {
                let tag = meter_tag::ensure(tx, project, meter, rng.as_ref(), now).await?;
                made.push((meter.0, tag.tag));
            }
            Ok::<_, StoreError>(made)
        })
    });
    Ok(made.await?)
}
