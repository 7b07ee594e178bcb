//! What was sold at a kiosk: whose order, in which session, and the paper that came of it.

use chrono::{DateTime, Utc};
use domain::{OrderId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use crate::{
    StoreError, Tx,
    entity::{kiosk_print, order_kiosk},
    row,
};

/// Where an order was placed, as stored.
pub type OrderKiosk = order_kiosk::Model;
/// A print, as stored.
pub type Print = kiosk_print::Model;

/// The most orders one list answers with.
pub const LIST_MAX: u64 = 200;
/// The most copies of one receipt.
pub const COPIES_MAX: i64 = 20;

/// Notes where an order was placed; `false` if that was noted before.
pub async fn note(tx: &Tx, new: OrderKiosk) -> Result<bool, StoreError> {
    row::insert_once(tx, new).await
}

/// Where an order was placed; `None` for one that was not placed at a kiosk.
pub async fn of_order<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Option<OrderKiosk>, StoreError> {
    Ok(order_kiosk::Entity::find_by_id((project.0, order.0)).one(db).await?)
}

/// The orders placed at a kiosk since a moment, the newest first.
pub async fn of_kiosk<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kiosk: Uuid,
    since: DateTime<Utc>,
) -> Result<Vec<OrderKiosk>, StoreError> {
    let found = order_kiosk::Entity::find()
        .filter(order_kiosk::Column::ProjectId.eq(project.0))
        .filter(order_kiosk::Column::KioskId.eq(kiosk))
        .filter(order_kiosk::Column::PlacedAt.gte(since))
        .order_by_desc(order_kiosk::Column::PlacedAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// The prints of an order, the first first.
pub async fn prints<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Vec<Print>, StoreError> {
    let found = kiosk_print::Entity::find()
        .filter(kiosk_print::Column::ProjectId.eq(project.0))
        .filter(kiosk_print::Column::OrderId.eq(order.0))
        .order_by_asc(kiosk_print::Column::CopyNo)
        .all(db)
        .await?;
    Ok(found)
}

/// What became of a wish to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// This is the print; it was asked for now or before under its id.
    Print(Print),
    /// An automatic one was tried before; nothing is printed by itself.
    Already(Print),
    /// There are as many copies as there may be, or the id is another order's.
    Refused,
}

/// Counts a print before it is on paper.
///
/// Invariant: one automatic receipt per order, and each further copy has a number of its own
/// (KI6); proved by `one_receipt_comes_by_itself_and_copies_are_numbered`.
pub async fn ask_print(tx: &Tx, wish: Print) -> Result<Asked, StoreError> {
    let (project, order) = (ProjectId(wish.project_id), OrderId(wish.order_id));
    let known = kiosk_print::Entity::find_by_id((project.0, wish.id)).one(tx).await?;
    if let Some(known) = known {
        let same = known.order_id == wish.order_id && known.kiosk_id == wish.kiosk_id;
        return Ok(if same { Asked::Print(known) } else { Asked::Refused });
    }
    let before = prints(tx, project, order).await?;
    if let Some(known) = before.iter().find(|row| row.automatic)
        && wish.automatic
    {
        return Ok(Asked::Already(known.clone()));
    }
    let copy_no = i64::try_from(before.len()).unwrap_or(i64::MAX);
    if copy_no > COPIES_MAX {
        return Ok(Asked::Refused);
    }
    let new = Print { copy_no, ..wish };
    row::insert(tx, new.clone()).await?;
    Ok(Asked::Print(new))
}

/// Notes how a print of a kiosk ended, once; `None` if there is no such print.
pub async fn printed(
    tx: &Tx,
    (project, kiosk, id): (ProjectId, Uuid, Uuid),
    state: &str,
    paper_mm: i64,
    at: DateTime<Utc>,
) -> Result<Option<(Print, bool)>, StoreError> {
    let known = kiosk_print::Entity::find_by_id((project.0, id)).one(tx).await?;
    let Some(known) = known.filter(|row| row.kiosk_id == kiosk) else { return Ok(None) };
    if known.ended_at.is_some() {
        return Ok(Some((known, false)));
    }
    let set = kiosk_print::ActiveModel {
        state: Set(state.to_owned()),
        paper_mm: Set(paper_mm),
        ended_at: Set(Some(at)),
        ..Default::default()
    };
    kiosk_print::Entity::update_many()
        .set(set)
        .filter(kiosk_print::Column::ProjectId.eq(project.0))
        .filter(kiosk_print::Column::Id.eq(id))
        .exec(tx)
        .await?;
    let state = state.to_owned();
    Ok(Some((Print { state, paper_mm, ended_at: Some(at), ..known }, true)))
}
