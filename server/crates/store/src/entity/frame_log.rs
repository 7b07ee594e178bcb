//! The bytes that went over the wire for a vend or a command.

use sea_orm::entity::prelude::*;

/// The bytes that went over the wire for a vend or a command.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "frame_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub meter_id: Uuid,
    pub vend_id: Option<Uuid>,
    pub command_id: Option<Uuid>,
    pub at: DateTimeUtc,
    pub direction: String,
    pub bytes: Vec<u8>,
    pub note: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
