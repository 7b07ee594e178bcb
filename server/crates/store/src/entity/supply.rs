//! What the relay of a meter should be, and what it was read back as.

use sea_orm::entity::prelude::*;

/// What the relay of a meter should be, and what it was read back as.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "supply")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    pub desired: String,
    pub desired_reason: String,
    pub desired_seq: i64,
    pub desired_at: DateTimeUtc,
    pub actual: String,
    pub actual_at: Option<DateTimeUtc>,
    pub order_id: Option<Uuid>,
    pub state: String,
    pub alarm_at: Option<DateTimeUtc>,
    pub restored_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
