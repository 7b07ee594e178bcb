//! A person's tie to a home, which is an account; kept when it has ended.

use sea_orm::entity::prelude::*;

/// A person's tie to a home, which is an account; kept when it has ended.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "binding")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub account_id: Uuid,
    pub person_id: Uuid,
    pub role: String,
    pub proof: String,
    pub invited_by: Option<Uuid>,
    pub since: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub why: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
