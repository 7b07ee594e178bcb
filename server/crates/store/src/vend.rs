//! Vends: deliveries of money to meters, with the proof read before and after.

use chrono::{DateTime, Utc};
use domain::{HoldId, MeterId, Money, OrderId, ProjectId, VendId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::{
    StoreError, Tx,
    entity::{frame_log, vend},
    row,
};

/// A vend as stored.
pub type Vend = vend::Model;
/// One frame as it went over the wire.
pub type Frame = frame_log::Model;

/// The most vends or frames one list answers with.
pub const LIST_MAX: u64 = 1_000;

/// States in which a vend is settled for good.
pub const SETTLED: [&str; 2] = ["applied", "void"];

impl Vend {
    /// The typed id.
    pub fn vend_id(&self) -> VendId {
        VendId(self.id)
    }

    /// The site the vend belongs to.
    pub fn project(&self) -> ProjectId {
        ProjectId(self.project_id)
    }

    /// The order that pays for it.
    pub fn order(&self) -> OrderId {
        OrderId(self.order_id)
    }

    /// The meter it goes to.
    pub fn meter(&self) -> MeterId {
        MeterId(self.meter_id)
    }

    /// The amount to put on the meter.
    pub fn amount(&self) -> Money {
        Money::from_fen(self.amount_fen)
    }

    /// The hold on the purse that the delivery will use up.
    pub fn hold(&self) -> Option<HoldId> {
        self.hold_id.map(HoldId)
    }

    /// True once applied or voided: nothing will be sent any more.
    pub fn is_settled(&self) -> bool {
        SETTLED.contains(&self.state.as_str())
    }
}

/// A vend by its id.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: VendId,
) -> Result<Option<Vend>, StoreError> {
    Ok(vend::Entity::find_by_id((project.0, id.0)).one(db).await?)
}

/// The vends of a meter's epoch that came as far as an intent, newest first, at most `limit`.
pub async fn intended_in_epoch<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
    epoch: i32,
    limit: u64,
) -> Result<Vec<Vend>, StoreError> {
    let found = vend::Entity::find()
        .filter(vend::Column::ProjectId.eq(project.0))
        .filter(vend::Column::MeterId.eq(meter.0))
        .filter(vend::Column::Epoch.eq(epoch))
        .filter(vend::Column::IntendedAt.is_not_null())
        .order_by_desc(vend::Column::IntendedAt)
        .limit(limit.min(LIST_MAX))
        .all(db)
        .await?;
    Ok(found)
}

/// The vend of an order, if it has one.
pub async fn of_order<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Option<Vend>, StoreError> {
    let found = vend::Entity::find()
        .filter(vend::Column::ProjectId.eq(project.0))
        .filter(vend::Column::OrderId.eq(order.0))
        .one(db)
        .await?;
    Ok(found)
}

/// Vends that are not settled, the oldest first; of one meter or of a whole project.
pub async fn open<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: Option<MeterId>,
) -> Result<Vec<Vend>, StoreError> {
    let mut query = vend::Entity::find()
        .filter(vend::Column::ProjectId.eq(project.0))
        .filter(vend::Column::State.is_not_in(SETTLED));
    if let Some(meter) = meter {
        query = query.filter(vend::Column::MeterId.eq(meter.0));
    }
    Ok(query.order_by_asc(vend::Column::CreatedAt).limit(LIST_MAX).all(db).await?)
}

/// What a step of the saga changes.
#[derive(Clone, Debug)]
pub struct Change {
    /// The saga's state by name.
    pub state: String,
    /// The saga's own data, as JSON text.
    pub saga: String,
    /// The life of the meter the count belongs to; `None` leaves it alone.
    pub epoch: Option<i32>,
    /// Another hold on the purse, where the one before was given up; `None` leaves it alone.
    pub hold: Option<HoldId>,
    /// The count reserved for this vend, once there is one.
    pub purchase_count: Option<i64>,
    /// How often the write was sent.
    pub sent_count: i32,
    /// The proof that was read, as JSON text.
    pub proof: Option<String>,
    /// When the intent was written, the last write left, the vend ended.
    pub intended_at: Option<DateTime<Utc>>,
    /// When the last write left.
    pub sent_at: Option<DateTime<Utc>>,
    /// When the vend was settled.
    pub ended_at: Option<DateTime<Utc>>,
    /// The last error, for the operator.
    pub last_error: Option<String>,
}

/// Writes a step of the saga if nobody wrote another meanwhile.
///
/// Invariant: a count is reserved for one order alone, before the first byte is sent (I5); the
/// unique key on meter, epoch and count holds it; proved by
/// `two_vends_cannot_reserve_the_same_count`.
pub async fn change(tx: &Tx, old: &Vend, change: Change) -> Result<Vend, StoreError> {
    let mut new = old.clone();
    new.state = change.state;
    new.saga = change.saga;
    new.epoch = change.epoch.unwrap_or(old.epoch);
    new.hold_id = change.hold.map(|hold| hold.0).or(old.hold_id);
    new.purchase_count = change.purchase_count;
    new.sent_count = change.sent_count;
    new.proof = change.proof.or(new.proof);
    new.intended_at = change.intended_at.or(new.intended_at);
    new.sent_at = change.sent_at.or(new.sent_at);
    new.ended_at = change.ended_at.or(new.ended_at);
    new.last_error = change.last_error;
    new.version = old.version + 1;
    let set = vend::ActiveModel {
        state: Set(new.state.clone()),
        saga: Set(new.saga.clone()),
        epoch: Set(new.epoch),
        hold_id: Set(new.hold_id),
        purchase_count: Set(new.purchase_count),
        sent_count: Set(new.sent_count),
        proof: Set(new.proof.clone()),
        intended_at: Set(new.intended_at),
        sent_at: Set(new.sent_at),
        ended_at: Set(new.ended_at),
        last_error: Set(new.last_error.clone()),
        version: Set(new.version),
        ..Default::default()
    };
    let done = vend::Entity::update_many()
        .set(set)
        .filter(vend::Column::ProjectId.eq(old.project_id))
        .filter(vend::Column::Id.eq(old.id))
        .filter(vend::Column::Version.eq(old.version))
        .exec(tx)
        .await?;
    if done.rows_affected == 1 { Ok(new) } else { Err(StoreError::Gone("vend")) }
}

/// Keeps the frames of an exchange as they went over the wire.
pub async fn keep_frames(tx: &Tx, frames: Vec<Frame>) -> Result<(), StoreError> {
    for frame in frames {
        row::insert(tx, frame).await?;
    }
    Ok(())
}

/// The frames of a vend, oldest first.
pub async fn frames<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: VendId,
) -> Result<Vec<Frame>, StoreError> {
    let found = frame_log::Entity::find()
        .filter(frame_log::Column::ProjectId.eq(project.0))
        .filter(frame_log::Column::VendId.eq(id.0))
        .order_by_asc(frame_log::Column::At)
        .order_by_asc(frame_log::Column::Id)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}
