//! The code printed for an account; printing another one replaces it.

use sea_orm::entity::prelude::*;

/// The code printed for an account; printing another one replaces it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "binding_code")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub account_id: Uuid,
    pub code_hash: String,
    pub printed_at: DateTimeUtc,
    pub printed_by: Option<Uuid>,
    pub expires_at: DateTimeUtc,
    pub uses_left: i64,
    pub tries: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
