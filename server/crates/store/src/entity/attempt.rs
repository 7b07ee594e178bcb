//! One attempt to have an order paid.

use sea_orm::entity::prelude::*;

/// One attempt to have an order paid.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "attempt")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_id: Uuid,
    pub attempt_no: i32,
    pub merchant_id: Uuid,
    pub channel: String,
    pub out_trade_no: String,
    pub state: String,
    pub amount_fen: i64,
    pub payer_hint: Option<String>,
    pub created_at: DateTimeUtc,
    pub next_check_at: Option<DateTimeUtc>,
    pub checks: i32,
    pub last_error: Option<String>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
