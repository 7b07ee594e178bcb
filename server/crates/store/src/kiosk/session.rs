//! The greeting: nonces that are good once, sessions bound to one start of one kiosk's process.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    StoreError, Tx,
    entity::{kiosk_challenge, kiosk_session},
    row,
};

/// A nonce that was handed out, as stored under its hash.
pub type Challenge = kiosk_challenge::Model;
/// A session as stored under its token's hash.
pub type Session = kiosk_session::Model;

/// Nonces of one kiosk that are good at once.
pub const CHALLENGES_MAX: u64 = 20;
/// How long an older session of the same start stays good beside a newer one: what is under way
/// comes to its end.
pub const OVERLAP: TimeDelta = TimeDelta::seconds(60);
/// How long a session that is over is remembered, so that a start that was replaced is known.
const KEPT: TimeDelta = TimeDelta::days(1);

/// Keeps a nonce; `false` if the kiosk has as many as it may.
pub async fn insert_challenge(
    tx: &Tx,
    new: Challenge,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    kiosk_challenge::Entity::delete_many()
        .filter(kiosk_challenge::Column::ExpiresAt.lte(now))
        .exec(tx)
        .await?;
    let known = kiosk_challenge::Entity::find()
        .filter(kiosk_challenge::Column::KioskId.eq(new.kiosk_id))
        .count(tx)
        .await?;
    if known >= CHALLENGES_MAX {
        return Ok(false);
    }
    row::insert_once(tx, new).await
}

/// Uses a nonce up; `false` if it is not this kiosk's, was used, or is too old.
///
/// Invariant: a greeting is believed once, because its nonce is gone afterwards; proved by
/// `a_replayed_or_forged_greeting_opens_nothing`.
pub async fn redeem(
    tx: &Tx,
    hash: &str,
    kiosk: Uuid,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = kiosk_challenge::Entity::delete_many()
        .filter(kiosk_challenge::Column::Hash.eq(hash))
        .filter(kiosk_challenge::Column::KioskId.eq(kiosk))
        .filter(kiosk_challenge::Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Opens a session. Older ones of the same start end a moment later, those of another at once.
pub async fn open(tx: &Tx, new: Session) -> Result<(), StoreError> {
    let now = new.created_at;
    let of_kiosk = || {
        kiosk_session::Entity::update_many()
            .filter(kiosk_session::Column::KioskId.eq(new.kiosk_id))
            .filter(kiosk_session::Column::EndedAt.is_null())
    };
    of_kiosk()
        .col_expr(kiosk_session::Column::EndedAt, Expr::value(now))
        .filter(kiosk_session::Column::BootId.ne(new.boot_id))
        .exec(tx)
        .await?;
    of_kiosk()
        .col_expr(kiosk_session::Column::ExpiresAt, Expr::value(now + OVERLAP))
        .filter(kiosk_session::Column::ExpiresAt.gt(now + OVERLAP))
        .exec(tx)
        .await?;
    kiosk_session::Entity::delete_many()
        .filter(kiosk_session::Column::KioskId.eq(new.kiosk_id))
        .filter(kiosk_session::Column::ExpiresAt.lt(now - KEPT))
        .exec(tx)
        .await?;
    row::insert(tx, new).await
}

/// A session by its token's hash, ended or not.
pub async fn by_hash<C: ConnectionTrait>(
    db: &C,
    hash: &str,
) -> Result<Option<Session>, StoreError> {
    Ok(kiosk_session::Entity::find_by_id(hash.to_owned()).one(db).await?)
}

/// True if this start of the kiosk has greeted before and another has taken its place.
pub async fn was_replaced<C: ConnectionTrait>(
    db: &C,
    kiosk: Uuid,
    boot: Uuid,
) -> Result<bool, StoreError> {
    let ended = kiosk_session::Entity::find()
        .filter(kiosk_session::Column::KioskId.eq(kiosk))
        .filter(kiosk_session::Column::BootId.eq(boot))
        .filter(kiosk_session::Column::EndedAt.is_not_null())
        .one(db)
        .await?;
    Ok(ended.is_some())
}

/// Forgets every session of a kiosk, because another machine takes its place.
pub async fn forget(tx: &Tx, kiosk: Uuid) -> Result<(), StoreError> {
    kiosk_session::Entity::delete_many()
        .filter(kiosk_session::Column::KioskId.eq(kiosk))
        .exec(tx)
        .await?;
    Ok(())
}
