//! Orders: rows of `orders` and the one way to move them.

use chrono::{DateTime, Utc};
use domain::{
    AccountId, Channel, MeterId, Money, OrderId, OrderNo, OrderState, ProjectId, Purpose,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use crate::{
    StoreError, Tx,
    entity::{order_locator, orders},
    row,
};

/// An order as stored. Fields are plain; the methods below read them as the domain's words.
pub type Order = orders::Model;

/// The most orders one list answers with.
pub const LIST_MAX: u64 = 500;

impl Order {
    /// The typed id.
    pub fn order_id(&self) -> OrderId {
        OrderId(self.id)
    }

    /// The site the order belongs to.
    pub fn project(&self) -> ProjectId {
        ProjectId(self.project_id)
    }

    /// The meter to be topped up.
    pub fn meter(&self) -> MeterId {
        MeterId(self.meter_id)
    }

    /// The amount to credit.
    pub fn amount(&self) -> Money {
        Money::from_fen(self.amount_fen)
    }

    /// Where the order stands.
    pub fn state(&self) -> Result<OrderState, StoreError> {
        row::named("orders", "state", self.id, &self.state)
    }

    /// The door it is paid through.
    pub fn channel(&self) -> Result<Channel, StoreError> {
        row::named("orders", "channel", self.id, &self.channel)
    }

    /// What the money is for.
    pub fn purpose(&self) -> Result<Purpose, StoreError> {
        row::named("orders", "purpose", self.id, &self.purpose)
    }

    /// The number people read out.
    pub fn order_no(&self) -> Result<OrderNo, StoreError> {
        row::named("orders", "order_no", self.id, &self.order_no)
    }
}

/// Stores a new order and the global entry by which its number finds the project.
pub async fn insert(tx: &Tx, order: &Order) -> Result<(), StoreError> {
    row::insert(tx, order.clone()).await?;
    let locator = order_locator::Model {
        order_no: order.order_no.clone(),
        project_id: order.project_id,
        order_id: order.id,
    };
    row::insert(tx, locator).await
}

/// The order a client id placed, if it placed one.
pub async fn by_client_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    client_id: &str,
) -> Result<Option<Order>, StoreError> {
    let found = orders::Entity::find()
        .filter(orders::Column::ProjectId.eq(project.0))
        .filter(orders::Column::ClientId.eq(client_id))
        .one(db)
        .await?;
    Ok(found)
}

/// An order by its id.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: OrderId,
) -> Result<Option<Order>, StoreError> {
    Ok(orders::Entity::find_by_id((project.0, id.0)).one(db).await?)
}

/// An order by the number people read out, whatever project it is in. The caller checks the
/// principal's reach afterwards.
pub async fn by_no<C: ConnectionTrait>(db: &C, no: &str) -> Result<Option<Order>, StoreError> {
    let Some(place) = order_locator::Entity::find_by_id(no.to_owned()).one(db).await? else {
        return Ok(None);
    };
    by_id(db, ProjectId(place.project_id), OrderId(place.order_id)).await
}

/// Moves an order one step along its table, if nobody moved it meanwhile.
///
/// Invariant: an order changes by compare-and-set on its version only, along
/// [`OrderState::step`] (I8); proved by `an_order_that_moved_meanwhile_is_a_conflict`.
pub async fn step(
    tx: &Tx,
    order: &Order,
    to: OrderState,
    at: DateTime<Utc>,
) -> Result<Order, StoreError> {
    let from = order.state()?;
    from.step(to).map_err(|_| StoreError::Gone("orders"))?;
    let mut moved = order.clone();
    moved.state = to.as_str().to_owned();
    moved.version = order.version + 1;
    match to {
        OrderState::Delivered => moved.delivered_at = Some(at),
        OrderState::Restored => moved.restored_at = Some(at),
        OrderState::Closed => moved.closed_at = Some(at),
        _ => {}
    }
    let change = orders::ActiveModel {
        state: Set(moved.state.clone()),
        version: Set(moved.version),
        delivered_at: Set(moved.delivered_at),
        restored_at: Set(moved.restored_at),
        closed_at: Set(moved.closed_at),
        ..Default::default()
    };
    let done = orders::Entity::update_many()
        .set(change)
        .filter(orders::Column::ProjectId.eq(order.project_id))
        .filter(orders::Column::Id.eq(order.id))
        .filter(orders::Column::Version.eq(order.version))
        .exec(tx)
        .await?;
    if done.rows_affected == 1 { Ok(moved) } else { Err(StoreError::Gone("orders")) }
}

/// What a list of orders shows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only orders of this meter.
    pub meter: Option<MeterId>,
    /// Only orders in one of these states; empty = all.
    pub states: Vec<OrderState>,
    /// Only orders placed at or after this moment.
    pub since: Option<DateTime<Utc>>,
    /// How many at most; bounded by [`LIST_MAX`].
    pub limit: u64,
}

/// Orders of a project, the newest first.
pub async fn list<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    filter: &Filter,
) -> Result<Vec<Order>, StoreError> {
    let mut query = orders::Entity::find()
        .filter(orders::Column::ProjectId.eq(project.0))
        .order_by_desc(orders::Column::PlacedAt)
        .limit(filter.limit.clamp(1, LIST_MAX));
    if let Some(meter) = filter.meter {
        query = query.filter(orders::Column::MeterId.eq(meter.0));
    }
    if !filter.states.is_empty() {
        let names = filter.states.iter().map(|state| state.as_str());
        query = query.filter(orders::Column::State.is_in(names));
    }
    if let Some(since) = filter.since {
        query = query.filter(orders::Column::PlacedAt.gte(since));
    }
    Ok(query.all(db).await?)
}

/// Orders of an account, the newest first, behind one that was placed at a moment with an id.
pub async fn of_account<C: ConnectionTrait>(
    db: &C,
    (project, account): (ProjectId, AccountId),
    before: Option<(DateTime<Utc>, uuid::Uuid)>,
    limit: u64,
) -> Result<Vec<Order>, StoreError> {
    let mut query = orders::Entity::find()
        .filter(orders::Column::ProjectId.eq(project.0))
        .filter(orders::Column::AccountId.eq(account.0))
        .order_by_desc(orders::Column::PlacedAt)
        .order_by_desc(orders::Column::Id)
        .limit(limit.clamp(1, LIST_MAX));
    if let Some((at, id)) = before {
        let earlier = orders::Column::PlacedAt.lt(at);
        let same = orders::Column::PlacedAt.eq(at).and(orders::Column::Id.lt(id));
        query = query.filter(orders::Column::PlacedAt.lte(at)).filter(earlier.or(same));
    }
    Ok(query.all(db).await?)
}

/// Placed orders whose time is over and for which no provider may still take money, the oldest
/// first: the sweeper closes them. Those with an open attempt are closed by its own query, so that
/// however many of them wait they stand in nobody's way. The state is written out, because an
/// index of some rows serves no parameter.
pub async fn expired<C: ConnectionTrait>(
    db: &C,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Order>, StoreError> {
    let found = orders::Entity::find()
        .filter(Expr::cust("state = 'placed'"))
        .filter(orders::Column::ExpiresAt.lt(now))
        .filter(Expr::cust(NO_OPEN_ATTEMPT))
        .order_by_asc(orders::Column::ExpiresAt)
        .limit(Ord::min(limit, LIST_MAX))
        .all(db)
        .await?;
    Ok(found)
}

/// True of an order for which no provider may still take money: the states are those of which
/// `AttemptState::needs_query` is true.
const NO_OPEN_ATTEMPT: &str = "not exists (select 1 from attempt a where \
     a.project_id = orders.project_id and a.order_id = orders.id \
     and a.state in ('created', 'awaiting', 'unknown', 'closing'))";

/// Notes the provider's number and the moment of credit on the slow path, where the set-based one
/// does not apply.
pub async fn mark_credited(
    tx: &Tx,
    order: &Order,
    provider_trade_no: &str,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    orders::Entity::update_many()
        .col_expr(orders::Column::ProviderTradeNo, Expr::value(provider_trade_no))
        .col_expr(orders::Column::CreditedAt, Expr::value(at))
        .filter(orders::Column::ProjectId.eq(order.project_id))
        .filter(orders::Column::Id.eq(order.id))
        .exec(tx)
        .await?;
    Ok(())
}
