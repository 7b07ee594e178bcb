//! Persons: tenants as the phone knows them, by what they are known, and their sign-ins.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_21_000030_person"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![person(), identity(), person_session(), sign_in_ticket()]
}

/// A person who signs in to the tenant's pages. Global: a person may have homes in many projects.
fn person() -> Table {
    Table::global("person")
        .uuid("id")
        .text("name?")
        .one_of("language", &["zh-CN", "en"])
        .flag("elder")
        .one_of("theme", &["system", "light", "dark"])
        .time("created_at")
        // Raised by signing out everywhere; tokens carry the number they were made under.
        .bigint_from("session_version", 0)
        .key(&["id"])
}

/// By what a person is known. One openid, one user id, one phone number is one person's.
fn identity() -> Table {
    Table::global("identity")
        .one_of("kind", &["wechat-mini", "wechat-page", "alipay", "phone", "wechat-union"])
        .text("scope")
        .text("value")
        .uuid("person_id")
        .time("since")
        .key(&["kind", "scope", "value"])
        .refers_to_global("person_id", "person")
        .index(&["person_id"])
}

/// A sign-in with all refresh tokens that follow from it; only hashes are kept.
fn person_session() -> Table {
    Table::global("person_session")
        .uuid("family")
        .uuid("person_id")
        .bigint("session_version")
        .text("refresh_hash")
        .text("previous_hash?")
        .time("created_at")
        .time("rotated_at")
        .time("expires_at")
        .text("client")
        .text("ip")
        .time("revoked_at?")
        .text("why?")
        .key(&["family"])
        .refers_to_global("person_id", "person")
        .index(&["person_id"])
        .index(&["expires_at"])
}

/// What a browser brings back from a sign-in page, once.
fn sign_in_ticket() -> Table {
    Table::global("sign_in_ticket")
        .text("hash")
        .uuid("person_id")
        .text("browser_hash")
        .time("created_at")
        .time("expires_at")
        .time("used_at?")
        .key(&["hash"])
        .refers_to_global("person_id", "person")
        .index(&["expires_at"])
}
