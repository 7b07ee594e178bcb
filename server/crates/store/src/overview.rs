//! Counts over everything, for the metrics, the health page and the live page. Each is one
//! statement; whoever asks often keeps the answer for a while.

use chrono::{DateTime, Utc};
use migrations::{Migrator, MigratorTrait};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Statement, Value,
};
use uuid::Uuid;

use crate::{
    Store, StoreError,
    entity::{alarm, gateway_interval, orders, purse, reading_latest, vend},
};

/// The most rows a list of the live page answers with.
pub const LIST_MAX: u64 = 20_000;

/// How many things are in a state.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct StateCount {
    /// The state.
    pub state: String,
    /// How many.
    pub count: i64,
}

/// Money in one state of an order.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct MoneyInState {
    /// The orders' state.
    pub state: String,
    /// How many orders.
    pub count: i64,
    /// Their sum, in fen.
    pub amount_fen: i64,
}

/// A sale as the hourly curve needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Sale {
    /// When it was credited.
    pub credited_at: DateTime<Utc>,
    /// How much.
    pub amount_fen: i64,
}

/// The balance of a purse.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct PurseBalance {
    /// The project.
    pub project_id: i64,
    /// The ledger account, as in `purse:{account}:{purpose}`.
    pub ledger_account: String,
    /// What it holds, in fen.
    pub balance_fen: i64,
}

/// Vends by state.
pub async fn vends_by_state<C: ConnectionTrait>(db: &C) -> Result<Vec<StateCount>, StoreError> {
    let sql = "select state, count(*) as count from vend group by state order by state";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    Ok(StateCount::find_by_statement(statement).all(db).await?)
}

/// Vends that were sent before a moment and are still in doubt (S41).
pub async fn vends_in_doubt_since<C: ConnectionTrait>(
    db: &C,
    before: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let query = vend::Entity::find()
        .filter(vend::Column::State.eq("uncertain"))
        .filter(vend::Column::SentAt.lt(before));
    Ok(query.count(db).await?)
}

/// Alarms that stand, by kind.
pub async fn alarms_by_kind<C: ConnectionTrait>(db: &C) -> Result<Vec<StateCount>, StoreError> {
    let sql = "select kind as state, count(*) as count from alarm \
         where cleared_at is null group by kind order by kind";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    Ok(StateCount::find_by_statement(statement).all(db).await?)
}

/// The newest alarms that stand, of all projects.
pub async fn standing_alarms<C: ConnectionTrait>(
    db: &C,
    limit: u64,
) -> Result<Vec<alarm::Model>, StoreError> {
    let query = alarm::Entity::find()
        .filter(alarm::Column::ClearedAt.is_null())
        .order_by_desc(alarm::Column::RaisedAt);
    Ok(query.limit(limit.min(LIST_MAX)).all(db).await?)
}

/// Orders on their way, by state, with their money.
pub async fn money_by_state<C: ConnectionTrait>(
    db: &C,
    now: DateTime<Utc>,
) -> Result<Vec<MoneyInState>, StoreError> {
    let sql = "select state, count(*) as count, cast(sum(amount_fen) as bigint) as amount_fen \
         from orders where state in ('credited', 'delivering', 'uncertain') \
           or (state = 'placed' and expires_at > $1) \
         group by state";
    let values: [Value; 1] = [now.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(MoneyInState::find_by_statement(statement).all(db).await?)
}

/// The oldest order in a state.
pub async fn oldest_in_state<C: ConnectionTrait>(
    db: &C,
    state: &str,
    now: DateTime<Utc>,
) -> Result<Option<orders::Model>, StoreError> {
    let mut query = orders::Entity::find()
        .filter(orders::Column::State.eq(state))
        .order_by_asc(orders::Column::PlacedAt);
    if state == "placed" {
        query = query.filter(orders::Column::ExpiresAt.gt(now));
    }
    Ok(query.one(db).await?)
}

/// The orders placed last, of all projects.
pub async fn latest_orders<C: ConnectionTrait>(
    db: &C,
    limit: u64,
) -> Result<Vec<orders::Model>, StoreError> {
    let query = orders::Entity::find().order_by_desc(orders::Column::PlacedAt);
    Ok(query.limit(limit.min(LIST_MAX)).all(db).await?)
}

/// What was sold since a moment, sale by sale. What a replaced meter handed on was sold before.
pub async fn sales_since<C: ConnectionTrait>(
    db: &C,
    since: DateTime<Utc>,
) -> Result<Vec<Sale>, StoreError> {
    let found = orders::Entity::find()
        .select_only()
        .column(orders::Column::CreditedAt)
        .column(orders::Column::AmountFen)
        .filter(orders::Column::CreditedAt.gte(since))
        .filter(orders::Column::Channel.ne(domain::Channel::CarriedOver.as_str()))
        .order_by_desc(orders::Column::CreditedAt)
        .limit(LIST_MAX)
        .into_model::<Sale>()
        .all(db)
        .await?;
    Ok(found)
}

/// What purses and meters hold.
pub async fn purse_balances<C: ConnectionTrait>(db: &C) -> Result<Vec<PurseBalance>, StoreError> {
    let found = purse::Entity::find()
        .select_only()
        .column(purse::Column::ProjectId)
        .column(purse::Column::LedgerAccount)
        .column(purse::Column::BalanceFen)
        .limit(LIST_MAX)
        .into_model::<PurseBalance>()
        .all(db)
        .await?;
    Ok(found)
}

/// The newest reading of some items, of every meter.
pub async fn latest_readings<C: ConnectionTrait>(
    db: &C,
    items: &[i16],
) -> Result<Vec<reading_latest::Model>, StoreError> {
    let query = reading_latest::Entity::find()
        .filter(reading_latest::Column::Item.is_in(items.iter().copied()));
    Ok(query.limit(LIST_MAX).all(db).await?)
}

/// The gateways that are connected now.
pub async fn gateways_online<C: ConnectionTrait>(db: &C) -> Result<Vec<Uuid>, StoreError> {
    let found = gateway_interval::Entity::find()
        .filter(gateway_interval::Column::ToAt.is_null())
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found.into_iter().map(|interval| interval.gateway_id).collect())
}

/// How many steps of the schema this program knows and the database lacks; `None` if the database
/// has more, because a newer program has been there.
pub async fn missing_migrations(store: &Store) -> Result<Option<usize>, StoreError> {
    let db = store.read();
    let sql = "select count(*) from seaql_migrations";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let row = db.query_one_raw(statement).await?;
    let applied: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    let known = Migrator::migrations().len();
    Ok(known.checked_sub(usize::try_from(applied).unwrap_or(0)))
}

/// How many meters were ever written and the sum of their versions: it grows with every change of
/// any of them, so equal marks mean that no meter changed.
pub async fn meters_mark<C: ConnectionTrait>(db: &C) -> Result<(i64, i64), StoreError> {
    let sql = "select count(*), cast(coalesce(sum(version), 0) as bigint) from meter";
    let statement = Statement::from_string(db.get_database_backend(), sql);
    let Some(row) = db.query_one_raw(statement).await? else { return Ok((0, 0)) };
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
}

/// How many rows each table has: counted on SQLite, estimated by PostgreSQL's own statistics, where
/// counting a large table would take long.
pub async fn table_counts(store: &Store) -> Result<Vec<(String, i64)>, StoreError> {
    let db = store.read();
    let backend = db.get_database_backend();
    if backend == DbBackend::Postgres {
        let sql = "select relname::text as state, n_live_tup as count from pg_stat_user_tables \
             where schemaname = current_schema() order by 1";
        let found = StateCount::find_by_statement(Statement::from_string(backend, sql));
        let found = found.all(db).await?;
        return Ok(found.into_iter().map(|row| (row.state, row.count)).collect());
    }
    let sql = "select name from sqlite_schema where type = 'table' \
         and name not like 'sqlite_%' order by 1";
    let mut counts = Vec::new();
    for row in db.query_all_raw(Statement::from_string(backend, sql)).await? {
        let table: String = row.try_get_by_index(0)?;
        // The names are our own migrations'.
        let sql = format!("select count(*) from \"{table}\"");
        let row = db.query_one_raw(Statement::from_string(backend, sql)).await?;
        let count = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
        counts.push((table, count));
    }
    Ok(counts)
}
