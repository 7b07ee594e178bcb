//! What belongs to one order besides its timeline: its postings, and what went over the wire.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{MeterId, OrderId, ProjectId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    StoreError,
    entity::{frame_log, ledger_transaction, posting},
    vend::{Frame, Vend},
};

/// A transaction of the ledger as stored.
pub type LedgerTransaction = ledger_transaction::Model;
/// A line of a transaction as stored.
pub type Posting = posting::Model;

/// The most transactions, postings or frames one order shows.
pub const STORY_MAX: u64 = 2_000;

/// The ledger transactions of an order and of its vend with their postings, oldest first.
pub async fn bookings<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
    vend: Option<&Vend>,
) -> Result<Vec<(LedgerTransaction, Vec<Posting>)>, StoreError> {
    use ledger_transaction::Column;
    let mut about = vec![Column::OrderId.eq(order.0)];
    if let Some(vend) = vend {
        about.push(Column::VendId.eq(vend.id));
        about.extend(vend.hold_id.map(|hold| Column::HoldId.eq(hold)));
    }
    // One question for each, and only for the key, which the index holds itself: asked for all at
    // once or for whole rows SQLite would rather read the project's ledger.
    let mut ids = BTreeSet::new();
    for one in about {
        let found = ledger_transaction::Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::ProjectId.eq(project.0))
            .filter(one)
            .limit(STORY_MAX);
        ids.extend(found.into_tuple::<uuid::Uuid>().all(db).await?);
    }
    let transactions = ledger_transaction::Entity::find()
        .filter(Column::ProjectId.eq(project.0))
        .filter(Column::Id.is_in(ids))
        .order_by_asc(Column::At)
        .order_by_asc(Column::Id)
        .limit(STORY_MAX)
        .all(db)
        .await?;
    let mut bookings = Vec::with_capacity(transactions.len());
    for transaction in transactions {
        let lines = posting::Entity::find()
            .filter(posting::Column::ProjectId.eq(project.0))
            .filter(posting::Column::TransactionId.eq(transaction.id))
            .order_by_asc(posting::Column::Line)
            .limit(STORY_MAX)
            .all(db)
            .await?;
        bookings.push((transaction, lines));
    }
    Ok(bookings)
}

/// What went to and came from a meter in a stretch of time, oldest first: the relay's frames carry
/// no vend.
pub async fn frames_of_meter<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<Frame>, StoreError> {
    let found = frame_log::Entity::find()
        .filter(frame_log::Column::ProjectId.eq(project.0))
        .filter(frame_log::Column::MeterId.eq(meter.0))
        .filter(frame_log::Column::At.gte(from))
        .filter(frame_log::Column::At.lte(to))
        .order_by_asc(frame_log::Column::At)
        .order_by_asc(frame_log::Column::Id)
        .limit(STORY_MAX)
        .all(db)
        .await?;
    Ok(found)
}
