//! Readings not yet folded into their day.

use sea_orm::entity::prelude::*;

/// Readings not yet folded into their day.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reading_today")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub item: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    pub at: DateTimeUtc,
    pub value: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
