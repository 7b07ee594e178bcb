//! Ways to what a tenant looks at: the alarms of their meters, without reading the project's.

use sea_orm_migration::prelude::*;

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_21_000040_tenant_look"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = "create index alarm_subject_id_raised_at_idx \
             on alarm (project_id, subject_id, raised_at)";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
