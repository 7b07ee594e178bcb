//! Who may sign in, what they may do, and what they did.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000002_operator"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![operator(), operator_role(), operator_session(), operation_log()]
}

/// A person who signs in to the console.
fn operator() -> Table {
    Table::global("operator")
        .uuid("id")
        .text("login")
        .text("name")
        .text("password_hash?")
        .text("totp_secret?")
        .bigint("totp_last_step?")
        .one_of("state", &["invited", "active", "disabled"])
        .text("setup_token_hash?")
        .time("setup_expires_at?")
        .int("failed_count")
        .time("locked_until?")
        .time("created_at")
        .key(&["id"])
        .unique(&["login"])
}

/// What an operator may do in a project; project 0 stands for all.
fn operator_role() -> Table {
    Table::global("operator_role")
        .uuid("operator_id")
        .bigint("project_id")
        .text("role")
        .key(&["operator_id", "project_id", "role"])
        .refers_to_global("operator_id", "operator")
}

/// A login; only the hash of its token is kept.
fn operator_session() -> Table {
    Table::global("operator_session")
        .uuid("id")
        .uuid("operator_id")
        .text("token_hash")
        .time("created_at")
        .time("last_seen_at")
        .time("expires_at")
        .text("ip")
        .text("user_agent")
        .time("revoked_at?")
        .key(&["id"])
        .unique(&["token_hash"])
        .refers_to_global("operator_id", "operator")
        .index(&["operator_id"])
}

/// What was done by whom; append only.
fn operation_log() -> Table {
    Table::global("operation_log")
        .serial("id")
        .time("at")
        .uuid("operator_id?")
        .bigint("project_id?")
        .text("action")
        .text("target")
        .text("detail")
        .text("ip")
        .text("outcome")
        .index(&["project_id", "at"])
}
