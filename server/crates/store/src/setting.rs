//! Process-wide values: `safe_mode`, `epoch`, the trip switch.

use sea_orm::{ConnectionTrait, EntityTrait, sea_query::OnConflict};

use crate::{StoreError, Tx, entity::setting};

/// Set to `on` after a restore: nothing is pushed to a meter and nobody is cut off until a person
/// has looked (20B).
pub const SAFE_MODE: &str = "safe_mode";
/// Grows with every restore; a node of an older epoch is fenced (20N).
pub const EPOCH: &str = "epoch";

/// A value; `None` when it was never set.
pub async fn get<C: ConnectionTrait>(db: &C, key: &str) -> Result<Option<String>, StoreError> {
    let row = setting::Entity::find_by_id(key.to_owned()).one(db).await?;
    Ok(row.map(|row| row.value))
}

/// Sets a value that nobody has set yet; one that stands stays.
pub async fn set_first(tx: &Tx, key: &str, value: &str) -> Result<(), StoreError> {
    let row = setting::ActiveModel {
        key: sea_orm::ActiveValue::Set(key.to_owned()),
        value: sea_orm::ActiveValue::Set(value.to_owned()),
    };
    let keep = OnConflict::column(setting::Column::Key).do_nothing().to_owned();
    setting::Entity::insert(row).on_conflict(keep).exec_without_returning(tx).await?;
    Ok(())
}

/// Sets a value.
pub async fn set(tx: &Tx, key: &str, value: &str) -> Result<(), StoreError> {
    let row = setting::ActiveModel {
        key: sea_orm::ActiveValue::Set(key.to_owned()),
        value: sea_orm::ActiveValue::Set(value.to_owned()),
    };
    let replace =
        OnConflict::column(setting::Column::Key).update_column(setting::Column::Value).to_owned();
    setting::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}
