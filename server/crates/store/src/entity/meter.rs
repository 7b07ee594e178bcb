//! A meter (表计), electricity or water, on a bus of a gateway.

use sea_orm::entity::prelude::*;

/// A meter (表计), electricity or water, on a bus of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "meter")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub meter_no: String,
    pub room_id: Option<Uuid>,
    pub account_id: Option<Uuid>,
    pub gateway_id: Uuid,
    pub bus: i32,
    pub address: String,
    pub profile: String,
    pub purpose: String,
    pub money_model: String,
    pub tariff_id: Option<Uuid>,
    pub epoch: i32,
    pub purchase_count: Option<i64>,
    pub state: String,
    pub quarantine_reason: Option<String>,
    pub ct: i32,
    pub pt: i32,
    pub base_reading: i64,
    pub reading_interval_s: i32,
    pub supply_policy: String,
    pub created_at: DateTimeUtc,
    pub version: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
