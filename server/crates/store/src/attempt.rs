//! Attempts to have an order paid, and the way from a provider's number back to our order.

use chrono::{DateTime, Utc};
use domain::{AttemptId, AttemptState, Channel, MerchantId, Money, OrderId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::{
    StoreError, Tx,
    entity::{attempt, attempt_locator},
    row,
};

/// An attempt as stored.
pub type Attempt = attempt::Model;

/// The most attempts one order may have; a tenant who needs more calls the landlord.
pub const ATTEMPTS_MAX: usize = 20;

impl Attempt {
    /// The typed id.
    pub fn attempt_id(&self) -> AttemptId {
        AttemptId(self.id)
    }

    /// The site the attempt belongs to.
    pub fn project(&self) -> ProjectId {
        ProjectId(self.project_id)
    }

    /// The order to be paid.
    pub fn order(&self) -> OrderId {
        OrderId(self.order_id)
    }

    /// The merchant account it goes through.
    pub fn merchant(&self) -> MerchantId {
        MerchantId(self.merchant_id)
    }

    /// The amount asked for.
    pub fn amount(&self) -> Money {
        Money::from_fen(self.amount_fen)
    }

    /// Where it stands with the provider.
    pub fn state(&self) -> Result<AttemptState, StoreError> {
        row::named("attempt", "state", self.id, &self.state)
    }

    /// The door it goes through.
    pub fn channel(&self) -> Result<Channel, StoreError> {
        row::named("attempt", "channel", self.id, &self.channel)
    }
}

/// Stores a new attempt and the global entry by which callbacks find it.
pub async fn insert(tx: &Tx, attempt: &Attempt) -> Result<(), StoreError> {
    row::insert(tx, attempt.clone()).await?;
    let locator = attempt_locator::Model {
        merchant_id: attempt.merchant_id,
        out_trade_no: attempt.out_trade_no.clone(),
        project_id: attempt.project_id,
        attempt_id: attempt.id,
        order_id: attempt.order_id,
    };
    row::insert(tx, locator).await
}

/// An attempt by its id.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: AttemptId,
) -> Result<Option<Attempt>, StoreError> {
    Ok(attempt::Entity::find_by_id((project.0, id.0)).one(db).await?)
}

/// The attempt a merchant's `out_trade_no` names.
pub async fn by_out_trade_no<C: ConnectionTrait>(
    db: &C,
    merchant: MerchantId,
    out_trade_no: &str,
) -> Result<Option<Attempt>, StoreError> {
    let place = attempt_locator::Entity::find_by_id((merchant.0, out_trade_no.to_owned()));
    let Some(place) = place.one(db).await? else { return Ok(None) };
    by_id(db, ProjectId(place.project_id), AttemptId(place.attempt_id)).await
}

/// The attempts of an order, in the order they were made.
pub async fn of_order<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Vec<Attempt>, StoreError> {
    let found = attempt::Entity::find()
        .filter(attempt::Column::ProjectId.eq(project.0))
        .filter(attempt::Column::OrderId.eq(order.0))
        .order_by_asc(attempt::Column::AttemptNo)
        .limit(ATTEMPTS_MAX as u64 + 1)
        .all(db)
        .await?;
    Ok(found)
}

/// What of an attempt may change; `None` leaves a field alone.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Where it stands now.
    pub state: Option<AttemptState>,
    /// What the payer needs to pay (QR content, prepay id, page), as JSON text.
    pub payer_hint: Option<String>,
    /// When to ask the provider next; `Some(None)` = never again.
    pub next_check_at: Option<Option<DateTime<Utc>>>,
    /// How often the provider was asked.
    pub checks: Option<i32>,
    /// The last error, for the operator.
    pub last_error: Option<Option<String>>,
}

/// Changes an attempt if nobody changed it meanwhile.
pub async fn change(tx: &Tx, old: &Attempt, change: Change) -> Result<Attempt, StoreError> {
    let mut new = old.clone();
    new.version = old.version + 1;
    if let Some(state) = change.state {
        new.state = state.as_str().to_owned();
    }
    if let Some(hint) = change.payer_hint {
        new.payer_hint = Some(hint);
    }
    if let Some(at) = change.next_check_at {
        new.next_check_at = at;
    }
    if let Some(checks) = change.checks {
        new.checks = checks;
    }
    if let Some(error) = change.last_error {
        new.last_error = error;
    }
    let set = attempt::ActiveModel {
        state: Set(new.state.clone()),
        payer_hint: Set(new.payer_hint.clone()),
        next_check_at: Set(new.next_check_at),
        checks: Set(new.checks),
        last_error: Set(new.last_error.clone()),
        version: Set(new.version),
        ..Default::default()
    };
    let done = attempt::Entity::update_many()
        .set(set)
        .filter(attempt::Column::ProjectId.eq(old.project_id))
        .filter(attempt::Column::Id.eq(old.id))
        .filter(attempt::Column::Version.eq(old.version))
        .exec(tx)
        .await?;
    if done.rows_affected == 1 { Ok(new) } else { Err(StoreError::Gone("attempt")) }
}
