//! Who placed an order by phone, and from which page.

use sea_orm::entity::prelude::*;

/// Who placed an order by phone, and from which page.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "order_tenant")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub order_id: Uuid,
    pub person_id: Uuid,
    pub way: String,
    pub appliances_off: bool,
    pub placed_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
