//! A stretch of time in which a meter was not read.

use sea_orm::entity::prelude::*;

/// A stretch of time in which a meter was not read.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reading_gap")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    pub item: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    pub from_at: DateTimeUtc,
    pub from_value: i64,
    pub to_at: Option<DateTimeUtc>,
    pub to_value: Option<i64>,
    pub reason: String,
    pub noticed_at: DateTimeUtc,
    pub back_fill: String,
    pub filled_at: Option<DateTimeUtc>,
    pub filled_value: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
