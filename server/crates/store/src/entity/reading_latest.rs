//! The newest good reading of an item.

use sea_orm::entity::prelude::*;

/// The newest good reading of an item.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reading_latest")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub item: i16,
    pub at: DateTimeUtc,
    pub value: i64,
    pub quality: i16,
    pub received_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
