//! What was done by whom: a log that is only ever added to (I15).

use chrono::{DateTime, Utc};
use domain::ProjectId;
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};
use uuid::Uuid;

use crate::{StoreError, Tx, entity::operation_log};

/// A line as stored.
pub type Operation = operation_log::Model;

/// The most lines one list answers with.
pub const LIST_MAX: u64 = 500;

/// A line to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOperation {
    /// When.
    pub at: DateTime<Utc>,
    /// Who, once that is known.
    pub operator: Option<Uuid>,
    /// In which project, if in one.
    pub project: Option<ProjectId>,
    /// What, by the stable name of the route or command.
    pub action: String,
    /// On what: an id, a number, or nothing.
    pub target: String,
    /// How, as JSON text without secrets.
    pub detail: String,
    /// From where.
    pub ip: String,
    /// `begun`, or how it ended.
    pub outcome: String,
}

/// Adds a line.
pub async fn append(tx: &Tx, line: NewOperation) -> Result<(), StoreError> {
    let row = operation_log::ActiveModel {
        id: NotSet,
        at: Set(line.at),
        operator_id: Set(line.operator),
        project_id: Set(line.project.map(|project| project.0)),
        action: Set(line.action),
        target: Set(line.target),
        detail: Set(line.detail),
        ip: Set(line.ip),
        outcome: Set(line.outcome),
    };
    operation_log::Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// The newest lines before an id, of one project or of all; pages are made with the last id.
pub async fn list<C: ConnectionTrait>(
    db: &C,
    project: Option<ProjectId>,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Operation>, StoreError> {
    let mut query = operation_log::Entity::find();
    if let Some(project) = project {
        query = query.filter(operation_log::Column::ProjectId.eq(project.0));
    }
    if let Some(before) = before {
        query = query.filter(operation_log::Column::Id.lt(before));
    }
    let query = query.order_by_desc(operation_log::Column::Id).limit(limit.clamp(1, LIST_MAX));
    Ok(query.all(db).await?)
}
