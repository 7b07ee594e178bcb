//! Finding a meter the way people do at a kiosk: step by step to a room, or by a phone number.

use domain::ProjectId;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    StoreError,
    account::{Account, Room},
    entity::{account, room},
};

/// The most names one step answers with.
pub const STEP_MAX: u64 = 500;
/// The most accounts one phone number is looked up for.
pub const ACCOUNTS_MAX: u64 = 24;

/// The buildings of a project.
pub async fn buildings<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<String>, StoreError> {
    let found = room::Entity::find()
        .select_only()
        .column(room::Column::Building)
        .distinct()
        .filter(room::Column::ProjectId.eq(project.0))
        .order_by_asc(room::Column::Building)
        .limit(STEP_MAX)
        .into_tuple::<String>()
        .all(db)
        .await?;
    Ok(found)
}

/// The floors of a building.
pub async fn floors<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    building: &str,
) -> Result<Vec<i32>, StoreError> {
    let found = room::Entity::find()
        .select_only()
        .column(room::Column::Floor)
        .distinct()
        .filter(room::Column::ProjectId.eq(project.0))
        .filter(room::Column::Building.eq(building))
        .order_by_asc(room::Column::Floor)
        .limit(STEP_MAX)
        .into_tuple::<i32>()
        .all(db)
        .await?;
    Ok(found)
}

/// The rooms of a floor.
pub async fn rooms<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    (building, floor): (&str, i32),
) -> Result<Vec<Room>, StoreError> {
    let found = room::Entity::find()
        .filter(room::Column::ProjectId.eq(project.0))
        .filter(room::Column::Building.eq(building))
        .filter(room::Column::Floor.eq(floor))
        .order_by_asc(room::Column::Number)
        .limit(STEP_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// The open accounts of a project with this number on file.
pub async fn accounts_of_phone<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    phone: &str,
) -> Result<Vec<Account>, StoreError> {
    let found = account::Entity::find()
        .filter(account::Column::ProjectId.eq(project.0))
        .filter(account::Column::Phone.eq(phone))
        .filter(account::Column::State.eq("open"))
        .order_by_asc(account::Column::AccountNo)
        .limit(ACCOUNTS_MAX)
        .all(db)
        .await?;
    Ok(found)
}
