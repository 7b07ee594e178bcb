//! Readings, compact per meter and day, and the bills made of them.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000007_reading"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![
        reading_latest(),
        reading_today(),
        reading_day(),
        reading_quarantine(),
        bill_line(),
        billing_cursor(),
    ]
}

/// The newest good reading of an item.
fn reading_latest() -> Table {
    Table::of_project("reading_latest")
        .uuid("meter_id")
        .smallint("item")
        .time("at")
        .bigint("value")
        .smallint("quality")
        .time("received_at")
        .check("quality between 0 and 2".into())
        .key(&["project_id", "meter_id", "item"])
        .stored_in_key_order()
}

/// Readings not yet folded into their day.
fn reading_today() -> Table {
    Table::of_project("reading_today")
        .uuid("meter_id")
        .smallint("item")
        .time("at")
        .bigint("value")
        .key(&["project_id", "meter_id", "item", "at"])
        .stored_in_key_order()
}

/// One finished day of one item as a compact series.
fn reading_day() -> Table {
    Table::of_project("reading_day")
        .uuid("meter_id")
        .smallint("item")
        .date("day")
        .bytes("series")
        .int("count")
        .key(&["project_id", "meter_id", "item", "day"])
        .stored_in_key_order()
}

/// A reading nobody bills until a person has looked.
fn reading_quarantine() -> Table {
    Table::of_project("reading_quarantine")
        .uuid("id")
        .uuid("meter_id")
        .smallint("item")
        .time("at")
        .bigint("value")
        .text("reason")
        .bigint("previous_value?")
        .time("previous_at?")
        .time("settled_at?")
        .key(&["project_id", "id"])
        .index_where(&["project_id", "meter_id"], "settled_at is null")
}

/// A stretch of use and its price.
fn bill_line() -> Table {
    Table::of_project("bill_line")
        .uuid("id")
        .uuid("meter_id")
        .uuid("account_id")
        .time("from_at")
        .time("to_at")
        .bigint("from_value")
        .bigint("to_value")
        .count("quantity")
        .uuid("tariff_id")
        .count("micro_yuan")
        .count("amount_fen")
        .bigint("carry_in")
        .bigint("carry_out")
        .uuid("transaction_id?")
        .time("created_at")
        .key(&["project_id", "id"])
        .unique(&["project_id", "meter_id", "from_value", "to_value", "from_at"])
        .index(&["project_id", "account_id", "to_at"])
}

/// How far a meter is billed.
fn billing_cursor() -> Table {
    Table::of_project("billing_cursor")
        .uuid("meter_id")
        .bigint("value")
        .time("at")
        .bigint("carry")
        .bigint_from("version", 0)
        .key(&["project_id", "meter_id"])
        .stored_in_key_order()
}
