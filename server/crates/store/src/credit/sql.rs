//! The statements of the hot path, one per table, built once per database.

use std::sync::OnceLock;

use sea_orm::DbBackend;

use crate::{
    bulk::{Cell, insert_sql, table},
    entity::{hold, job, ledger_transaction, order_event, posting, provider_fact, vend, work_item},
};

/// The statements for one database.
pub(super) struct Sql {
    /// Which of the orders can take money; on PostgreSQL it locks them, in one order for all.
    pub payable: String,
    /// Facts; answers the ids of those that are new.
    pub fact: String,
    /// Facts that are already there, for their contents.
    pub known: String,
    /// Orders to credited.
    pub order: String,
    /// Attempts to paid.
    pub attempt: String,
    pub transaction: String,
    pub posting: String,
    /// Purses, each once per batch.
    pub purse: String,
    pub hold: String,
    pub vend: String,
    pub job: String,
    pub event: String,
    pub item: String,
}

/// The statements for a database.
pub(super) fn sql(backend: DbBackend) -> &'static Sql {
    static SQLITE: OnceLock<Sql> = OnceLock::new();
    static POSTGRES: OnceLock<Sql> = OnceLock::new();
    let cell = if backend == DbBackend::Sqlite { &SQLITE } else { &POSTGRES };
    cell.get_or_init(|| build(backend))
}

/// The statements by which the books are written, for the slow path as well.
pub(crate) struct SqlOfBooks {
    pub(crate) transaction: &'static str,
    pub(crate) posting: &'static str,
    pub(crate) purse: &'static str,
}

/// The statements by which the books are written.
pub(crate) fn sql_of_books(backend: DbBackend) -> SqlOfBooks {
    let sql = sql(backend);
    let (transaction, posting, purse) = (&sql.transaction, &sql.posting, &sql.purse);
    SqlOfBooks { transaction, posting, purse }
}

/// SQLite has one writer, so the next number is the largest plus one; PostgreSQL has a sequence.
const POSTING_SEQ: (&str, &str, &str) =
    ("seq", "(select coalesce(max(seq), 0) from posting) + 1 + j.key", "nextval('posting_seq')");

const ROW: &[(&str, Cell)] = &[("project_id", Cell::BigInt), ("id", Cell::Uuid)];

fn build(backend: DbBackend) -> Sql {
    let lock = match backend {
        DbBackend::Sqlite => "",
        _ => "order by o.project_id, o.id for update of o",
    };
    let rows = table(backend, ROW);
    Sql {
        payable: format!(
            "select o.id from {rows} cross join orders o \
             where o.project_id = r.project_id and o.id = r.id \
             and o.state in ('placed', 'closed') {lock}"
        ),
        fact: insert_sql::<provider_fact::Entity>(
            backend,
            &[],
            "on conflict do nothing returning id",
        ),
        known: known(backend),
        order: order(backend),
        attempt: format!(
            "update attempt set state = 'paid', next_check_at = null, version = version + 1 \
             from {rows} where attempt.project_id = r.project_id and attempt.id = r.id"
        ),
        transaction: insert_sql::<ledger_transaction::Entity>(backend, &[], ""),
        posting: insert_sql::<posting::Entity>(backend, &[POSTING_SEQ], ""),
        purse: purse(backend),
        hold: insert_sql::<hold::Entity>(backend, &[], ""),
        vend: insert_sql::<vend::Entity>(backend, &[], ""),
        job: insert_sql::<job::Entity>(backend, &[], "on conflict do nothing"),
        event: insert_sql::<order_event::Entity>(backend, &[], "on conflict do nothing"),
        item: insert_sql::<work_item::Entity>(backend, &[], "on conflict do nothing"),
    }
}

fn known(backend: DbBackend) -> String {
    let columns = [
        ("id", Cell::Uuid),
        ("project_id", Cell::BigInt),
        ("provider", Cell::Text),
        ("merchant_no", Cell::Text),
        ("provider_trade_no", Cell::Text),
    ];
    let rows = table(backend, &columns);
    format!(
        "select r.id as asked, f.order_id, f.out_trade_no, f.amount_fen, f.verdict \
         from {rows} cross join provider_fact f where f.project_id = r.project_id \
         and f.provider = r.provider and f.merchant_no = r.merchant_no \
         and f.provider_trade_no = r.provider_trade_no"
    )
}

fn order(backend: DbBackend) -> String {
    let columns = [
        ("project_id", Cell::BigInt),
        ("id", Cell::Uuid),
        ("trade_no", Cell::Text),
        ("at", Cell::Time),
    ];
    let rows = table(backend, &columns);
    format!(
        "update orders set state = 'credited', provider_trade_no = r.trade_no, \
         credited_at = r.at, version = version + 1 from {rows} \
         where orders.project_id = r.project_id and orders.id = r.id \
         and orders.state in ('placed', 'closed')"
    )
}

/// Adds to balances and holds; the rows come sorted by key, so that two batches on PostgreSQL
/// lock them in the same order.
fn purse(backend: DbBackend) -> String {
    let columns = [
        ("project_id", Cell::BigInt),
        ("ledger_account", Cell::Text),
        ("balance_fen", Cell::BigInt),
        ("held_fen", Cell::BigInt),
        ("at", Cell::Time),
    ];
    let rows = table(backend, &columns);
    format!(
        "insert into purse \
         (project_id, ledger_account, balance_fen, held_fen, version, updated_at) \
         select r.project_id, r.ledger_account, r.balance_fen, r.held_fen, 1, r.at \
         from {rows} where true order by 1, 2 \
         on conflict (project_id, ledger_account) do update set \
         balance_fen = purse.balance_fen + excluded.balance_fen, \
         held_fen = purse.held_fen + excluded.held_fen, \
         version = purse.version + 1, updated_at = excluded.updated_at \
         returning project_id, ledger_account, balance_fen - held_fen"
    )
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, Statement};
    use sqlx::{Connection, Executor, PgConnection, Row};

    use super::*;
    use crate::Store;

    fn statements(backend: DbBackend) -> Vec<String> {
        let sql = sql(backend);
        let all = [
            &sql.payable,
            &sql.fact,
            &sql.known,
            &sql.order,
            &sql.attempt,
            &sql.transaction,
            &sql.posting,
            &sql.purse,
            &sql.hold,
            &sql.vend,
            &sql.job,
            &sql.event,
            &sql.item,
        ];
        all.into_iter().cloned().chain([super::super::target::sql(backend)]).collect()
    }

    /// A batch costs what its rows cost, however large the tables have grown.
    #[tokio::test]
    async fn no_statement_of_the_hot_path_walks_a_table() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("money.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        for statement in statements(DbBackend::Sqlite) {
            let explain = format!("explain query plan {statement}");
            let explain = Statement::from_sql_and_values(DbBackend::Sqlite, explain, ["[]".into()]);
            let rows = store.parts.writer.query_all_raw(explain).await.unwrap();
            let plan = rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap());
            let plan = plan.collect::<Vec<_>>().join("\n");
            // Of the batch itself every row is visited, of a table none but those asked for.
            let batch = ["cut", "jsonb_each", "j", "r"];
            let walked = plan.lines().filter_map(|line| line.strip_prefix("SCAN "));
            let mut walked = walked.filter_map(|rest| rest.split(' ').next());
            let walks = walked.any(|name| !batch.contains(&name));
            assert!(!walks, "{statement}\n{plan}");
        }
    }

    #[tokio::test]
    async fn no_statement_of_the_hot_path_walks_a_table_on_postgresql() {
        let Ok(server) = std::env::var("YUFU_TEST_POSTGRES") else {
            let required = std::env::var("YUFU_TEST_DATABASES").is_ok_and(|v| v == "required");
            assert!(!required, "YUFU_TEST_POSTGRES names no server, but PostgreSQL is required");
            eprintln!("NOTICE: YUFU_TEST_POSTGRES is not set, this test did not run");
            return;
        };
        let schema = format!("yufu_hot_{}", std::process::id());
        let mut db = PgConnection::connect(&server).await.unwrap();
        let create = format!("drop schema if exists {schema} cascade; create schema {schema}");
        db.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
        let url = format!("{server}?options=-csearch_path%3D{schema}");
        Store::open(&url).await.unwrap().migrate().await.unwrap();
        let mut hot = PgConnection::connect(&url).await.unwrap();
        hot.execute(crate::postgres::BY_KEY).await.unwrap();
        for statement in statements(DbBackend::Postgres) {
            let explain = format!("explain {}", statement.replace("$1", "'[]'"));
            let rows = hot.fetch_all(sqlx::AssertSqlSafe(explain)).await.unwrap();
            let plan = rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>();
            let walked = plan.iter().any(|line| line.contains("Seq Scan on"));
            assert!(!walked, "{statement}\n{}", plan.join("\n"));
        }
        let drop = format!("drop schema {schema} cascade");
        db.execute(sqlx::AssertSqlSafe(drop)).await.unwrap();
    }
}
