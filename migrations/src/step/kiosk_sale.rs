//! What kiosks show and sell: content, files, proof of play, orders, prints, cards, vouchers.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_21_000051_kiosk_sale"
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
        holiday_list(),
        kiosk_content(),
        kiosk_shown(),
        kiosk_file(),
        kiosk_file_part(),
        kiosk_play(),
        order_kiosk(),
        kiosk_print(),
        kiosk_card(),
        kiosk_voucher(),
    ]
}

/// The days off and worked of the whole country, as they were imported.
fn holiday_list() -> Table {
    Table::global("holiday_list")
        .bigint("version")
        .text("body")
        .time("created_at")
        .key(&["version"])
}

/// One version of the home screen of a site's kiosks.
fn kiosk_content() -> Table {
    Table::of_project("kiosk_content")
        .bigint("content_version")
        .one_of("state", &["draft", "published", "retired"])
        .text("body")
        .uuid("operator_id?")
        .time("created_at")
        .time("published_at?")
        .key(&["project_id", "content_version"])
        .unique_where(&["project_id"], "state = 'published'")
}

/// Which version a kiosk has shown, or could not.
fn kiosk_shown() -> Table {
    Table::of_project("kiosk_shown")
        .uuid("kiosk_id")
        .bigint("content_version")
        .flag("shown")
        .text("why?")
        .time("at")
        .key(&["project_id", "kiosk_id", "content_version"])
        .refers("kiosk_id", "kiosk")
}

/// A picture or video, named by its digest.
fn kiosk_file() -> Table {
    Table::of_project("kiosk_file")
        .text("sha256")
        .count("size")
        .text("media_type")
        .flag("whole")
        .time("created_at")
        .key(&["project_id", "sha256"])
}

/// A part of such a file: small, so that money never waits long behind one.
fn kiosk_file_part() -> Table {
    Table::of_project("kiosk_file_part").text("sha256").count("part").bytes("bytes").key(&[
        "project_id",
        "sha256",
        "part",
    ])
}

/// How often and how long a file was shown on a day (proof of play).
fn kiosk_play() -> Table {
    Table::of_project("kiosk_play")
        .uuid("kiosk_id")
        .text("sha256")
        .date("day")
        .count("plays")
        .count("shown_ms")
        .key(&["project_id", "kiosk_id", "sha256", "day"])
        .refers("kiosk_id", "kiosk")
}

/// Which kiosk an order was placed at, and in which session there.
fn order_kiosk() -> Table {
    Table::of_project("order_kiosk")
        .uuid("order_id")
        .uuid("kiosk_id")
        .uuid("session")
        .uuid("client_id")
        .flag("without_paper")
        .text("card_uid?")
        .time("placed_at")
        .key(&["project_id", "order_id"])
        .unique(&["project_id", "kiosk_id", "client_id"])
        .refers("order_id", "orders")
        .refers("kiosk_id", "kiosk")
        .index(&["project_id", "kiosk_id", "placed_at"])
}

/// A copy of a receipt on paper. The row is there before the paper.
fn kiosk_print() -> Table {
    Table::of_project("kiosk_print")
        .uuid("id")
        .uuid("order_id")
        .uuid("kiosk_id")
        .flag("automatic")
        .count("copy_no")
        .one_of("state", &["sent", "printed", "paper_out", "failed", "unknown"])
        .count("paper_mm")
        .time("requested_at")
        .time("ended_at?")
        .key(&["project_id", "id"])
        .unique(&["project_id", "order_id", "copy_no"])
        .refers("order_id", "orders")
        .refers("kiosk_id", "kiosk")
}

/// A card that carries value to one meter.
fn kiosk_card() -> Table {
    Table::of_project("kiosk_card")
        .bigint("card_no")
        .text("uid")
        .uuid("meter_id")
        .count("seq")
        .one_of("state", &["active", "frozen"])
        .text("reason?")
        .time("created_at")
        .bigint_from("version", 0)
        .key(&["project_id", "card_no"])
        .unique(&["project_id", "uid"])
        .refers("meter_id", "meter")
}

/// The one voucher of an order.
fn kiosk_voucher() -> Table {
    Table::of_project("kiosk_voucher")
        .uuid("id")
        .uuid("order_id")
        .bigint("card_no")
        .count("seq")
        .count("copy_no")
        .amount("amount_fen")
        .text("blocks")
        .one_of("state", &["issued", "written", "not_written", "unknown"])
        .time("issued_at")
        .time("expires_at")
        .time("ended_at?")
        .key(&["project_id", "id"])
        .unique(&["project_id", "order_id"])
        .unique(&["project_id", "card_no", "seq"])
        .refers("order_id", "orders")
}
