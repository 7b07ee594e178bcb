//! Which kiosk an order was placed at, and in which session there.

use sea_orm::entity::prelude::*;

/// Which kiosk an order was placed at, and in which session there.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_kiosk")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: Uuid,
    pub kiosk_id: Uuid,
    pub session: Uuid,
    pub client_id: Uuid,
    pub without_paper: bool,
    pub card_uid: Option<String>,
    pub placed_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
