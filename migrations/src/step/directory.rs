//! Where a callback, a dialling gateway or a process finds its project.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000001_directory"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![project(), merchant(), gateway(), setting()]
}

/// A site (项目).
fn project() -> Table {
    Table::global("project")
        .bigint("id")
        .text("name")
        .text("name_en")
        .one_of("currency", &["CNY"])
        .text("timezone")
        .time("created_at")
        .key(&["id"])
}

/// A merchant account at a payment provider, with the unguessable part of its callback address.
fn merchant() -> Table {
    Table::global("merchant")
        .uuid("id")
        .bigint("project_id")
        .one_of("provider", &["wechat-pay", "alipay"])
        .one_of("mode", &["ordinary", "partner"])
        .text("merchant_no")
        .text("sub_merchant_no")
        .text("app_id")
        .text("sub_app_id?")
        .text("path_token")
        .text("key_dir")
        .text("config")
        .flag("active")
        .time("created_at")
        .key(&["id"])
        .unique(&["path_token"])
        .unique(&["provider", "merchant_no", "app_id", "sub_merchant_no"])
        .index(&["project_id"])
}

/// A DTU or collector; its owner's lease carries a fencing token (design §5).
fn gateway() -> Table {
    Table::global("gateway")
        .uuid("id")
        .bigint("project_id")
        .text("name")
        .text("registration?")
        .one_of("link", &["dial-in", "dial-out", "modbus-tcp"])
        .text("address?")
        .one_of("framing", &["plain", "usr", "ebyte", "four-faith", "hongdian"])
        .int("heartbeat_s")
        .text("settings")
        .text("owner?")
        .bigint_from("owner_token", 0)
        .time("lease_until?")
        .key(&["id"])
        .unique(&["registration"])
        .index(&["project_id"])
}

/// One process-wide value, such as `safe_mode` or `epoch`.
fn setting() -> Table {
    Table::global("setting").text("key").text("value").key(&["key"])
}
