//! Customer accounts and the rooms they are in.

use domain::{AccountId, ProjectId, RoomId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Statement, Value,
};

use crate::{
    StoreError, Tx,
    entity::{account, room},
};

/// An account as stored.
pub type Account = account::Model;
/// A room as stored.
pub type Room = room::Model;

/// The most accounts or rooms one list answers with.
pub const LIST_MAX: u64 = 20_000;

impl Account {
    /// The typed id.
    pub fn account_id(&self) -> AccountId {
        AccountId(self.id)
    }

    /// True while the account is open.
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }
}

/// An account by its id.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: AccountId,
) -> Result<Option<Account>, StoreError> {
    Ok(account::Entity::find_by_id((project.0, id.0)).one(db).await?)
}

/// The open account of a room, if it is let.
pub async fn open_in_room<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    room: RoomId,
) -> Result<Option<Account>, StoreError> {
    let found = account::Entity::find()
        .filter(account::Column::ProjectId.eq(project.0))
        .filter(account::Column::RoomId.eq(room.0))
        .filter(account::Column::State.eq("open"))
        .one(db)
        .await?;
    Ok(found)
}

/// Makes every other opening of an account in a room wait until this transaction ends, so that one
/// room has one open account. SQLite has one writer, so there is nobody to wait for.
pub async fn hold_room(tx: &Tx, project: ProjectId, room: RoomId) -> Result<(), StoreError> {
    let backend = tx.get_database_backend();
    if backend == DbBackend::Sqlite {
        return Ok(());
    }
    let sql = "select id from room where project_id = $1 and id = $2 for no key update";
    let values: [Value; 2] = [project.0.into(), room.0.into()];
    tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}

/// Accounts of a project by number.
pub async fn list<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<Account>, StoreError> {
    let found = account::Entity::find()
        .filter(account::Column::ProjectId.eq(project.0))
        .order_by_asc(account::Column::AccountNo)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Closes an account if nobody changed it meanwhile.
pub async fn close(
    tx: &Tx,
    account: &Account,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<(), StoreError> {
    let change = account::ActiveModel {
        state: Set("closed".to_owned()),
        closed_at: Set(Some(at)),
        version: Set(account.version + 1),
        ..Default::default()
    };
    let done = account::Entity::update_many()
        .set(change)
        .filter(account::Column::ProjectId.eq(account.project_id))
        .filter(account::Column::Id.eq(account.id))
        .filter(account::Column::Version.eq(account.version))
        .exec(tx)
        .await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(StoreError::Gone("account")) }
}

/// A room by its id.
pub async fn room<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: RoomId,
) -> Result<Option<Room>, StoreError> {
    Ok(room::Entity::find_by_id((project.0, id.0)).one(db).await?)
}

/// Rooms of a project by building, floor and number.
pub async fn rooms<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<Room>, StoreError> {
    let found = room::Entity::find()
        .filter(room::Column::ProjectId.eq(project.0))
        .order_by_asc(room::Column::Building)
        .order_by_asc(room::Column::Floor)
        .order_by_asc(room::Column::Number)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Marks an account's people as never to be cut off, or takes the mark away.
pub async fn protect(
    tx: &Tx,
    project: ProjectId,
    id: AccountId,
    protected: bool,
) -> Result<(), StoreError> {
    let change = account::ActiveModel { protected: Set(protected), ..Default::default() };
    account::Entity::update_many()
        .set(change)
        .filter(account::Column::ProjectId.eq(project.0))
        .filter(account::Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(())
}
