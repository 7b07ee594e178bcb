//! What a site consists of, written many rows in one statement: the import's way in.

use sea_orm::{
    ConnectionTrait, EntityName, EntityTrait, IdenStatic, Iterable, ModelTrait, PrimaryKeyToColumn,
};

use crate::{
    StoreError, Tx,
    bulk::{self, Rows, insert_sql},
};

/// The most rows one statement carries; more are written in several.
pub const BATCH_ROWS_MAX: usize = 2_000;

/// Adds whole rows of one table.
///
/// Errors: [`StoreError::Refused`] if a row of that key is there already or a rule of the schema
/// is broken; nothing is kept then.
pub async fn add<M: ModelTrait>(tx: &Tx, rows: &[M]) -> Result<(), StoreError> {
    let sql = insert_sql::<M::Entity>(tx.get_database_backend(), &[], "");
    for batch in rows.chunks(BATCH_ROWS_MAX) {
        bulk::execute(tx, &sql, Rows::of(batch)).await?;
    }
    Ok(())
}

/// Writes the named columns of rows that are there already. A table with a `version` is changed
/// only where the row carries the next one.
///
/// Invariant: a row somebody changed meanwhile is not overwritten (I8); proved by
/// `an_import_does_not_overwrite_what_changed_meanwhile`.
///
/// Errors: [`StoreError::Gone`] if a row is not there in the version before; nothing is kept then.
pub async fn change<M: ModelTrait>(
    tx: &Tx,
    rows: &[M],
    columns: &[&str],
) -> Result<(), StoreError> {
    let entity = M::Entity::default();
    let table = entity.table_name().to_owned();
    let keys = <M::Entity as EntityTrait>::PrimaryKey::iter();
    let keys: Vec<String> = keys.map(|key| key.into_column().as_str().to_owned()).collect();
    let versioned = <M::Entity as EntityTrait>::Column::iter().any(|c| c.as_str() == "version");
    let mut set: Vec<String> = columns.iter().map(|c| format!("{c} = excluded.{c}")).collect();
    let mut only = String::new();
    if versioned {
        set.push("version = excluded.version".to_owned());
        only = format!("where {table}.version = excluded.version - 1");
    }
    let tail = format!("on conflict ({}) do update set {} {only}", keys.join(", "), set.join(", "));
    let sql = insert_sql::<M::Entity>(tx.get_database_backend(), &[], &tail);
    for batch in rows.chunks(BATCH_ROWS_MAX) {
        let changed = bulk::execute(tx, &sql, Rows::of(batch)).await?;
        if changed != batch.len() as u64 {
            return Err(StoreError::Gone("row of the import"));
        }
    }
    Ok(())
}
