//! Pairings: an unpaired kiosk waits for an operator who types its code.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, Utc};
use domain::ProjectId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, PaginatorTrait,
    QueryFilter, sea_query::Expr,
};
use uuid::Uuid;

use crate::{StoreError, Tx, entity::kiosk_pairing, row};

/// A pairing as stored.
pub type Pairing = kiosk_pairing::Model;

/// How often a code may be said before it is burnt.
pub const TRIES_MAX: i64 = 5;
/// Kiosks that may wait for an operator at once, over the whole site.
pub const WAITING_MAX: u64 = 500;

/// Keeps a pairing; `false` if another with its selector waits, or too many do.
pub async fn insert(tx: &Tx, new: Pairing) -> Result<bool, StoreError> {
    let now = new.created_at;
    kiosk_pairing::Entity::delete_many()
        .filter(kiosk_pairing::Column::ExpiresAt.lte(now - chrono::TimeDelta::hours(1)))
        .exec(tx)
        .await?;
    // A selector is free again as soon as its code is good for nothing.
    kiosk_pairing::Entity::update_many()
        .col_expr(kiosk_pairing::Column::State, Expr::value("burnt"))
        .filter(kiosk_pairing::Column::State.eq("waiting"))
        .filter(kiosk_pairing::Column::ExpiresAt.lte(now))
        .exec(tx)
        .await?;
    let waiting = kiosk_pairing::Entity::find()
        .filter(kiosk_pairing::Column::State.eq("waiting"))
        .count(tx)
        .await?;
    if waiting >= WAITING_MAX {
        return Ok(false);
    }
    row::insert_once(tx, new).await
}

/// A pairing by its id.
pub async fn by_id<C: ConnectionTrait>(db: &C, id: Uuid) -> Result<Option<Pairing>, StoreError> {
    Ok(kiosk_pairing::Entity::find_by_id(id).one(db).await?)
}

/// Says a code. The caller answers `Ok` whatever it is told, because the try has to be counted.
/// `None` if it fits nothing that waits: wrong, burnt, taken and too late look alike.
///
/// Invariant: the code of one pairing is looked at [`TRIES_MAX`] times at most, however many say
/// one at once, because every look raises the count first; proved by
/// `a_pairing_code_is_guessed_five_times_at_most`.
pub async fn try_code(
    tx: &Tx,
    selector: &str,
    code_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<Pairing>, StoreError> {
    let counted = kiosk_pairing::Entity::update_many()
        .col_expr(kiosk_pairing::Column::Tries, Expr::col(kiosk_pairing::Column::Tries).add(1))
        .filter(kiosk_pairing::Column::Selector.eq(selector))
        .filter(kiosk_pairing::Column::State.eq("waiting"))
        .filter(kiosk_pairing::Column::ExpiresAt.gt(now))
        .filter(kiosk_pairing::Column::Tries.lt(TRIES_MAX))
        .exec(tx)
        .await?;
    if counted.rows_affected != 1 {
        return Ok(None);
    }
    let found = kiosk_pairing::Entity::find()
        .filter(kiosk_pairing::Column::Selector.eq(selector))
        .filter(kiosk_pairing::Column::State.eq("waiting"))
        .one(tx)
        .await?;
    let Some(found) = found else { return Ok(None) };
    if verify_slices_are_equal(found.code_hash.as_bytes(), code_hash.as_bytes()).is_ok() {
        // A code that fits is no guess.
        let set = kiosk_pairing::ActiveModel { tries: Set(found.tries - 1), ..Default::default() };
        set_of(tx, found.id, set).await?;
        return Ok(Some(found));
    }
    if found.tries >= TRIES_MAX {
        let burnt =
            kiosk_pairing::ActiveModel { state: Set("burnt".to_owned()), ..Default::default() };
        set_of(tx, found.id, burnt).await?;
    }
    Ok(None)
}

/// Gives a pairing its kiosk; once.
pub async fn take(
    tx: &Tx,
    id: Uuid,
    (project, kiosk): (ProjectId, Uuid),
) -> Result<bool, StoreError> {
    let set = kiosk_pairing::ActiveModel {
        state: Set("taken".to_owned()),
        project_id: Set(Some(project.0)),
        kiosk_id: Set(Some(kiosk)),
        ..Default::default()
    };
    let done = kiosk_pairing::Entity::update_many()
        .set(set)
        .filter(kiosk_pairing::Column::Id.eq(id))
        .filter(kiosk_pairing::Column::State.eq("waiting"))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

async fn set_of(tx: &Tx, id: Uuid, set: kiosk_pairing::ActiveModel) -> Result<(), StoreError> {
    let query = kiosk_pairing::Entity::update_many().set(set);
    query.filter(kiosk_pairing::Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}
