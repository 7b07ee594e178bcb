//! What the providers proved, and what they said that fits nothing yet.

use chrono::{DateTime, Utc};
use domain::{OrderId, ProjectId, Provider};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    StoreError, Tx,
    entity::{inbox, provider_fact},
    row,
};

/// A confirmed payment as stored.
pub type ProviderFact = provider_fact::Model;
/// A callback kept because it fitted nothing, as stored.
pub type InboxMessage = inbox::Model;

/// The most facts or messages one list answers with.
pub const LIST_MAX: u64 = 1_000;

/// A payment by the provider's number: the key that keeps money single (I3).
pub async fn by_trade_no<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    provider: Provider,
    merchant_no: &str,
    provider_trade_no: &str,
) -> Result<Option<ProviderFact>, StoreError> {
    let key = (
        project.0,
        provider.as_str().to_owned(),
        merchant_no.to_owned(),
        provider_trade_no.to_owned(),
    );
    Ok(provider_fact::Entity::find_by_id(key).one(db).await?)
}

/// Inserts a fact on the slow path (duplicate, mismatch, unmatched). A second insert of the same
/// number is a unique violation, which the caller reads as "already known".
pub async fn insert(tx: &Tx, fact: ProviderFact) -> Result<(), StoreError> {
    row::insert(tx, fact).await
}

/// The sale at the counter that has a slip number, by the door it came through.
pub async fn by_slip_no<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    channel: domain::Channel,
    slip_no: &str,
) -> Result<Option<ProviderFact>, StoreError> {
    let key = (project.0, "counter".to_owned(), channel.as_str().to_owned(), slip_no.to_owned());
    Ok(provider_fact::Entity::find_by_id(key).one(db).await?)
}

/// The facts about an order, oldest first.
pub async fn of_order<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Vec<ProviderFact>, StoreError> {
    let found = provider_fact::Entity::find()
        .filter(provider_fact::Column::ProjectId.eq(project.0))
        .filter(provider_fact::Column::OrderId.eq(order.0))
        .order_by_asc(provider_fact::Column::ReceivedAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Keeps a message that fits nothing yet.
pub async fn keep_message(tx: &Tx, message: InboxMessage) -> Result<(), StoreError> {
    row::insert(tx, message).await
}

/// How many messages of a merchant were kept since a moment: the inbox is bounded by it.
pub async fn messages_since<C: ConnectionTrait>(
    db: &C,
    merchant: domain::MerchantId,
    since: DateTime<Utc>,
) -> Result<u64, StoreError> {
    use sea_orm::PaginatorTrait;
    let count = inbox::Entity::find()
        .filter(inbox::Column::MerchantId.eq(merchant.0))
        .filter(inbox::Column::ReceivedAt.gte(since))
        .count(db)
        .await?;
    Ok(count)
}

/// The newest messages of a project.
pub async fn messages<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<InboxMessage>, StoreError> {
    let found = inbox::Entity::find()
        .filter(inbox::Column::ProjectId.eq(project.0))
        .order_by_desc(inbox::Column::ReceivedAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}
