//! A stretch of use and its price.

use sea_orm::entity::prelude::*;

/// A stretch of use and its price.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "bill_line")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub meter_id: Uuid,
    pub account_id: Uuid,
    pub from_at: DateTimeUtc,
    pub to_at: DateTimeUtc,
    pub from_value: i64,
    pub to_value: i64,
    pub quantity: i64,
    pub tariff_id: Uuid,
    pub micro_yuan: i64,
    pub amount_fen: i64,
    pub carry_in: i64,
    pub carry_out: i64,
    pub transaction_id: Option<Uuid>,
    pub created_at: DateTimeUtc,
    pub basis: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
