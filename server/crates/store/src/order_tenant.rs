//! Orders placed by phone: who placed them, the link on their receipts, their live pages.

use chrono::{DateTime, Utc};
use domain::{OrderId, PayWay, PersonId, ProjectId, Rng};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::{
    StoreError, Tx,
    entity::{order_tenant, receipt_locator, stream_ticket},
    meter_tag, row,
};

/// Who placed an order, as stored.
pub type OrderTenant = order_tenant::Model;
/// The link on a receipt, as stored.
pub type Receipt = receipt_locator::Model;
/// What opens a live page once, as stored.
pub type StreamTicket = stream_ticket::Model;

/// The most orders one list answers with.
pub const LIST_MAX: u64 = 100;
/// How many characters the link on a receipt has: 127 random bits.
pub const TOKEN_LEN: usize = 26;

impl OrderTenant {
    /// The order.
    pub fn order(&self) -> (ProjectId, OrderId) {
        (ProjectId(self.project_id), OrderId(self.order_id))
    }

    /// Who placed it.
    pub fn person(&self) -> PersonId {
        PersonId(self.person_id)
    }

    /// From which page.
    pub fn way(&self) -> Result<PayWay, StoreError> {
        row::named("order_tenant", "way", self.order_id, &self.way)
    }
}

/// Notes who placed an order, in the transaction that places it; `false` if it was noted before,
/// which a repeat is.
pub async fn note(tx: &Tx, new: OrderTenant) -> Result<bool, StoreError> {
    row::insert_once(tx, new).await
}

/// Who placed an order; `None` for one of the counter or the kiosk.
pub async fn of_order<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Option<OrderTenant>, StoreError> {
    Ok(order_tenant::Entity::find_by_id((project.0, order.0)).one(db).await?)
}

/// The orders a person placed, over all projects, the latest first.
pub async fn of_person<C: ConnectionTrait>(
    db: &C,
    person: PersonId,
    limit: u64,
) -> Result<Vec<OrderTenant>, StoreError> {
    let found = order_tenant::Entity::find()
        .filter(order_tenant::Column::PersonId.eq(person.0))
        .order_by_desc(order_tenant::Column::PlacedAt)
        .limit(limit.clamp(1, LIST_MAX))
        .all(db)
        .await?;
    Ok(found)
}

/// A person's order by its id, whatever project it is in; an order of somebody else is none.
pub async fn own<C: ConnectionTrait>(
    db: &C,
    person: PersonId,
    order: OrderId,
) -> Result<Option<OrderTenant>, StoreError> {
    let found = order_tenant::Entity::find()
        .filter(order_tenant::Column::PersonId.eq(person.0))
        .filter(order_tenant::Column::OrderId.eq(order.0))
        .one(db)
        .await?;
    Ok(found)
}

/// The link on the receipt of an order, by phone or not; made if it has none.
pub async fn receipt(
    tx: &Tx,
    project: ProjectId,
    order: OrderId,
    rng: &dyn Rng,
    now: DateTime<Utc>,
) -> Result<Receipt, StoreError> {
    if let Some(known) = receipt_of(tx, project, order).await? {
        return Ok(known);
    }
    let new = Receipt {
        token: meter_tag::draw(rng, TOKEN_LEN),
        project_id: project.0,
        order_id: order.0,
        created_at: now,
    };
    row::insert_once(tx, new).await?;
    receipt_of(tx, project, order).await?.ok_or(StoreError::Conflict)
}

/// The link on the receipt of an order, if it was ever made.
pub async fn receipt_of<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Option<Receipt>, StoreError> {
    let found = receipt_locator::Entity::find()
        .filter(receipt_locator::Column::ProjectId.eq(project.0))
        .filter(receipt_locator::Column::OrderId.eq(order.0))
        .one(db)
        .await?;
    Ok(found)
}

/// The order a receipt's link verifies.
pub async fn by_receipt<C: ConnectionTrait>(
    db: &C,
    typed: &str,
) -> Result<Option<(ProjectId, OrderId)>, StoreError> {
    let found = receipt_locator::Entity::find_by_id(meter_tag::tidied(typed)).one(db).await?;
    Ok(found.map(|row| (ProjectId(row.project_id), OrderId(row.order_id))))
}

/// Keeps a ticket for the live page of an order.
pub async fn insert_ticket(tx: &Tx, ticket: StreamTicket) -> Result<(), StoreError> {
    row::insert(tx, ticket).await
}

/// Uses a ticket up; `None` if it is unknown, used or run out, which look alike.
///
/// Invariant: a ticket opens one stream; proved by `a_stream_ticket_opens_one_stream`.
pub async fn redeem_ticket(
    tx: &Tx,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<StreamTicket>, StoreError> {
    let set = stream_ticket::ActiveModel { used_at: Set(Some(now)), ..Default::default() };
    let done = stream_ticket::Entity::update_many()
        .set(set)
        .filter(stream_ticket::Column::Hash.eq(hash))
        .filter(stream_ticket::Column::UsedAt.is_null())
        .filter(stream_ticket::Column::ExpiresAt.gt(now))
        .exec(tx)
        .await?;
    if done.rows_affected != 1 {
        return Ok(None);
    }
    Ok(stream_ticket::Entity::find_by_id(hash.to_owned()).one(tx).await?)
}
