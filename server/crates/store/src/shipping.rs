//! Telling WeChat that a mini-program order was delivered (发货信息). Until it is told the money
//! stays frozen there (`payments.md` C6).

use chrono::{DateTime, Utc};
use domain::{OrderId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use crate::{StoreError, Tx, entity::shipping, row};

/// What is to be told about an order, as stored.
pub type Shipping = shipping::Model;

/// The most attempts before a person has to look.
pub const ATTEMPTS_MAX: i64 = 12;
/// The most rows one list answers with.
pub const LIST_MAX: u64 = 500;

impl Shipping {
    /// The order.
    pub fn order(&self) -> (ProjectId, OrderId) {
        (ProjectId(self.project_id), OrderId(self.order_id))
    }
}

/// Notes that WeChat is to be told, once; `false` if it was noted before.
pub async fn open(
    tx: &Tx,
    project: ProjectId,
    order: OrderId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let new = Shipping {
        project_id: project.0,
        order_id: order.0,
        state: "waiting".to_owned(),
        attempts: 0,
        next_at: Some(now),
        why: None,
        updated_at: now,
    };
    row::insert_once(tx, new).await
}

/// What is noted about an order.
pub async fn of_order<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    order: OrderId,
) -> Result<Option<Shipping>, StoreError> {
    Ok(shipping::Entity::find_by_id((project.0, order.0)).one(db).await?)
}

/// What is due, over all projects, the longest waiting first. The state is written out, because
/// an index of some rows serves no parameter.
pub async fn due<C: ConnectionTrait>(
    db: &C,
    now: DateTime<Utc>,
    limit: u64,
) -> Result<Vec<Shipping>, StoreError> {
    let found = shipping::Entity::find()
        .filter(Expr::cust("state = 'waiting'"))
        .filter(shipping::Column::NextAt.lte(now))
        .order_by_asc(shipping::Column::NextAt)
        .limit(Ord::min(limit, LIST_MAX))
        .all(db)
        .await?;
    Ok(found)
}

/// Takes an upload for an attempt and says when it is anybody's again; `None` if it is not due or
/// somebody else has it. Telling WeChat twice does no harm, so one lost in a crash is made again.
///
/// Invariant: of several that want to upload one goes on; proved by `an_upload_is_made_by_one`.
pub async fn begin(
    tx: &Tx,
    due: &Shipping,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Shipping>, StoreError> {
    let done = shipping::Entity::update_many()
        .col_expr(shipping::Column::Attempts, Expr::col(shipping::Column::Attempts).add(1))
        .col_expr(shipping::Column::NextAt, Expr::value(until))
        .col_expr(shipping::Column::UpdatedAt, Expr::value(now))
        .filter(shipping::Column::ProjectId.eq(due.project_id))
        .filter(shipping::Column::OrderId.eq(due.order_id))
        .filter(shipping::Column::State.eq("waiting"))
        .filter(shipping::Column::Attempts.eq(due.attempts))
        .filter(shipping::Column::NextAt.lte(now))
        .exec(tx)
        .await?;
    let taken = Shipping {
        attempts: due.attempts + 1,
        next_at: Some(until),
        updated_at: now,
        ..due.clone()
    };
    Ok((done.rows_affected == 1).then_some(taken))
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// WeChat took it, or says that it knows.
    Sent,
    /// It may work later; after [`ATTEMPTS_MAX`] attempts it has failed.
    Later {
        /// When to try again.
        next_at: DateTime<Utc>,
        /// What went wrong.
        why: String,
    },
    /// It never will.
    Failed(String),
    /// This order needs none: it was paid elsewhere, or its money went back.
    Skipped(String),
}

/// Notes how an attempt ended, by whoever made the last; answers whether a person has to look,
/// because it has failed for good.
pub async fn end(
    tx: &Tx,
    taken: &Shipping,
    outcome: Outcome,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let (state, next_at, why) = match outcome {
        Outcome::Sent => ("sent", None, None),
        Outcome::Later { next_at, why } if taken.attempts < ATTEMPTS_MAX => {
            ("waiting", Some(next_at), Some(why))
        }
        Outcome::Later { why, .. } | Outcome::Failed(why) => ("failed", None, Some(why)),
        Outcome::Skipped(why) => ("skipped", None, Some(why)),
    };
    let set = shipping::ActiveModel {
        state: Set(state.to_owned()),
        next_at: Set(next_at),
        why: Set(why),
        updated_at: Set(now),
        ..Default::default()
    };
    let done = shipping::Entity::update_many()
        .set(set)
        .filter(shipping::Column::ProjectId.eq(taken.project_id))
        .filter(shipping::Column::OrderId.eq(taken.order_id))
        .filter(shipping::Column::State.eq("waiting"))
        .filter(shipping::Column::Attempts.eq(taken.attempts))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1 && state == "failed")
}

/// Tries a failed upload again from the start, because a person mended what was wrong; `false` if
/// it has not failed.
pub async fn again(
    tx: &Tx,
    project: ProjectId,
    order: OrderId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let set = shipping::ActiveModel {
        state: Set("waiting".to_owned()),
        attempts: Set(0),
        next_at: Set(Some(now)),
        updated_at: Set(now),
        ..Default::default()
    };
    let done = shipping::Entity::update_many()
        .set(set)
        .filter(shipping::Column::ProjectId.eq(project.0))
        .filter(shipping::Column::OrderId.eq(order.0))
        .filter(shipping::Column::State.eq("failed"))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}
