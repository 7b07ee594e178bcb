//! A code sent by SMS and waiting to be said back. The rows go a day after their time.

use sea_orm::entity::prelude::*;

/// A code sent by SMS and waiting to be said back. The rows go a day after their time.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sms_challenge")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub purpose: String,
    pub phone: Option<String>,
    pub phone_hash: String,
    pub phone_masked: String,
    pub code_hash: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub tries: i64,
    pub person_id: Option<Uuid>,
    pub project_id: Option<i64>,
    pub meter_id: Option<Uuid>,
    pub account_id: Option<Uuid>,
    pub used_at: Option<DateTimeUtc>,
    pub delivery: String,
    pub provider_message: Option<String>,
    pub why: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
