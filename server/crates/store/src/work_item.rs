//! What a person has to settle, and what is wrong for how long.

use aws_lc_rs::digest::{Context, SHA256};
use chrono::{DateTime, Utc};
use domain::{ProjectId, WorkItemId};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
    sea_query::{Expr, OnConflict},
};

use crate::{
    StoreError, Tx,
    entity::{alarm, work_item},
    row,
};

/// A work item as stored.
pub type WorkItem = work_item::Model;
/// An alarm as stored.
pub type Alarm = alarm::Model;

/// The most items one list answers with.
pub const LIST_MAX: u64 = 1_000;

/// Opens a work item.
pub async fn open(tx: &Tx, item: WorkItem) -> Result<(), StoreError> {
    row::insert(tx, item).await
}

/// Opens a work item unless one with its id was opened before, even if it is settled by now;
/// answers whether this was the first. The id comes from [`id_of`].
pub async fn open_once(tx: &Tx, item: WorkItem) -> Result<bool, StoreError> {
    let key = [work_item::Column::ProjectId, work_item::Column::Id];
    let active = sea_orm::IntoActiveModel::into_active_model(item).reset_all();
    let opened = work_item::Entity::insert(active)
        .on_conflict(OnConflict::columns(key).do_nothing().to_owned())
        .exec_without_returning(tx)
        .await?;
    Ok(opened == 1)
}

/// The id of what can be told only once: it follows from the words that name it.
pub fn id_of(name: &[&str]) -> WorkItemId {
    let mut digest = Context::new(&SHA256);
    for word in name {
        // Each word with its length, so that two lists never run into the same bytes.
        digest.update(&(word.len() as u64).to_be_bytes());
        digest.update(word.as_bytes());
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.finish().as_ref()[..16]);
    WorkItemId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// Open items of a project, the oldest first.
pub async fn open_items<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<WorkItem>, StoreError> {
    let found = work_item::Entity::find()
        .filter(work_item::Column::ProjectId.eq(project.0))
        .filter(work_item::Column::State.eq("open"))
        .order_by_asc(work_item::Column::OpenedAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Alarms nobody but a person can end: they are over when their item is closed, and ring again if
/// what they told of is still so.
const ENDED_BY_HAND: &str = "meter.";

/// Closes an item with who settled it and how; closing twice changes nothing.
///
/// Invariant: an alarm that is over may ring again; proved by `an_alarm_that_healed_rings_again`.
pub async fn close(
    tx: &Tx,
    project: ProjectId,
    id: WorkItemId,
    by: &str,
    resolution: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let set = work_item::ActiveModel {
        state: Set("done".to_owned()),
        closed_at: Set(Some(at)),
        closed_by: Set(Some(by.to_owned())),
        resolution: Set(Some(resolution.to_owned())),
        ..Default::default()
    };
    let done = work_item::Entity::update_many()
        .set(set)
        .filter(work_item::Column::ProjectId.eq(project.0))
        .filter(work_item::Column::Id.eq(id.0))
        .filter(work_item::Column::State.eq("open"))
        .exec(tx)
        .await?;
    if done.rows_affected != 1 {
        return Ok(false);
    }
    let item = work_item::Entity::find_by_id((project.0, id.0)).one(tx).await?;
    if let Some(item) = item.filter(|item| item.kind.starts_with(ENDED_BY_HAND)) {
        clear(tx, project, &item.kind, &item.subject_id, at).await?;
    }
    Ok(true)
}

/// Adds fields to the detail of the open items of a kind about a subject.
pub async fn add_detail(
    tx: &Tx,
    project: ProjectId,
    kind: &str,
    subject_id: &str,
    more: &serde_json::Value,
) -> Result<(), StoreError> {
    let open = work_item::Entity::find()
        .filter(work_item::Column::ProjectId.eq(project.0))
        .filter(work_item::Column::Kind.eq(kind))
        .filter(work_item::Column::SubjectId.eq(subject_id))
        .filter(work_item::Column::State.eq("open"))
        .limit(LIST_MAX)
        .all(tx)
        .await?;
    for item in open {
        let mut detail: serde_json::Value = serde_json::from_str(&item.detail).unwrap_or_default();
        if let (Some(detail), Some(more)) = (detail.as_object_mut(), more.as_object()) {
            detail.extend(more.clone());
        }
        work_item::Entity::update_many()
            .col_expr(work_item::Column::Detail, Expr::value(detail.to_string()))
            .filter(work_item::Column::ProjectId.eq(project.0))
            .filter(work_item::Column::Id.eq(item.id))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Raises an alarm unless the same one stands already.
pub async fn raise(tx: &Tx, alarm: Alarm) -> Result<bool, StoreError> {
    let project = ProjectId(alarm.project_id);
    let standing = standing(tx, project, &alarm.kind, &alarm.subject_id).await?;
    if standing.is_some() {
        return Ok(false);
    }
    row::insert(tx, alarm).await?;
    Ok(true)
}

/// The standing alarm of a kind about a subject.
pub async fn standing<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kind: &str,
    subject_id: &str,
) -> Result<Option<Alarm>, StoreError> {
    let found = alarm::Entity::find()
        .filter(alarm::Column::ProjectId.eq(project.0))
        .filter(alarm::Column::Kind.eq(kind))
        .filter(alarm::Column::SubjectId.eq(subject_id))
        .filter(alarm::Column::ClearedAt.is_null())
        .one(db)
        .await?;
    Ok(found)
}

/// Every standing alarm of a project, the newest first.
pub async fn alarms<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<Alarm>, StoreError> {
    let found = alarm::Entity::find()
        .filter(alarm::Column::ProjectId.eq(project.0))
        .filter(alarm::Column::ClearedAt.is_null())
        .order_by_desc(alarm::Column::RaisedAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// The alarms about some subjects raised since a moment, the newest first, behind one that was
/// raised at a moment with an id. Each subject is asked for by itself: asked for all at once
/// SQLite would rather walk through the alarms of the project.
pub async fn alarms_about<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    subjects: &[String],
    since: DateTime<Utc>,
    before: Option<(DateTime<Utc>, uuid::Uuid)>,
    limit: u64,
) -> Result<Vec<Alarm>, StoreError> {
    let limit = limit.clamp(1, LIST_MAX);
    let mut found = Vec::new();
    for subject in subjects {
        let mut query = alarm::Entity::find()
            .filter(alarm::Column::ProjectId.eq(project.0))
            .filter(alarm::Column::SubjectId.eq(subject.as_str()))
            .filter(alarm::Column::RaisedAt.gte(since))
            .order_by_desc(alarm::Column::RaisedAt)
            .order_by_desc(alarm::Column::Id)
            .limit(limit);
        if let Some((at, id)) = before {
            let earlier = alarm::Column::RaisedAt.lt(at);
            let same = alarm::Column::RaisedAt.eq(at).and(alarm::Column::Id.lt(id));
            query = query.filter(earlier.or(same));
        }
        found.extend(query.all(db).await?);
    }
    found.sort_by_key(|row| std::cmp::Reverse((row.raised_at, row.id)));
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// Clears the alarms of a project about its merchants' callbacks and its meters' passwords whose
/// good event has come since: a callback that was booked, a command the meter has obeyed.
pub async fn clear_healed(
    tx: &Tx,
    project: ProjectId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let backend = tx.get_database_backend();
    for standing in alarms(tx, project).await? {
        let Ok(subject) = standing.subject_id.parse::<uuid::Uuid>() else { continue };
        let sql = match standing.kind.as_str() {
            "meter.password" => OBEYED_SINCE,
            kind if kind.starts_with("callback.") => BOOKED_SINCE,
            _ => continue,
        };
        let values: [Value; 3] = [project.0.into(), subject.into(), standing.raised_at.into()];
        let good = tx.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        if good.is_some() {
            clear(tx, project, &standing.kind, &standing.subject_id, at).await?;
            let (kind, subject) = (&standing.kind, &standing.subject_id);
            close_about(tx, project, kind, subject, "it works again", at).await?;
        }
    }
    Ok(())
}

const OBEYED_SINCE: &str = "select 1 from relay_command where project_id = $1 and meter_id = $2 \
     and state in ('accepted', 'verified') and ended_at > $3 limit 1";

const BOOKED_SINCE: &str = "select 1 from provider_fact f \
     join merchant m on m.project_id = f.project_id and m.provider = f.provider \
     and m.merchant_no = f.merchant_no \
     where f.project_id = $1 and m.id = $2 and f.source = 'callback' \
     and f.received_at > $3 limit 1";

/// Clears the standing alarm of a kind about a subject, if there is one.
pub async fn clear(
    tx: &Tx,
    project: ProjectId,
    kind: &str,
    subject_id: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let set = alarm::ActiveModel { cleared_at: Set(Some(at)), ..Default::default() };
    let done = alarm::Entity::update_many()
        .set(set)
        .filter(alarm::Column::ProjectId.eq(project.0))
        .filter(alarm::Column::Kind.eq(kind))
        .filter(alarm::Column::SubjectId.eq(subject_id))
        .filter(alarm::Column::ClearedAt.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Closes every open item of a kind about a subject, because what it told of is over.
pub async fn close_about(
    tx: &Tx,
    project: ProjectId,
    kind: &str,
    subject_id: &str,
    resolution: &str,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let set = work_item::ActiveModel {
        state: Set("done".to_owned()),
        closed_at: Set(Some(at)),
        resolution: Set(Some(resolution.to_owned())),
        ..Default::default()
    };
    let done = work_item::Entity::update_many()
        .set(set)
        .filter(work_item::Column::ProjectId.eq(project.0))
        .filter(work_item::Column::Kind.eq(kind))
        .filter(work_item::Column::SubjectId.eq(subject_id))
        .filter(work_item::Column::State.eq("open"))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected bytes are `sha256sum`'s over the words with their lengths in front.
    #[test]
    fn the_id_of_what_is_told_once_has_these_bytes() {
        let id = id_of(&["contradiction", "1900000109", "4200000001"]);
        assert_eq!(id.to_string(), "5d77bd3a-8ff8-824b-92b5-aaf28a87ba88");
        assert_ne!(id_of(&["ab", "c"]), id_of(&["a", "bc"]));
    }
}
