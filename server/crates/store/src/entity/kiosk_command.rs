//! Something asked of a kiosk.

use sea_orm::entity::prelude::*;

/// Something asked of a kiosk.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kiosk_command")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kiosk_id: Uuid,
    pub verb: String,
    pub args: String,
    pub issued_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
    pub boot_id: Option<Uuid>,
    pub signature: String,
    pub state: String,
    pub detail: String,
    pub operator_id: Option<Uuid>,
    pub second_id: Option<Uuid>,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
