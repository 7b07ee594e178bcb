//! Telling WeChat that a mini-program order was delivered, without which its money stays frozen
//! (`payments.md` C6).

use sea_orm::entity::prelude::*;

/// Telling WeChat that a mini-program order was delivered, without which its money stays frozen
/// (`payments.md` C6).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "shipping")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: Uuid,
    pub state: String,
    pub attempts: i64,
    pub next_at: Option<DateTimeUtc>,
    pub why: Option<String>,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
