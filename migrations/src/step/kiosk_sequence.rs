//! The numbers kiosks give what they tell of orders, so that what is missing or doubled shows.

use sea_orm_migration::prelude::*;

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_21_000052_kiosk_sequence"
    }
}

/// The ways to the rows: each its name, its table and columns, and which rows stand in it.
const INDEXES: [&str; 2] = [
    "kiosk_event_boot_id_seq_some on kiosk_event (project_id, kiosk_id, boot_id, seq) \
     where seq is not null",
    // Every order and every bill asks whether its meter has a card.
    "kiosk_card_meter_id_idx on kiosk_card (project_id, meter_id)",
];

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Absent in what an earlier program kept and in what an earlier kiosk tells.
        let boot_id = ColumnDef::new("boot_id").uuid().null().take();
        let seq = ColumnDef::new("seq").big_integer().null().take();
        for column in [boot_id, seq] {
            let event = sea_query::Table::alter().table("kiosk_event").add_column(column).take();
            manager.alter_table(event).await?;
        }
        for index in INDEXES {
            manager.get_connection().execute_unprepared(&format!("create index {index}")).await?;
        }
        Ok(())
    }
}
