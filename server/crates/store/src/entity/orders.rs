//! A tenant's order with its frozen price.

use sea_orm::entity::prelude::*;

/// A tenant's order with its frozen price.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "orders")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_no: String,
    pub client_id: String,
    pub account_id: Uuid,
    pub meter_id: Uuid,
    pub purpose: String,
    pub channel: String,
    pub amount_fen: i64,
    pub price_micro_yuan: i64,
    pub state: String,
    pub operator_id: Option<Uuid>,
    pub provider_trade_no: Option<String>,
    pub placed_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub credited_at: Option<DateTimeUtc>,
    pub delivered_at: Option<DateTimeUtc>,
    pub restored_at: Option<DateTimeUtc>,
    pub closed_at: Option<DateTimeUtc>,
    pub reason: Option<String>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
