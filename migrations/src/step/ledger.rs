//! The books: transactions, postings, purses, holds, roll-ups.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The largest balance of a purse, in fen: ninety million million yuan.
const BALANCE_MAX: i64 = 9_000_000_000_000_000;

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000005_ledger"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![ledger_transaction(), posting(), purse(), hold(), ledger_rollup()]
}

/// One business event in the books; append only. The key answers a replay.
fn ledger_transaction() -> Table {
    Table::of_project("ledger_transaction")
        .uuid("id")
        .text("template")
        .text("key")
        .uuid("order_id?")
        .uuid("vend_id?")
        .uuid("hold_id?")
        .one_of("hold_change?", &["place", "post", "void", "expire"])
        .time("at")
        .text("memo?")
        .key(&["project_id", "id"])
        .stored_in_key_order()
        .unique(&["project_id", "key"])
        .index(&["project_id", "order_id"])
}

/// One debit, one credit, one positive amount; append only.
fn posting() -> Table {
    Table::of_project("posting")
        .uuid("transaction_id")
        .int("line")
        .bigint("seq")
        .text("debit")
        .text("credit")
        .amount("amount_fen")
        .time("at")
        .check("debit <> credit".into())
        .key(&["project_id", "transaction_id", "line"])
        .stored_in_key_order()
        .index(&["seq"])
        .index(&["project_id", "debit", "seq"])
        .index(&["project_id", "credit", "seq"])
}

/// The balance row of an account that is spent from; contra accounts never have one.
fn purse() -> Table {
    Table::of_project("purse")
        .text("ledger_account")
        .bigint("balance_fen")
        .count("held_fen")
        .bigint_from("version", 0)
        .time("updated_at")
        // Far below 64 bits, so that SQLite cannot overflow into a floating-point number.
        .check(format!("balance_fen between -{BALANCE_MAX} and {BALANCE_MAX}"))
        .check(format!("held_fen <= {BALANCE_MAX}"))
        .check("ledger_account like 'purse:%' or ledger_account like 'on_meter:%'".into())
        .key(&["project_id", "ledger_account"])
        .stored_in_key_order()
}

/// Money set aside for a vend until the meter has shown it (冻结).
fn hold() -> Table {
    Table::of_project("hold")
        .uuid("id")
        .text("ledger_account")
        .amount("amount_fen")
        .one_of("state", &["held", "posted", "void", "expired"])
        .time("created_at")
        .time("expires_at?")
        .time("ended_at?")
        .check("(state = 'held') = (ended_at is null)".into())
        .key(&["project_id", "id"])
        .index_where(&["project_id", "ledger_account"], "state = 'held'")
}

/// The balance of a hot account up to a posting; the tail is summed from there.
fn ledger_rollup() -> Table {
    Table::of_project("ledger_rollup")
        .text("ledger_account")
        .bigint("balance_fen")
        .bigint("upto_seq")
        .time("updated_at")
        .key(&["project_id", "ledger_account"])
        .stored_in_key_order()
}
