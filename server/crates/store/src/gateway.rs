//! Who talks to a gateway: a lease with a fencing token, so that two processes never share a bus.

use chrono::{DateTime, Utc};
use domain::GatewayId;
use sea_orm::{ConnectionTrait, EntityTrait, Statement, Value};

use crate::{Store, StoreError, entity::gateway};

/// A gateway held by a process. Every command to its buses carries the token; an older one is
/// refused by the owner of the bus (7N).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayLease {
    /// The gateway.
    pub gateway: GatewayId,
    /// Grows with every change of owner.
    pub token: i64,
}

impl Store {
    /// Takes a gateway, or keeps it; `None` while somebody else holds it.
    ///
    /// Invariant: of two owners of a gateway the later one has the larger token; proved by
    /// `a_gateway_has_one_owner_and_its_token_only_grows`.
    pub async fn own_gateway(
        &self,
        gateway: GatewayId,
        owner: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Option<GatewayLease>, StoreError> {
        let values: [Value; 4] = [gateway.0.into(), owner.into(), now.into(), until.into()];
        let sql = "update gateway set \
             owner_token = owner_token + case when owner = $2 and lease_until >= $3 then 0 \
               else 1 end, \
             owner = $2, lease_until = $4 \
             where id = $1 and (owner is null or owner = $2 or lease_until < $3) \
             returning owner_token";
        let token: Option<i64> = self
            .transact(move |tx| {
                Box::pin(async move {
                    let backend = tx.get_database_backend();
                    let statement = Statement::from_sql_and_values(backend, sql, values);
                    let row = tx.query_one_raw(statement).await?;
                    Ok::<_, StoreError>(row.map(|row| row.try_get_by_index(0)).transpose()?)
                })
            })
            .await?;
        Ok(token.map(|token| GatewayLease { gateway, token }))
    }

    /// Gives a gateway back, so that another process need not wait for the lease to run out.
    pub async fn leave_gateway(&self, lease: GatewayLease) -> Result<(), StoreError> {
        let values: [Value; 2] = [lease.gateway.0.into(), lease.token.into()];
        let sql = "update gateway set owner = null, lease_until = null \
             where id = $1 and owner_token = $2";
        self.transact(move |tx| {
            Box::pin(async move {
                let backend = tx.get_database_backend();
                tx.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
                Ok(())
            })
        })
        .await
    }
}

/// True while a lease is the newest one of its gateway.
pub async fn is_current<C: ConnectionTrait>(
    db: &C,
    lease: GatewayLease,
) -> Result<bool, StoreError> {
    let row = gateway::Entity::find_by_id(lease.gateway.0).one(db).await?;
    Ok(row.is_some_and(|row| row.owner_token == lease.token && row.owner.is_some()))
}
