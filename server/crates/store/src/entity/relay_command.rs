//! A command to a relay or valve, with its expiry; never replayed from an old queue (I12).

use sea_orm::entity::prelude::*;

/// A command to a relay or valve, with its expiry; never replayed from an old queue (I12).
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "relay_command")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub meter_id: Uuid,
    pub kind: String,
    pub seq: i64,
    pub reason: String,
    pub issued_at: DateTimeUtc,
    pub not_after: DateTimeUtc,
    pub state: String,
    pub detail: Option<String>,
    pub ended_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
