//! One business event in the books; append only. The key answers a replay.

use sea_orm::entity::prelude::*;

/// One business event in the books; append only. The key answers a replay.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_transaction")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub template: String,
    pub key: String,
    pub order_id: Option<Uuid>,
    pub vend_id: Option<Uuid>,
    pub hold_id: Option<Uuid>,
    pub hold_change: Option<String>,
    pub at: DateTimeUtc,
    pub memo: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
