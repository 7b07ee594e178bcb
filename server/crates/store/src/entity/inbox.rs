//! Callbacks that fitted no order; kept for a bounded time ([`crate::retention`]).

use sea_orm::entity::prelude::*;

/// Callbacks that fitted no order; kept for a bounded time. `matched_at` waits for its release to
/// be dropped: nothing writes it, the case is settled by its work item.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "inbox")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub project_id: i64,
    pub provider: String,
    pub merchant_id: Uuid,
    pub received_at: DateTimeUtc,
    pub headers: String,
    pub body: Vec<u8>,
    pub verified: bool,
    pub verdict: String,
    pub matched_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
