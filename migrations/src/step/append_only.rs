//! The books and the operation log refuse to be edited row by row. `truncate` is refused by a
//! later step; SQLite's `insert or replace` by the store's connections, which let triggers see the
//! rows it replaces (`recursive_triggers`). Whoever owns the database can still drop a trigger:
//! against that helps only a copy elsewhere.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// The step; applied once and never edited after a release.
pub struct Step;

/// Tables whose rows are never changed or deleted.
pub const APPEND_ONLY: &[&str] = &["ledger_transaction", "posting", "operation_log"];

impl MigrationName for Step {
    fn name(&self) -> &str {
        "m2026_11_20_000009_append_only"
    }
}

/// Invariant: no posting, transaction or log row is ever changed (I1, I15); proved by
/// `the_books_refuse_update_and_delete`.
#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let sqlite = manager.get_database_backend() == DbBackend::Sqlite;
        if !sqlite {
            db.execute_unprepared(POSTGRES_GUARD).await?;
        }
        for table in APPEND_ONLY {
            for verb in ["update", "delete"] {
                let name = format!("{table}_no_{verb}");
                let act = if sqlite {
                    format!("begin select raise(abort, '{table} is append only'); end")
                } else {
                    "for each row execute function refuse_change()".to_owned()
                };
                let sql = format!("create trigger {name} before {verb} on {table} {act}");
                db.execute_unprepared(&sql).await?;
            }
        }
        if !sqlite {
            let sql = "create sequence posting_seq;
                alter table posting alter column seq set default nextval('posting_seq')";
            db.execute_unprepared(sql).await?;
        }
        Ok(())
    }
}

const POSTGRES_GUARD: &str = "
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append only', tg_table_name using errcode = 'restrict_violation';
end $$";
