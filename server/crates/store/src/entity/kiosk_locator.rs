//! The project of a kiosk, for whoever only knows its id; one key is one kiosk.

use sea_orm::entity::prelude::*;

/// The project of a kiosk, for whoever only knows its id; one key is one kiosk.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kiosk_locator")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kiosk_id: Uuid,
    pub project_id: i64,
    pub public_key: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
