//! Orders a person placed by phone: who, how, the link on the receipt, the live page, C6.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_21_000034_tenant_order"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![order_tenant(), receipt_locator(), stream_ticket(), shipping()]
}

/// Who placed an order by phone, and from which page.
fn order_tenant() -> Table {
    Table::of_project("order_tenant")
        .uuid("order_id")
        .uuid("person_id")
        .one_of("way", &["wechat-mini", "wechat-page", "wechat-h5", "alipay-mini", "alipay-page"])
        .flag("appliances_off")
        .time("placed_at")
        .key(&["project_id", "order_id"])
        .refers("order_id", "orders")
        .refers_to_global("person_id", "person")
        .index(&["person_id", "placed_at"])
}

/// The random link printed on a receipt, and the order it verifies.
fn receipt_locator() -> Table {
    Table::global("receipt_locator")
        .text("token")
        .bigint("project_id")
        .uuid("order_id")
        .time("created_at")
        .key(&["token"])
        .unique(&["project_id", "order_id"])
}

/// Opens the live page of one order once; a browser cannot send a token with an event stream.
fn stream_ticket() -> Table {
    Table::global("stream_ticket")
        .text("hash")
        .uuid("person_id")
        .bigint("project_id")
        .uuid("order_id")
        .time("expires_at")
        .time("used_at?")
        .key(&["hash"])
        .index(&["expires_at"])
}

/// Telling WeChat that a mini-program order was delivered, without which its money stays frozen
/// (`payments.md` C6).
fn shipping() -> Table {
    Table::of_project("shipping")
        .uuid("order_id")
        .one_of("state", &["waiting", "sent", "failed", "skipped"])
        .count("attempts")
        .time("next_at?")
        .text("why?")
        .time("updated_at")
        .key(&["project_id", "order_id"])
        .refers("order_id", "orders")
        .index_where(&["next_at"], "state = 'waiting'")
}
