//! Proof of play: how often and how long a file was shown, by day.

use chrono::NaiveDate;
use domain::ProjectId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
    Value,
};

use crate::{StoreError, Tx, entity::kiosk_play};

/// What was shown on a day, as stored.
pub type Play = kiosk_play::Model;

/// The most rows one report answers with.
pub const LIST_MAX: u64 = 20_000;

const ADD: &str = "insert into kiosk_play (project_id, kiosk_id, sha256, day, plays, shown_ms) \
     values ($1, $2, $3, $4, $5, $6) on conflict (project_id, kiosk_id, sha256, day) do update \
     set plays = kiosk_play.plays + $5, shown_ms = kiosk_play.shown_ms + $6";

/// Adds to what was shown.
pub async fn add(tx: &Tx, play: Play) -> Result<(), StoreError> {
    let values: [Value; 6] = [
        play.project_id.into(),
        play.kiosk_id.into(),
        play.sha256.into(),
        play.day.into(),
        play.plays.into(),
        play.shown_ms.into(),
    ];
    let backend = tx.get_database_backend();
    tx.execute_raw(Statement::from_sql_and_values(backend, ADD, values)).await?;
    Ok(())
}

/// What was shown from one day to another.
pub async fn report<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    (from, until): (NaiveDate, NaiveDate),
) -> Result<Vec<Play>, StoreError> {
    let found = kiosk_play::Entity::find()
        .filter(kiosk_play::Column::ProjectId.eq(project.0))
        .filter(kiosk_play::Column::Day.gte(from))
        .filter(kiosk_play::Column::Day.lte(until))
        .order_by_asc(kiosk_play::Column::Day)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}
