//! Messages of kiosks that count once, and what they send to one-time addresses.

use chrono::{DateTime, Utc};
use domain::ProjectId;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder,
    QuerySelect, Statement, Value, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    StoreError, Tx,
    entity::{kiosk_event, kiosk_received, kiosk_upload},
    row,
};

/// A message as stored.
pub type Event = kiosk_event::Model;
/// A one-time address, as stored under its token's hash.
pub type Upload = kiosk_upload::Model;
/// A picture or log, as stored.
pub type Received = kiosk_received::Model;

/// The most events one list answers with.
pub const LIST_MAX: u64 = 500;
/// Pictures and logs of one kiosk that are kept.
pub const RECEIVED_MAX: u64 = 20;

/// Keeps a message; `false` if it was told before.
///
/// Invariant: a message that is told twice counts once; proved by
/// `proof_of_play_told_twice_counts_once`.
pub async fn note(tx: &Tx, event: Event) -> Result<bool, StoreError> {
    row::insert_once(tx, event).await
}

/// A message by its project, kiosk and id.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    key: (i64, Uuid, Uuid),
) -> Result<Option<Event>, StoreError> {
    Ok(kiosk_event::Entity::find_by_id(key).one(db).await?)
}

/// What one start of a kiosk has told of orders: the numbers it gave, and how many came.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Told {
    /// The kiosk's project.
    pub project_id: i64,
    /// The kiosk.
    pub kiosk_id: Uuid,
    /// The start of its process.
    pub boot_id: Uuid,
    /// The lowest number.
    pub first: i64,
    /// The highest one that was told long enough ago.
    pub last: i64,
    /// How many numbers came.
    pub numbers: i64,
    /// How many messages came.
    pub messages: i64,
}

/// Starts of kiosks whose numbers do not add up: up to the highest that came between two moments
/// one is missing, or one came with two messages. What was told later may still be on its way.
pub async fn out_of_order<C: ConnectionTrait>(
    db: &C,
    (since, until): (DateTime<Utc>, DateTime<Utc>),
) -> Result<Vec<Told>, StoreError> {
    let sql = format!(
        "select e.project_id, e.kiosk_id, e.boot_id, min(e.seq) as first, t.last, \
           count(distinct e.seq) as numbers, count(*) as messages \
         from (select project_id, kiosk_id, boot_id, max(seq) as last from kiosk_event \
           where seq is not null and at > $1 and at <= $2 \
           group by project_id, kiosk_id, boot_id) t \
         join kiosk_event e on e.project_id = t.project_id and e.kiosk_id = t.kiosk_id \
           and e.boot_id = t.boot_id and e.seq <= t.last \
         where e.seq is not null \
         group by e.project_id, e.kiosk_id, e.boot_id, t.last \
         having count(distinct e.seq) <> t.last - min(e.seq) + 1 \
           or count(*) <> count(distinct e.seq) \
         order by e.project_id, e.kiosk_id, e.boot_id limit {LIST_MAX}"
    );
    let values: [Value; 2] = [since.into(), until.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Told::find_by_statement(statement).all(db).await?)
}

/// Whether a kiosk has told of an order, by this detail, that its session was cut off.
pub async fn was_abandoned<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kiosk: Uuid,
    detail: &str,
) -> Result<bool, StoreError> {
    let found = kiosk_event::Entity::find()
        .filter(kiosk_event::Column::ProjectId.eq(project.0))
        .filter(kiosk_event::Column::KioskId.eq(kiosk))
        .filter(kiosk_event::Column::Kind.eq("abandoned"))
        .filter(kiosk_event::Column::Detail.eq(detail))
        .one(db)
        .await?;
    Ok(found.is_some())
}

/// The latest events of a kiosk, the newest first.
pub async fn list<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    kiosk: Uuid,
    limit: u64,
) -> Result<Vec<Event>, StoreError> {
    let found = kiosk_event::Entity::find()
        .filter(kiosk_event::Column::ProjectId.eq(project.0))
        .filter(kiosk_event::Column::KioskId.eq(kiosk))
        .filter(kiosk_event::Column::Kind.ne("played"))
        .order_by_desc(kiosk_event::Column::At)
        .limit(limit.min(LIST_MAX))
        .all(db)
        .await?;
    Ok(found)
}

/// Forgets messages from before a moment; answers how many.
pub async fn forget(tx: &Tx, before: DateTime<Utc>) -> Result<u64, StoreError> {
    let old = kiosk_event::Column::At.lt(before);
    let done = kiosk_event::Entity::delete_many().filter(old).exec(tx).await?;
    let over = kiosk_upload::Column::ExpiresAt.lt(before);
    kiosk_upload::Entity::delete_many().filter(over).exec(tx).await?;
    Ok(done.rows_affected)
}

/// Keeps a one-time address.
pub async fn insert_upload(tx: &Tx, new: Upload) -> Result<(), StoreError> {
    row::insert(tx, new).await
}

/// A one-time address of a kiosk that is still good.
pub async fn upload<C: ConnectionTrait>(
    db: &C,
    hash: &str,
    kiosk: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Upload>, StoreError> {
    let found = kiosk_upload::Entity::find_by_id(hash.to_owned()).one(db).await?;
    let good =
        |row: &Upload| row.kiosk_id == kiosk && row.used_at.is_none() && row.expires_at > now;
    Ok(found.filter(good))
}

/// Keeps what was sent to a one-time address; `false` if it was used before. Only the newest
/// [`RECEIVED_MAX`] of a kiosk stay.
///
/// Invariant: one address takes one upload; proved by
/// `an_upload_is_taken_once_and_only_for_what_it_is`.
pub async fn receive(tx: &Tx, hash: &str, new: Received) -> Result<bool, StoreError> {
    let used = kiosk_upload::Entity::update_many()
        .col_expr(kiosk_upload::Column::UsedAt, Expr::value(new.received_at))
        .filter(kiosk_upload::Column::Hash.eq(hash))
        .filter(kiosk_upload::Column::UsedAt.is_null())
        .exec(tx)
        .await?;
    if used.rows_affected != 1 {
        return Ok(false);
    }
    let (project, kiosk) = (ProjectId(new.project_id), new.kiosk_id);
    row::insert(tx, new).await?;
    let kept = kiosk_received::Entity::find()
        .select_only()
        .column(kiosk_received::Column::Id)
        .filter(kiosk_received::Column::ProjectId.eq(project.0))
        .filter(kiosk_received::Column::KioskId.eq(kiosk))
        .order_by_desc(kiosk_received::Column::ReceivedAt)
        .limit(RECEIVED_MAX)
        .into_tuple::<Uuid>()
        .all(tx)
        .await?;
    kiosk_received::Entity::delete_many()
        .filter(kiosk_received::Column::ProjectId.eq(project.0))
        .filter(kiosk_received::Column::KioskId.eq(kiosk))
        .filter(kiosk_received::Column::Id.is_not_in(kept))
        .exec(tx)
        .await?;
    Ok(true)
}

/// What a command brought in; it is named by the command.
pub async fn received<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: Uuid,
) -> Result<Option<Received>, StoreError> {
    Ok(kiosk_received::Entity::find_by_id((project.0, id)).one(db).await?)
}
