//! Logins: opaque tokens of which only the hash is kept, revocable at once.

use chrono::{DateTime, Utc};
use domain::{OperatorId, SessionId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use crate::{StoreError, Tx, entity::operator_session, row};

/// A login as stored.
pub type Session = operator_session::Model;

/// The most logins one list answers with.
pub const LIST_MAX: u64 = 200;

impl Session {
    /// The typed id.
    pub fn session_id(&self) -> SessionId {
        SessionId(self.id)
    }

    /// The operator who signed in.
    pub fn operator(&self) -> OperatorId {
        OperatorId(self.operator_id)
    }
}

/// Keeps a new login.
pub async fn insert(tx: &Tx, session: Session) -> Result<(), StoreError> {
    row::insert(tx, session).await
}

/// The login a token stands for, whether it is still good or not.
pub async fn by_token_hash<C: ConnectionTrait>(
    db: &C,
    hash: &str,
) -> Result<Option<Session>, StoreError> {
    let query = operator_session::Entity::find();
    Ok(query.filter(operator_session::Column::TokenHash.eq(hash)).one(db).await?)
}

/// Notes that a login was used.
pub async fn touch(tx: &Tx, id: SessionId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let set = operator_session::ActiveModel { last_seen_at: Set(now), ..Default::default() };
    let query = operator_session::Entity::update_many().set(set);
    query.filter(operator_session::Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}

/// The logins of an operator that are still good, the latest first.
pub async fn live<C: ConnectionTrait>(
    db: &C,
    operator: OperatorId,
    now: DateTime<Utc>,
) -> Result<Vec<Session>, StoreError> {
    let found = operator_session::Entity::find()
        .filter(operator_session::Column::OperatorId.eq(operator.0))
        .filter(operator_session::Column::RevokedAt.is_null())
        .filter(operator_session::Column::ExpiresAt.gt(now))
        .order_by_desc(operator_session::Column::LastSeenAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// True if the operator signed in from this address since a moment: it is no stranger's.
pub async fn knows_address<C: ConnectionTrait>(
    db: &C,
    operator: OperatorId,
    ip: &str,
    since: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let count = operator_session::Entity::find()
        .filter(operator_session::Column::OperatorId.eq(operator.0))
        .filter(operator_session::Column::Ip.eq(ip))
        .filter(operator_session::Column::CreatedAt.gte(since))
        .count(db)
        .await?;
    Ok(count > 0)
}

/// Ends one login of an operator; `false` if there is none of that id that is still good.
pub async fn revoke(
    tx: &Tx,
    operator: OperatorId,
    id: SessionId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let set = operator_session::ActiveModel { revoked_at: Set(Some(now)), ..Default::default() };
    let done = operator_session::Entity::update_many()
        .set(set)
        .filter(operator_session::Column::Id.eq(id.0))
        .filter(operator_session::Column::OperatorId.eq(operator.0))
        .filter(operator_session::Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Ends every login of an operator, except perhaps one.
pub async fn revoke_all(
    tx: &Tx,
    operator: OperatorId,
    except: Option<SessionId>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let set = operator_session::ActiveModel { revoked_at: Set(Some(now)), ..Default::default() };
    let mut query = operator_session::Entity::update_many()
        .set(set)
        .filter(operator_session::Column::OperatorId.eq(operator.0))
        .filter(operator_session::Column::RevokedAt.is_null());
    if let Some(except) = except {
        query = query.filter(operator_session::Column::Id.ne(except.0));
    }
    Ok(query.exec(tx).await?.rows_affected)
}
