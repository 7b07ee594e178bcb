//! The schema's history: one ordered list of steps for SQLite and PostgreSQL.
//!
//! A step that has been released is never edited; what is wrong is put right by a later step
//! (`docs/migrations.md`). The list is the only place that creates or changes a table.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

pub mod table;
pub use table::{GLOBAL_TABLES, Table};
pub mod step;

/// The ordered list of steps, applied by `store::Store::migrate`.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(step::directory::Step),
            Box::new(step::operator::Step),
            Box::new(step::premises::Step),
            Box::new(step::order::Step),
            Box::new(step::ledger::Step),
            Box::new(step::vend::Step),
            Box::new(step::reading::Step),
            Box::new(step::job::Step),
            Box::new(step::append_only::Step),
            Box::new(step::meter_epoch::Step),
            Box::new(step::framing::Step),
            Box::new(step::truncate::Step),
            Box::new(step::reading_gap::Step),
            Box::new(step::call::Step),
            Box::new(step::lookup::Step),
            Box::new(step::person::Step),
            Box::new(step::challenge::Step),
            Box::new(step::binding::Step),
            Box::new(step::notice::Step),
            Box::new(step::tenant_order::Step),
            Box::new(step::tenant_look::Step),
            Box::new(step::kiosk::Step),
            Box::new(step::kiosk_sale::Step),
            Box::new(step::kiosk_sequence::Step),
        ]
    }
}
