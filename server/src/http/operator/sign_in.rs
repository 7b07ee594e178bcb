//! The way in: the set-up link, the login, the way out.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use store::operator::session;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::{cookie, me::Me};
use crate::{
    http::{
        App, Code, Problem,
        error::Result,
        route::{Answer, Call, Need, Route},
    },
    operator::{
        password::PasswordError,
        setup::{self, SetupError},
        sign_in::{Credentials, SESSION_LIFE, SignInError},
        token,
    },
};

/// The longest login, password or code looked at.
const FIELD_MAX: usize = 256;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/setup", "setup", |call| Box::pin(set_up(call)))
        .needs(Need::Nothing)
        .says("用一次性链接设置密码", "Set the password with a one-time link")
        .body::<SetUp>()
        .answers::<SetUpDone>(200),
    Route::post("/login", "login", |call| Box::pin(login(call)))
        .needs(Need::Nothing)
        .says("登录", "Sign in")
        .body::<Login>()
        .answers::<LoggedIn>(200),
    Route::post("/logout", "logout", |call| Box::pin(logout(call))).says("退出登录", "Sign out"),
];

/// A set-up link's secret with the password to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// What stands behind `#` in the link.
    #[schema(example = "Zk0w1x6nJ9sYw2lq3v8cT5bR7dE4hG0aMf1uPiKoX_c")]
    pub token: String,
    /// The password, 10 to 128 characters.
    #[schema(example = "correct horse battery")]
    pub password: String,
}

/// The account is ready.
#[derive(Serialize, ToSchema)]
pub struct SetUpDone {
    /// The name to sign in with.
    #[schema(example = "owner")]
    pub login: String,
}

/// What somebody shows to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The name.
    #[schema(example = "owner")]
    pub login: String,
    /// The password.
    #[schema(example = "correct horse battery")]
    pub password: String,
    /// The code of the second factor, where there is one.
    #[serde(default)]
    #[schema(example = "287082")]
    pub totp: Option<String>,
    /// True to get the token in the answer, for programs; false to get it as a cookie.
    #[serde(default)]
    pub bearer: bool,
}

/// A login.
#[derive(Serialize, ToSchema)]
pub struct LoggedIn {
    /// The token for `Authorization: Bearer`, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The value to send as `X-CSRF-Token` with every write by cookie.
    pub csrf: String,
    /// When the login ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Who signed in.
    pub me: Me,
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Failed => Problem::new(Code::LoginFailed),
            SignInError::TooMany => Problem::new(Code::TooManyRequests).retry_after(6),
            SignInError::Password(error) => error.into(),
            SignInError::Store(error) => error.into(),
        }
    }
}

impl From<PasswordError> for Problem {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Busy => Problem::new(Code::Overloaded).retry_after(3),
            PasswordError::Failed => Problem::new(Code::Internal).because(error),
        }
    }
}

async fn set_up(call: Call) -> Result<Answer> {
    let wish: SetUp = call.body()?;
    if !call.app.budgets.sign_in(call.client.ip) {
        return Err(Problem::new(Code::TooManyRequests).retry_after(6));
    }
    let app = &call.app;
    let done = setup::set_up(
        app.house.store(),
        app.clock.as_ref(),
        app.rng.as_ref(),
        &app.sign_in.passwords,
        (&wish.token, &wish.password),
    );
    match done.await {
        Ok(operator) => Answer::ok(&SetUpDone { login: operator.login }),
        Err(SetupError::LinkBad) => Err(Problem::new(Code::SetupLinkBad)),
        Err(SetupError::PasswordWeak) => Err(Problem::new(Code::PasswordWeak)),
        Err(SetupError::Password(error)) => Err(error.into()),
        Err(SetupError::Store(error)) => Err(error.into()),
    }
}

async fn login(call: Call) -> Result<Answer> {
    let wish: Login = call.body()?;
    let app = &call.app;
    let shown = credentials(wish.login, wish.password, wish.totp)?;
    let result = app.sign_in.identify(call.client.ip, &shown).await;
    app.metrics.sign_in(if result.is_ok() { "done" } else { "failed" });
    let operator = result?;
    let opened = app.sign_in.open_session(&operator, call.client.ip, &call.client.user_agent);
    let (session, secret) = opened.await?;
    let csrf = token::csrf(&secret);
    let me = Me::read(app, &operator, &session, Some(csrf.clone())).await?;
    let body = LoggedIn {
        token: wish.bearer.then(|| secret.to_string()),
        csrf,
        expires_at: session.expires_at,
        me,
    };
    let answer = Answer::ok(&body)?;
    if wish.bearer {
        return Ok(answer);
    }
    let seconds = SESSION_LIFE.num_seconds();
    Ok(answer.with_cookie(cookie::set(&secret, seconds, app.tls)))
}

async fn logout(call: Call) -> Result<Answer> {
    let caller = call.caller()?;
    let (operator, id, now) = (caller.id(), caller.session.session_id(), call.app.clock.now());
    call.house()
        .store()
        .transact(move |tx| Box::pin(session::revoke(tx, operator, id, now)))
        .await?;
    Ok(Answer::none()?.with_cookie(cookie::set("", 0, call.app.tls)))
}

/// Credentials within their bounds; what exceeds them is not hashed, and fails like a wrong one.
pub fn credentials(login: String, password: String, totp: Option<String>) -> Result<Credentials> {
    let code = totp.as_deref().unwrap_or_default();
    if [&login, &password].iter().any(|text| text.len() > FIELD_MAX) || code.len() > FIELD_MAX {
        return Err(Problem::new(Code::LoginFailed));
    }
    Ok(Credentials { login, password: Zeroizing::new(password), totp })
}

/// Finds out who a second person is, with the budgets of a login.
pub async fn second_person(
    app: &App,
    from: std::net::IpAddr,
    shown: Credentials,
) -> Result<store::operator::Operator> {
    match app.sign_in.identify(from, &shown).await {
        Err(SignInError::Failed) => Err(Problem::new(Code::SecondPersonRefused)),
        other => Ok(other?),
    }
}
