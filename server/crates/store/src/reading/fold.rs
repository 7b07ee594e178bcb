//! Folding finished days: many rows become one compact row.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{BusinessDay, MeterId, ProjectId};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
    Value,
};
use uuid::Uuid;

use super::{
    Point,
    series::{self, MINUTES, Sample},
};
use crate::{
    Store, StoreError, Tx,
    bulk::{self, Rows, insert_sql},
    entity::{reading_day, reading_today},
};

/// Meters folded in one transaction, so that money never waits long behind it.
pub const FOLD_MAX: u64 = 100;

impl Store {
    /// Folds a finished day of a project; answers how many meters had readings. May be run again
    /// after late readings: they join their day.
    ///
    /// Invariant: folding loses no value; proved by `a_folded_day_reads_back_value_for_value`.
    pub async fn fold_day(&self, project: ProjectId, day: BusinessDay) -> Result<u64, StoreError> {
        let mut folded = 0;
        let mut after = Uuid::nil();
        loop {
            let done = self.transact(move |tx| {
                Box::pin(async move { fold_some(tx, project, day, after).await })
            });
            match done.await? {
                Some((last, count)) => (after, folded) = (last.0, folded + count),
                None => return Ok(folded),
            }
        }
    }
}

/// Folds the next meters in the order of their ids; `None` when there are no more.
async fn fold_some(
    tx: &Tx,
    project: ProjectId,
    day: BusinessDay,
    after: Uuid,
) -> Result<Option<(MeterId, u64)>, StoreError> {
    let (from, until) = (day.start(), day.start() + TimeDelta::days(1));
    let in_day = || {
        reading_today::Entity::find()
            .filter(reading_today::Column::ProjectId.eq(project.0))
            .filter(reading_today::Column::At.gte(from))
            .filter(reading_today::Column::At.lt(until))
    };
    let meters: Vec<Uuid> = in_day()
        .filter(reading_today::Column::MeterId.gt(after))
        .select_only()
        .column(reading_today::Column::MeterId)
        .distinct()
        .order_by_asc(reading_today::Column::MeterId)
        .limit(FOLD_MAX)
        .into_tuple()
        .all(tx)
        .await?;
    let (Some(first), Some(last)) = (meters.first(), meters.last()) else { return Ok(None) };
    let rows = in_day()
        .filter(reading_today::Column::MeterId.between(*first, *last))
        .order_by_asc(reading_today::Column::At)
        .all(tx)
        .await?;
    let mut days: BTreeMap<(Uuid, i16), Vec<Sample>> = BTreeMap::new();
    for row in rows {
        let minute = (row.at - from).num_minutes().clamp(0, i64::from(MINUTES) - 1);
        days.entry((row.meter_id, row.item)).or_default().push((minute as u16, row.value));
    }
    merge_known(tx, project, day, (*first, *last), &mut days).await?;
    write(tx, project, day, days).await?;
    let sql = "delete from reading_today where project_id = $1 and at >= $2 and at < $3 \
         and meter_id between $4 and $5";
    let values: [Value; 5] =
        [project.0.into(), from.into(), until.into(), (*first).into(), (*last).into()];
    let backend = tx.get_database_backend();
    tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(Some((MeterId(*last), meters.len() as u64)))
}

/// Late readings join what was folded before; a minute's known value stays.
async fn merge_known(
    tx: &Tx,
    project: ProjectId,
    day: BusinessDay,
    (first, last): (Uuid, Uuid),
    days: &mut BTreeMap<(Uuid, i16), Vec<Sample>>,
) -> Result<(), StoreError> {
    let known = reading_day::Entity::find()
        .filter(reading_day::Column::ProjectId.eq(project.0))
        .filter(reading_day::Column::Day.eq(day.date()))
        .filter(reading_day::Column::MeterId.between(first, last))
        .all(tx)
        .await?;
    for row in known {
        let Some(late) = days.get_mut(&(row.meter_id, row.item)) else { continue };
        let mut samples = series::decode(&row.series).map_err(|_| damaged(&row))?;
        samples.append(late);
        samples.sort_by_key(|sample| sample.0);
        *late = samples;
    }
    Ok(())
}

async fn write(
    tx: &Tx,
    project: ProjectId,
    day: BusinessDay,
    days: BTreeMap<(Uuid, i16), Vec<Sample>>,
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(days.len());
    for ((meter_id, item), mut samples) in days {
        samples.truncate(series::VALUES_MAX);
        let refused = |error: series::SeriesError| StoreError::Refused(error.to_string());
        rows.push(reading_day::Model {
            project_id: project.0,
            meter_id,
            item,
            day: day.date(),
            count: samples.len() as i32,
            series: series::encode(&samples).map_err(refused)?,
        });
    }
    let tail = "on conflict (project_id, meter_id, item, day) do update set \
         series = excluded.series, count = excluded.count";
    let sql = insert_sql::<reading_day::Entity>(tx.get_database_backend(), &[], tail);
    bulk::execute(tx, &sql, Rows::of(&rows)).await?;
    Ok(())
}

/// The values of a folded day.
pub(super) fn points_of(
    row: &reading_day::Model,
) -> Result<impl Iterator<Item = Point> + use<>, StoreError> {
    let start = BusinessDay::from_date(row.day).start();
    let samples = series::decode(&row.series).map_err(|_| damaged(row))?;
    let at = move |minute: u16| start + TimeDelta::minutes(i64::from(minute));
    Ok(samples.into_iter().map(move |(minute, value)| Point { at: at(minute), value }))
}

fn damaged(row: &reading_day::Model) -> StoreError {
    let row = format!("{} item {} {}", row.meter_id, row.item, row.day);
    StoreError::Unreadable { table: "reading_day", column: "series", row }
}
