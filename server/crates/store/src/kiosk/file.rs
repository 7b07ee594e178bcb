//! Pictures and videos of kiosks, named by their digests and kept in small parts, so that no
//! payment ever waits long behind one.

use domain::ProjectId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};

use crate::{
    StoreError, Tx,
    entity::{kiosk_file, kiosk_file_part},
    row,
};

/// A file as stored, without its bytes.
pub type File = kiosk_file::Model;
/// A part of one, as stored.
pub type Part = kiosk_file_part::Model;

/// The bytes of each part but the last.
pub const PART_BYTES: usize = 256 * 1024;
/// The files of one project.
pub const FILES_MAX: u64 = 1_000;
/// The bytes of all files of one project.
pub const PROJECT_BYTES_MAX: i64 = 4 * 1024 * 1024 * 1024;

/// A whole file of a project.
pub async fn by_digest<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    sha256: &str,
) -> Result<Option<File>, StoreError> {
    let found = kiosk_file::Entity::find_by_id((project.0, sha256.to_owned())).one(db).await?;
    Ok(found.filter(|row| row.whole))
}

/// The files of a project, the newest first.
pub async fn list<C: ConnectionTrait>(db: &C, project: ProjectId) -> Result<Vec<File>, StoreError> {
    let found = kiosk_file::Entity::find()
        .filter(kiosk_file::Column::ProjectId.eq(project.0))
        .filter(kiosk_file::Column::Whole.eq(true))
        .order_by_desc(kiosk_file::Column::CreatedAt)
        .limit(FILES_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Begins a file whose parts follow; `false` if it is there already.
pub async fn begin(tx: &Tx, new: File) -> Result<bool, StoreError> {
    let (project, sha256) = (ProjectId(new.project_id), new.sha256.clone());
    if by_digest(tx, project, &sha256).await?.is_some() {
        return Ok(false);
    }
    // What was left of an upload that was cut off.
    remove(tx, project, &sha256).await?;
    row::insert(tx, new).await?;
    Ok(true)
}

/// Keeps a part.
pub async fn put(tx: &Tx, part: Part) -> Result<(), StoreError> {
    row::insert(tx, part).await
}

/// Says that every part is there.
pub async fn complete(tx: &Tx, project: ProjectId, sha256: &str) -> Result<(), StoreError> {
    kiosk_file::Entity::update_many()
        .col_expr(kiosk_file::Column::Whole, Expr::value(true))
        .filter(kiosk_file::Column::ProjectId.eq(project.0))
        .filter(kiosk_file::Column::Sha256.eq(sha256))
        .exec(tx)
        .await?;
    Ok(())
}

/// Removes a file with its parts.
pub async fn remove(tx: &Tx, project: ProjectId, sha256: &str) -> Result<bool, StoreError> {
    kiosk_file_part::Entity::delete_many()
        .filter(kiosk_file_part::Column::ProjectId.eq(project.0))
        .filter(kiosk_file_part::Column::Sha256.eq(sha256))
        .exec(tx)
        .await?;
    let done = kiosk_file::Entity::delete_many()
        .filter(kiosk_file::Column::ProjectId.eq(project.0))
        .filter(kiosk_file::Column::Sha256.eq(sha256))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// One part of a file.
pub async fn part<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    sha256: &str,
    part: i64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let key = (project.0, sha256.to_owned(), part);
    Ok(kiosk_file_part::Entity::find_by_id(key).one(db).await?.map(|row| row.bytes))
}
