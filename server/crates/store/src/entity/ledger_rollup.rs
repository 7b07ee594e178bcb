//! The balance of a hot account up to a posting; the tail is summed from there.

use sea_orm::entity::prelude::*;

/// The balance of a hot account up to a posting; the tail is summed from there.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "ledger_rollup")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub ledger_account: String,
    pub balance_fen: i64,
    pub upto_seq: i64,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
