//! One delivery of money to a meter; the purchase count is reserved before anything is sent (I5).

use sea_orm::entity::prelude::*;

/// One delivery of money to a meter; the purchase count is reserved before anything is sent (I5).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "vend")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_id: Uuid,
    pub meter_id: Uuid,
    pub epoch: i32,
    pub purchase_count: Option<i64>,
    pub amount_fen: i64,
    pub state: String,
    pub saga: String,
    pub hold_id: Option<Uuid>,
    pub sent_count: i32,
    pub proof: Option<String>,
    pub created_at: DateTimeUtc,
    pub intended_at: Option<DateTimeUtc>,
    pub sent_at: Option<DateTimeUtc>,
    pub ended_at: Option<DateTimeUtc>,
    pub next_action_at: Option<DateTimeUtc>,
    pub last_error: Option<String>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
