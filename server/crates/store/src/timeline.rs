//! An order's timeline: what happened, when, with its proof. Written with the fact it tells of.

use std::hash::{DefaultHasher, Hash, Hasher};

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
        id: row_id(at, order, kind, &detail.to_string()),
        at,
        kind: kind.to_owned(),
        detail: detail.to_string(),
    };
    row::insert(tx, event).await
}

/// Adds a line unless the newest one of the order is of the same kind: a run of looks that fail
/// alike is one line, told when it began.
pub async fn add_run(
    tx: &Tx,
    order: &Order,
    kind: &str,
    at: DateTime<Utc>,
    detail: serde_json::Value,
) -> Result<(), StoreError> {
    let newest = newest(tx, order.project(), order.order_id(), 1).await?;
    if newest.first().is_some_and(|event| event.kind == kind) {
        return Ok(());
    }
    add(tx, order, kind, at, detail).await
}

/// The timeline of an order, oldest first; of a very long one its newest [`EVENTS_MAX`] lines, so
/// that how it ended is always among them.
pub async fn of<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Vec<Event>, StoreError> {
    let mut found = newest(db, project, order, EVENTS_MAX).await?;
    found.reverse();
    Ok(found)
}

/// The newest lines of a timeline, the newest first. The id sorts by time, and the key ends with
/// it.
pub async fn newest<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
    limit: u64,
) -> Result<Vec<Event>, StoreError> {
    let found = order_event::Entity::find()
        .filter(order_event::Column::ProjectId.eq(project.0))
        .filter(order_event::Column::OrderId.eq(order.0))
        .order_by_desc(order_event::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(found)
}

/// An id that sorts by time down to the microsecond and follows from the line itself, so that the
/// set-based path and this one make the same kind of id and a line told twice is one line.
///
/// The layout is UUID version 7 (RFC 9562 §5.7): 48 bits of milliseconds, then the microseconds
/// within, then a hash of order, kind and detail.
pub fn row_id(at: DateTime<Utc>, order: OrderId, kind: &str, detail: &str) -> Uuid {
    let micros = u64::try_from(at.timestamp_micros()).unwrap_or(0);
    let mut hasher = DefaultHasher::new();
    (order.0, kind, detail, micros).hash(&mut hasher);
    let mut tail = [0u8; 10];
    tail[..2].copy_from_slice(&((micros % 1000) as u16).to_be_bytes());
    tail[2..].copy_from_slice(&hasher.finish().to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(micros / 1000, &tail).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_sort_by_the_microsecond_they_happened_in() {
        let at =
            |micros: i64| DateTime::from_timestamp_micros(1_795_000_000_000_000 + micros).unwrap();
        let order = OrderId(Uuid::from_u128(7));
        let moments = [0, 1, 999, 1_000, 1_001, 5_000_000];
        let ids: Vec<Uuid> = moments.iter().map(|m| row_id(at(*m), order, "paid", "{}")).collect();
        let mut sorted = ids.clone();
        sorted.sort();
        assert_eq!(ids, sorted);
    }
}
