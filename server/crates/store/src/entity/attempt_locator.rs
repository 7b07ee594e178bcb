//! Finds the project of a callback by merchant and trade number.

use sea_orm::entity::prelude::*;

/// Finds the project of a callback by merchant and trade number.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt_locator")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub merchant_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub out_trade_no: String,
    pub project_id: i64,
    pub attempt_id: Uuid,
    pub order_id: Uuid,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
