//! One finished day of one item as a compact series.

use sea_orm::entity::prelude::*;

/// One finished day of one item as a compact series.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reading_day")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub item: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: Date,
    pub series: Vec<u8>,
    pub count: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
