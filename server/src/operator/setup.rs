//! Set-up links: how an account gets its first password. There is no default one.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, OperatorId, ProjectId, Rng};
use store::{
    Store, StoreError,
    operator::{self, EVERYWHERE, Operator},
};
use zeroize::Zeroizing;

use super::{password::PasswordError, password::Passwords, token};
use crate::access::Role;

/// How long a set-up link works.
pub const LINK_LIFE: TimeDelta = TimeDelta::hours(24);
/// The login of the first account, until its owner chooses another.
pub const FIRST_LOGIN: &str = "owner";
/// The longest login and name.
pub const NAME_MAX: usize = 64;

/// A link that lets one person set a password, once.
#[derive(Clone, Debug)]
pub struct SetupLink {
    /// The account it is for.
    pub operator: OperatorId,
    /// The secret part.
    pub token: Zeroizing<String>,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

impl SetupLink {
    /// The address to open. The secret stands behind `#`, so that no server log ever holds it.
    pub fn url(&self, public_url: &str) -> String {
        format!("{public_url}/console/setup#{}", self.token.as_str())
    }
}

/// Why an account could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The link is unknown, used or too old.
    #[error("the set-up link is not valid")]
    LinkBad,
    /// The password is too short or holds the login.
    #[error("the password is too weak")]
    PasswordWeak,
    /// Too many passwords are being hashed.
    #[error("the password could not be hashed")]
    Password(#[from] PasswordError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// The link for the first account, if nobody has set one up yet. Made anew at every start: the
/// link before it no longer works.
pub async fn first_link(
    store: &Store,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<Option<SetupLink>, StoreError> {
    if operator::count_set_up(store.read()).await? > 0 {
        return Ok(None);
    }
    let known = operator::by_login(store.read(), FIRST_LOGIN).await?;
    let link = match known {
        Some(known) => renew(store, clock, rng, known.operator_id()).await?,
        None => {
            let roles = vec![(EVERYWHERE, Role::Owner.as_str().to_owned())];
            Some(invite(store, clock, rng, (FIRST_LOGIN, "负责人"), roles).await?)
        }
    };
    Ok(link)
}

/// Adds an operator and makes the link with which they set their password.
///
/// Errors: [`StoreError::Refused`] if the login is taken.
pub async fn invite(
    store: &Store,
    clock: &dyn Clock,
    rng: &dyn Rng,
    (login, name): (&str, &str),
    roles: Vec<(ProjectId, String)>,
) -> Result<SetupLink, StoreError> {
    let link = fresh(clock, rng, OperatorId::generate(clock, rng));
    let new = Operator {
        id: link.operator.0,
        login: login.to_owned(),
        name: name.to_owned(),
        password_hash: None,
        totp_secret: None,
        totp_last_step: None,
        state: "invited".to_owned(),
        setup_token_hash: token::hash(&link.token),
        setup_expires_at: Some(link.expires_at),
        failed_count: 0,
        locked_until: None,
        created_at: clock.now(),
    };
    store
        .transact(move |tx| Box::pin(async move { operator::insert(tx, new, &roles).await }))
        .await?;
    Ok(link)
}

/// Makes a new link for an account, for a lost password or a link that ran out.
pub async fn renew(
    store: &Store,
    clock: &dyn Clock,
    rng: &dyn Rng,
    id: OperatorId,
) -> Result<Option<SetupLink>, StoreError> {
    let link = fresh(clock, rng, id);
    let hash = token::hash(&link.token).unwrap_or_default();
    let expires_at = link.expires_at;
    let set = store.transact(move |tx| {
        Box::pin(async move { operator::set_setup_token(tx, id, &hash, expires_at).await })
    });
    Ok(set.await?.then_some(link))
}

/// Uses a link up: sets the password, ends every login there was, and drops the second factor.
pub async fn set_up(
    store: &Store,
    clock: &dyn Clock,
    rng: &dyn Rng,
    passwords: &Passwords,
    (token, password): (&str, &str),
) -> Result<Operator, SetupError> {
    let hash = token::hash(token).ok_or(SetupError::LinkBad)?;
    let known = operator::by_setup_token(store.read(), &hash).await?;
    let known = known.ok_or(SetupError::LinkBad)?;
    if !super::password::is_strong(&known.login, password) {
        return Err(SetupError::PasswordWeak);
    }
    let password = passwords.hash(rng, password).await?;
    let (id, now) = (known.operator_id(), clock.now());
    let done = store.transact(move |tx| {
        Box::pin(async move {
            let done = operator::set_up(tx, id, &hash, password, now).await?;
            if done {
                operator::session::revoke_all(tx, id, None, now).await?;
            }
            Ok::<_, StoreError>(done)
        })
    });
    if done.await? { Ok(known) } else { Err(SetupError::LinkBad) }
}

/// True for a login or name an operator may have: printable, not blank, not too long.
pub fn is_name(text: &str) -> bool {
    let printable = text.chars().all(|c| !c.is_control());
    !text.trim().is_empty() && text.trim() == text && text.chars().count() <= NAME_MAX && printable
}

fn fresh(clock: &dyn Clock, rng: &dyn Rng, operator: OperatorId) -> SetupLink {
    SetupLink { operator, token: token::fresh(rng), expires_at: clock.now() + LINK_LIFE }
}

#[cfg(test)]
mod tests {
    use domain::{ManualClock, SeededRng};

    use super::*;

    #[tokio::test]
    async fn a_setup_link_works_once_and_not_after_its_time() {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("setup.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let (clock, rng) = (ManualClock::at("2026-11-20T00:00:00Z"), SeededRng::new(1));
        let passwords = Passwords::new(&rng).unwrap();
        let set_up = async |token: &str, password: &str| {
            set_up(&store, &clock, &rng, &passwords, (token, password)).await
        };
        let old = first_link(&store, &clock, &rng).await.unwrap().unwrap();
        let link = first_link(&store, &clock, &rng).await.unwrap().unwrap();
        assert!(matches!(set_up(&old.token, "long enough").await, Err(SetupError::LinkBad)));
        assert!(matches!(set_up(&link.token, "short").await, Err(SetupError::PasswordWeak)));
        clock.advance(std::time::Duration::from_secs(86_400));
        assert!(matches!(set_up(&link.token, "long enough").await, Err(SetupError::LinkBad)));
        let link = first_link(&store, &clock, &rng).await.unwrap().unwrap();
        assert_eq!(set_up(&link.token, "long enough").await.unwrap().login, FIRST_LOGIN);
        assert!(matches!(set_up(&link.token, "long enough").await, Err(SetupError::LinkBad)));
        assert!(first_link(&store, &clock, &rng).await.unwrap().is_none());
    }
}
