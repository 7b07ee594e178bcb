//! Acrel's 4G framing becomes a name that a gateway's row may hold: a wider check.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use crate::table::Table;

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000011_framing"
    }
}

/// What a modem puts around the meters' bytes.
const FRAMINGS: &[&str] = &["plain", "usr", "ebyte", "four-faith", "hongdian", "acrel-4g"];

/// Every column of the table as it is before this step.
const COLUMNS: &str = "id, project_id, name, registration, link, address, framing, heartbeat_s, \
                       settings, owner, owner_token, lease_until";

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        if manager.get_database_backend() != DbBackend::Sqlite {
            let names = FRAMINGS.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>();
            let sql = format!(
                "alter table gateway drop constraint gateway_framing_check, \
                 add constraint gateway_framing_check check (framing in ({}))",
                names.join(", ")
            );
            return db.execute_unprepared(&sql).await.map(|_| ());
        }
        // SQLite cannot change a check in place. Meters refer to gateways, so the references are
        // checked at the commit, when every gateway stands again.
        db.execute_unprepared("pragma defer_foreign_keys = on").await?;
        let keep = format!("create table gateway_before as select {COLUMNS} from gateway");
        db.execute_unprepared(&keep).await?;
        db.execute_unprepared("drop table gateway").await?;
        gateway().create(manager).await?;
        let back = format!("insert into gateway ({COLUMNS}) select {COLUMNS} from gateway_before");
        db.execute_unprepared(&back).await?;
        db.execute_unprepared("drop table gateway_before").await?;
        Ok(())
    }
}

/// The table of the first step with the wider check.
fn gateway() -> Table {
    Table::global("gateway")
        .uuid("id")
        .bigint("project_id")
        .text("name")
        .text("registration?")
        .one_of("link", &["dial-in", "dial-out", "modbus-tcp"])
        .text("address?")
        .one_of("framing", FRAMINGS)
        .int("heartbeat_s")
        .text("settings")
        .text("owner?")
        .bigint_from("owner_token", 0)
        .time("lease_until?")
        .key(&["id"])
        .unique(&["registration"])
        .index(&["project_id"])
}
