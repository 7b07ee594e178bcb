//! Work to be done, work for people, and what makes a repeat harmless.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000008_job"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![job(), work_item(), alarm(), gateway_interval(), idempotency()]
}

/// Work written in the transaction of the fact that causes it; parked and shown, never dropped.
fn job() -> Table {
    Table::of_project("job")
        .uuid("id")
        .text("kind")
        .text("key")
        .text("payload")
        .text("order_key?")
        .uuid("gateway_id?")
        .smallint("priority")
        .time("run_at")
        .one_of("state", &["ready", "leased", "done", "parked"])
        .time("lease_until?")
        .bigint_from("lease_token", 0)
        .text("lease_owner?")
        .int("attempts")
        .int("attempts_max")
        .text("first_error?")
        .text("last_error?")
        .time("created_at")
        .time("ended_at?")
        .check("(state = 'leased') = (lease_until is not null)".into())
        .key(&["project_id", "id"])
        .unique(&["project_id", "kind", "key"])
        .unique_where(&["project_id", "order_key"], "state = 'leased'")
        .index_where(&["priority", "run_at", "id"], "state = 'ready'")
        .index_where(&["lease_until"], "state = 'leased'")
        .index_where(&["project_id", "order_key", "created_at", "id"], "state <> 'done'")
        .index_where(&["ended_at"], "state = 'parked'")
}

/// Something a person has to settle.
fn work_item() -> Table {
    Table::of_project("work_item")
        .uuid("id")
        .text("kind")
        .text("subject_kind")
        .text("subject_id")
        .text("title_zh")
        .text("title_en")
        .text("detail")
        .one_of("state", &["open", "done"])
        .time("opened_at")
        .time("closed_at?")
        .text("closed_by?")
        .text("resolution?")
        .key(&["project_id", "id"])
        .index(&["project_id", "state", "opened_at"])
        .index(&["project_id", "subject_kind", "subject_id"])
}

/// Something is wrong and for how long.
fn alarm() -> Table {
    Table::of_project("alarm")
        .uuid("id")
        .text("kind")
        .text("subject_kind")
        .text("subject_id")
        .time("raised_at")
        .time("cleared_at?")
        .text("detail")
        .key(&["project_id", "id"])
        .unique_where(&["project_id", "kind", "subject_kind", "subject_id"], "cleared_at is null")
        .index(&["project_id", "raised_at"])
}

/// When a gateway was connected.
fn gateway_interval() -> Table {
    Table::of_project("gateway_interval")
        .uuid("gateway_id")
        .time("from_at")
        .time("to_at?")
        .text("reason")
        .text("remote?")
        .key(&["project_id", "gateway_id", "from_at"])
}

/// The first answer to a write, for its repeats; money's own keys never expire.
fn idempotency() -> Table {
    Table::of_project("idempotency")
        .text("principal")
        .text("key")
        .text("request_hash")
        .int("status")
        .bytes("body")
        .time("created_at")
        .key(&["project_id", "principal", "key"])
}
