//! A room or shop that can be let.

use sea_orm::entity::prelude::*;

/// A room or shop that can be let.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "room")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub building: String,
    pub floor: i32,
    pub number: String,
    pub area_m2_e2: Option<i32>,
    pub landlord_id: Option<Uuid>,
    pub tags: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
