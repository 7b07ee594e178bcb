//! Operators: who may sign in, with what, and for which projects.

use chrono::{DateTime, Utc};
use domain::{OperatorId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, ExprTrait,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr,
};

use crate::{
    StoreError, Tx,
    entity::{operator, operator_role},
    row,
};

pub mod session;

/// An operator as stored.
pub type Operator = operator::Model;
/// One role of an operator as stored; project 0 stands for every project.
pub type OperatorRole = operator_role::Model;

/// The most operators one list answers with.
pub const LIST_MAX: u64 = 2_000;
/// The most roles one operator may hold.
pub const ROLES_MAX: u64 = 1_000;
/// The project that stands for all of them in a role.
pub const EVERYWHERE: ProjectId = ProjectId(0);

impl Operator {
    /// The typed id.
    pub fn operator_id(&self) -> OperatorId {
        OperatorId(self.id)
    }

    /// True once the set-up link was used and until an owner switches the account off.
    pub fn is_active(&self) -> bool {
        self.state == "active"
    }
}

/// An operator by id.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    id: OperatorId,
) -> Result<Option<Operator>, StoreError> {
    Ok(operator::Entity::find_by_id(id.0).one(db).await?)
}

/// An operator by the name they sign in with.
pub async fn by_login<C: ConnectionTrait>(
    db: &C,
    login: &str,
) -> Result<Option<Operator>, StoreError> {
    Ok(operator::Entity::find().filter(operator::Column::Login.eq(login)).one(db).await?)
}

/// The operator an unused set-up link was made for, whether it has run out or not.
pub async fn by_setup_token<C: ConnectionTrait>(
    db: &C,
    token_hash: &str,
) -> Result<Option<Operator>, StoreError> {
    let found =
        operator::Entity::find().filter(operator::Column::SetupTokenHash.eq(token_hash)).one(db);
    Ok(found.await?)
}

/// Every operator by login.
pub async fn list<C: ConnectionTrait>(db: &C) -> Result<Vec<Operator>, StoreError> {
    let query = operator::Entity::find().order_by_asc(operator::Column::Login);
    Ok(query.limit(LIST_MAX).all(db).await?)
}

/// Every operator by login, held until the transaction ends: who may be taken away depends on who
/// stays.
pub async fn list_held(tx: &Tx) -> Result<Vec<Operator>, StoreError> {
    let query = operator::Entity::find().order_by_asc(operator::Column::Login).lock_exclusive();
    Ok(query.limit(LIST_MAX).all(tx).await?)
}

/// How many operators have used their set-up link; none means that the site is new.
pub async fn count_set_up<C: ConnectionTrait>(db: &C) -> Result<u64, StoreError> {
    let query = operator::Entity::find().filter(operator::Column::State.ne("invited"));
    Ok(query.count(db).await?)
}

/// Adds an operator with their roles.
pub async fn insert(
    tx: &Tx,
    new: Operator,
    roles: &[(ProjectId, String)],
) -> Result<(), StoreError> {
    let id = new.operator_id();
    row::insert(tx, new).await?;
    set_roles(tx, id, roles).await
}

/// What an operator may do and where.
pub async fn roles<C: ConnectionTrait>(
    db: &C,
    id: OperatorId,
) -> Result<Vec<OperatorRole>, StoreError> {
    let found = operator_role::Entity::find()
        .filter(operator_role::Column::OperatorId.eq(id.0))
        .order_by_asc(operator_role::Column::ProjectId)
        .order_by_asc(operator_role::Column::Role)
        .limit(ROLES_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Replaces an operator's roles. They count from the next request on (S10).
pub async fn set_roles(
    tx: &Tx,
    id: OperatorId,
    roles: &[(ProjectId, String)],
) -> Result<(), StoreError> {
    operator_role::Entity::delete_many()
        .filter(operator_role::Column::OperatorId.eq(id.0))
        .exec(tx)
        .await?;
    for (project, role) in roles {
        let new = OperatorRole { operator_id: id.0, project_id: project.0, role: role.clone() };
        row::insert(tx, new).await?;
    }
    Ok(())
}

/// Gives an operator a new set-up link; the one before it no longer works.
pub async fn set_setup_token(
    tx: &Tx,
    id: OperatorId,
    token_hash: &str,
    expires_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let set = operator::ActiveModel {
        setup_token_hash: Set(Some(token_hash.to_owned())),
        setup_expires_at: Set(Some(expires_at)),
        ..Default::default()
    };
    let query = operator::Entity::update_many().set(set).filter(operator::Column::Id.eq(id.0));
    let query = query.filter(operator::Column::State.ne("disabled"));
    Ok(query.exec(tx).await?.rows_affected == 1)
}

/// Uses a set-up link up: the account is active with this password and without a second factor.
///
/// Invariant: a set-up link works once, because its hash is part of the condition; proved by
/// `a_setup_link_works_once_and_not_after_its_time`.
pub async fn set_up(
    tx: &Tx,
    id: OperatorId,
    token_hash: &str,
    password_hash: String,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let set = operator::ActiveModel {
        password_hash: Set(Some(password_hash)),
        totp_secret: Set(None),
        totp_last_step: Set(None),
        state: Set("active".to_owned()),
        setup_token_hash: Set(None),
        setup_expires_at: Set(None),
        failed_count: Set(0),
        locked_until: Set(None),
        ..Default::default()
    };
    let done = operator::Entity::update_many()
        .set(set)
        .filter(operator::Column::Id.eq(id.0))
        .filter(operator::Column::State.ne("disabled"))
        .filter(operator::Column::SetupTokenHash.eq(token_hash))
        .filter(operator::Column::SetupExpiresAt.gt(now))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Replaces a password.
pub async fn set_password(tx: &Tx, id: OperatorId, hash: String) -> Result<(), StoreError> {
    let set = operator::ActiveModel { password_hash: Set(Some(hash)), ..Default::default() };
    let query = operator::Entity::update_many().set(set);
    query.filter(operator::Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}

/// Switches the second factor on (with the step its first code used up) or off.
pub async fn set_totp(
    tx: &Tx,
    id: OperatorId,
    secret: Option<String>,
    used_step: Option<i64>,
) -> Result<(), StoreError> {
    let set = operator::ActiveModel {
        totp_secret: Set(secret),
        totp_last_step: Set(used_step),
        ..Default::default()
    };
    let query = operator::Entity::update_many().set(set);
    query.filter(operator::Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}

/// Uses a step of the second factor up; `false` if it or a later one was used before (S16).
pub async fn use_totp_step(tx: &Tx, id: OperatorId, step: i64) -> Result<bool, StoreError> {
    let unused = Condition::any()
        .add(operator::Column::TotpLastStep.is_null())
        .add(operator::Column::TotpLastStep.lt(step));
    let set = operator::ActiveModel { totp_last_step: Set(Some(step)), ..Default::default() };
    let done = operator::Entity::update_many()
        .set(set)
        .filter(operator::Column::Id.eq(id.0))
        .filter(unused)
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Counts a failed try to sign in; `locked_until` says by the new count until when strangers have
/// to wait.
///
/// Invariant: tries at the same moment are counted one by one, because the count that locks is read
/// after it was raised; proved by `tries_at_once_are_counted_one_by_one`.
pub async fn note_failure(
    tx: &Tx,
    id: OperatorId,
    locked_until: impl FnOnce(i32) -> Option<DateTime<Utc>> + Send,
) -> Result<(), StoreError> {
    let raised = operator::Entity::update_many()
        .col_expr(operator::Column::FailedCount, Expr::col(operator::Column::FailedCount).add(1))
        .filter(operator::Column::Id.eq(id.0));
    raised.exec(tx).await?;
    let Some(row) = by_id(tx, id).await? else { return Ok(()) };
    let until = Set(locked_until(row.failed_count));
    let set = operator::ActiveModel { locked_until: until, ..Default::default() };
    let query = operator::Entity::update_many().set(set);
    query.filter(operator::Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}

/// Forgets the failed tries after a sign-in.
pub async fn note_success(tx: &Tx, id: OperatorId) -> Result<(), StoreError> {
    let set = operator::ActiveModel {
        failed_count: Set(0),
        locked_until: Set(None),
        ..Default::default()
    };
    let query = operator::Entity::update_many().set(set);
    query.filter(operator::Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}

/// Switches an account off. Its sessions end with it.
pub async fn disable(tx: &Tx, id: OperatorId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let set = operator::ActiveModel {
        state: Set("disabled".to_owned()),
        setup_token_hash: Set(None),
        setup_expires_at: Set(None),
        ..Default::default()
    };
    let query = operator::Entity::update_many().set(set).filter(operator::Column::Id.eq(id.0));
    let done = query.exec(tx).await?;
    session::revoke_all(tx, id, None, now).await?;
    Ok(done.rows_affected == 1)
}
