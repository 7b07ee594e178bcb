//! A payment a provider, or a counter, has confirmed. Its key is what keeps money single (I3).

use sea_orm::entity::prelude::*;

/// A payment a provider, or a counter, has confirmed. Its key is what keeps money single (I3).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "provider_fact")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub provider: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub merchant_no: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub provider_trade_no: String,
    pub id: Uuid,
    pub out_trade_no: String,
    pub order_id: Option<Uuid>,
    pub kind: String,
    pub amount_fen: i64,
    pub source: String,
    pub received_at: DateTimeUtc,
    pub paid_at: Option<DateTimeUtc>,
    pub payer: Option<String>,
    pub payer_total_fen: Option<i64>,
    pub raw: Vec<u8>,
    pub verdict: String,
    pub transaction_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
