//! Operators and their roles, for an owner of the whole site.

use chrono::{DateTime, Utc};
use domain::{OperatorId, ProjectId, SessionId};
use serde::{Deserialize, Serialize};
use store::{
    StoreError, Tx,
    operator::{self, EVERYWHERE, Operator, session},
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::me::{RoleIn, SessionView, Sessions};
use crate::{
    access::{Perm, Reach, Role},
    http::{
        App, Code, Problem,
        error::Result,
        route::{Answer, Call, Need, Route},
    },
    operator::setup::{self, SetupLink},
};

/// The most roles one request may give.
const ROLES_MAX: usize = 100;
const OWNER: Need = Need::Everywhere(Perm::ManageOperators);

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/operators", "operator.list", |call| Box::pin(list(call)))
        .needs(OWNER)
        .says("操作员列表", "Every operator with their roles")
        .answers::<Operators>(200),
    Route::post("/operators", "operator.create", |call| Box::pin(create(call)))
        .needs(OWNER)
        .says("新增操作员并生成设置链接", "Add an operator and make their set-up link")
        .body::<NewOperator>()
        .answers::<Invited>(201),
    Route::put("/operators/{operator}/roles", "operator.roles", |call| Box::pin(roles(call)))
        .needs(OWNER)
        .says("设置角色", "Replace an operator's roles")
        .body::<Roles>(),
    Route::post("/operators/{operator}/setup-link", "operator.setup_link", |call| {
        Box::pin(setup_link(call))
    })
    .needs(OWNER)
    .says("重新生成设置链接", "Make a new set-up link, for a lost password")
    .answers::<Invited>(201),
    Route::post("/operators/{operator}/disable", "operator.disable", |call| {
        Box::pin(disable(call))
    })
    .needs(OWNER)
    .says("停用操作员", "Switch an account off and end its logins"),
    Route::get("/operators/{operator}/sessions", "operator.sessions", |call| {
        Box::pin(sessions(call))
    })
    .needs(OWNER)
    .says("某操作员的在线登录", "An operator's logins")
    .answers::<Sessions>(200),
    Route::delete("/operators/{operator}/sessions/{session}", "operator.session_end", |call| {
        Box::pin(end_session(call))
    })
    .needs(OWNER)
    .says("踢出登录", "End somebody's login"),
];

/// Every operator.
#[derive(Serialize, ToSchema)]
pub struct Operators {
    /// By login.
    pub items: Vec<OperatorView>,
}

/// An operator.
#[derive(Serialize, ToSchema)]
pub struct OperatorView {
    /// The operator.
    pub id: Uuid,
    /// The name they sign in with.
    pub login: String,
    /// What they are called.
    pub name: String,
    /// `invited`, `active` or `disabled`.
    pub state: String,
    /// Whether a second factor is on.
    pub has_totp: bool,
    /// Their roles.
    pub roles: Vec<RoleIn>,
    /// When they were added.
    pub created_at: DateTime<Utc>,
}

/// An operator to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOperator {
    /// The name to sign in with.
    #[schema(example = "wang")]
    pub login: String,
    /// What they are called.
    #[schema(example = "王会计")]
    pub name: String,
    /// Their roles.
    pub roles: Vec<RoleIn>,
}

/// A set-up link. It is shown here and never again.
#[derive(Serialize, ToSchema)]
pub struct Invited {
    /// The operator.
    pub id: Uuid,
    /// The link to hand over.
    pub url: String,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

/// Roles to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// All of them; what is not named is taken away.
    pub roles: Vec<RoleIn>,
}

async fn list(call: Call) -> Result<Answer> {
    let db = call.house().store().read();
    let mut items = Vec::new();
    for row in operator::list(db).await? {
        let reach = Reach::of(&operator::roles(db, row.operator_id()).await?);
        items.push(OperatorView {
            id: row.id,
            login: row.login,
            name: row.name,
            state: row.state,
            has_totp: row.totp_secret.is_some(),
            roles: reach.roles().iter().map(|(at, role)| RoleIn::new(at.0, *role)).collect(),
            created_at: row.created_at,
        });
    }
    Answer::ok(&Operators { items })
}

async fn create(call: Call) -> Result<Answer> {
    let wish: NewOperator = call.body()?;
    if !setup::is_name(&wish.login) {
        return Err(Problem::malformed("login"));
    }
    if !setup::is_name(&wish.name) {
        return Err(Problem::malformed("name"));
    }
    let roles = checked(&call.app, &wish.roles).await?;
    let app = &call.app;
    if operator::by_login(app.house.store().read(), &wish.login).await?.is_some() {
        return Err(Problem::new(Code::LoginTaken));
    }
    let who = (wish.login.as_str(), wish.name.as_str());
    let (clock, rng) = (app.clock.as_ref(), app.rng.as_ref());
    match setup::invite(app.house.store(), clock, rng, who, roles).await {
        Ok(link) => Answer::created(&invited(app, &link)),
        Err(StoreError::Refused(_)) => Err(Problem::new(Code::LoginTaken)),
        Err(error) => Err(error.into()),
    }
}

async fn roles(call: Call) -> Result<Answer> {
    let id = known(&call).await?.operator_id();
    let wish: Roles = call.body()?;
    let roles = checked(&call.app, &wish.roles).await?;
    let stays_owner = roles.iter().any(|(at, role)| *at == EVERYWHERE && role == "owner");
    let changed = call.house().store().transact(move |tx| {
        Box::pin(async move {
            if !stays_owner {
                another_owner_stays(tx, id).await?;
            }
            Ok::<_, Problem>(operator::set_roles(tx, id, &roles).await?)
        })
    });
    changed.await?;
    Answer::none()
}

async fn setup_link(call: Call) -> Result<Answer> {
    let id = known(&call).await?.operator_id();
    let app = &call.app;
    let (clock, rng) = (app.clock.as_ref(), app.rng.as_ref());
    match setup::renew(app.house.store(), clock, rng, id).await? {
        Some(link) => Answer::created(&invited(app, &link)),
        None => Err(Problem::new(Code::Changed)),
    }
}

async fn disable(call: Call) -> Result<Answer> {
    let id = known(&call).await?.operator_id();
    let now = call.app.clock.now();
    let disabled = call.house().store().transact(move |tx| {
        Box::pin(async move {
            another_owner_stays(tx, id).await?;
            Ok::<_, Problem>(operator::disable(tx, id, now).await?)
        })
    });
    disabled.await?;
    Answer::none()
}

async fn sessions(call: Call) -> Result<Answer> {
    let id = known(&call).await?.operator_id();
    let found = session::live(call.house().store().read(), id, call.app.clock.now()).await?;
    let current = call.caller()?.session.id;
    let items = found.into_iter().map(|s| SessionView::of(s, current)).collect();
    Answer::ok(&Sessions { items })
}

async fn end_session(call: Call) -> Result<Answer> {
    let operator = known(&call).await?.operator_id();
    let id: SessionId = call.id("session")?;
    let now = call.app.clock.now();
    let ended =
        call.house().store().transact(move |tx| Box::pin(session::revoke(tx, operator, id, now)));
    if ended.await? { Answer::none() } else { Err(Problem::not_found("session")) }
}

async fn known(call: &Call) -> Result<Operator> {
    let id: OperatorId = call.id("operator")?;
    let found = operator::by_id(call.house().store().read(), id).await?;
    found.ok_or_else(|| Problem::not_found("operator"))
}

fn invited(app: &App, link: &SetupLink) -> Invited {
    let url = link.url(&app.addresses.public_url);
    Invited { id: link.operator.0, url, expires_at: link.expires_at }
}

/// Roles that exist, in projects that exist, each once.
async fn checked(app: &App, wished: &[RoleIn]) -> Result<Vec<(ProjectId, String)>> {
    if wished.len() > ROLES_MAX {
        return Err(Problem::malformed("roles"));
    }
    let mut roles = Vec::new();
    for wish in wished {
        let role: Role = wish.role.parse().map_err(|_| Problem::malformed("role"))?;
        let project = ProjectId(wish.project_id);
        if project != EVERYWHERE {
            let found = store::site::project(app.house.store().read(), project).await?;
            found.ok_or_else(|| Problem::not_found("project"))?;
        }
        let entry = (project, role.as_str().to_owned());
        if !roles.contains(&entry) {
            roles.push(entry);
        }
    }
    Ok(roles)
}

/// A site without an owner could never be mended from inside.
///
/// Invariant: two owners who take each other away at once leave one, because everybody is held
/// until the change is committed; proved by `two_owners_who_disable_each_other_leave_one`.
async fn another_owner_stays(tx: &Tx, without: OperatorId) -> Result<()> {
    for row in operator::list_held(tx).await? {
        if row.operator_id() == without || !row.is_active() {
            continue;
        }
        let reach = Reach::of(&operator::roles(tx, row.operator_id()).await?);
        if reach.everywhere(Perm::ManageOperators) {
            return Ok(());
        }
    }
    Err(Problem::new(Code::LastOwner))
}
