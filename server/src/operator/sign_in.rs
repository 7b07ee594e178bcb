//! Signing in: who somebody is, and the login that stands for them afterwards.

use std::{net::IpAddr, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, OperatorId, Rng, SessionId};
use store::{
    Store, StoreError,
    operator::{
        self, Operator,
        session::{self, Session},
    },
};
use zeroize::Zeroizing;

use super::{budget::Budgets, password::PasswordError, password::Passwords, token, totp};
use crate::access::Reach;

/// How long a login lasts whatever happens.
pub const SESSION_LIFE: TimeDelta = TimeDelta::hours(12);
/// How long a login lasts unused.
pub const SESSION_IDLE: TimeDelta = TimeDelta::hours(2);
/// A login's last use is written down at most this often.
const TOUCH_AFTER: TimeDelta = TimeDelta::seconds(60);
/// Failed tries before strangers have to wait.
const FAILURES_FREE: i32 = 5;
/// The longest a stranger waits for the next try.
const LOCK_MAX: TimeDelta = TimeDelta::minutes(15);
/// An address that signed in within this time is no stranger's: a flood of wrong passwords from
/// elsewhere does not lock its owner out (S15).
const KNOWN_FOR: TimeDelta = TimeDelta::days(30);
/// No failure is told sooner than this, so that its reason cannot be told by its time.
const FAILURE_FLOOR: Duration = Duration::from_millis(300);
/// The longest user agent kept.
const USER_AGENT_MAX: usize = 200;

/// What somebody shows to be believed.
pub struct Credentials {
    /// The name they sign in with.
    pub login: String,
    /// Their password.
    pub password: Zeroizing<String>,
    /// The code of their second factor, if they have one.
    pub totp: Option<String>,
}

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The operator.
    pub operator: Operator,
    /// The login.
    pub session: Session,
    /// What they may do and where, read just now.
    pub reach: Reach,
}

impl Caller {
    /// The operator's id.
    pub fn id(&self) -> OperatorId {
        self.operator.operator_id()
    }
}

/// Why nobody was signed in. Strangers are told nothing but that it failed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The name, the password or the code is wrong, or the account has to wait.
    #[error("the sign-in failed")]
    Failed,
    /// The address tried too often.
    #[error("too many sign-ins were tried from this address")]
    TooMany,
    /// Too many people sign in at once.
    #[error("the password could not be compared")]
    Password(#[from] PasswordError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// Everything signing in needs. Cheap to clone.
#[derive(Clone)]
pub struct SignIn {
    /// The books.
    pub store: Store,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
    /// Where passwords are compared.
    pub passwords: Passwords,
    /// What each address may still try.
    pub budgets: Arc<Budgets>,
}

impl SignIn {
    /// Finds out whether somebody is who they say. Neither the answer nor its time tells whether
    /// the name, the password or the code was wrong (S15).
    pub async fn identify(
        &self,
        from: IpAddr,
        shown: &Credentials,
    ) -> Result<Operator, SignInError> {
        if !self.budgets.sign_in(from) {
            return Err(SignInError::TooMany);
        }
        let floor = tokio::time::sleep(FAILURE_FLOOR);
        let result = self.compare(from, shown).await;
        if matches!(result, Err(SignInError::Failed)) {
            floor.await;
        }
        result
    }

    async fn compare(&self, from: IpAddr, shown: &Credentials) -> Result<Operator, SignInError> {
        let now = self.clock.now();
        let known = operator::by_login(self.store.read(), &shown.login).await?;
        let known = known.filter(Operator::is_active);
        let stored = known.as_ref().and_then(|operator| operator.password_hash.as_deref());
        let right = self.passwords.verify(stored, &shown.password).await?;
        let Some(known) = known else { return Err(SignInError::Failed) };
        let id = known.operator_id();
        if self.has_to_wait(&known, from, now).await? {
            return Err(SignInError::Failed);
        }
        if !right || !self.second_factor_fits(&known, shown.totp.as_deref(), now).await? {
            self.note_failure(id, now).await?;
            return Err(SignInError::Failed);
        }
        // Others may have failed while this password was compared: the lock counts as it is now.
        let seen = known.locked_until;
        let fresh = self.store.transact(move |tx| {
            Box::pin(async move {
                let fresh = operator::by_id(tx, id).await?.filter(Operator::is_active);
                let locked = |until| Some(until) != seen && until > now;
                if fresh.as_ref().is_none_or(|row| row.locked_until.is_some_and(locked)) {
                    return Ok(None);
                }
                operator::note_success(tx, id).await?;
                Ok::<_, StoreError>(fresh)
            })
        });
        fresh.await?.ok_or(SignInError::Failed)
    }

    /// True while an account is locked for this address.
    async fn has_to_wait(
        &self,
        operator: &Operator,
        from: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        if operator.locked_until.is_none_or(|until| until <= now) {
            return Ok(false);
        }
        let (id, since, address) = (operator.operator_id(), now - KNOWN_FOR, from.to_string());
        let known = session::knows_address(self.store.read(), id, &address, since);
        Ok(!known.await? || !self.budgets.exemption(id, from))
    }

    async fn note_failure(&self, id: OperatorId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let until = move |failures| locked_until(failures, now);
        self.store.transact(move |tx| Box::pin(operator::note_failure(tx, id, until))).await
    }

    /// Has somebody who is signed in show their password again. A wrong one counts like one at the
    /// door: a stolen login is no place to guess from.
    pub async fn prove_password(
        &self,
        operator: &Operator,
        from: IpAddr,
        shown: &str,
    ) -> Result<(), SignInError> {
        let now = self.clock.now();
        if !self.budgets.sign_in(from) {
            return Err(SignInError::TooMany);
        }
        if self.has_to_wait(operator, from, now).await? {
            return Err(SignInError::Failed);
        }
        if self.passwords.verify(operator.password_hash.as_deref(), shown).await? {
            return Ok(());
        }
        self.note_failure(operator.operator_id(), now).await?;
        Err(SignInError::Failed)
    }

    /// The same with the present second factor, if there is one: the code must be unused.
    pub async fn prove_factor(
        &self,
        operator: &Operator,
        code: Option<&str>,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let fits = self.second_factor_fits(operator, code, now).await?;
        if !fits {
            self.note_failure(operator.operator_id(), now).await?;
        }
        Ok(fits)
    }

    /// True if the operator has no second factor, or showed a code of it that was not used before.
    pub async fn second_factor_fits(
        &self,
        operator: &Operator,
        code: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let Some(secret) = &operator.totp_secret else { return Ok(true) };
        let step = code.and_then(|code| totp::step_of(secret, code, now.timestamp()));
        let Some(step) = step else { return Ok(false) };
        let id = operator.operator_id();
        self.store.transact(move |tx| Box::pin(operator::use_totp_step(tx, id, step))).await
    }

    /// Opens a login and answers its token, which nobody will see again.
    pub async fn open_session(
        &self,
        operator: &Operator,
        from: IpAddr,
        user_agent: &str,
    ) -> Result<(Session, Zeroizing<String>), StoreError> {
        let now = self.clock.now();
        let token = token::fresh(self.rng.as_ref());
        let session = Session {
            id: SessionId::generate(self.clock.as_ref(), self.rng.as_ref()).0,
            operator_id: operator.id,
            token_hash: token::hash(&token).unwrap_or_default(),
            created_at: now,
            last_seen_at: now,
            expires_at: now + SESSION_LIFE,
            ip: from.to_string(),
            user_agent: user_agent.chars().take(USER_AGENT_MAX).collect(),
            revoked_at: None,
        };
        let stored = session.clone();
        self.store
            .transact(move |tx| Box::pin(async move { session::insert(tx, stored).await }))
            .await?;
        Ok((session, token))
    }

    /// Who a token stands for, if its login is still good. Rights are read anew each time.
    pub async fn caller(&self, shown: &str) -> Result<Option<Caller>, StoreError> {
        let Some(hash) = token::hash(shown) else { return Ok(None) };
        let db = self.store.read();
        let Some(session) = session::by_token_hash(db, &hash).await? else { return Ok(None) };
        let now = self.clock.now();
        let idle_until = session.last_seen_at + SESSION_IDLE;
        if session.revoked_at.is_some() || session.expires_at <= now || idle_until <= now {
            return Ok(None);
        }
        let found = operator::by_id(db, session.operator()).await?;
        let Some(operator) = found.filter(Operator::is_active) else { return Ok(None) };
        let reach = Reach::of(&operator::roles(db, session.operator()).await?);
        if now - session.last_seen_at >= TOUCH_AFTER {
            let id = session.session_id();
            self.store.transact(move |tx| Box::pin(session::touch(tx, id, now))).await?;
        }
        Ok(Some(Caller { operator, session, reach }))
    }
}

/// Until when strangers wait after so many failures: half a minute, doubled each time.
fn locked_until(failures: i32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let over = failures.checked_sub(FAILURES_FREE).filter(|over| *over >= 0)?;
    let doubled = 30i64.checked_shl(u32::try_from(over.min(10)).unwrap_or(10))?;
    Some(now + TimeDelta::seconds(doubled).min(LOCK_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_wait_longer_with_every_failure_up_to_a_quarter_of_an_hour() {
        let now = DateTime::UNIX_EPOCH;
        let table = [
            (1, None),
            (4, None),
            (5, Some(30)),
            (6, Some(60)),
            (9, Some(480)),
            (10, Some(900)),
            (1_000_000, Some(900)),
        ];
        for (failures, seconds) in table {
            let want = seconds.map(|seconds| now + TimeDelta::seconds(seconds));
            assert_eq!(locked_until(failures, now), want, "{failures}");
        }
    }
}
