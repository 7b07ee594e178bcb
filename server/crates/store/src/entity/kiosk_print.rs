//! A copy of a receipt on paper. The row is there before the paper.

use sea_orm::entity::prelude::*;

/// A copy of a receipt on paper. The row is there before the paper.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "kiosk_print")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub order_id: Uuid,
    pub kiosk_id: Uuid,
    pub automatic: bool,
    pub copy_no: i64,
    pub state: String,
    pub paper_mm: i64,
    pub requested_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
