//! One life of a meter in its place that ended.

use sea_orm::entity::prelude::*;

/// One life of a meter in its place that ended.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "meter_epoch")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub meter_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub epoch: i32,
    pub ended_at: DateTimeUtc,
    pub operator_id: Uuid,
    pub second_id: Uuid,
    pub reason: String,
    pub old_meter_no: String,
    pub old_address: String,
    pub old_count: Option<i64>,
    pub old_balance_fen: Option<i64>,
    pub old_register: Option<i64>,
    pub new_meter_no: String,
    pub new_address: String,
    pub new_count: Option<i64>,
    pub new_balance_fen: Option<i64>,
    pub new_register: Option<i64>,
    pub used_fen: i64,
    pub found_fen: i64,
    pub carried_fen: i64,
    pub order_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
