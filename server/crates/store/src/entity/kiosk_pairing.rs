//! An unpaired kiosk that asked for a code. The first characters of the code find the row, the
//! rest is proven and counted.

use sea_orm::entity::prelude::*;

/// An unpaired kiosk that asked for a code. The first characters of the code find the row, the
/// rest is proven and counted.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kiosk_pairing")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub selector: String,
    pub code_hash: String,
    pub secret_hash: String,
    pub public_key: String,
    pub hardware: String,
    pub software: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub tries: i64,
    pub state: String,
    pub project_id: Option<i64>,
    pub kiosk_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
