//! Homes of persons: the QR on a meter, the proofs, and who lives where.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_21_000032_binding"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![meter_tag(), binding(), home(), binding_code(), invitation(), binding_request()]
}

/// What is printed as a QR on a meter. Random, so that nobody counts up to the next one.
fn meter_tag() -> Table {
    Table::global("meter_tag")
        .text("tag")
        .bigint("project_id")
        .uuid("meter_id")
        .time("created_at")
        .time("revoked_at?")
        .key(&["tag"])
        .unique_where(&["project_id", "meter_id"], "revoked_at is null")
}

/// A person's tie to a home, which is an account; kept when it has ended.
fn binding() -> Table {
    Table::of_project("binding")
        .uuid("id")
        .uuid("account_id")
        .uuid("person_id")
        .one_of("role", &["owner", "member"])
        .one_of("proof", &["code", "sms", "invitation", "staff"])
        .uuid("invited_by?")
        .time("since")
        .time("ended_at?")
        .text("why?")
        .key(&["project_id", "id"])
        .unique_where(&["project_id", "account_id", "person_id"], "ended_at is null")
        .unique_where(&["project_id", "account_id"], "ended_at is null and role = 'owner'")
        .index_where(&["project_id", "ended_at"], "ended_at is not null")
        .refers("account_id", "account")
        .refers_to_global("person_id", "person")
}

/// Finds the homes of a person over all projects; a row lives as long as its binding is in force.
fn home() -> Table {
    Table::global("home")
        .uuid("person_id")
        .bigint("project_id")
        .uuid("account_id")
        .uuid("binding_id")
        .time("since")
        .key(&["person_id", "project_id", "account_id"])
        .index(&["project_id", "account_id"])
}

/// The code printed for an account; printing another one replaces it.
fn binding_code() -> Table {
    Table::of_project("binding_code")
        .uuid("account_id")
        .text("code_hash")
        .time("printed_at")
        .uuid("printed_by?")
        .time("expires_at")
        .count("uses_left")
        .count("tries")
        .key(&["project_id", "account_id"])
        .refers("account_id", "account")
}

/// An owner's invitation, found by its code whatever project it is in.
fn invitation() -> Table {
    Table::global("invitation")
        .text("code_hash")
        .bigint("project_id")
        .uuid("account_id")
        .uuid("invited_by")
        .time("created_at")
        .time("expires_at")
        .uuid("used_by?")
        .time("used_at?")
        .time("ended_at?")
        .key(&["code_hash"])
        .index(&["project_id", "account_id"])
        .index(&["expires_at"])
}

/// A person's request to be bound, which staff decide.
fn binding_request() -> Table {
    Table::of_project("binding_request")
        .uuid("id")
        .uuid("account_id")
        .uuid("meter_id")
        .uuid("person_id")
        .text("name")
        .text("note")
        .one_of("state", &["open", "accepted", "refused", "withdrawn"])
        .time("created_at")
        .time("decided_at?")
        .uuid("decided_by?")
        .text("why?")
        .key(&["project_id", "id"])
        .unique_where(&["project_id", "account_id", "person_id"], "state = 'open'")
        .index(&["project_id", "state", "created_at"])
        .index(&["person_id", "created_at"])
        .refers("account_id", "account")
        .refers("meter_id", "meter")
        .refers_to_global("person_id", "person")
}
