//! Work written in the transaction of the fact that causes it; parked and shown, never dropped.

use sea_orm::entity::prelude::*;

/// Work written in the transaction of the fact that causes it; parked and shown, never dropped.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "job")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub key: String,
    pub payload: String,
    pub order_key: Option<String>,
    pub gateway_id: Option<Uuid>,
    pub priority: i16,
    pub run_at: DateTimeUtc,
    pub state: String,
    pub lease_until: Option<DateTimeUtc>,
    pub lease_token: i64,
    pub lease_owner: Option<String>,
    pub attempts: i32,
    pub attempts_max: i32,
    pub first_error: Option<String>,
    pub last_error: Option<String>,
    pub created_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub called: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
