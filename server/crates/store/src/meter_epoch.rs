//! The lives of meters in one place (表代次): what was seen when one ended and the next began.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{MeterId, ProjectId};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::{StoreError, Tx, entity::meter_epoch, row};

/// A life that ended, as stored.
pub type Ended = meter_epoch::Model;

/// The most lives one list answers with.
pub const LIST_MAX: u64 = 20_000;

/// Stores the end of a life. The key on meter and epoch lets each end once.
pub async fn end(tx: &Tx, ended: Ended) -> Result<(), StoreError> {
    row::insert(tx, ended).await
}

/// How a life of a meter ended, if it did.
pub async fn by_epoch<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
    epoch: i32,
) -> Result<Option<Ended>, StoreError> {
    Ok(meter_epoch::Entity::find_by_id((project.0, meter.0, epoch)).one(db).await?)
}

/// The life that ended last of the place a meter of this number hung in.
pub async fn by_old_no<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter_no: &str,
) -> Result<Option<Ended>, StoreError> {
    let found = meter_epoch::Entity::find()
        .filter(meter_epoch::Column::ProjectId.eq(project.0))
        .filter(meter_epoch::Column::OldMeterNo.eq(meter_no))
        .order_by_desc(meter_epoch::Column::EndedAt)
        .one(db)
        .await?;
    Ok(found)
}

/// When the present life of each meter of a project began, for those that were ever replaced.
pub async fn began<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<HashMap<Uuid, DateTime<Utc>>, StoreError> {
    let rows = meter_epoch::Entity::find()
        .filter(meter_epoch::Column::ProjectId.eq(project.0))
        .order_by_asc(meter_epoch::Column::Epoch)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.meter_id, row.ended_at)).collect())
}
