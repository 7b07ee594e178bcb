//! One table as the steps write it down: a line per column, the same for both databases.

use sea_orm_migration::{
    prelude::*,
    sea_orm::DbBackend,
    sea_query::{IndexCreateStatement, TableCreateStatement},
};

/// Tables outside any project: what a callback, a dialling gateway or a login finds its project by.
///
/// Every other table leads its primary and unique keys with `project_id`, so that the same schema
/// distributes by project (design §4).
pub const GLOBAL_TABLES: &[&str] = &[
    "project",
    "merchant",
    "gateway",
    "operator",
    "operator_role",
    "operator_session",
    "operation_log",
    "setting",
    "order_locator",
    "attempt_locator",
    "inbox",
    "person",
    "identity",
    "person_session",
    "sign_in_ticket",
    "sms_challenge",
    "rate",
    "meter_tag",
    "home",
    "invitation",
    "notice_choice",
    "notice_quiet",
    "subscription_quota",
    "receipt_locator",
    "stream_ticket",
    "kiosk_pairing",
    "kiosk_locator",
    "kiosk_challenge",
    "kiosk_session",
    "kiosk_upload",
    "holiday_list",
];

/// Creates the tables of a step, in the order given: one that refers to another comes after it.
///
/// Errors: the database's own; the step's transaction undoes what came before.
pub async fn create_all(manager: &SchemaManager<'_>, tables: Vec<Table>) -> Result<(), DbErr> {
    for table in tables {
        table.create(manager).await?;
    }
    Ok(())
}

/// A table in the making. A column name that ends in `?` may be null.
pub struct Table {
    name: &'static str,
    create: TableCreateStatement,
    indexes: Vec<IndexCreateStatement>,
    key_is_the_row: bool,
}

impl Table {
    /// A table that belongs to no project; its name stands in [`GLOBAL_TABLES`].
    pub fn global(name: &'static str) -> Self {
        let create = sea_query::Table::create().table(name).take();
        Table { name, create, indexes: Vec::new(), key_is_the_row: false }
    }

    /// A table of a project: `project_id` comes first, in the row and in every key.
    pub fn of_project(name: &'static str) -> Self {
        Table::global(name).bigint("project_id")
    }

    /// A 128-bit id.
    pub fn uuid(self, name: &'static str) -> Self {
        self.column(name, |c| c.uuid())
    }

    /// A text of any length; the application bounds it.
    pub fn text(self, name: &'static str) -> Self {
        self.column(name, |c| c.text())
    }

    /// A 16-bit number.
    pub fn smallint(self, name: &'static str) -> Self {
        self.column(name, |c| c.small_integer())
    }

    /// A 32-bit number.
    pub fn int(self, name: &'static str) -> Self {
        self.column(name, |c| c.integer())
    }

    /// A 64-bit number.
    pub fn bigint(self, name: &'static str) -> Self {
        self.column(name, |c| c.big_integer())
    }

    /// A 64-bit number that starts at a value when a writer does not know the column.
    pub fn bigint_from(self, name: &'static str, start: i64) -> Self {
        self.column(name, |c| c.big_integer().default(start))
    }

    /// A 64-bit number the database counts up; the whole primary key.
    pub fn serial(mut self, name: &'static str) -> Self {
        let column = ColumnDef::new(name).big_integer().auto_increment().primary_key().take();
        self.create.col(column);
        self
    }

    /// Yes or no.
    pub fn flag(self, name: &'static str) -> Self {
        self.column(name, |c| c.boolean())
    }

    /// A moment, UTC.
    pub fn time(self, name: &'static str) -> Self {
        self.column(name, |c| c.timestamp_with_time_zone())
    }

    /// A calendar day.
    pub fn date(self, name: &'static str) -> Self {
        self.column(name, |c| c.date())
    }

    /// Raw bytes.
    pub fn bytes(self, name: &'static str) -> Self {
        self.column(name, |c| c.blob())
    }

    /// A text that is one of the given names, checked by the database (I8).
    pub fn one_of(self, name: &'static str, names: &[&str]) -> Self {
        let column = name.trim_end_matches('?');
        let list = names.iter().map(|n| format!("'{n}'")).collect::<Vec<_>>().join(", ");
        self.text(name).check(format!("{column} in ({list})"))
    }

    /// An amount in fen above zero, checked by the database.
    pub fn amount(self, name: &'static str) -> Self {
        self.bigint(name).check(format!("{name} > 0"))
    }

    /// A number that is never below zero, checked by the database.
    pub fn count(self, name: &'static str) -> Self {
        let column = name.trim_end_matches('?');
        self.bigint(name).check(format!("{column} >= 0"))
    }

    /// A condition every row has to meet, in SQL both databases read alike.
    pub fn check(mut self, condition: String) -> Self {
        self.create.check(Expr::cust(condition));
        self
    }

    /// The primary key.
    pub fn key(mut self, columns: &[&'static str]) -> Self {
        let mut index = Index::create();
        columns.iter().for_each(|c| {
            index.col(*c);
        });
        self.create.primary_key(&mut index);
        self
    }

    /// Keeps the row inside its key's tree on SQLite (`WITHOUT ROWID`): one tree to write instead
    /// of two, for narrow rows.
    pub fn stored_in_key_order(mut self) -> Self {
        self.key_is_the_row = true;
        self
    }

    /// Columns no two rows may share.
    pub fn unique(self, columns: &[&'static str]) -> Self {
        self.indexed(columns, "key", |index| index.unique().take())
    }

    /// Columns no two rows that meet a condition may share.
    pub fn unique_where(self, columns: &[&'static str], condition: &'static str) -> Self {
        self.indexed(columns, "only", |i| i.unique().cond_where(Expr::cust(condition)).take())
    }

    /// Columns rows are looked up by.
    pub fn index(self, columns: &[&'static str]) -> Self {
        self.indexed(columns, "idx", |index| index.take())
    }

    /// Columns by which the few rows that meet a condition are looked up.
    pub fn index_where(self, columns: &[&'static str], condition: &'static str) -> Self {
        self.indexed(columns, "some", |i| i.cond_where(Expr::cust(condition)).take())
    }

    /// A reference into another table of the same project.
    pub fn refers(mut self, column: &'static str, table: &'static str) -> Self {
        let key = ForeignKey::create()
            .name(format!("{}_{column}_ref", self.name))
            .from(self.name, ("project_id", column))
            .to(table, ("project_id", "id"))
            .take();
        self.create.foreign_key(&mut key.clone());
        self
    }

    /// A reference into a table outside any project.
    pub fn refers_to_global(mut self, column: &'static str, table: &'static str) -> Self {
        let key = ForeignKey::create()
            .name(format!("{}_{column}_ref", self.name))
            .from(self.name, column)
            .to(table, "id")
            .take();
        self.create.foreign_key(&mut key.clone());
        self
    }

    /// Creates the table and its indexes.
    pub async fn create(mut self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        if self.key_is_the_row && manager.get_database_backend() == DbBackend::Sqlite {
            self.create.extra("WITHOUT ROWID");
        }
        manager.create_table(self.create).await?;
        for index in self.indexes {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    fn indexed(
        mut self,
        columns: &[&'static str],
        suffix: &str,
        shape: impl FnOnce(&mut IndexCreateStatement) -> IndexCreateStatement,
    ) -> Self {
        let own = columns.iter().filter(|c| **c != "project_id").copied().collect::<Vec<_>>();
        let mut index = Index::create();
        index.name(format!("{}_{}_{suffix}", self.name, own.join("_"))).table(self.name);
        columns.iter().for_each(|c| {
            index.col(*c);
        });
        self.indexes.push(shape(&mut index));
        self
    }

    fn column(
        mut self,
        name: &'static str,
        shape: impl FnOnce(&mut ColumnDef) -> &mut ColumnDef,
    ) -> Self {
        let plain = name.trim_end_matches('?');
        let mut column = ColumnDef::new(plain);
        let column = shape(&mut column);
        if plain == name {
            column.not_null();
        }
        self.create.col(column);
        self
    }
}
