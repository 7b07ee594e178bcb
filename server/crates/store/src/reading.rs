//! Readings: appended in batches, folded into one compact row per meter, item and day.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use domain::{BusinessDay, MeterId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::{
    Store, StoreError, Tx,
    bulk::{self, Rows, insert_sql},
    entity::{reading_day, reading_latest, reading_quarantine, reading_today},
    row,
};

mod fold;
pub mod series;
pub use fold::FOLD_MAX;
pub mod gap;

/// A reading set aside, as stored.
pub type Quarantined = reading_quarantine::Model;
/// The newest reading of an item, as stored.
pub type Latest = reading_latest::Model;

/// Readings one call appends at most.
pub const APPEND_MAX: usize = 20_000;
/// Days one query spans at most.
pub const DAYS_MAX: i64 = 800;
/// The most rows one list answers with.
pub const LIST_MAX: u64 = 20_000;

/// How far a value can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// Read from the meter and plausible.
    Good,
    /// Worked out, not read.
    Estimated,
    /// Read, but not believed: never billed, never tripped on (I12).
    Doubtful,
}

impl Quality {
    /// The stored number.
    pub fn code(self) -> i16 {
        match self {
            Quality::Good => 0,
            Quality::Estimated => 1,
            Quality::Doubtful => 2,
        }
    }
}

/// One value read from a meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The project.
    pub project: ProjectId,
    /// The meter.
    pub meter: MeterId,
    /// Which of its registers; numbered by the meter profiles.
    pub item: i16,
    /// The moment of the value.
    pub at: DateTime<Utc>,
    /// The value in the item's smallest unit (Wh, litres, fen, …).
    pub value: i64,
    /// How far it can be trusted.
    pub quality: Quality,
    /// When we got it.
    pub received_at: DateTime<Utc>,
}

/// A value at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The moment; to the minute once the day is folded.
    pub at: DateTime<Utc>,
    /// The value in the item's smallest unit.
    pub value: i64,
}

/// Appends readings inside a transaction, one statement per table. A value that is known for its
/// moment is left alone; an older reading never replaces the latest.
///
/// Errors: [`StoreError::Refused`] for more than [`APPEND_MAX`].
pub async fn append(tx: &Tx, readings: &[Reading]) -> Result<(), StoreError> {
    if readings.len() > APPEND_MAX {
        return Err(StoreError::Refused("too many readings at once".to_owned()));
    }
    let mut latest: HashMap<(i64, uuid::Uuid, i16), reading_latest::Model> = HashMap::new();
    let mut today = BTreeMap::new();
    for reading in readings {
        let (project_id, meter_id, item) = (reading.project.0, reading.meter.0, reading.item);
        let (at, value) = (reading.at, reading.value);
        let quality = reading.quality.code();
        if reading.quality != Quality::Doubtful {
            let row = reading_today::Model { project_id, meter_id, item, at, value };
            today.entry((project_id, meter_id, item, at)).or_insert(row);
        }
        let received_at = reading.received_at;
        let row =
            reading_latest::Model { project_id, meter_id, item, at, value, quality, received_at };
        let newest = latest.entry((project_id, meter_id, item)).or_insert_with(|| row.clone());
        if newest.at < at {
            *newest = row;
        }
    }
    // In the order of their keys, so that two batches on PostgreSQL lock them alike.
    let latest: BTreeMap<_, _> = latest.into_iter().collect();
    let backend = tx.get_database_backend();
    let sql = insert_sql::<reading_today::Entity>(backend, &[], "on conflict do nothing");
    bulk::execute(tx, &sql, Rows::of(today.values())).await?;
    let sql = insert_sql::<reading_latest::Entity>(backend, &[], REPLACE_OLDER);
    bulk::execute(tx, &sql, Rows::of(latest.values())).await?;
    Ok(())
}

const REPLACE_OLDER: &str = "on conflict (project_id, meter_id, item) do update set \
     at = excluded.at, value = excluded.value, quality = excluded.quality, \
     received_at = excluded.received_at where excluded.at >= reading_latest.at";

/// Sets a reading aside until a person has looked.
pub async fn quarantine(tx: &Tx, reading: Quarantined) -> Result<(), StoreError> {
    row::insert(tx, reading).await
}

/// Settles what was put aside of a meter, because a person has looked; answers how many.
pub async fn settle(
    tx: &Tx,
    project: ProjectId,
    meter: MeterId,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let set = reading_quarantine::ActiveModel { settled_at: Set(Some(at)), ..Default::default() };
    let done = reading_quarantine::Entity::update_many()
        .set(set)
        .filter(reading_quarantine::Column::ProjectId.eq(project.0))
        .filter(reading_quarantine::Column::MeterId.eq(meter.0))
        .filter(reading_quarantine::Column::SettledAt.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

/// Readings nobody has settled yet, of a meter or of a whole project.
pub async fn quarantined<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: Option<MeterId>,
) -> Result<Vec<Quarantined>, StoreError> {
    let mut query = reading_quarantine::Entity::find()
        .filter(reading_quarantine::Column::ProjectId.eq(project.0))
        .filter(reading_quarantine::Column::SettledAt.is_null());
    if let Some(meter) = meter {
        query = query.filter(reading_quarantine::Column::MeterId.eq(meter.0));
    }
    let query = query.order_by_asc(reading_quarantine::Column::At).limit(LIST_MAX);
    Ok(query.all(db).await?)
}

/// The newest reading of an item.
pub async fn latest<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
    item: i16,
) -> Result<Option<Latest>, StoreError> {
    Ok(reading_latest::Entity::find_by_id((project.0, meter.0, item)).one(db).await?)
}

/// The newest readings of a meter, every item.
pub async fn latest_of_meter<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
) -> Result<Vec<Latest>, StoreError> {
    let query = reading_latest::Entity::find()
        .filter(reading_latest::Column::ProjectId.eq(project.0))
        .filter(reading_latest::Column::MeterId.eq(meter.0));
    Ok(query.order_by_asc(reading_latest::Column::Item).all(db).await?)
}

/// The newest reading of one item of every meter of a project.
pub async fn latest_of_project<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    item: i16,
) -> Result<Vec<Latest>, StoreError> {
    let query = reading_latest::Entity::find()
        .filter(reading_latest::Column::ProjectId.eq(project.0))
        .filter(reading_latest::Column::Item.eq(item));
    Ok(query.order_by_asc(reading_latest::Column::MeterId).limit(LIST_MAX).all(db).await?)
}

/// The newest readings of one item of a project's meters behind `after`, in the order of the
/// meters: for whoever walks through all of them, [`LIST_MAX`] at a time.
pub async fn latest_after<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    item: i16,
    after: uuid::Uuid,
) -> Result<Vec<Latest>, StoreError> {
    let query = reading_latest::Entity::find()
        .filter(reading_latest::Column::ProjectId.eq(project.0))
        .filter(reading_latest::Column::Item.eq(item))
        .filter(reading_latest::Column::MeterId.gt(after));
    Ok(query.order_by_asc(reading_latest::Column::MeterId).limit(LIST_MAX).all(db).await?)
}

/// The values of an item from `from` until before `until`, oldest first, whether folded or not.
///
/// Errors: [`StoreError::Refused`] for more than [`DAYS_MAX`] days.
pub async fn range<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
    item: i16,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<Point>, StoreError> {
    if (until - from).num_days() > DAYS_MAX {
        return Err(StoreError::Refused("too many days at once".to_owned()));
    }
    let days = reading_day::Entity::find()
        .filter(reading_day::Column::ProjectId.eq(project.0))
        .filter(reading_day::Column::MeterId.eq(meter.0))
        .filter(reading_day::Column::Item.eq(item))
        .filter(reading_day::Column::Day.gte(BusinessDay::of(from).date()))
        .filter(reading_day::Column::Day.lte(BusinessDay::of(until).date()))
        .order_by_asc(reading_day::Column::Day)
        .all(db)
        .await?;
    let mut points = Vec::new();
    for day in &days {
        points.extend(fold::points_of(day)?);
    }
    let rest = reading_today::Entity::find()
        .filter(reading_today::Column::ProjectId.eq(project.0))
        .filter(reading_today::Column::MeterId.eq(meter.0))
        .filter(reading_today::Column::Item.eq(item))
        .filter(reading_today::Column::At.gte(from))
        .filter(reading_today::Column::At.lt(until))
        .order_by_asc(reading_today::Column::At)
        .all(db)
        .await?;
    points.extend(rest.iter().map(|row| Point { at: row.at, value: row.value }));
    points.retain(|point| (from..until).contains(&point.at));
    points.sort_by_key(|point| point.at);
    Ok(points)
}

/// The first value of an item from `from` on and before `until`, if there is one.
pub async fn first_since<C: ConnectionTrait>(
    db: &C,
    (project, meter): (ProjectId, MeterId),
    item: i16,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Option<Point>, StoreError> {
    let days = reading_day::Entity::find()
        .filter(reading_day::Column::ProjectId.eq(project.0))
        .filter(reading_day::Column::MeterId.eq(meter.0))
        .filter(reading_day::Column::Item.eq(item))
        .filter(reading_day::Column::Day.gte(BusinessDay::of(from).date()))
        .order_by_asc(reading_day::Column::Day)
        // The day of `from` may end before it.
        .limit(2)
        .all(db)
        .await?;
    let mut points = Vec::new();
    for day in &days {
        points.extend(fold::points_of(day)?);
    }
    let fresh = reading_today::Entity::find()
        .filter(reading_today::Column::ProjectId.eq(project.0))
        .filter(reading_today::Column::MeterId.eq(meter.0))
        .filter(reading_today::Column::Item.eq(item))
        .filter(reading_today::Column::At.gte(from))
        .order_by_asc(reading_today::Column::At)
        .one(db)
        .await?;
    points.extend(fresh.map(|row| Point { at: row.at, value: row.value }));
    points.retain(|point| (from..until).contains(&point.at));
    Ok(points.into_iter().min_by_key(|point| point.at))
}

impl Store {
    /// Appends readings; answers when they are durable.
    pub async fn append_readings(&self, readings: Vec<Reading>) -> Result<(), StoreError> {
        self.transact(move |tx| Box::pin(async move { append(tx, &readings).await })).await
    }
}
