//! Notices to persons, what became of them, and what each person wants to be told how.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_21_000033_notice"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![notice(), notice_delivery(), notice_choice(), notice_quiet(), subscription_quota()]
}

/// A notice to a person, once for its reason.
fn notice() -> Table {
    Table::of_project("notice")
        .uuid("id")
        .uuid("person_id")
        .uuid("account_id?")
        .uuid("order_id?")
        .text("kind")
        .text("reason")
        .text("params")
        .time("created_at")
        .time("read_at?")
        .key(&["project_id", "id"])
        .unique(&["project_id", "person_id", "reason"])
        .index(&["person_id", "id"])
        .index_where(&["person_id"], "read_at is null")
}

/// A notice in one channel. Refers to its notice by name only: both are forgotten by age.
fn notice_delivery() -> Table {
    Table::of_project("notice_delivery")
        .uuid("notice_id")
        .one_of("channel", &["wechat", "service-account", "sms", "in-app"])
        .one_of("state", &["waiting", "sent", "delivered", "failed", "skipped"])
        .count("attempts")
        .time("next_at?")
        .text("provider_message?")
        .text("why?")
        .time("updated_at")
        .key(&["project_id", "notice_id", "channel"])
        .index_where(&["next_at"], "state = 'waiting'")
        .index_where(&["provider_message"], "provider_message is not null")
}

/// In which channels a person wants a kind of notice; no row leaves it to the house.
fn notice_choice() -> Table {
    Table::global("notice_choice")
        .uuid("person_id")
        .text("kind")
        .text("channels")
        .key(&["person_id", "kind"])
        .refers_to_global("person_id", "person")
}

/// When a person wants to be left in peace, in minutes of the local day.
fn notice_quiet() -> Table {
    Table::global("notice_quiet")
        .uuid("person_id")
        .int("from_minute")
        .int("until_minute")
        .check("from_minute between 0 and 1439 and until_minute between 0 and 1439".into())
        .key(&["person_id"])
        .refers_to_global("person_id", "person")
}

/// How many messages of a template WeChat lets us send to an openid still.
fn subscription_quota() -> Table {
    Table::global("subscription_quota")
        .text("app_id")
        .text("openid")
        .text("template_id")
        .count("messages_left")
        .time("updated_at")
        .key(&["app_id", "openid", "template_id"])
        .stored_in_key_order()
}
