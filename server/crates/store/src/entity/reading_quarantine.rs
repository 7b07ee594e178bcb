//! A reading nobody bills until a person has looked.

use sea_orm::entity::prelude::*;

/// A reading nobody bills until a person has looked.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "reading_quarantine")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub meter_id: Uuid,
    pub item: i16,
    pub at: DateTimeUtc,
    pub value: i64,
    pub reason: String,
    pub previous_value: Option<i64>,
    pub previous_at: Option<DateTimeUtc>,
    pub settled_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
