//! What a browser brings back from a provider's sign-in page: good once, for a minute, and only
//! in the browser that went there.

use chrono::{DateTime, Utc};
use domain::PersonId;
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::{StoreError, Tx, entity::sign_in_ticket, row};

/// A ticket as stored.
pub type Ticket = sign_in_ticket::Model;

/// Keeps a ticket.
pub async fn insert(tx: &Tx, ticket: Ticket) -> Result<(), StoreError> {
    row::insert(tx, ticket).await
}

/// A ticket by its hash, used or not. A page that is loaded twice asks by the ticket its state
/// makes, and does not exchange the provider's code a second time (C7).
pub async fn by_hash<C: ConnectionTrait>(db: &C, hash: &str) -> Result<Option<Ticket>, StoreError> {
    Ok(sign_in_ticket::Entity::find_by_id(hash.to_owned()).one(db).await?)
}

/// True for a ticket that was used up in this browser and would still be good.
pub async fn was_used_here<C: ConnectionTrait>(
    db: &C,
    hash: &str,
    browser_hash: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let found = sign_in_ticket::Entity::find_by_id(hash.to_owned())
        .filter(sign_in_ticket::Column::BrowserHash.eq(browser_hash))
        .filter(sign_in_ticket::Column::UsedAt.is_not_null())
        .filter(sign_in_ticket::Column::ExpiresAt.gt(now))
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// Uses a ticket up; `None` if it is unknown, used, run out or another browser's, which all look
/// alike.
///
/// Invariant: a ticket works once; the condition decides; proved by
/// `a_ticket_works_once_and_in_its_browser`.
pub async fn redeem(
    tx: &Tx,
    hash: &str,
    browser_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<PersonId>, StoreError> {
    let set = sign_in_ticket::ActiveModel { used_at: Set(Some(now)), ..Default::default() };
    let done = sign_in_ticket::Entity::update_many()
        .set(set)
        .filter(sign_in_ticket::Column::Hash.eq(hash))
        .filter(sign_in_ticket::Column::BrowserHash.eq(browser_hash))
        .filter(sign_in_ticket::Column::UsedAt.is_null())
        .filter(sign_in_ticket::Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    if done.rows_affected != 1 {
        return Ok(None);
    }
    Ok(by_hash(tx, hash).await?.map(|ticket| PersonId(ticket.person_id)))
}
