//! What a provider's number is about: all callbacks that wait are looked up in one statement.
//!
//! One by one a callback costs four round trips before its credit is decided, and the batch that
//! writes never fills. Whatever is asked while a statement runs shares the next one.

use std::{collections::HashMap, sync::Arc};

use domain::MerchantId;
use sea_orm::{
    DatabaseConnection, DbBackend, DbErr, EntityTrait, FromQueryResult, IdenStatic, Iterable,
    QueryResult,
};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{
    Store, StoreError,
    bulk::{self, Cell, Rows, table},
    entity::{attempt, meter, orders},
};

/// Numbers looked up by one statement.
const BATCH_MAX: usize = 256;
/// Questions that may wait; above it callers are told at once.
pub(crate) const QUEUE_MAX: usize = 8_192;
/// Statements on their way at once: while they run, the next batch grows.
const IN_FLIGHT_MAX: usize = 2;

/// What a payment is for, as it stood when it was looked up.
#[derive(Clone, Debug)]
pub struct Target {
    /// The attempt the provider's number names.
    pub attempt: attempt::Model,
    /// The order it is to pay.
    pub order: orders::Model,
    /// The meter the order is for.
    pub meter: Option<meter::Model>,
}

/// A question on its way to the database and back.
pub(crate) struct Question {
    merchant: MerchantId,
    out_trade_no: String,
    reply: oneshot::Sender<Result<Option<Target>, StoreError>>,
}

impl Store {
    /// The attempt, the order and the meter behind a merchant's `out_trade_no`; nothing if nobody
    /// made that number. Shares a statement with all who ask at the same time.
    ///
    /// Errors: [`StoreError::Overloaded`], [`StoreError::Stopped`], or what the database said.
    pub async fn target_of(
        &self,
        merchant: MerchantId,
        out_trade_no: &str,
    ) -> Result<Option<Target>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let question = Question { merchant, out_trade_no: out_trade_no.to_owned(), reply };
        self.parts.questions.try_send(question).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => StoreError::Stopped,
        })?;
        answer.await.unwrap_or(Err(StoreError::Stopped))
    }
}

/// Answers questions until every handle of the store is gone.
pub(crate) async fn run(db: DatabaseConnection, mut queue: mpsc::Receiver<Question>) {
    let sql: Arc<str> = sql(db.get_database_backend()).into();
    let permits = Arc::new(Semaphore::new(IN_FLIGHT_MAX));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let mut batch = Vec::new();
        if queue.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        let (db, sql) = (db.clone(), Arc::clone(&sql));
        tokio::spawn(async move {
            answer(&db, &sql, batch).await;
            drop(permit);
        });
    }
}

async fn answer(db: &DatabaseConnection, sql: &str, batch: Vec<Question>) {
    let mut rows = Rows::new();
    for (number, question) in (0_i64..).zip(&batch) {
        let no = question.out_trade_no.as_str();
        rows.push([number.into(), question.merchant.0.into(), no.into()]);
    }
    let found = bulk::query(db, sql, rows).await.and_then(read);
    match found {
        Ok(mut targets) => {
            for (number, question) in (0_i64..).zip(batch) {
                // Whoever does not wait any more needs no answer.
                let _ = question.reply.send(Ok(targets.remove(&number)));
            }
        }
        Err(error) => {
            let error = StoreError::from(error);
            for question in batch {
                let _ = question.reply.send(Err(error.clone()));
            }
        }
    }
}

fn read(rows: Vec<QueryResult>) -> Result<HashMap<i64, Target>, DbErr> {
    rows.iter().map(|row| Ok((row.try_get::<i64>("", "number")?, target(row)?))).collect()
}

fn target(row: &QueryResult) -> Result<Target, DbErr> {
    Ok(Target {
        attempt: attempt::Model::from_query_result(row, "a_")?,
        order: orders::Model::from_query_result(row, "o_")?,
        // Absent if the join found none; a row that cannot be read is an error and not absent.
        meter: Option::<meter::Model>::from_query_result(row, "m_")?,
    })
}

/// The statement; the parameter is the batch. The joins are written in the order they have to be
/// made in, each by a key.
pub(super) fn sql(backend: DbBackend) -> String {
    let columns =
        [("number", Cell::BigInt), ("merchant_id", Cell::Uuid), ("out_trade_no", Cell::Text)];
    let rows = table(backend, &columns);
    let columns = [
        columns_of::<attempt::Entity>("a"),
        columns_of::<orders::Entity>("o"),
        columns_of::<meter::Entity>("m"),
    ]
    .join(", ");
    format!(
        "select r.number, {columns} from {rows} \
         cross join attempt_locator l cross join attempt a cross join orders o \
         left join meter m on m.project_id = o.project_id and m.id = o.meter_id \
         where l.merchant_id = r.merchant_id and l.out_trade_no = r.out_trade_no \
         and a.project_id = l.project_id and a.id = l.attempt_id \
         and o.project_id = a.project_id and o.id = a.order_id"
    )
}

fn columns_of<E: EntityTrait>(alias: &str) -> String {
    let columns = E::Column::iter().map(|column| {
        let name = column.as_str();
        format!("{alias}.{name} as {alias}_{name}")
    });
    columns.collect::<Vec<_>>().join(", ")
}
