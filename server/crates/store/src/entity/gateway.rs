//! A DTU or collector; its owner's lease carries a fencing token (design §5).

use sea_orm::entity::prelude::*;

/// A DTU or collector; its owner's lease carries a fencing token (design §5).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "gateway")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub project_id: i64,
    pub name: String,
    pub registration: Option<String>,
    pub link: String,
    pub address: Option<String>,
    pub framing: String,
    pub heartbeat_s: i32,
    pub settings: String,
    pub owner: Option<String>,
    pub owner_token: i64,
    pub lease_until: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
