//! Sign-ins of persons: a family of refresh tokens of which one is good at a time.
//!
//! A refresh token names its family and carries a secret of its own; only the secret's hash is
//! kept. The family's id leaves the server inside its tokens only, so a secret that does not fit
//! its family is an older token of it, whoever brings it (S14).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{FamilyId, PersonId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use crate::{
    StoreError, Tx,
    entity::{person, person_session},
    row,
};

/// A sign-in as stored.
pub type Session = person_session::Model;

/// The most sign-ins of a person that are good at a time; one more ends the one used longest ago.
pub const LIVE_MAX: u64 = 20;

/// Why a family ended whose older token was used again.
pub const REUSED: &str = "reused";
/// Why a sign-in ended that made room for a newer one.
pub const CROWDED: &str = "crowded";

impl Session {
    /// The typed id.
    pub fn family_id(&self) -> FamilyId {
        FamilyId(self.family)
    }

    /// Who signed in.
    pub fn person(&self) -> PersonId {
        PersonId(self.person_id)
    }

    fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at > now
    }
}

/// A sign-in to be kept.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The id of its family.
    pub family: FamilyId,
    /// Who signed in.
    pub person: PersonId,
    /// The hash of the first refresh token's secret.
    pub refresh_hash: String,
    /// The program the person uses, in a word, bounded by the caller.
    pub client: String,
    /// The address it came from.
    pub ip: String,
    /// Until when the refresh token is good.
    pub expires_at: DateTime<Utc>,
}

/// Keeps a sign-in; `None` if there is no such person.
pub async fn open(
    tx: &Tx,
    new: Opening,
    now: DateTime<Utc>,
) -> Result<Option<Session>, StoreError> {
    let Some(person) = super::by_id(tx, new.person).await? else { return Ok(None) };
    let session = Session {
        family: new.family.0,
        person_id: person.id,
        session_version: person.session_version,
        refresh_hash: new.refresh_hash,
        previous_hash: None,
        created_at: now,
        rotated_at: now,
        expires_at: new.expires_at,
        client: new.client,
        ip: new.ip,
        revoked_at: None,
        why: None,
    };
    row::insert(tx, session.clone()).await?;
    let crowded = person_session::Entity::find()
        .filter(person_session::Column::PersonId.eq(person.id))
        .filter(person_session::Column::Family.ne(session.family))
        .filter(person_session::Column::RevokedAt.is_null())
        .filter(person_session::Column::ExpiresAt.gt(now))
        .order_by_desc(person_session::Column::RotatedAt)
        .offset(LIVE_MAX - 1)
        .limit(LIVE_MAX)
        .all(tx)
        .await?;
    for old in crowded {
        revoke(tx, old.person(), old.family_id(), CROWDED, now).await?;
    }
    Ok(Some(session))
}

/// A refresh token as it was presented, and the one to follow it.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The family the token names.
    pub family: FamilyId,
    /// The hash of its secret.
    pub presented_hash: String,
    /// The hash of the secret that follows. Made from the presented secret and a key of ours, it
    /// is the same for a repeat, and a lost reply can be given once more.
    pub next_hash: String,
    /// The program that asks; a repeat from another one is no lost reply.
    pub client: String,
    /// Until when the next token is good.
    pub expires_at: DateTime<Utc>,
    /// How long after a rotation the token before it may ask for the same answer again; zero
    /// makes every reuse an end.
    pub grace: TimeDelta,
}

/// What became of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// It was the good one; the next one is good from now on.
    Rotated(Session),
    /// It was replaced a moment ago by the very token that would follow now: the reply got lost.
    Repeated(Session),
    /// It was used up before. Its family has ended, whoever holds the good one.
    Reused(PersonId),
    /// Its family ended or ran out before.
    Ended,
    /// No such family.
    Unknown,
}

/// Replaces a refresh token by the next. The caller answers `Ok` whatever it is told, because the
/// end of a family has to be kept.
///
/// Invariant: a refresh token is good once: the hash is part of the condition, and every other
/// token of the family ends it; proved by `of_parallel_refreshes_one_rotates` and
/// `a_used_refresh_token_ends_its_family`.
pub async fn rotate(
    tx: &Tx,
    refresh: &Refresh,
    now: DateTime<Utc>,
) -> Result<Refreshed, StoreError> {
    let set = person_session::ActiveModel {
        refresh_hash: Set(refresh.next_hash.clone()),
        previous_hash: Set(Some(refresh.presented_hash.clone())),
        rotated_at: Set(now),
        expires_at: Set(refresh.expires_at),
        ..Default::default()
    };
    let done = person_session::Entity::update_many()
        .set(set)
        .filter(person_session::Column::Family.eq(refresh.family.0))
        .filter(person_session::Column::RefreshHash.eq(&refresh.presented_hash))
        .filter(person_session::Column::RevokedAt.is_null())
        .filter(person_session::Column::ExpiresAt.gt(now))
        .filter(Expr::cust(OF_THE_PRESENT_VERSION))
        .exec(tx)
        .await?;
    let Some(session) = by_family(tx, refresh.family).await? else {
        return Ok(Refreshed::Unknown);
    };
    if done.rows_affected == 1 {
        return Ok(Refreshed::Rotated(session));
    }
    if !is_good(tx, &session, now).await? {
        return Ok(Refreshed::Ended);
    }
    if is_repeat(&session, refresh, now) {
        return Ok(Refreshed::Repeated(session));
    }
    // Of several at once one ends the family and is told so: one alarm, not a hundred.
    let ended = revoke(tx, session.person(), session.family_id(), REUSED, now).await?;
    Ok(if ended { Refreshed::Reused(session.person()) } else { Refreshed::Ended })
}

/// True of a sign-in that is older than no signing out everywhere.
const OF_THE_PRESENT_VERSION: &str = "session_version = \
     (select p.session_version from person p where p.id = person_session.person_id)";

fn is_repeat(session: &Session, refresh: &Refresh, now: DateTime<Utc>) -> bool {
    let same =
        |kept: &str, said: &str| verify_slices_are_equal(kept.as_bytes(), said.as_bytes()).is_ok();
    let previous = session.previous_hash.as_deref().unwrap_or_default();
    same(previous, &refresh.presented_hash)
        && same(&session.refresh_hash, &refresh.next_hash)
        && session.client == refresh.client
        && now - session.rotated_at < refresh.grace
}

/// A sign-in by its family, good or not.
pub async fn by_family<C: ConnectionTrait>(
    db: &C,
    family: FamilyId,
) -> Result<Option<Session>, StoreError> {
    Ok(person_session::Entity::find_by_id(family.0).one(db).await?)
}

/// True while a sign-in is good: not ended, not run out, not signed out everywhere.
pub async fn is_good<C: ConnectionTrait>(
    db: &C,
    session: &Session,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    if !session.is_open(now) {
        return Ok(false);
    }
    let person = super::by_id(db, session.person()).await?;
    Ok(person.is_some_and(|person| person.session_version == session.session_version))
}

/// The sign-ins of a person that are good, the latest used first.
pub async fn live<C: ConnectionTrait>(
    db: &C,
    person: PersonId,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, StoreError> {
    let found = person_session::Entity::find()
        .filter(person_session::Column::PersonId.eq(person.0))
        .filter(person_session::Column::RevokedAt.is_null())
        .filter(person_session::Column::ExpiresAt.gt(now))
        .filter(Expr::cust(OF_THE_PRESENT_VERSION))
        .order_by_desc(person_session::Column::RotatedAt)
        .limit(LIVE_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Ends one sign-in of a person; `false` if there is none of that id that had not ended.
pub async fn revoke(
    tx: &Tx,
    person: PersonId,
    family: FamilyId,
    why: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = person_session::Entity::update_many()
        .set(ended(why, now))
        .filter(person_session::Column::Family.eq(family.0))
        .filter(person_session::Column::PersonId.eq(person.0))
        .filter(person_session::Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Ends every sign-in of a person and every access token made under one: the version of their
/// sessions is raised, and also a sign-in on its way at this moment carries the number before.
pub async fn revoke_all(
    tx: &Tx,
    person: PersonId,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    person::Entity::update_many()
        .col_expr(person::Column::SessionVersion, Expr::col(person::Column::SessionVersion).add(1))
        .filter(person::Column::Id.eq(person.0))
        .exec(tx)
        .await?;
    person_session::Entity::update_many()
        .set(ended(why, now))
        .filter(person_session::Column::PersonId.eq(person.0))
        .filter(person_session::Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

fn ended(why: &str, now: DateTime<Utc>) -> person_session::ActiveModel {
    person_session::ActiveModel {
        revoked_at: Set(Some(now)),
        why: Set(Some(why.to_owned())),
        ..Default::default()
    }
}
