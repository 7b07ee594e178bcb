//! The home screen of a site's kiosks, version by version, and the days off of the country.

use chrono::{DateTime, Utc};
use domain::ProjectId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use crate::{
    StoreError, Tx,
    entity::{holiday_list, kiosk_content},
    row,
};

/// A version of the content, as stored.
pub type Content = kiosk_content::Model;
/// Days off and worked, as stored.
pub type Holidays = holiday_list::Model;

/// The most versions one list answers with.
pub const LIST_MAX: u64 = 200;
/// Set to the version that is shown.
pub const PUBLISHED: &str = "published";
/// Set to a version nobody has published.
pub const DRAFT: &str = "draft";

/// The version that is shown.
pub async fn published<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Option<Content>, StoreError> {
    let found = kiosk_content::Entity::find()
        .filter(kiosk_content::Column::ProjectId.eq(project.0))
        .filter(kiosk_content::Column::State.eq(PUBLISHED))
        .one(db)
        .await?;
    Ok(found)
}

/// One version.
pub async fn by_version<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    version: i64,
) -> Result<Option<Content>, StoreError> {
    Ok(kiosk_content::Entity::find_by_id((project.0, version)).one(db).await?)
}

/// The versions of a project, the newest first.
pub async fn list<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<Content>, StoreError> {
    let found = kiosk_content::Entity::find()
        .filter(kiosk_content::Column::ProjectId.eq(project.0))
        .order_by_desc(kiosk_content::Column::ContentVersion)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Keeps a new version as a draft, numbered after the newest; answers it.
///
/// Errors: [`StoreError::Refused`] if another draft was kept at the same moment.
pub async fn draft(tx: &Tx, new: Content) -> Result<Content, StoreError> {
    let newest = list_newest(tx, ProjectId(new.project_id)).await?;
    let new = Content { content_version: newest + 1, state: DRAFT.to_owned(), ..new };
    row::insert(tx, new.clone()).await?;
    Ok(new)
}

async fn list_newest(tx: &Tx, project: ProjectId) -> Result<i64, StoreError> {
    let newest = kiosk_content::Entity::find()
        .filter(kiosk_content::Column::ProjectId.eq(project.0))
        .order_by_desc(kiosk_content::Column::ContentVersion)
        .one(tx)
        .await?;
    Ok(newest.map_or(0, |row| row.content_version))
}

/// Shows a draft in place of what was shown; `false` if it is no draft.
///
/// Invariant: one version is shown at a time and none is changed afterwards; proved by
/// `content_is_drafted_published_rolled_back_and_acknowledged`.
pub async fn publish(
    tx: &Tx,
    project: ProjectId,
    version: i64,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let known = by_version(tx, project, version).await?;
    if known.is_none_or(|row| row.state != DRAFT) {
        return Ok(false);
    }
    kiosk_content::Entity::update_many()
        .col_expr(kiosk_content::Column::State, Expr::value("retired"))
        .filter(kiosk_content::Column::ProjectId.eq(project.0))
        .filter(kiosk_content::Column::State.eq(PUBLISHED))
        .exec(tx)
        .await?;
    let done = kiosk_content::Entity::update_many()
        .col_expr(kiosk_content::Column::State, Expr::value(PUBLISHED))
        .col_expr(kiosk_content::Column::PublishedAt, Expr::value(at))
        .filter(kiosk_content::Column::ProjectId.eq(project.0))
        .filter(kiosk_content::Column::ContentVersion.eq(version))
        .filter(kiosk_content::Column::State.eq(DRAFT))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// The days off and worked as they were imported last.
pub async fn holidays<C: ConnectionTrait>(db: &C) -> Result<Option<Holidays>, StoreError> {
    let query = holiday_list::Entity::find().order_by_desc(holiday_list::Column::Version);
    Ok(query.one(db).await?)
}

/// Keeps another list of them; answers its version.
pub async fn import_holidays(tx: &Tx, body: String, at: DateTime<Utc>) -> Result<i64, StoreError> {
    let version = holidays(tx).await?.map_or(0, |row| row.version) + 1;
    row::insert(tx, Holidays { version, body, created_at: at }).await?;
    Ok(version)
}
