//! Supply: what a meter's relay or valve shall be, and what it was read to be.

use chrono::{DateTime, Utc};
use domain::{MeterId, OrderId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult,
    QueryFilter, QuerySelect, Statement, Value,
};

use crate::{
    StoreError, Tx,
    entity::{relay_command, supply},
    row,
};

/// A meter's supply as stored.
pub type Supply = supply::Model;
/// A command to a relay or valve as stored.
pub type RelayCommand = relay_command::Model;

/// The most supplies one list answers with.
pub const LIST_MAX: u64 = 200_000;

impl Supply {
    /// The meter.
    pub fn meter(&self) -> MeterId {
        MeterId(self.meter_id)
    }

    /// The order whose money asks for the light, if one does.
    pub fn order(&self) -> Option<OrderId> {
        self.order_id.map(OrderId)
    }
}

/// The supply of a meter, if it was ever steered or read.
pub async fn of_meter<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
) -> Result<Option<Supply>, StoreError> {
    Ok(supply::Entity::find_by_id((project.0, meter.0)).one(db).await?)
}

/// Every supply of a project.
pub async fn list<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<Supply>, StoreError> {
    let found = supply::Entity::find()
        .filter(supply::Column::ProjectId.eq(project.0))
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Writes a supply: inserts version 1, or replaces the version before it.
///
/// Invariant: commands of one meter are ordered by sequence, never by clock (I14, 18R); a writer
/// that lost the race gets a conflict; proved by `the_later_wish_for_a_relay_wins_by_sequence`.
pub async fn write(tx: &Tx, new: &Supply) -> Result<(), StoreError> {
    if new.version == 1 {
        return row::insert(tx, new.clone()).await;
    }
    let set = supply::ActiveModel {
        desired: Set(new.desired.clone()),
        desired_reason: Set(new.desired_reason.clone()),
        desired_seq: Set(new.desired_seq),
        desired_at: Set(new.desired_at),
        actual: Set(new.actual.clone()),
        actual_at: Set(new.actual_at),
        order_id: Set(new.order_id),
        state: Set(new.state.clone()),
        alarm_at: Set(new.alarm_at),
        restored_at: Set(new.restored_at),
        version: Set(new.version),
        ..Default::default()
    };
    let done = supply::Entity::update_many()
        .set(set)
        .filter(supply::Column::ProjectId.eq(new.project_id))
        .filter(supply::Column::MeterId.eq(new.meter_id))
        .filter(supply::Column::Version.eq(new.version - 1))
        .exec(tx)
        .await?;
    if done.rows_affected == 1 { Ok(()) } else { Err(StoreError::Gone("supply")) }
}

/// How many trips count against the hourly budgets of a meter (S31).
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromQueryResult)]
pub struct TripsSpent {
    /// Trips of the whole project.
    pub project: i64,
    /// Trips of meters in the building of this one; meters without a room count as one building.
    pub building: i64,
}

/// Makes every other decision to trip in a project wait until this transaction ends, so that what
/// [`trips_spent`] counts afterwards is still true when the trip is written. SQLite has one
/// writer, so there is nobody to wait for.
pub async fn hold_trips(tx: &Tx, project: ProjectId) -> Result<(), StoreError> {
    let backend = tx.get_database_backend();
    if backend == DbBackend::Sqlite {
        return Ok(());
    }
    let sql = "select id from project where id = $1 for no key update";
    tx.query_all_raw(Statement::from_sql_and_values(backend, sql, [project.0.into()])).await?;
    Ok(())
}

/// The trips issued since a moment, sent or still to be sent; those taken back do not count.
pub async fn trips_spent<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
    since: DateTime<Utc>,
) -> Result<TripsSpent, StoreError> {
    let sql = "select count(*) as project, count(case when coalesce(r.building, '') = coalesce( \
           (select mine.building from meter own join room mine \
            on mine.project_id = own.project_id and mine.id = own.room_id \
            where own.project_id = $1 and own.id = $2), '') then 1 end) as building \
         from relay_command c \
         join meter m on m.project_id = c.project_id and m.id = c.meter_id \
         left join room r on r.project_id = m.project_id and r.id = m.room_id \
         where c.project_id = $1 and c.kind = 'trip' and c.issued_at >= $3 \
         and c.state <> 'cancelled'";
    let values: [Value; 3] = [project.0.into(), meter.0.into(), since.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let none = TripsSpent { project: 0, building: 0 };
    Ok(TripsSpent::find_by_statement(statement).one(db).await?.unwrap_or(none))
}

/// Takes back a trip that was ordered and not handed to a bus yet; it costs no budget then.
pub async fn cancel_unsent_trip(
    tx: &Tx,
    project: ProjectId,
    meter: MeterId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let set = relay_command::ActiveModel {
        state: Set("cancelled".to_owned()),
        ended_at: Set(Some(at)),
        ..Default::default()
    };
    relay_command::Entity::update_many()
        .set(set)
        .filter(relay_command::Column::ProjectId.eq(project.0))
        .filter(relay_command::Column::MeterId.eq(meter.0))
        .filter(relay_command::Column::Kind.eq("trip"))
        .filter(relay_command::Column::State.eq("queued"))
        .exec(tx)
        .await?;
    Ok(())
}

/// Notes that a command is handed to its bus from now on.
pub async fn hand_over(tx: &Tx, command: &RelayCommand) -> Result<(), StoreError> {
    let set = relay_command::ActiveModel { state: Set("sent".to_owned()), ..Default::default() };
    relay_command::Entity::update_many()
        .set(set)
        .filter(relay_command::Column::ProjectId.eq(command.project_id))
        .filter(relay_command::Column::Id.eq(command.id))
        .filter(relay_command::Column::State.eq("queued"))
        .exec(tx)
        .await?;
    Ok(())
}

/// Moves a relay command to another state.
pub async fn end_command(
    tx: &Tx,
    command: &RelayCommand,
    state: &str,
    detail: Option<String>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let set = relay_command::ActiveModel {
        state: Set(state.to_owned()),
        detail: Set(detail),
        ended_at: Set(Some(at)),
        ..Default::default()
    };
    relay_command::Entity::update_many()
        .set(set)
        .filter(relay_command::Column::ProjectId.eq(command.project_id))
        .filter(relay_command::Column::Id.eq(command.id))
        .exec(tx)
        .await?;
    Ok(())
}

/// The command of a meter that carries a sequence number, if one was issued.
pub async fn command_by_seq<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
    seq: i64,
) -> Result<Option<RelayCommand>, StoreError> {
    let found = relay_command::Entity::find()
        .filter(relay_command::Column::ProjectId.eq(project.0))
        .filter(relay_command::Column::MeterId.eq(meter.0))
        .filter(relay_command::Column::Seq.eq(seq))
        .one(db)
        .await?;
    Ok(found)
}
