//! The first answer to a write, kept for its repeats; keys of money never expire.

use chrono::{DateTime, Utc};
use domain::ProjectId;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::{StoreError, Tx, entity::idempotency, row};

/// What is kept about a write.
pub type Kept = idempotency::Model;

/// The status of a write whose answer is not there yet.
pub const UNANSWERED: i32 = 0;

/// Whose write it is and under which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The project; 0 where the write belongs to none.
    pub project: ProjectId,
    /// Who writes.
    pub principal: String,
    /// The key the client made.
    pub key: String,
}

/// What became of the wish to be the first under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// This is the first: go on and [`answer`] afterwards.
    First,
    /// Somebody was first.
    Known(Kept),
}

/// Takes a key, or tells what was done under it before. A claim that was never answered is taken
/// over once it is older than `stale_before`, because its process is gone; what the write does is
/// single by keys of its own.
///
/// Invariant: one key is one write; the primary key decides, not this look (S21); proved by
/// `the_same_key_gives_the_same_answer_and_another_body_is_refused`.
pub async fn claim(
    tx: &Tx,
    key: &Key,
    request_hash: &str,
    now: DateTime<Utc>,
    stale_before: DateTime<Utc>,
) -> Result<Claimed, StoreError> {
    let id = (key.project.0, key.principal.clone(), key.key.clone());
    if let Some(known) = idempotency::Entity::find_by_id(id).one(tx).await? {
        let abandoned = known.status == UNANSWERED && known.created_at < stale_before;
        if !abandoned || known.request_hash != request_hash {
            return Ok(Claimed::Known(known));
        }
        let set = idempotency::ActiveModel { created_at: Set(now), ..Default::default() };
        let done = idempotency::Entity::update_many()
            .set(set)
            .filter(idempotency::Column::ProjectId.eq(key.project.0))
            .filter(idempotency::Column::Principal.eq(&key.principal))
            .filter(idempotency::Column::Key.eq(&key.key))
            .filter(idempotency::Column::CreatedAt.eq(known.created_at))
            .exec(tx)
            .await?;
        // Whoever moved the time first goes on; the other is told that it is under way.
        let first = done.rows_affected == 1;
        return Ok(if first { Claimed::First } else { Claimed::Known(known) });
    }
    let new = Kept {
        project_id: key.project.0,
        principal: key.principal.clone(),
        key: key.key.clone(),
        request_hash: request_hash.to_owned(),
        status: UNANSWERED,
        body: Vec::new(),
        created_at: now,
    };
    row::insert(tx, new).await?;
    Ok(Claimed::First)
}

/// Keeps the answer for the repeats.
pub async fn answer(tx: &Tx, key: &Key, status: u16, body: Vec<u8>) -> Result<(), StoreError> {
    let set = idempotency::ActiveModel {
        status: Set(i32::from(status)),
        body: Set(body),
        ..Default::default()
    };
    idempotency::Entity::update_many()
        .set(set)
        .filter(idempotency::Column::ProjectId.eq(key.project.0))
        .filter(idempotency::Column::Principal.eq(&key.principal))
        .filter(idempotency::Column::Key.eq(&key.key))
        .exec(tx)
        .await?;
    Ok(())
}

/// Gives a key free again after a failure of ours, so that the client may try once more.
pub async fn release(tx: &Tx, key: &Key) -> Result<(), StoreError> {
    idempotency::Entity::delete_many()
        .filter(idempotency::Column::ProjectId.eq(key.project.0))
        .filter(idempotency::Column::Principal.eq(&key.principal))
        .filter(idempotency::Column::Key.eq(&key.key))
        .filter(idempotency::Column::Status.eq(UNANSWERED))
        .exec(tx)
        .await?;
    Ok(())
}

/// What is kept under a key.
pub async fn by_key<C: ConnectionTrait>(db: &C, key: &Key) -> Result<Option<Kept>, StoreError> {
    let id = (key.project.0, key.principal.clone(), key.key.clone());
    Ok(idempotency::Entity::find_by_id(id).one(db).await?)
}
