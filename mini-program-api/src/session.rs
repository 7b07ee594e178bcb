//! Sign-ins: what a person gets who proved who they are, and how it goes on and ends.
//!
//! The access token opens the API for ten minutes; the refresh token asks for the next pair and is
//! good once. It names its sign-in and carries a secret; the next secret is made from the one
//! before it and a key of ours, so that a lost reply can be given again.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{FamilyId, PersonId};
use serde::{Deserialize, Serialize};
use store::{
    StoreError, Tx,
    person::{
        self, KnownBy,
        session::{self, Opening, Refresh, Refreshed, Session},
    },
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    answer::Answer,
    call::Call,
    desk::Desk,
    failure::{Failure, Result},
    keyed::{drawn, sha256},
    me::PersonView,
    reach,
    route::{Need, Route},
    token::Holder,
};

pub mod oauth;
pub mod page;
pub mod provider;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/session/refresh", "session.refresh", |call| Box::pin(refresh(call)))
        .needs(Need::Nothing)
        .says("续期登录", "The next pair of tokens; a token that was used before ends the sign-in")
        .body::<RefreshWish>()
        .answers::<TenantSession>(200),
    Route::delete("/session", "session.end", |call| Box::pin(end(call)))
        .says("退出登录", "Sign out here"),
    Route::delete("/sessions", "session.end_all", |call| Box::pin(end_all(call)))
        .says("在所有设备上退出", "Sign out everywhere"),
];

/// How long after a rotation the token before it may ask for the same answer again.
const REPEAT_MAX: TimeDelta = TimeDelta::seconds(30);
/// How many random bytes the first secret of a sign-in has.
const SECRET_BYTES: usize = 32;
/// The longest refresh token that is looked at, in bytes.
const REFRESH_MAX: usize = 128;

/// What a person gets who signed in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TenantSession {
    /// What the API is called with, in `Authorization: Bearer`.
    pub access_token: String,
    /// How long it is good for.
    #[schema(example = 600)]
    pub expires_in_s: i64,
    /// What the next pair is asked for with; good once.
    pub refresh_token: String,
    /// How long it is good for.
    #[schema(example = 2_592_000)]
    pub refresh_expires_in_s: i64,
    /// Who signed in.
    pub person: PersonView,
}

/// A refresh token to be used up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshWish {
    /// The token of the last answer.
    pub refresh_token: String,
}

/// A sign-in that is about to be kept, with the secret of its first refresh token.
#[derive(Clone)]
pub struct Start {
    family: FamilyId,
    person: PersonId,
    secret: String,
    client: String,
    ip: String,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
}

impl Start {
    /// Draws what a sign-in needs; the person's id counts only for somebody nobody knew before.
    pub fn draw(call: &Call) -> Start {
        let desk = &call.desk;
        let (clock, rng, now) = (desk.clock.as_ref(), desk.rng.as_ref(), desk.clock.now());
        Start {
            family: FamilyId::generate(clock, rng),
            person: PersonId::generate(clock, rng),
            secret: drawn(rng, SECRET_BYTES),
            client: call.client.user_agent.clone(),
            ip: call.client.ip.to_string(),
            expires_at: now + refresh_life(desk),
            now,
        }
    }

    /// Signs the person in who is known by this, in a unit of the caller's.
    pub async fn sign_in(
        &self,
        tx: &Tx,
        by: &KnownBy,
        union_id: Option<&str>,
    ) -> Result<Session, StoreError> {
        let person = person::sign_in(tx, by, union_id, self.person, self.now).await?.person;
        self.open(tx, person).await
    }

    /// Opens a sign-in of a known person, in a unit of the caller's.
    pub async fn open(&self, tx: &Tx, person: PersonId) -> Result<Session, StoreError> {
        let opening = Opening {
            family: self.family,
            person,
            refresh_hash: sha256(&self.secret),
            client: self.client.clone(),
            ip: self.ip.clone(),
            expires_at: self.expires_at,
        };
        session::open(tx, opening, self.now).await?.ok_or(StoreError::Conflict)
    }

    /// The answer to whoever signed in.
    pub async fn answer(&self, desk: &Desk, session: &Session) -> Result<Answer> {
        Answer::ok(&shown(desk, session, &self.secret, self.now).await?)
    }
}

/// Signs the person in who is known by what a provider said.
pub async fn sign_in(call: &Call, by: KnownBy, union_id: Option<String>) -> Result<Answer> {
    let start = Start::draw(call);
    let unit = start.clone();
    let store = call.desk.house.store();
    let opened = store
        .transact(move |tx| {
            Box::pin(async move { unit.sign_in(tx, &by, union_id.as_deref()).await })
        })
        .await?;
    start.answer(&call.desk, &opened).await
}

fn refresh_life(desk: &Desk) -> TimeDelta {
    TimeDelta::from_std(desk.settings.refresh_life).unwrap_or(TimeDelta::days(1))
}

async fn shown(
    desk: &Desk,
    session: &Session,
    secret: &str,
    now: DateTime<Utc>,
) -> Result<TenantSession> {
    let db = desk.house.store().read();
    let person = person::by_id(db, session.person()).await?.ok_or(Failure::SignInRequired)?;
    let identities = person::identities(db, person.person_id()).await?;
    let life = TimeDelta::from_std(desk.settings.access_life).unwrap_or(TimeDelta::minutes(1));
    let holder = Holder {
        person: session.person_id,
        family: session.family,
        version: session.session_version,
    };
    let jti = Uuid::from_u128(u128::from_be_bytes(random16(desk)));
    Ok(TenantSession {
        access_token: desk.keys.issue(holder, (now, life), jti)?,
        expires_in_s: life.num_seconds(),
        refresh_token: format!("{}.{secret}", session.family.simple()),
        refresh_expires_in_s: (session.expires_at - now).num_seconds(),
        person: PersonView::of(&person, &identities),
    })
}

fn random16(desk: &Desk) -> [u8; 16] {
    let mut bytes = [0u8; 16];
    desk.rng.fill(&mut bytes);
    bytes
}

/// The sign-in a refresh token names, and its secret.
fn parted(token: &str) -> Option<(FamilyId, &str)> {
    if token.len() > REFRESH_MAX {
        return None;
    }
    let (family, secret) = token.split_once('.')?;
    Some((family.parse().ok()?, secret))
}

/// The next pair for a refresh token.
///
/// Invariant: a refresh token that was used before ends its sign-in, except for a reply that got
/// lost a moment ago on its way to the same program (S14); proved by
/// `a_refresh_token_that_was_used_ends_the_sign_in_for_everybody`.
async fn refresh(call: Call) -> Result<Answer> {
    let wish: RefreshWish = call.body()?;
    let (family, secret) = parted(&wish.refresh_token).ok_or(Failure::SignInRequired)?;
    let (desk, now) = (&call.desk, call.desk.clock.now());
    let next = desk.keyed.hash("refresh", &[&family.to_string(), secret]);
    let refresh = Refresh {
        family,
        presented_hash: sha256(secret),
        next_hash: sha256(&next),
        client: call.client.user_agent.clone(),
        expires_at: now + refresh_life(desk),
        grace: REPEAT_MAX,
    };
    let store = desk.house.store();
    let refreshed = store
        .transact(move |tx| Box::pin(async move { session::rotate(tx, &refresh, now).await }))
        .await?;
    match refreshed {
        Refreshed::Rotated(session) | Refreshed::Repeated(session) => {
            Answer::ok(&shown(desk, &session, &next, now).await?)
        }
        Refreshed::Reused(person) => {
            tracing::warn!(%person, %family, "a used refresh token came again; its sign-in ended");
            Err(Failure::SessionReused)
        }
        Refreshed::Ended | Refreshed::Unknown => Err(Failure::SignInRequired),
    }
}

async fn end(call: Call) -> Result<Answer> {
    let (caller, now) = (*call.caller()?, call.desk.clock.now());
    let store = call.desk.house.store();
    store
        .transact(move |tx| {
            Box::pin(async move {
                session::revoke(tx, caller.person, caller.family, "signed-out", now).await
            })
        })
        .await?;
    Answer::none()
}

async fn end_all(call: Call) -> Result<Answer> {
    let person = reach::person(&call.desk, call.caller()?).await?.person_id();
    let now = call.desk.clock.now();
    let store = call.desk.house.store();
    store
        .transact(move |tx| {
            Box::pin(
                async move { session::revoke_all(tx, person, "signed-out-everywhere", now).await },
            )
        })
        .await?;
    Answer::none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_is_taken_apart_or_is_none() {
        let family = FamilyId(Uuid::from_u128(7));
        let good = format!("{}.abc", family.0.simple());
        let table = [
            (good.as_str(), Some((family, "abc"))),
            ("", None),
            (".", None),
            ("x.y", None),
            ("00000000000000000000000000000007", None),
        ];
        for (token, want) in table {
            assert_eq!(parted(token), want, "{token:?}");
        }
        assert_eq!(parted(&format!("{good}{}", "x".repeat(REFRESH_MAX))), None);
    }
}
