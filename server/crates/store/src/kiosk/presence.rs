//! Whether a kiosk is there, since when, and how it was last heard to be.

use chrono::{DateTime, Utc};
use domain::ProjectId;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait,
    QueryFilter, QueryOrder, QuerySelect, sea_query::OnConflict,
};
use uuid::Uuid;

use crate::{
    StoreError, Tx,
    entity::{kiosk_interval, kiosk_pulse, kiosk_shown},
    row,
};

/// How a kiosk was last heard to be, as stored.
pub type Pulse = kiosk_pulse::Model;
/// A stretch of time in which it was there, as stored.
pub type Interval = kiosk_interval::Model;
/// Which content it has shown, as stored.
pub type Shown = kiosk_shown::Model;

/// The most intervals one list answers with.
pub const INTERVALS_MAX: u64 = 10_000;

/// Notes how a kiosk is, and that it is there.
///
/// Invariant: a kiosk is online in one interval at a time; proved by
/// `online_time_is_counted_from_the_intervals_of_any_span`.
pub async fn note(tx: &Tx, pulse: Pulse) -> Result<(), StoreError> {
    let (project, kiosk, at) = (ProjectId(pulse.project_id), pulse.kiosk_id, pulse.heard_at);
    let active = sea_orm::IntoActiveModel::into_active_model(pulse).reset_all();
    let key = [kiosk_pulse::Column::ProjectId, kiosk_pulse::Column::KioskId];
    let replace = OnConflict::columns(key)
        .update_columns([
            kiosk_pulse::Column::BootId,
            kiosk_pulse::Column::HeardAt,
            kiosk_pulse::Column::Way,
            kiosk_pulse::Column::Beat,
            kiosk_pulse::Column::State,
            kiosk_pulse::Column::StateAt,
            kiosk_pulse::Column::Idle,
            kiosk_pulse::Column::ContentShown,
        ])
        .to_owned();
    kiosk_pulse::Entity::insert(active).on_conflict(replace).exec_without_returning(tx).await?;
    let open = Interval {
        project_id: project.0,
        kiosk_id: kiosk,
        from_at: at,
        to_at: None,
        reason: String::new(),
    };
    row::insert_once(tx, open).await?;
    Ok(())
}

/// Ends the interval a kiosk is online in, with the reason; `false` if it is in none.
pub async fn gone(
    tx: &Tx,
    project: ProjectId,
    kiosk: Uuid,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<bool, StoreError> {
    let set = kiosk_interval::ActiveModel {
        to_at: Set(Some(at)),
        reason: Set(reason.to_owned()),
        ..Default::default()
    };
    let done = kiosk_interval::Entity::update_many()
        .set(set)
        .filter(kiosk_interval::Column::ProjectId.eq(project.0))
        .filter(kiosk_interval::Column::KioskId.eq(kiosk))
        .filter(kiosk_interval::Column::ToAt.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected > 0)
}

/// How a kiosk was last heard to be.
pub async fn pulse<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kiosk: Uuid,
) -> Result<Option<Pulse>, StoreError> {
    Ok(kiosk_pulse::Entity::find_by_id((project.0, kiosk)).one(db).await?)
}

/// True while an interval of the kiosk is open.
pub async fn is_online<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kiosk: Uuid,
) -> Result<bool, StoreError> {
    let open = kiosk_interval::Entity::find()
        .filter(kiosk_interval::Column::ProjectId.eq(project.0))
        .filter(kiosk_interval::Column::KioskId.eq(kiosk))
        .filter(kiosk_interval::Column::ToAt.is_null())
        .one(db)
        .await?;
    Ok(open.is_some())
}

/// The intervals that touch a span, the oldest first.
pub async fn intervals<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kiosk: Uuid,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Interval>, StoreError> {
    let ends = kiosk_interval::Column::ToAt.is_null();
    let ends = ends.or(kiosk_interval::Column::ToAt.gt(from));
    let found = kiosk_interval::Entity::find()
        .filter(kiosk_interval::Column::ProjectId.eq(project.0))
        .filter(kiosk_interval::Column::KioskId.eq(kiosk))
        .filter(kiosk_interval::Column::FromAt.lt(until))
        .filter(ends)
        .order_by_asc(kiosk_interval::Column::FromAt)
        .limit(INTERVALS_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// How many milliseconds of a span a kiosk was online.
pub fn online_ms(intervals: &[Interval], from: DateTime<Utc>, until: DateTime<Utc>) -> i64 {
    let within = |row: &Interval| {
        let end = Ord::min(row.to_at.unwrap_or(until), until);
        Ord::max((end - Ord::max(row.from_at, from)).num_milliseconds(), 0)
    };
    intervals.iter().map(within).sum()
}

/// Notes that a kiosk has shown a version of the content, or could not. What was shown once stays
/// shown.
pub async fn note_shown(tx: &Tx, shown: Shown) -> Result<(), StoreError> {
    let known =
        kiosk_shown::Entity::find_by_id((shown.project_id, shown.kiosk_id, shown.content_version));
    match known.one(tx).await? {
        Some(known) if known.shown || !shown.shown => Ok(()),
        Some(_) => {
            let set = kiosk_shown::ActiveModel {
                shown: Set(true),
                why: Set(None),
                at: Set(shown.at),
                ..Default::default()
            };
            kiosk_shown::Entity::update_many()
                .set(set)
                .filter(kiosk_shown::Column::ProjectId.eq(shown.project_id))
                .filter(kiosk_shown::Column::KioskId.eq(shown.kiosk_id))
                .filter(kiosk_shown::Column::ContentVersion.eq(shown.content_version))
                .exec(tx)
                .await?;
            Ok(())
        }
        None => row::insert(tx, shown).await,
    }
}

/// Which kiosks have shown a version of the content, or could not.
pub async fn shown<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    content_version: i64,
) -> Result<Vec<Shown>, StoreError> {
    let found = kiosk_shown::Entity::find()
        .filter(kiosk_shown::Column::ProjectId.eq(project.0))
        .filter(kiosk_shown::Column::ContentVersion.eq(content_version))
        .limit(super::LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}
