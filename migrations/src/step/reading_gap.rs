//! Stretches of time in which a meter was not read, and what a bill line rests on.

use sea_orm_migration::prelude::*;

use crate::Table;

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000013_reading_gap"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        reading_gap().create(manager).await?;
        // Absent for an ordinary line, which is what every line of an earlier program is.
        let basis = ColumnDef::new("basis").text().null().take();
        let line = sea_query::Table::alter().table("bill_line").add_column(basis).take();
        manager.alter_table(line).await
    }
}

/// A stretch between two believed readings of a meter's billed register that is too long, or since
/// the last one. A meter has at most one that lasts.
fn reading_gap() -> Table {
    Table::of_project("reading_gap")
        .uuid("meter_id")
        .smallint("item")
        .time("from_at")
        .bigint("from_value")
        .time("to_at?")
        .bigint("to_value?")
        .one_of("reason", &["gateway-offline", "meter-silent", "quarantined", "server-down"])
        .time("noticed_at")
        .one_of("back_fill", &["none", "wanted", "done", "missed"])
        .time("filled_at?")
        .bigint("filled_value?")
        .check("(to_at is null) = (to_value is null)".into())
        .check("(filled_at is null) = (filled_value is null)".into())
        .key(&["project_id", "meter_id", "from_at"])
        .stored_in_key_order()
        .unique_where(&["project_id", "meter_id"], "to_at is null")
        .index_where(&["project_id", "from_at"], "to_at is null")
        .index(&["to_at"])
}
