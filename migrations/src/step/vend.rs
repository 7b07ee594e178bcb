//! Deliveries to meters, the frames on the wire, and the state of the supply.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// How far a relay command has come.
const COMMAND_STATES: &[&str] =
    &["queued", "sent", "accepted", "verified", "stuck", "refused", "expired", "cancelled"];

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000006_vend"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![vend(), frame_log(), supply(), relay_command()]
}

/// One delivery of money to a meter; the purchase count is reserved before anything is sent (I5).
fn vend() -> Table {
    Table::of_project("vend")
        .uuid("id")
        .uuid("order_id")
        .uuid("meter_id")
        .int("epoch")
        .count("purchase_count?")
        .amount("amount_fen")
        .text("state")
        .text("saga")
        .uuid("hold_id?")
        .int("sent_count")
        .text("proof?")
        .time("created_at")
        .time("intended_at?")
        .time("sent_at?")
        .time("ended_at?")
        .time("next_action_at?")
        .text("last_error?")
        .bigint_from("version", 0)
        .key(&["project_id", "id"])
        .unique(&["project_id", "meter_id", "epoch", "purchase_count"])
        .unique(&["project_id", "order_id"])
        .index(&["project_id", "state"])
        .refers("order_id", "orders")
        .refers("meter_id", "meter")
}

/// The bytes that went over the wire for a vend or a command.
fn frame_log() -> Table {
    Table::of_project("frame_log")
        .uuid("id")
        .uuid("meter_id")
        .uuid("vend_id?")
        .uuid("command_id?")
        .time("at")
        .one_of("direction", &["tx", "rx"])
        .bytes("bytes")
        .text("note?")
        .key(&["project_id", "id"])
        .index(&["project_id", "meter_id", "at"])
        .index_where(&["project_id", "vend_id"], "vend_id is not null")
}

/// What the relay of a meter should be, and what it was read back as.
fn supply() -> Table {
    Table::of_project("supply")
        .uuid("meter_id")
        .one_of("desired", &["on", "off", "none"])
        .text("desired_reason")
        .bigint("desired_seq")
        .time("desired_at")
        .one_of("actual", &["on", "off", "waiting", "unknown"])
        .time("actual_at?")
        .uuid("order_id?")
        .text("state")
        .time("alarm_at?")
        .time("restored_at?")
        .bigint_from("version", 0)
        .key(&["project_id", "meter_id"])
        .refers("meter_id", "meter")
}

/// A command to a relay or valve, with its expiry; never replayed from an old queue (I12).
fn relay_command() -> Table {
    Table::of_project("relay_command")
        .uuid("id")
        .uuid("meter_id")
        .one_of("kind", &["close", "allow-close", "trip", "keep-power", "unkeep"])
        .bigint("seq")
        .text("reason")
        .time("issued_at")
        .time("not_after")
        .one_of("state", COMMAND_STATES)
        .text("detail?")
        .time("ended_at?")
        .key(&["project_id", "id"])
        .unique(&["project_id", "meter_id", "seq"])
        .refers("meter_id", "meter")
}
