//! Sites and what stands around them: projects, landlords, merchants, gateways.

use chrono::{DateTime, Utc};
use domain::{GatewayId, MerchantId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::{
    StoreError, Tx,
    entity::{gateway, gateway_interval, landlord, merchant, project},
    row,
};

/// A project as stored.
pub type Project = project::Model;
/// A landlord as stored.
pub type Landlord = landlord::Model;
/// A merchant account as stored.
pub type Merchant = merchant::Model;
/// A gateway as stored.
pub type Gateway = gateway::Model;
/// A stretch of time a gateway was connected, as stored.
pub type GatewayInterval = gateway_interval::Model;

/// The most rows one list answers with.
pub const LIST_MAX: u64 = 20_000;

/// Every project.
pub async fn projects<C: ConnectionTrait>(db: &C) -> Result<Vec<Project>, StoreError> {
    let query = project::Entity::find().order_by_asc(project::Column::Id);
    Ok(query.limit(LIST_MAX).all(db).await?)
}

/// A project by its id.
pub async fn project<C: ConnectionTrait>(
    db: &C,
    id: ProjectId,
) -> Result<Option<Project>, StoreError> {
    Ok(project::Entity::find_by_id(id.0).one(db).await?)
}

/// Every landlord of a project.
pub async fn landlords<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<Landlord>, StoreError> {
    let query = landlord::Entity::find().filter(landlord::Column::ProjectId.eq(project.0));
    Ok(query.order_by_asc(landlord::Column::Name).limit(LIST_MAX).all(db).await?)
}

/// Every merchant account in use.
pub async fn merchants<C: ConnectionTrait>(db: &C) -> Result<Vec<Merchant>, StoreError> {
    let query = merchant::Entity::find().filter(merchant::Column::Active.eq(true));
    Ok(query.order_by_asc(merchant::Column::CreatedAt).limit(LIST_MAX).all(db).await?)
}

/// Switches a merchant account on or off; it is never deleted, because facts refer to it.
pub async fn set_merchant_active(
    tx: &Tx,
    id: MerchantId,
    active: bool,
) -> Result<bool, StoreError> {
    let set = merchant::ActiveModel { active: Set(active), ..Default::default() };
    let done = merchant::Entity::update_many()
        .set(set)
        .filter(merchant::Column::Id.eq(id.0))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Every gateway, or those of one project.
pub async fn gateways<C: ConnectionTrait>(
    db: &C,
    project: Option<ProjectId>,
) -> Result<Vec<Gateway>, StoreError> {
    let mut query = gateway::Entity::find();
    if let Some(project) = project {
        query = query.filter(gateway::Column::ProjectId.eq(project.0));
    }
    Ok(query.order_by_asc(gateway::Column::Name).limit(LIST_MAX).all(db).await?)
}

/// The project a gateway belongs to; `None` for one nobody knows.
pub async fn project_of_gateway<C: ConnectionTrait>(
    db: &C,
    gateway: GatewayId,
) -> Result<Option<ProjectId>, StoreError> {
    let found = gateway::Entity::find_by_id(gateway.0).one(db).await?;
    Ok(found.map(|row| ProjectId(row.project_id)))
}

/// Notes that a gateway came online.
pub async fn gateway_online(
    tx: &Tx,
    project: ProjectId,
    gateway: GatewayId,
    at: DateTime<Utc>,
    remote: Option<String>,
) -> Result<(), StoreError> {
    gateway_offline(tx, project, gateway, at, "replaced").await?;
    let interval = GatewayInterval {
        project_id: project.0,
        gateway_id: gateway.0,
        from_at: at,
        to_at: None,
        reason: String::new(),
        remote,
    };
    row::insert(tx, interval).await
}

/// Ends the open interval of a gateway with the reason.
pub async fn gateway_offline(
    tx: &Tx,
    project: ProjectId,
    gateway: GatewayId,
    at: DateTime<Utc>,
    reason: &str,
) -> Result<(), StoreError> {
    let set = gateway_interval::ActiveModel {
        to_at: Set(Some(at)),
        reason: Set(reason.to_owned()),
        ..Default::default()
    };
    gateway_interval::Entity::update_many()
        .set(set)
        .filter(gateway_interval::Column::ProjectId.eq(project.0))
        .filter(gateway_interval::Column::GatewayId.eq(gateway.0))
        .filter(gateway_interval::Column::ToAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// When a gateway was connected since a moment, oldest first.
pub async fn gateway_intervals<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    gateway: GatewayId,
    since: DateTime<Utc>,
) -> Result<Vec<GatewayInterval>, StoreError> {
    let found = gateway_interval::Entity::find()
        .filter(gateway_interval::Column::ProjectId.eq(project.0))
        .filter(gateway_interval::Column::GatewayId.eq(gateway.0))
        .filter(gateway_interval::Column::FromAt.gte(since))
        .order_by_asc(gateway_interval::Column::FromAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// The newest stretch a gateway was connected in; still open while it is. None before the first.
pub async fn newest_interval<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    gateway: GatewayId,
) -> Result<Option<GatewayInterval>, StoreError> {
    let found = gateway_interval::Entity::find()
        .filter(gateway_interval::Column::ProjectId.eq(project.0))
        .filter(gateway_interval::Column::GatewayId.eq(gateway.0))
        .order_by_desc(gateway_interval::Column::FromAt)
        .one(db)
        .await?;
    Ok(found)
}
