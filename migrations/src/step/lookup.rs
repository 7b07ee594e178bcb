//! Ways to rows that were found by reading whole tables before.

use sea_orm_migration::prelude::*;

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000021_lookup"
    }
}

/// One index: its name, its table and columns, and which rows stand in it.
const INDEXES: &[(&str, &str)] = &[
    // The roll-up reads what a project has posted since the last one.
    ("posting_project_seq_idx", "posting (project_id, seq)"),
    // The sweeper closes orders whose time is over.
    ("orders_expires_at_some", "orders (expires_at) where state = 'placed'"),
    // The budget of trips counts the last hour.
    ("relay_command_kind_issued_at_idx", "relay_command (project_id, kind, issued_at)"),
    // The inbox of a merchant is bounded by what came lately.
    ("inbox_merchant_id_received_at_idx", "inbox (merchant_id, received_at)"),
    // Done jobs are forgotten, the oldest first.
    ("job_ended_at_done_some", "job (ended_at) where state = 'done'"),
    // The story of an order finds its bookings by order, by vend and by hold.
    (
        "ledger_transaction_vend_id_some",
        "ledger_transaction (project_id, vend_id) where vend_id is not null",
    ),
    (
        "ledger_transaction_hold_id_some",
        "ledger_transaction (project_id, hold_id) where hold_id is not null",
    ),
];

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, rows) in INDEXES {
            let sql = format!("create index {name} on {rows}");
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}
