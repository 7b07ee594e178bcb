//! One's own account: rights, password, second factor, logins.

use chrono::{DateTime, Utc};
use domain::SessionId;
use serde::{Deserialize, Serialize};
use store::operator::{
    self, Operator,
    session::{self, Session},
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    access::{Reach, Role},
    http::{
        App, Code, Problem,
        error::Result,
        route::{Answer, Call, Route},
    },
    operator::{password, totp},
};

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::get("/me", "me.show", |call| Box::pin(show(call)))
        .says("当前登录人", "Who is signed in, and what they may do")
        .answers::<Me>(200),
    Route::post("/me/password", "me.password", |call| Box::pin(change_password(call)))
        .says("修改密码", "Change the password; ends every other login")
        .body::<ChangePassword>(),
    Route::post("/me/totp", "me.totp_new", |call| Box::pin(new_totp(call)))
        .says("生成动态验证码密钥", "Make a secret for a second factor")
        .answers::<NewTotp>(200),
    Route::put("/me/totp", "me.totp_on", |call| Box::pin(switch_totp_on(call)))
        .says("启用动态验证码", "Switch the second factor on")
        .body::<TotpOn>(),
    Route::delete("/me/totp", "me.totp_off", |call| Box::pin(switch_totp_off(call)))
        .says("停用动态验证码", "Switch the second factor off")
        .body::<TotpOff>(),
    Route::get("/me/sessions", "me.sessions", |call| Box::pin(sessions(call)))
        .says("我的登录", "One's own logins")
        .answers::<Sessions>(200),
    Route::delete("/me/sessions/{session}", "me.session_end", |call| Box::pin(end(call)))
        .says("踢出我的某次登录", "End one of one's own logins"),
];

/// Who is signed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Me {
    /// The operator.
    pub id: Uuid,
    /// The name they sign in with.
    #[schema(example = "wang")]
    pub login: String,
    /// What they are called.
    #[schema(example = "王会计")]
    pub name: String,
    /// Whether a second factor is on.
    pub has_totp: bool,
    /// Their roles; project 0 stands for all.
    pub roles: Vec<RoleIn>,
    /// The value for `X-CSRF-Token`; only for logins by cookie.
    pub csrf: Option<String>,
    /// When this login ends at the latest.
    pub expires_at: DateTime<Utc>,
}

/// A role in a project.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleIn {
    /// The project; 0 for all.
    #[schema(example = 1)]
    pub project_id: i64,
    /// `owner`, `operator`, `cashier`, `engineer` or `auditor`.
    #[schema(example = "cashier")]
    pub role: String,
    /// What the role may do; only in answers.
    #[serde(default)]
    #[schema(read_only)]
    pub permissions: Vec<String>,
}

impl RoleIn {
    /// A role with what it may do.
    pub fn new(project_id: i64, role: Role) -> RoleIn {
        let permissions = role.perms().iter().map(|perm| perm.as_str().to_owned()).collect();
        RoleIn { project_id, role: role.as_str().to_owned(), permissions }
    }
}

impl Me {
    /// Reads somebody's rights.
    pub async fn read(
        app: &App,
        operator: &Operator,
        session: &Session,
        csrf: Option<String>,
    ) -> Result<Me> {
        let rows = operator::roles(app.house.store().read(), operator.operator_id()).await?;
        let reach = Reach::of(&rows);
        Ok(Me {
            id: operator.id,
            login: operator.login.clone(),
            name: operator.name.clone(),
            has_totp: operator.totp_secret.is_some(),
            roles: reach.roles().iter().map(|(at, role)| RoleIn::new(at.0, *role)).collect(),
            csrf,
            expires_at: session.expires_at,
        })
    }
}

/// A change of password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The password so far.
    pub old_password: String,
    /// The password to be.
    pub new_password: String,
}

/// A secret for an authenticator; nothing is stored before it is switched on.
#[derive(Serialize, ToSchema)]
pub struct NewTotp {
    /// The secret in base32.
    #[schema(example = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")]
    pub secret: String,
    /// What to show as a QR code.
    pub url: String,
}

/// A second factor to be switched on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpOn {
    /// The secret that was made.
    pub secret: String,
    /// A code of it, as proof that the authenticator has it.
    pub totp: String,
    /// A code of the second factor that is on so far, where one is; it was not used before.
    #[serde(default)]
    pub old_totp: Option<String>,
    /// The password.
    pub password: String,
}

/// A second factor to be switched off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpOff {
    /// A code that was not used before.
    pub totp: String,
    /// The password.
    pub password: String,
}

/// One's logins.
#[derive(Serialize, ToSchema)]
pub struct Sessions {
    /// The latest first.
    pub items: Vec<SessionView>,
}

/// A login, as its owner may see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// The login.
    pub id: Uuid,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Where from.
    pub ip: String,
    /// With what.
    pub user_agent: String,
    /// True for the login that asks.
    pub current: bool,
}

impl SessionView {
    /// What may be seen of a login.
    pub fn of(session: Session, current: Uuid) -> SessionView {
        SessionView {
            id: session.id,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            ip: session.ip,
            user_agent: session.user_agent,
            current: session.id == current,
        }
    }
}

async fn show(call: Call) -> Result<Answer> {
    let caller = call.caller()?;
    let csrf = call.csrf.clone();
    Answer::ok(&Me::read(&call.app, &caller.operator, &caller.session, csrf).await?)
}

/// Compares the caller's own password, with the budgets and the locks of a sign-in.
async fn prove_password(call: &Call, shown: &str) -> Result<()> {
    let operator = &call.caller()?.operator;
    Ok(call.app.sign_in.prove_password(operator, call.client.ip, shown).await?)
}

/// Asks for an unused code of the second factor that is on, if one is.
async fn prove_factor(call: &Call, code: Option<&str>) -> Result<()> {
    let operator = &call.caller()?.operator;
    let fits = call.app.sign_in.prove_factor(operator, code).await?;
    if fits { Ok(()) } else { Err(Problem::new(Code::TotpWrong)) }
}

async fn change_password(call: Call) -> Result<Answer> {
    let wish: ChangePassword = call.body()?;
    let caller = call.caller()?;
    prove_password(&call, &wish.old_password).await?;
    if !password::is_strong(&caller.operator.login, &wish.new_password) {
        return Err(Problem::new(Code::PasswordWeak));
    }
    let app = &call.app;
    let hash = app.sign_in.passwords.hash(app.rng.as_ref(), &wish.new_password).await?;
    let (id, keep, now) = (caller.id(), caller.session.session_id(), app.clock.now());
    let done = app.house.store().transact(move |tx| {
        Box::pin(async move {
            operator::set_password(tx, id, hash).await?;
            session::revoke_all(tx, id, Some(keep), now).await
        })
    });
    done.await?;
    Answer::none()
}

async fn new_totp(call: Call) -> Result<Answer> {
    let secret = totp::fresh_secret(call.app.rng.as_ref());
    let url = totp::enrolment_url(&secret, &call.caller()?.operator.login);
    let url = url.ok_or_else(|| Problem::new(Code::Internal))?;
    Answer::ok(&NewTotp { secret, url })
}

async fn switch_totp_on(call: Call) -> Result<Answer> {
    let wish: TotpOn = call.body()?;
    prove_password(&call, &wish.password).await?;
    let now = call.app.clock.now().timestamp();
    let step = totp::step_of(&wish.secret, &wish.totp, now);
    let step = step.ok_or_else(|| Problem::new(Code::TotpWrong))?;
    // The password alone would let whoever has it put their own factor in place of the owner's.
    prove_factor(&call, wish.old_totp.as_deref()).await?;
    let id = call.caller()?.id();
    call.house()
        .store()
        .transact(move |tx| Box::pin(operator::set_totp(tx, id, Some(wish.secret), Some(step))))
        .await?;
    Answer::none()
}

async fn switch_totp_off(call: Call) -> Result<Answer> {
    let wish: TotpOff = call.body()?;
    prove_password(&call, &wish.password).await?;
    prove_factor(&call, Some(&wish.totp)).await?;
    let id = call.caller()?.id();
    call.house()
        .store()
        .transact(move |tx| Box::pin(operator::set_totp(tx, id, None, None)))
        .await?;
    Answer::none()
}

async fn sessions(call: Call) -> Result<Answer> {
    let caller = call.caller()?;
    let found = session::live(call.house().store().read(), caller.id(), call.app.clock.now());
    let current = caller.session.id;
    let items = found.await?.into_iter().map(|s| SessionView::of(s, current)).collect();
    Answer::ok(&Sessions { items })
}

async fn end(call: Call) -> Result<Answer> {
    let id: SessionId = call.id("session")?;
    let (operator, now) = (call.caller()?.id(), call.app.clock.now());
    let ended =
        call.house().store().transact(move |tx| Box::pin(session::revoke(tx, operator, id, now)));
    if ended.await? { Answer::none() } else { Err(Problem::not_found("session")) }
}
