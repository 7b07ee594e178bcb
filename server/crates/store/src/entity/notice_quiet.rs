//! When a person wants to be left in peace, in minutes of the local day.

use sea_orm::entity::prelude::*;

/// When a person wants to be left in peace, in minutes of the local day.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "notice_quiet")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub person_id: Uuid,
    pub from_minute: i32,
    pub until_minute: i32,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
