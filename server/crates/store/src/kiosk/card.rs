//! Cards that carry value to a meter, and the vouchers written to them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::{MeterId, OrderId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
};
use uuid::Uuid;

use crate::{
    StoreError, Tx,
    entity::{kiosk_card, kiosk_voucher},
    row,
};

/// Meters one look for cards names at most.
const CARRIED_MAX: usize = 1_000;

/// A card as stored.
pub type Card = kiosk_card::Model;
/// A voucher as stored.
pub type Voucher = kiosk_voucher::Model;

impl Card {
    /// The meter it belongs to.
    pub fn meter(&self) -> MeterId {
        MeterId(self.meter_id)
    }

    /// True while it may carry value.
    pub fn is_active(&self) -> bool {
        self.state == "active"
    }
}

/// Enters a card under the next number of the project; answers it.
pub async fn enter(tx: &Tx, new: Card) -> Result<Card, StoreError> {
    let newest = kiosk_card::Entity::find()
        .filter(kiosk_card::Column::ProjectId.eq(new.project_id))
        .order_by_desc(kiosk_card::Column::CardNo)
        .one(tx)
        .await?;
    let new = Card { card_no: newest.map_or(0, |row| row.card_no) + 1, ..new };
    row::insert(tx, new.clone()).await?;
    Ok(new)
}

/// A card of a project by its own number.
pub async fn by_uid<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    uid: &str,
) -> Result<Option<Card>, StoreError> {
    let found = kiosk_card::Entity::find()
        .filter(kiosk_card::Column::ProjectId.eq(project.0))
        .filter(kiosk_card::Column::Uid.eq(uid))
        .one(db)
        .await?;
    Ok(found)
}

/// The cards of a meter, the newest first.
pub async fn of_meter<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
) -> Result<Vec<Card>, StoreError> {
    let found = kiosk_card::Entity::find()
        .filter(kiosk_card::Column::ProjectId.eq(project.0))
        .filter(kiosk_card::Column::MeterId.eq(meter.0))
        .order_by_desc(kiosk_card::Column::CardNo)
        .all(db)
        .await?;
    Ok(found)
}

/// Those of these meters whose money goes by card: there is a card for them.
pub async fn carried<C: ConnectionTrait>(
    db: &C,
    asked: &[(ProjectId, MeterId)],
) -> Result<BTreeSet<(i64, Uuid)>, StoreError> {
    let mut by_project: BTreeMap<i64, Vec<Uuid>> = BTreeMap::new();
    for (project, meter) in asked {
        by_project.entry(project.0).or_default().push(meter.0);
    }
    let mut found = BTreeSet::new();
    for (project, meters) in by_project {
        for meters in meters.chunks(CARRIED_MAX) {
            let rows = kiosk_card::Entity::find()
                .filter(kiosk_card::Column::ProjectId.eq(project))
                .filter(kiosk_card::Column::MeterId.is_in(meters.iter().copied()))
                .all(db)
                .await?;
            found.extend(rows.into_iter().map(|row| (project, row.meter_id)));
        }
    }
    Ok(found)
}

/// Stops a card, with the reason.
pub async fn freeze(
    tx: &Tx,
    project: ProjectId,
    uid: &str,
    reason: &str,
) -> Result<(), StoreError> {
    let set = kiosk_card::ActiveModel {
        state: Set("frozen".to_owned()),
        reason: Set(Some(reason.to_owned())),
        ..Default::default()
    };
    kiosk_card::Entity::update_many()
        .set(set)
        .filter(kiosk_card::Column::ProjectId.eq(project.0))
        .filter(kiosk_card::Column::Uid.eq(uid))
        .exec(tx)
        .await?;
    Ok(())
}

/// The voucher of an order, if one was made.
pub async fn of_order<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Option<Voucher>, StoreError> {
    let found = kiosk_voucher::Entity::find()
        .filter(kiosk_voucher::Column::ProjectId.eq(project.0))
        .filter(kiosk_voucher::Column::OrderId.eq(order.0))
        .one(db)
        .await?;
    Ok(found)
}

/// A voucher of a project.
pub async fn voucher<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: Uuid,
) -> Result<Option<Voucher>, StoreError> {
    Ok(kiosk_voucher::Entity::find_by_id((project.0, id)).one(db).await?)
}

/// Keeps the one voucher of an order and moves the card's sequence with it, if nobody else has
/// moved it meanwhile.
///
/// Invariant: an order has one voucher and a card one voucher per number, whoever asks at once
/// (V6); proved by `an_order_has_one_voucher_and_it_is_delivered_again`.
pub async fn issue(tx: &Tx, card: &Card, new: Voucher) -> Result<(), StoreError> {
    let set = kiosk_card::ActiveModel {
        seq: Set(new.seq),
        version: Set(card.version + 1),
        ..Default::default()
    };
    let done = kiosk_card::Entity::update_many()
        .set(set)
        .filter(kiosk_card::Column::ProjectId.eq(card.project_id))
        .filter(kiosk_card::Column::CardNo.eq(card.card_no))
        .filter(kiosk_card::Column::Version.eq(card.version))
        .filter(kiosk_card::Column::State.eq("active"))
        .exec(tx)
        .await?;
    if done.rows_affected != 1 {
        return Err(StoreError::Gone("card"));
    }
    row::insert(tx, new).await
}

/// Gives a voucher another copy to lie on, or another time to be written in.
pub async fn redeliver(tx: &Tx, voucher: &Voucher) -> Result<(), StoreError> {
    let set = kiosk_voucher::ActiveModel {
        copy_no: Set(voucher.copy_no),
        expires_at: Set(voucher.expires_at),
        ..Default::default()
    };
    kiosk_voucher::Entity::update_many()
        .set(set)
        .filter(kiosk_voucher::Column::ProjectId.eq(voucher.project_id))
        .filter(kiosk_voucher::Column::Id.eq(voucher.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes how a voucher ended; what is written stays written. `false` if nothing changed.
pub async fn end(
    tx: &Tx,
    voucher: &Voucher,
    state: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let set = kiosk_voucher::ActiveModel {
        state: Set(state.to_owned()),
        ended_at: Set(Some(at)),
        ..Default::default()
    };
    let done = kiosk_voucher::Entity::update_many()
        .set(set)
        .filter(kiosk_voucher::Column::ProjectId.eq(voucher.project_id))
        .filter(kiosk_voucher::Column::Id.eq(voucher.id))
        .filter(kiosk_voucher::Column::State.ne("written"))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The voucher with the highest number of a card.
pub async fn last_of<C: ConnectionTrait>(
    db: &C,
    card: &Card,
) -> Result<Option<Voucher>, StoreError> {
    let found = kiosk_voucher::Entity::find()
        .filter(kiosk_voucher::Column::ProjectId.eq(card.project_id))
        .filter(kiosk_voucher::Column::CardNo.eq(card.card_no))
        .order_by_desc(kiosk_voucher::Column::Seq)
        .one(db)
        .await?;
    Ok(found)
}
