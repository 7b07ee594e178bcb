//! Which version a kiosk has shown, or could not.

use sea_orm::entity::prelude::*;

/// Which version a kiosk has shown, or could not.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kiosk_shown")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kiosk_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub content_version: i64,
    pub shown: bool,
    pub why: Option<String>,
    pub at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
