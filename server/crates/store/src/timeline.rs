//! An order's timeline: what happened, when, with its proof. Written with the fact it tells of.

use chrono::{DateTime, Utc};
use domain::{OrderId, ProjectId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::{StoreError, Tx, entity::order_event, order::Order, row};

/// One line of a timeline.
pub type Event = order_event::Model;

/// The most lines one order's timeline shows.
pub const EVENTS_MAX: u64 = 1_000;

/// Adds a line to an order's timeline, in the transaction of the fact it tells of.
///
/// Invariant: each transition has its audit row in the same transaction (I15); proved by
/// `a_transition_that_rolls_back_leaves_no_line_in_the_timeline`.
pub async fn add(
    tx: &Tx,
    order: &Order,
    kind: &str,
    at: DateTime<Utc>,
    detail: serde_json::Value,
) -> Result<(), StoreError> {
    add_by_id(tx, order.project(), order.order_id(), kind, at, detail).await
}

/// The same, where only the order's id is at hand.
pub async fn add_by_id(
    tx: &Tx,
    project: ProjectId,
    order: OrderId,
    kind: &str,
    at: DateTime<Utc>,
    detail: serde_json::Value,
) -> Result<(), StoreError> {
    let event = order_event::Model {
        project_id: project.0,
        order_id: order.0,
        id: tx.next_id(at),
        at,
        kind: kind.to_owned(),
        detail: detail.to_string(),
    };
    row::insert(tx, event).await
}

/// The timeline of an order, oldest first.
pub async fn of<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Vec<Event>, StoreError> {
    let found = order_event::Entity::find()
        .filter(order_event::Column::ProjectId.eq(project.0))
        .filter(order_event::Column::OrderId.eq(order.0))
        .order_by_asc(order_event::Column::At)
        .order_by_asc(order_event::Column::Id)
        .limit(EVENTS_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// A fresh row id that sorts by time, for rows whose id nobody else needs to know beforehand.
pub fn row_id(at: DateTime<Utc>, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}
