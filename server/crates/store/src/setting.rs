//! Settings of the whole site: switches an operator throws, marks a restore leaves.

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait, sea_query::OnConflict};

use crate::{StoreError, Tx, entity::setting};

/// A setting's value; `None` when it was never set.
pub async fn get<C: ConnectionTrait>(db: &C, key: &str) -> Result<Option<String>, StoreError> {
    let found = setting::Entity::find_by_id(key.to_owned()).one(db).await?;
    Ok(found.map(|row| row.value))
}

/// Sets a setting.
pub async fn set(tx: &Tx, key: &str, value: &str) -> Result<(), StoreError> {
    let row = setting::ActiveModel { key: Set(key.to_owned()), value: Set(value.to_owned()) };
    let replace = OnConflict::column(setting::Column::Key)
        .update_column(setting::Column::Value)
        .to_owned();
    setting::Entity::insert(row).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}
