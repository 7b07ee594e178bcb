//! Tariffs: versions by date. A version in force is never edited; a new price is a new version.

use chrono::{DateTime, Utc};
use domain::{FlatPrice, ProjectId, TariffId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{StoreError, entity::tariff};

/// One version of a tariff.
pub type Tariff = tariff::Model;

/// The most tariff versions one list answers with.
pub const LIST_MAX: u64 = 1_000;

impl Tariff {
    /// The price of this version.
    pub fn price(&self) -> Result<FlatPrice, StoreError> {
        FlatPrice::from_micro_yuan(self.micro_yuan).map_err(|_| StoreError::Unreadable {
            table: "tariff",
            column: "micro_yuan",
            row: self.id.to_string(),
        })
    }
}

/// The version in force at a moment, among the versions of the named tariff's name (I17).
pub async fn in_force<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: TariffId,
    at: DateTime<Utc>,
) -> Result<Option<Tariff>, StoreError> {
    let Some(named) = tariff::Entity::find_by_id((project.0, id.0)).one(db).await? else {
        return Ok(None);
    };
    let found = tariff::Entity::find()
        .filter(tariff::Column::ProjectId.eq(project.0))
        .filter(tariff::Column::Name.eq(named.name))
        .filter(tariff::Column::ValidFrom.lte(at))
        .order_by_desc(tariff::Column::ValidFrom)
        .one(db)
        .await?;
    Ok(found)
}

/// The version in force at a moment, among the versions of one name.
pub fn in_force_of(versions: &[Tariff], at: DateTime<Utc>) -> Option<&Tariff> {
    let begun = versions.iter().filter(|version| version.valid_from <= at);
    begun.max_by_key(|version| version.valid_from)
}

/// Every version of every tariff of a project.
pub async fn list<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<Tariff>, StoreError> {
    let found = tariff::Entity::find()
        .filter(tariff::Column::ProjectId.eq(project.0))
        .order_by_asc(tariff::Column::Name)
        .order_by_asc(tariff::Column::ValidFrom)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Every version of the tariff one version belongs to, the oldest first.
pub async fn versions_of<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: TariffId,
) -> Result<Vec<Tariff>, StoreError> {
    let Some(named) = tariff::Entity::find_by_id((project.0, id.0)).one(db).await? else {
        return Ok(Vec::new());
    };
    let found = tariff::Entity::find()
        .filter(tariff::Column::ProjectId.eq(project.0))
        .filter(tariff::Column::Name.eq(named.name))
        .order_by_asc(tariff::Column::ValidFrom)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}
