//! The proof that the books on disk are right: everything is worked out again from the postings.

use domain::ProjectId;
use sea_orm::{ConnectionTrait, DbBackend, Statement, Value};

use crate::{Store, StoreError};

/// What an audit went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// Transactions.
    pub transactions: i64,
    /// Postings.
    pub postings: i64,
    /// Purses and meters with a balance row.
    pub purses: i64,
    /// Holds that are still open.
    pub open_holds: i64,
    /// Payments that were credited.
    pub credited_facts: i64,
    /// The sum of all amounts posted, in fen.
    pub posted_fen: i64,
}

/// Where the books are wrong, or why it could not be found out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AuditError {
    /// A row contradicts the postings.
    #[error("{rule}: {row} of project {project} ({detail})")]
    Broken {
        /// What should hold.
        rule: &'static str,
        /// The project.
        project: i64,
        /// The first row that fails.
        row: String,
        /// What is kept, and what the postings say.
        detail: String,
    },
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A rule and the query for the first row that breaks it: project, row, detail. `{text:x}` stands
/// for an id as text, `{project}` for the condition on the project of the table before it.
struct Rule(&'static str, &'static str);

const RULES: &[Rule] = &[
    Rule(
        "every posting moves a positive amount between two accounts of a known transaction",
        "select p.project_id, {text:p.transaction_id} || ' line ' || p.line, \
           p.debit || ' -> ' || p.credit || ' ' || p.amount_fen \
         from posting p left join ledger_transaction t \
           on t.project_id = p.project_id and t.id = p.transaction_id \
         where {project:p} and (t.id is null or p.amount_fen <= 0 or p.debit = p.credit)",
    ),
    Rule(
        "every transaction has its postings, in lines from one on, or changes a hold",
        "select t.project_id, t.key, 'lines ' || count(p.line) || ', last ' \
           || coalesce(max(p.line), 0) \
         from ledger_transaction t left join posting p \
           on p.project_id = t.project_id and p.transaction_id = t.id \
         where {project:t} group by t.project_id, t.id, t.key, t.hold_id \
         having count(p.line) <> coalesce(max(p.line), 0) \
           or (count(p.line) = 0 and t.hold_id is null)",
    ),
    Rule(
        "no key is booked twice",
        "select t.project_id, t.key, 'booked ' || count(*) || ' times' \
         from ledger_transaction t where {project:t} \
         group by t.project_id, t.key having count(*) > 1",
    ),
    Rule(
        "a purse stands at the sum of its postings",
        "select project_id, account, 'kept ' || sum(kept) || ', postings say ' || sum(proven) \
         from ( \
           select project_id, debit as account, 0 as kept, -amount_fen as proven from posting \
           union all select project_id, credit, 0, amount_fen from posting \
           union all select project_id, ledger_account, balance_fen, 0 from purse) m \
         where {project:m} and (account like 'purse:%' or account like 'on_meter:%') \
         group by project_id, account having sum(kept) <> sum(proven)",
    ),
    Rule(
        "what a purse holds is the sum of its open holds",
        "select project_id, account, 'kept ' || sum(kept) || ', open holds ' || sum(proven) \
         from ( \
           select project_id, ledger_account as account, 0 as kept, amount_fen as proven \
             from hold where state = 'held' \
           union all select project_id, ledger_account, held_fen, 0 from purse) m \
         where {project:m} group by project_id, account having sum(kept) <> sum(proven)",
    ),
    Rule(
        "every hold was placed by a transaction, and ended by one if it has ended",
        "select h.project_id, {text:h.id}, h.state || ', changed ' || coalesce(t.changes, 0) \
           || ' times' \
         from hold h left join ( \
           select project_id, hold_id, count(*) as changes from ledger_transaction \
           where hold_id is not null group by project_id, hold_id) t \
           on t.project_id = h.project_id and t.hold_id = h.id \
         where {project:h} \
         and coalesce(t.changes, 0) <> case when h.state = 'held' then 1 else 2 end",
    ),
    Rule(
        "a roll-up is the sum of the postings up to its mark",
        "select r.project_id, r.ledger_account, 'kept ' || r.balance_fen \
         from ledger_rollup r where {project:r} and r.balance_fen <> \
           (select coalesce(sum(amount_fen), 0) from posting p where p.project_id = r.project_id \
             and p.credit = r.ledger_account and p.seq <= r.upto_seq) \
           - (select coalesce(sum(amount_fen), 0) from posting p where p.project_id = r.project_id \
             and p.debit = r.ledger_account and p.seq <= r.upto_seq)",
    ),
    Rule(
        "a credited payment is booked with its amount",
        "select f.project_id, f.provider_trade_no, 'paid ' || f.amount_fen \
         from provider_fact f where {project:f} and f.verdict = 'credited' and f.amount_fen <> \
           (select coalesce(sum(p.amount_fen), 0) from posting p \
             where p.project_id = f.project_id and p.transaction_id = f.transaction_id)",
    ),
    Rule(
        "an order is credited by exactly one payment, and no other order is",
        "select o.project_id, o.order_no, o.state || ', credited ' || count(f.id) || ' times' \
         from orders o left join provider_fact f on f.project_id = o.project_id \
           and f.order_id = o.id and f.verdict = 'credited' \
         where {project:o} group by o.project_id, o.id, o.order_no, o.state, o.channel \
         having count(f.id) <> case when o.channel = 'carried-over' then 0 \
           when o.state in ('credited', 'delivering', 'uncertain', 'delivered', 'restored') then 1 \
           when o.state in ('refunded', 'held') then count(f.id) else 0 end or count(f.id) > 1",
    ),
    Rule(
        "a voucher is booked onto its card when it was read back there, once",
        "select v.project_id, {text:v.id}, v.state || ', booked ' \
           || coalesce(sum(p.amount_fen), 0) || ' of ' || v.amount_fen \
         from kiosk_voucher v left join hold h on h.project_id = v.project_id \
           and h.id = v.order_id \
         left join ledger_transaction t on t.project_id = v.project_id \
           and t.order_id = v.order_id and t.template = 'card_written' \
         left join posting p on p.project_id = t.project_id and p.transaction_id = t.id \
         where {project:v} group by v.project_id, v.id, v.state, v.amount_fen, h.id \
         having coalesce(sum(p.amount_fen), 0) <> \
           case when v.state = 'written' and h.id is not null then v.amount_fen else 0 end",
    ),
    Rule(
        "no order's money lies on a card without a voucher",
        "select t.project_id, t.key, 'no voucher' \
         from ledger_transaction t left join kiosk_voucher v on v.project_id = t.project_id \
           and v.order_id = t.order_id \
         where {project:t} and t.template = 'card_written' and t.order_id is not null \
           and v.id is null",
    ),
    Rule(
        "an order nobody pays for carries what was booked out of a meter, once",
        "select o.project_id, o.order_no, 'carries ' || o.amount_fen || ', booked out ' \
           || coalesce(sum(p.amount_fen), 0) \
         from orders o left join ledger_transaction t on t.project_id = o.project_id \
           and t.order_id = o.id and t.template = 'meter_value_returned' \
         left join posting p on p.project_id = t.project_id and p.transaction_id = t.id \
         where {project:o} and o.channel = 'carried-over' \
         group by o.project_id, o.id, o.order_no, o.amount_fen \
         having coalesce(sum(p.amount_fen), 0) <> o.amount_fen",
    ),
];

impl Store {
    /// Proves the books: conservation, purses, holds, roll-ups, and that every credited payment
    /// and order meet (I1, I3). Of one project or of all.
    ///
    /// Errors: [`AuditError::Broken`] names the first row that fails.
    pub async fn audit(&self, project: Option<ProjectId>) -> Result<AuditReport, AuditError> {
        let db = self.read();
        let backend = db.get_database_backend();
        let project = project.map(|project| project.0);
        for Rule(rule, sql) in RULES {
            let sql = format!("{} limit 1", filled(backend, sql));
            let statement = Statement::from_sql_and_values(backend, sql, [Value::from(project)]);
            let row = db.query_one_raw(statement).await.map_err(StoreError::from)?;
            if let Some(row) = row {
                let read = || {
                    let project = row.try_get_by_index(0)?;
                    let (row, detail) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
                    Ok(AuditError::Broken { rule, project, row, detail })
                };
                return Err(read().map_err(|error: sea_orm::DbErr| StoreError::from(error))?);
            }
        }
        Ok(self.count(project).await?)
    }

    async fn count(&self, project: Option<i64>) -> Result<AuditReport, StoreError> {
        let db = self.read();
        let backend = db.get_database_backend();
        let sql = filled(backend, COUNTS);
        let statement = Statement::from_sql_and_values(backend, sql, [Value::from(project)]);
        let Some(row) = db.query_one_raw(statement).await? else {
            return Ok(AuditReport::default());
        };
        Ok(AuditReport {
            transactions: row.try_get_by_index(0)?,
            postings: row.try_get_by_index(1)?,
            purses: row.try_get_by_index(2)?,
            open_holds: row.try_get_by_index(3)?,
            credited_facts: row.try_get_by_index(4)?,
            posted_fen: row.try_get_by_index(5)?,
        })
    }
}

const COUNTS: &str = "select \
     (select count(*) from ledger_transaction t where {project:t}), \
     (select count(*) from posting p where {project:p}), \
     (select count(*) from purse u where {project:u}), \
     (select count(*) from hold h where {project:h} and h.state = 'held'), \
     (select count(*) from provider_fact f where {project:f} and f.verdict = 'credited'), \
     (select cast(coalesce(sum(amount_fen), 0) as bigint) from posting p where {project:p})";

/// Puts in what the two databases say differently.
fn filled(backend: DbBackend, sql: &str) -> String {
    let mut filled = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((mark, tail)) = after.split_once('}') else { break };
        filled.push_str(&match (mark.split_once(':'), backend) {
            (Some(("text", id)), DbBackend::Sqlite) => format!("lower(hex({id}))"),
            (Some(("text", id)), _) => format!("cast({id} as text)"),
            (Some((_, table)), _) => {
                format!("(cast($1 as bigint) is null or {table}.project_id = $1)")
            }
            (None, _) => String::new(),
        });
        rest = tail;
    }
    filled.push_str(rest);
    filled
}
