//! What accounts stand at.

use chrono::{DateTime, Utc};
use domain::{HoldId, Money, OrderId, ProjectId};
use ledger::{Balance, Hold, LedgerAccount, Side};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, Statement, Value,
};

use super::rows::read_hold;
use crate::{
    Store, StoreError, Tx,
    entity::{hold, ledger_rollup, purse},
};

/// What an account stands at: its row for a purse or a meter, a roll-up plus the tail of postings
/// for the hot ones.
pub async fn balance<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    account: LedgerAccount,
) -> Result<Balance, StoreError> {
    let key = (project.0, account.to_string());
    if account.keeps_balance() {
        let row = purse::Entity::find_by_id(key).one(db).await?;
        return Ok(row.map_or(Balance::ZERO, |row| Balance {
            posted: Money::from_fen(row.balance_fen),
            held: Money::from_fen(row.held_fen),
        }));
    }
    let rollup = ledger_rollup::Entity::find_by_id(key.clone()).one(db).await?;
    let (sum, upto) = rollup.map_or((0, 0), |row| (row.balance_fen, row.upto_seq));
    let values: [Value; 3] = [key.0.into(), key.1.into(), upto.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), TAIL, values);
    let row = db.query_one_raw(statement).await?;
    let tail: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    let credits = Money::from_fen(sum).checked_add(Money::from_fen(tail));
    let posted = match account.normal_side() {
        Side::Credit => credits,
        Side::Debit => credits.and_then(Money::checked_neg),
    };
    let posted = posted.map_err(|_| StoreError::Books(ledger::Refusal::Overflow))?;
    Ok(Balance { posted, held: Money::ZERO })
}

/// Credits minus debits after a posting.
const TAIL: &str = "select cast( \
     (select coalesce(sum(amount_fen), 0) from posting \
      where project_id = $1 and credit = $2 and seq > $3) \
     - (select coalesce(sum(amount_fen), 0) from posting \
      where project_id = $1 and debit = $2 and seq > $3) as bigint)";

/// What a purse stood at right after a posting into it: what it stands at now without whatever
/// came later. In one statement, so that nothing moves in between. None if the order posted
/// nothing into it.
pub async fn after_order<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    account: LedgerAccount,
    order: OrderId,
) -> Result<Option<Money>, StoreError> {
    let values: [Value; 3] = [project.0.into(), account.to_string().into(), order.0.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), AFTER_ORDER, values);
    let row = db.query_one_raw(statement).await?;
    let fen: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
    Ok(fen.map(Money::from_fen))
}

const AFTER_ORDER: &str = "select cast(u.balance_fen \
     - (select coalesce(sum(amount_fen), 0) from posting \
        where project_id = $1 and credit = $2 and seq > c.seq) \
     + (select coalesce(sum(amount_fen), 0) from posting \
        where project_id = $1 and debit = $2 and seq > c.seq) as bigint) \
     from (select max(p.seq) as seq from ledger_transaction t \
           join posting p on p.project_id = t.project_id and p.transaction_id = t.id \
           where t.project_id = $1 and t.order_id = $3 and p.credit = $2) c \
     join purse u on u.project_id = $1 and u.ledger_account = $2 where c.seq is not null";

/// A hold by its id.
pub async fn hold<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: HoldId,
) -> Result<Option<Hold>, StoreError> {
    let row = hold::Entity::find_by_id((project.0, id.0)).one(db).await?;
    row.as_ref().map(read_hold).transpose()
}

/// The open holds of an account, the oldest first.
pub async fn open_holds<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    account: LedgerAccount,
) -> Result<Vec<Hold>, StoreError> {
    let rows = hold::Entity::find()
        .filter(hold::Column::ProjectId.eq(project.0))
        .filter(hold::Column::LedgerAccount.eq(account.to_string()))
        .filter(hold::Column::State.eq("held"))
        .order_by_asc(hold::Column::Id)
        .all(db)
        .await?;
    rows.iter().map(read_hold).collect()
}

impl Store {
    /// Rolls the postings of a project since the last time up into the balances of its hot
    /// accounts. Run now and then; it only makes [`balance`] faster.
    ///
    /// It goes in portions of [`ROLL_UP_MAX`] postings, so that the first one of a long history
    /// comes through as well. On PostgreSQL writers of postings wait for the length of a portion:
    /// a number drawn earlier may be committed later, and a roll-up must not pass over it.
    pub async fn roll_up(&self, project: ProjectId, now: DateTime<Utc>) -> Result<(), StoreError> {
        for _ in 0..PORTIONS_MAX {
            let left = self.transact(move |tx| Box::pin(roll_up_portion(tx, project, now)));
            if !left.await? {
                break;
            }
        }
        Ok(())
    }
}

/// Postings rolled up in one transaction.
const ROLL_UP_MAX: u32 = 20_000;
/// Portions of one roll-up; what is left is the next one's.
const PORTIONS_MAX: u32 = 100;

/// One portion; answers whether something may be left.
async fn roll_up_portion(
    tx: &Tx,
    project: ProjectId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let backend = tx.get_database_backend();
    if !tx.is_sqlite() {
        tx.execute_unprepared("lock table posting in share mode").await?;
    }
    let ask = |sql: &str, values: Vec<Value>| Statement::from_sql_and_values(backend, sql, values);
    let mark = tx.query_one_raw(ask(MARK, vec![project.0.into()])).await?;
    let low: i64 = mark.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(0);
    let news = tx.query_one_raw(ask(&news_sql(), vec![project.0.into(), low.into()])).await?;
    let Some(news) = news else { return Ok(false) };
    let count: i64 = news.try_get_by_index(0)?;
    let Some(high) = news.try_get_by_index::<Option<i64>>(1)? else { return Ok(false) };
    let values = vec![project.0.into(), now.into(), low.into(), high.into()];
    tx.execute_raw(ask(&roll_up_sql(backend), values)).await?;
    Ok(count >= i64::from(ROLL_UP_MAX))
}

/// How far a project is rolled up.
const MARK: &str = "select coalesce(max(upto_seq), 0) from ledger_rollup where project_id = $1";

/// How many postings a portion has, and the last of them.
fn news_sql() -> String {
    format!(
        "select count(*), max(n.seq) from (select p.seq from posting p \
         where p.project_id = $1 and p.seq > $2 order by p.seq limit {ROLL_UP_MAX}) n"
    )
}

/// The bounds are parameters and no subquery, or SQLite would rather walk the project's whole
/// history by its key. The account of money that fits no order stands for the mark: it moves on
/// even where a portion touches no hot account at all.
fn roll_up_sql(backend: DbBackend) -> String {
    let now = if backend == DbBackend::Sqlite { "$2" } else { "$2::timestamptz" };
    format!(
        "with moved as ( \
           select 'unmatched' as account, cast(0 as bigint) as fen \
           union all \
           select p.debit, -p.amount_fen from posting p \
             where p.project_id = $1 and p.seq > $3 and p.seq <= $4 \
           union all \
           select p.credit, p.amount_fen from posting p \
             where p.project_id = $1 and p.seq > $3 and p.seq <= $4) \
         insert into ledger_rollup (project_id, ledger_account, balance_fen, upto_seq, updated_at) \
         select $1, m.account, cast(sum(m.fen) as bigint), $4, {now} from moved m \
         where m.account not like 'purse:%' and m.account not like 'on_meter:%' \
         group by m.account \
         on conflict (project_id, ledger_account) do update set \
         balance_fen = ledger_rollup.balance_fen + excluded.balance_fen, \
         upto_seq = excluded.upto_seq, updated_at = excluded.updated_at"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the database does for a roll-up is counted in rows its plan visits, not in time.
    #[tokio::test]
    async fn a_roll_up_reads_only_what_is_new() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("money.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let db = store.read();
        let backend = db.get_database_backend();
        for sql in [roll_up_sql(backend), news_sql()] {
            let sql = format!("explain query plan {sql}");
            let values = (1..=4i64).map(Value::from).take(if sql.contains("$4") { 4 } else { 2 });
            let asked = Statement::from_sql_and_values(backend, sql, values);
            let rows = db.query_all_raw(asked).await.unwrap();
            let plan = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
            let plan = plan.collect::<Vec<_>>();
            let of_postings =
                |line: &&String| line.starts_with("SEARCH p ") || line.starts_with("SCAN p");
            let reads: Vec<_> = plan.iter().filter(of_postings).collect();
            assert!(!reads.is_empty(), "{plan:#?}");
            for read in reads {
                assert!(
                    read.contains("posting_project_seq_idx (project_id=? AND seq>?"),
                    "{plan:#?}"
                );
            }
        }
    }
}
