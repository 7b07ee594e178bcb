//! A merchant account at a payment provider, with the unguessable part of its callback address.

use sea_orm::entity::prelude::*;

/// A merchant account at a payment provider, with the unguessable part of its callback address.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "merchant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub project_id: i64,
    pub provider: String,
    pub mode: String,
    pub merchant_no: String,
    pub sub_merchant_no: String,
    pub app_id: String,
    pub sub_app_id: Option<String>,
    pub path_token: String,
    pub key_dir: String,
    pub config: String,
    pub active: bool,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
