//! Landlords, rooms, accounts, meters and their prices.

use sea_orm_migration::prelude::*;

use crate::{Table, table::create_all};

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000003_premises"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_all(manager, tables()).await
    }
}

fn tables() -> Vec<Table> {
    vec![landlord(), room(), account(), tariff(), meter()]
}

/// A landlord (房东).
fn landlord() -> Table {
    Table::of_project("landlord").uuid("id").text("name").text("phone?").key(&["project_id", "id"])
}

/// A room or shop that can be let.
fn room() -> Table {
    Table::of_project("room")
        .uuid("id")
        .text("building")
        .int("floor")
        .text("number")
        .int("area_m2_e2?")
        .uuid("landlord_id?")
        .text("tags")
        .key(&["project_id", "id"])
        .unique(&["project_id", "building", "number"])
        .refers("landlord_id", "landlord")
}

/// A customer account (户) of one room.
fn account() -> Table {
    Table::of_project("account")
        .uuid("id")
        .text("account_no")
        .uuid("room_id")
        .text("name")
        .text("phone?")
        .text("customer_no")
        .one_of("state", &["open", "closed"])
        .time("opened_at")
        .time("closed_at?")
        .flag("protected")
        .bigint_from("version", 0)
        .key(&["project_id", "id"])
        .unique(&["project_id", "account_no"])
        .index(&["project_id", "room_id"])
        .refers("room_id", "room")
}

/// One version of a price; the latest `valid_from` not after a moment holds at that moment.
fn tariff() -> Table {
    Table::of_project("tariff")
        .uuid("id")
        .text("name")
        .one_of("purpose", &["electricity", "water", "gas"])
        .time("valid_from")
        .count("micro_yuan")
        .time("created_at")
        .key(&["project_id", "id"])
        .unique(&["project_id", "name", "valid_from"])
}

/// A meter (表计), electricity or water, on a bus of a gateway.
fn meter() -> Table {
    Table::of_project("meter")
        .uuid("id")
        .text("meter_no")
        .uuid("room_id?")
        .uuid("account_id?")
        .uuid("gateway_id")
        .int("bus")
        .text("address")
        .text("profile")
        .one_of("purpose", &["electricity", "water", "gas"])
        .one_of("money_model", &["meter-held", "platform-held"])
        .uuid("tariff_id?")
        .int("epoch")
        .count("purchase_count?")
        .one_of("state", &["in-service", "quarantined", "removed"])
        .text("quarantine_reason?")
        .int("ct")
        .int("pt")
        .bigint("base_reading")
        .int("reading_interval_s")
        .one_of("supply_policy", &["auto", "manual", "keep-power"])
        .time("created_at")
        .bigint_from("version", 0)
        .check("ct > 0 and pt > 0 and reading_interval_s > 0 and epoch > 0".into())
        .key(&["project_id", "id"])
        .unique(&["project_id", "meter_no"])
        .index(&["project_id", "gateway_id", "bus"])
        .index(&["project_id", "account_id"])
        .index(&["project_id", "room_id"])
        .refers("room_id", "room")
        .refers("account_id", "account")
        .refers("tariff_id", "tariff")
        .refers_to_global("gateway_id", "gateway")
}
