//! The books and the operation log refuse to be emptied at once, too: PostgreSQL tells no row
//! trigger of a `truncate`. (SQLite has none, and deletes row by row.)

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

use super::append_only::APPEND_ONLY;

/// The step; applied once and never edited after a release.
pub struct Step;

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000012_truncate"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == DbBackend::Sqlite {
            return Ok(());
        }
        let db = manager.get_connection();
        for table in APPEND_ONLY {
            let sql = format!(
                "create trigger {table}_no_truncate before truncate on {table} \
                 for each statement execute function refuse_change()"
            );
            db.execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}
