//! A kiosk (终端) of a site.

use sea_orm::entity::prelude::*;

/// A kiosk (终端) of a site.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kiosk")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub number: String,
    pub name: String,
    pub public_key: String,
    pub state: String,
    pub reason: Option<String>,
    pub settings: String,
    pub settings_version: i64,
    pub hardware: String,
    pub software: String,
    pub boot_id: Option<Uuid>,
    pub boot_at: Option<DateTimeUtc>,
    pub paired_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
