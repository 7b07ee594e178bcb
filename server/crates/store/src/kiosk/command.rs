//! What is asked of kiosks: kept until they have reported how it ended.

use chrono::{DateTime, Utc};
use domain::ProjectId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use uuid::Uuid;

use crate::{StoreError, Tx, entity::kiosk_command, row};

/// A command as stored.
pub type Command = kiosk_command::Model;

/// Commands of one kiosk that may be open at once.
pub const OPEN_MAX: u64 = 64;
/// The most commands one list answers with.
pub const LIST_MAX: u64 = 200;
/// States after which nothing more comes.
pub const FINAL: [&str; 4] = ["refused", "expired", "done", "failed"];
/// States in which the kiosk has not said that it took it.
const UNHEARD: [&str; 2] = ["queued", "sent"];

/// Keeps a command.
pub async fn insert(tx: &Tx, new: Command) -> Result<(), StoreError> {
    row::insert(tx, new).await
}

/// A command of a project.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: Uuid,
) -> Result<Option<Command>, StoreError> {
    Ok(kiosk_command::Entity::find_by_id((project.0, id)).one(db).await?)
}

/// The latest commands of a kiosk, the newest first.
pub async fn list<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kiosk: Uuid,
    limit: u64,
) -> Result<Vec<Command>, StoreError> {
    let found = kiosk_command::Entity::find()
        .filter(kiosk_command::Column::ProjectId.eq(project.0))
        .filter(kiosk_command::Column::KioskId.eq(kiosk))
        .order_by_desc(kiosk_command::Column::IssuedAt)
        .limit(limit.min(LIST_MAX))
        .all(db)
        .await?;
    Ok(found)
}

/// Commands a kiosk has not taken yet and that are still good, the oldest first.
pub async fn waiting<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kiosk: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Command>, StoreError> {
    let found = kiosk_command::Entity::find()
        .filter(kiosk_command::Column::ProjectId.eq(project.0))
        .filter(kiosk_command::Column::KioskId.eq(kiosk))
        .filter(kiosk_command::Column::State.is_in(UNHEARD))
        .filter(kiosk_command::Column::ExpiresAt.gt(now))
        .order_by_asc(kiosk_command::Column::IssuedAt)
        .limit(OPEN_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// How many commands of a kiosk have not ended.
pub async fn open<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kiosk: Uuid,
) -> Result<Vec<Command>, StoreError> {
    let found = kiosk_command::Entity::find()
        .filter(kiosk_command::Column::ProjectId.eq(project.0))
        .filter(kiosk_command::Column::KioskId.eq(kiosk))
        .filter(kiosk_command::Column::State.is_not_in(FINAL))
        .order_by_asc(kiosk_command::Column::IssuedAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Notes that commands are on their way; those that were taken already stay as they are.
pub async fn sent(
    tx: &Tx,
    project: ProjectId,
    ids: &[Uuid],
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    kiosk_command::Entity::update_many()
        .col_expr(kiosk_command::Column::State, Expr::value("sent"))
        .col_expr(kiosk_command::Column::UpdatedAt, Expr::value(at))
        .filter(kiosk_command::Column::ProjectId.eq(project.0))
        .filter(kiosk_command::Column::Id.is_in(ids.iter().copied()))
        .filter(kiosk_command::Column::State.eq("queued"))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes how far a command of a kiosk is; what has ended stays as it is. `false` if there is no
/// such command of this kiosk.
pub async fn report(
    tx: &Tx,
    (project, kiosk, id): (ProjectId, Uuid, Uuid),
    state: &str,
    detail: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let known = by_id(tx, project, id).await?.filter(|row| row.kiosk_id == kiosk);
    let Some(known) = known else { return Ok(false) };
    if FINAL.contains(&known.state.as_str()) {
        return Ok(true);
    }
    set_state(tx, project, id, state, detail, at).await?;
    Ok(true)
}

/// Ends what was never taken in its time.
pub async fn expire(tx: &Tx, now: DateTime<Utc>) -> Result<u64, StoreError> {
    let done = kiosk_command::Entity::update_many()
        .col_expr(kiosk_command::Column::State, Expr::value("expired"))
        .col_expr(kiosk_command::Column::UpdatedAt, Expr::value(now))
        .filter(kiosk_command::Column::State.is_in(UNHEARD))
        .filter(kiosk_command::Column::ExpiresAt.lte(now))
        .exec(tx)
        .await?;
    Ok(done.rows_affected)
}

async fn set_state(
    tx: &Tx,
    project: ProjectId,
    id: Uuid,
    state: &str,
    detail: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    kiosk_command::Entity::update_many()
        .col_expr(kiosk_command::Column::State, Expr::value(state))
        .col_expr(kiosk_command::Column::Detail, Expr::value(detail))
        .col_expr(kiosk_command::Column::UpdatedAt, Expr::value(at))
        .filter(kiosk_command::Column::ProjectId.eq(project.0))
        .filter(kiosk_command::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}
