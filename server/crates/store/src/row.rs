//! Between rows and the words of the domain.

use std::str::FromStr;

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, EntityTrait, IntoActiveModel,
    ModelTrait, sea_query::OnConflict,
};

use crate::StoreError;

/// Inserts a whole row. The row says everything itself; nothing is defaulted by the database.
pub async fn insert<M, A, C>(db: &C, row: M) -> Result<(), StoreError>
where
    M: ModelTrait + IntoActiveModel<A>,
    M::Entity: EntityTrait<Model = M, ActiveModel = A>,
    A: ActiveModelTrait<Entity = M::Entity> + ActiveModelBehavior + Send,
    C: ConnectionTrait,
{
    let active = row.into_active_model().reset_all();
    M::Entity::insert(active).exec_without_returning(db).await?;
    Ok(())
}

/// Inserts a whole row unless one of its keys is taken; answers whether it was the first.
pub(crate) async fn insert_once<M, A, C>(db: &C, row: M) -> Result<bool, StoreError>
where
    M: ModelTrait + IntoActiveModel<A>,
    M::Entity: EntityTrait<Model = M, ActiveModel = A>,
    A: ActiveModelTrait<Entity = M::Entity> + ActiveModelBehavior + Send,
    C: ConnectionTrait,
{
    let active = row.into_active_model().reset_all();
    let done = M::Entity::insert(active)
        .on_conflict(OnConflict::new().do_nothing().to_owned())
        .exec_without_returning(db)
        .await?;
    Ok(done == 1)
}

/// Reads a text column that holds one of the domain's names. A row that fits no state is an error
/// that names table, column and row, never a default.
pub(crate) fn named<T: FromStr>(
    table: &'static str,
    column: &'static str,
    row: impl ToString,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Unreadable { table, column, row: row.to_string() })
}
