//! A sign-in with all refresh tokens that follow from it; only hashes are kept.

use sea_orm::entity::prelude::*;

/// A sign-in with all refresh tokens that follow from it; only hashes are kept.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person_session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub family: Uuid,
    pub person_id: Uuid,
    pub session_version: i64,
    pub refresh_hash: String,
    pub previous_hash: Option<String>,
    pub created_at: DateTimeUtc,
    pub rotated_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub client: String,
    pub ip: String,
    pub revoked_at: Option<DateTimeUtc>,
    pub why: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
