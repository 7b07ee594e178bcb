//! The movements of one purse, newest first or in a stretch: what a tenant's entries, bills and
//! statements are made of.

use chrono::{DateTime, Utc};
use domain::{Money, ProjectId};
use ledger::LedgerAccount;
use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::StoreError;

/// The most movements one call answers with.
pub const MOVEMENTS_MAX: u64 = 5_000;

/// One posting of a purse.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct Movement {
    /// The posting's number, in the order of the books.
    pub seq: i64,
    /// Its transaction.
    pub transaction_id: Uuid,
    /// When it was booked.
    pub at: DateTime<Utc>,
    /// What it did to the purse, in fen.
    pub amount_fen: i64,
    /// The template of its transaction.
    pub template: String,
    /// The key of its transaction: what it is about.
    pub key: String,
    /// The order it belongs to.
    pub order_id: Option<Uuid>,
}

/// Which side of a purse is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What came in.
    In,
    /// What went out.
    Out,
}

/// The movements on one side of a purse with numbers above `after` and below `before`, the newest
/// first.
pub async fn movements_of<C: ConnectionTrait>(
    db: &C,
    (project, account): (ProjectId, LedgerAccount),
    side: Side,
    (after, before): (i64, i64),
    limit: u64,
) -> Result<Vec<Movement>, StoreError> {
    let (column, sign) = match side {
        Side::In => ("credit", ""),
        Side::Out => ("debit", "-"),
    };
    let limit = limit.clamp(1, MOVEMENTS_MAX);
    let sql = format!(
        "select p.seq, p.transaction_id, p.at, {sign}p.amount_fen as amount_fen, \
         t.template, t.key, t.order_id \
         from posting p join ledger_transaction t \
         on t.project_id = p.project_id and t.id = p.transaction_id \
         where p.project_id = $1 and p.{column} = $2 and p.seq > $3 and p.seq < $4 \
         order by p.seq desc limit {limit}"
    );
    let values: [Value; 4] =
        [project.0.into(), account.to_string().into(), after.into(), before.into()];
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    Ok(Movement::find_by_statement(statement).all(db).await?)
}

/// What a purse stood at after the posting with this number, in one statement; `None` for a purse
/// nobody ever posted to.
pub async fn balance_at<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    account: LedgerAccount,
    seq: i64,
) -> Result<Option<Money>, StoreError> {
    let values: [Value; 3] = [project.0.into(), account.to_string().into(), seq.into()];
    let sql = "select cast(u.balance_fen \
         - (select coalesce(sum(amount_fen), 0) from posting \
            where project_id = $1 and credit = $2 and seq > $3) \
         + (select coalesce(sum(amount_fen), 0) from posting \
            where project_id = $1 and debit = $2 and seq > $3) as bigint) \
         from purse u where u.project_id = $1 and u.ledger_account = $2";
    let statement = Statement::from_sql_and_values(db.get_database_backend(), sql, values);
    let row = db.query_one_raw(statement).await?;
    let fen: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
    Ok(fen.map(Money::from_fen))
}
