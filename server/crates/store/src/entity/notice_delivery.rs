//! A notice in one channel. Refers to its notice by name only: both are forgotten by age.

use sea_orm::entity::prelude::*;

/// A notice in one channel. Refers to its notice by name only: both are forgotten by age.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notice_delivery")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub notice_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub channel: String,
    pub state: String,
    pub attempts: i64,
    pub next_at: Option<DateTimeUtc>,
    pub provider_message: Option<String>,
    pub why: Option<String>,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
