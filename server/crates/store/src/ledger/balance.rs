//! What accounts stand at.

use chrono::{DateTime, Utc};
use domain::{HoldId, Money, ProjectId};
use ledger::{Balance, Hold, LedgerAccount, Side};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, Statement, Value,
};

use super::rows::read_hold;
use crate::{
    Store, StoreError,
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
    /// On PostgreSQL writers of postings wait meanwhile: a number drawn earlier may be committed
    /// later, and a roll-up must not pass over it.
    pub async fn roll_up(&self, project: ProjectId, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.transact(move |tx| {
            Box::pin(async move {
                if !tx.is_sqlite() {
                    tx.execute_unprepared("lock table posting in share mode").await?;
                }
                let values: [Value; 2] = [project.0.into(), now.into()];
                let sql = roll_up_sql(tx.get_database_backend());
                let backend = tx.get_database_backend();
                tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
                Ok(())
            })
        })
        .await
    }
}

fn roll_up_sql(backend: DbBackend) -> String {
    let now = if backend == DbBackend::Sqlite { "$2" } else { "$2::timestamptz" };
    format!(
        "with bounds as (select \
           (select coalesce(max(upto_seq), 0) from ledger_rollup where project_id = $1) as low, \
           (select coalesce(max(seq), 0) from posting) as high), \
         moved as ( \
           select p.debit as account, -p.amount_fen as fen from posting p, bounds b \
             where p.project_id = $1 and p.seq > b.low and p.seq <= b.high \
           union all \
           select p.credit, p.amount_fen from posting p, bounds b \
             where p.project_id = $1 and p.seq > b.low and p.seq <= b.high) \
         insert into ledger_rollup (project_id, ledger_account, balance_fen, upto_seq, updated_at) \
         select $1, m.account, cast(sum(m.fen) as bigint), max(b.high), {now} \
         from moved m, bounds b \
         where m.account not like 'purse:%' and m.account not like 'on_meter:%' \
         group by m.account \
         on conflict (project_id, ledger_account) do update set \
         balance_fen = ledger_rollup.balance_fen + excluded.balance_fen, \
         upto_seq = excluded.upto_seq, updated_at = excluded.updated_at"
    )
}
