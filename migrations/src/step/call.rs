//! A job that is called while a worker holds it remembers the call until the worker lets go.

use sea_orm_migration::prelude::*;

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000020_call"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A release that does not know the column writes jobs nobody has called.
        let sql = "alter table job add column called boolean not null default false";
        manager.get_connection().execute_unprepared(sql).await?;
        Ok(())
    }
}
