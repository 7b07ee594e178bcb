//! Kiosks: who they are, whether they are there, what is asked of them.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_21_000050_kiosk"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![
        kiosk_pairing(),
        kiosk_locator(),
        kiosk_challenge(),
        kiosk_session(),
        kiosk_upload(),
        kiosk(),
        kiosk_pulse(),
        kiosk_interval(),
        kiosk_command(),
        kiosk_received(),
        kiosk_event(),
    ]
}

/// An unpaired kiosk that asked for a code. The first characters of the code find the row, the
/// rest is proven and counted.
fn kiosk_pairing() -> Table {
    Table::global("kiosk_pairing")
        .uuid("id")
        .text("selector")
        .text("code_hash")
        .text("secret_hash")
        .text("public_key")
        .text("hardware")
        .text("software")
        .time("created_at")
        .time("expires_at")
        .count("tries")
        .one_of("state", &["waiting", "taken", "burnt"])
        .bigint("project_id?")
        .uuid("kiosk_id?")
        .key(&["id"])
        .unique_where(&["selector"], "state = 'waiting'")
        .index(&["expires_at"])
}

/// The project of a kiosk, for whoever only knows its id; one key is one kiosk.
fn kiosk_locator() -> Table {
    Table::global("kiosk_locator")
        .uuid("kiosk_id")
        .bigint("project_id")
        .text("public_key")
        .key(&["kiosk_id"])
        .unique(&["public_key"])
}

/// A nonce of the greeting, gone once it was used.
fn kiosk_challenge() -> Table {
    Table::global("kiosk_challenge")
        .text("hash")
        .uuid("kiosk_id")
        .time("expires_at")
        .key(&["hash"])
        .index(&["expires_at"])
}

/// A session of one start of one kiosk.
fn kiosk_session() -> Table {
    Table::global("kiosk_session")
        .text("hash")
        .uuid("kiosk_id")
        .bigint("project_id")
        .uuid("boot_id")
        .time("created_at")
        .time("expires_at")
        .time("ended_at?")
        .key(&["hash"])
        .index(&["kiosk_id"])
        .index(&["expires_at"])
}

/// An address something may be sent to once.
fn kiosk_upload() -> Table {
    Table::global("kiosk_upload")
        .text("hash")
        .bigint("project_id")
        .uuid("kiosk_id")
        .uuid("command_id")
        .one_of("kind", &["screenshot", "log"])
        .time("expires_at")
        .time("used_at?")
        .key(&["hash"])
        .index(&["expires_at"])
}

/// A kiosk (终端) of a site.
fn kiosk() -> Table {
    Table::of_project("kiosk")
        .uuid("id")
        .text("number")
        .text("name")
        .text("public_key")
        .one_of("state", &["active", "quarantined", "revoked"])
        .text("reason?")
        .text("settings")
        .bigint("settings_version")
        .text("hardware")
        .text("software")
        .uuid("boot_id?")
        .time("boot_at?")
        .time("paired_at")
        .time("ended_at?")
        .bigint_from("version", 0)
        .key(&["project_id", "id"])
        .unique(&["project_id", "number"])
}

/// How a kiosk was last heard to be.
fn kiosk_pulse() -> Table {
    Table::of_project("kiosk_pulse")
        .uuid("kiosk_id")
        .uuid("boot_id")
        .time("heard_at")
        .one_of("way", &["socket", "poll"])
        .text("beat")
        .text("state")
        .time("state_at")
        .flag("idle")
        .bigint("content_shown?")
        .key(&["project_id", "kiosk_id"])
        .refers("kiosk_id", "kiosk")
}

/// A stretch of time in which a kiosk was there; open while it is.
fn kiosk_interval() -> Table {
    Table::of_project("kiosk_interval")
        .uuid("kiosk_id")
        .time("from_at")
        .time("to_at?")
        .text("reason")
        .key(&["project_id", "kiosk_id", "from_at"])
        .unique_where(&["project_id", "kiosk_id"], "to_at is null")
        .refers("kiosk_id", "kiosk")
}

/// Something asked of a kiosk.
fn kiosk_command() -> Table {
    Table::of_project("kiosk_command")
        .uuid("id")
        .uuid("kiosk_id")
        .text("verb")
        .text("args")
        .time("issued_at")
        .time("expires_at")
        .uuid("boot_id?")
        .text("signature")
        .one_of(
            "state",
            &[
                "queued", "sent", "accepted", "deferred", "refused", "expired", "running", "done",
                "failed",
            ],
        )
        .text("detail")
        .uuid("operator_id?")
        .uuid("second_id?")
        .time("updated_at")
        .key(&["project_id", "id"])
        .refers("kiosk_id", "kiosk")
        .index(&["project_id", "kiosk_id", "issued_at"])
}

/// A picture of a screen or a log that a kiosk sent.
fn kiosk_received() -> Table {
    Table::of_project("kiosk_received")
        .uuid("id")
        .uuid("kiosk_id")
        .one_of("kind", &["screenshot", "log"])
        .text("media_type")
        .bytes("bytes")
        .time("received_at")
        .key(&["project_id", "id"])
        .refers("kiosk_id", "kiosk")
        .index(&["project_id", "kiosk_id", "received_at"])
}

/// A message of a kiosk that counts once.
fn kiosk_event() -> Table {
    Table::of_project("kiosk_event")
        .uuid("kiosk_id")
        .uuid("id")
        .time("at")
        .one_of("kind", &["fault", "abandoned", "played", "order"])
        .text("name")
        .text("detail")
        .uuid("order_id?")
        .key(&["project_id", "kiosk_id", "id"])
        .refers("kiosk_id", "kiosk")
        .index(&["project_id", "kiosk_id", "at"])
}
