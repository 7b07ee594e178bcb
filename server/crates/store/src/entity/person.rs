//! A person who signs in to the tenant's pages. Global: a person may have homes in many projects.

use sea_orm::entity::prelude::*;

/// A person who signs in to the tenant's pages. Global: a person may have homes in many projects.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "person")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub name: Option<String>,
    pub language: String,
    pub elder: bool,
    pub theme: String,
    pub created_at: DateTimeUtc,
    pub session_version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
