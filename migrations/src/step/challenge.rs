//! Codes sent by SMS, and what may be spent in a stretch of time.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_21_000031_challenge"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![sms_challenge(), rate()]
}

/// A code sent by SMS and waiting to be said back. The rows go a day after their time.
fn sms_challenge() -> Table {
    Table::global("sms_challenge")
        .uuid("id")
        .one_of("purpose", &["sign-in", "bind", "phone"])
        // The number itself, because a sign-in makes an identity of it; none where nothing is sent.
        .text("phone?")
        .text("phone_hash")
        .text("phone_masked")
        .text("code_hash")
        .time("created_at")
        .time("expires_at")
        .count("tries")
        .uuid("person_id?")
        .bigint("project_id?")
        .uuid("meter_id?")
        .uuid("account_id?")
        .time("used_at?")
        .one_of("delivery", &["waiting", "sent", "delivered", "failed", "skipped"])
        .text("provider_message?")
        .text("why?")
        .key(&["id"])
        .index(&["expires_at"])
}

/// What was spent under a name since its window began.
fn rate() -> Table {
    Table::global("rate")
        .text("key")
        .time("window_start")
        .count("spent")
        .key(&["key"])
        .stored_in_key_order()
        .index(&["window_start"])
}
