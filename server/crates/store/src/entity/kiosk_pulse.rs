//! How a kiosk was last heard to be.

use sea_orm::entity::prelude::*;

/// How a kiosk was last heard to be.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kiosk_pulse")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub kiosk_id: Uuid,
    pub boot_id: Uuid,
    pub heard_at: DateTimeUtc,
    pub way: String,
    pub beat: String,
    pub state: String,
    pub state_at: DateTimeUtc,
    pub idle: bool,
    pub content_shown: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
