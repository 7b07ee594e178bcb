//! Passwords: argon2id, a bounded number at a time, on threads of their own.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::Rng;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// The shortest password.
pub const PASSWORD_MIN: usize = 10;
/// The longest password; longer ones would only cost time.
pub const PASSWORD_MAX: usize = 128;
/// How many hashes are computed at once: each takes 19 MiB and a core for some 20 ms.
const AT_ONCE_MAX: usize = 2;
/// How long a sign-in may wait for its turn.
const WAIT_MAX: Duration = Duration::from_secs(3);
/// OWASP's second choice for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const SALT_BYTES: usize = 16;

/// The one place where passwords are hashed and compared.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    /// The hash that is compared when there is no such operator, so that both take as long (S15).
    nobody: Arc<str>,
}

/// Why a password could not be hashed or compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too many people sign in at once.
    #[error("too many sign-ins at once")]
    Busy,
    /// The hash could not be computed.
    #[error("the password could not be hashed")]
    Failed,
}

impl Passwords {
    /// Makes the hash of nobody's password, which takes as long as a sign-in.
    pub fn new(rng: &dyn Rng) -> Result<Self, PasswordError> {
        let nobody = hash(b"nobody signs in with this", &salt(rng))?;
        Ok(Passwords { turns: Arc::new(Semaphore::new(AT_ONCE_MAX)), nobody: nobody.into() })
    }

    /// Hashes a new password.
    pub async fn hash(&self, rng: &dyn Rng, password: &str) -> Result<String, PasswordError> {
        let (password, salt) = (Zeroizing::new(password.to_owned()), salt(rng));
        self.in_turn(move || hash(password.as_bytes(), &salt)).await?
    }

    /// Compares a password with a stored hash. Without a hash it takes as long and answers no.
    ///
    /// Invariant: an unknown name takes the same work as a known one; proved by
    /// `a_password_for_nobody_is_compared_all_the_same`.
    pub async fn verify(
        &self,
        stored: Option<&str>,
        password: &str,
    ) -> Result<bool, PasswordError> {
        let exists = stored.is_some();
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        let password = Zeroizing::new(password.to_owned());
        let right = self.in_turn(move || {
            let Ok(parsed) = PasswordHash::new(&stored) else { return false };
            argon2().is_some_and(|a| a.verify_password(password.as_bytes(), &parsed).is_ok())
        });
        Ok(right.await? && exists)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let turn = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.turns).acquire_owned());
        let turn = turn.await.map_err(|_| PasswordError::Busy)?;
        let turn = turn.map_err(|_| PasswordError::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(|_| PasswordError::Failed)
    }
}

/// True if a password may be chosen.
pub fn is_strong(login: &str, password: &str) -> bool {
    let length = password.chars().count();
    let has_login = !login.is_empty() && password.to_lowercase().contains(&login.to_lowercase());
    (PASSWORD_MIN..=PASSWORD_MAX).contains(&length) && !has_login
}

fn argon2() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn salt(rng: &dyn Rng) -> [u8; SALT_BYTES] {
    let mut salt = [0u8; SALT_BYTES];
    rng.fill(&mut salt);
    salt
}

fn hash(password: &[u8], salt: &[u8]) -> Result<String, PasswordError> {
    let argon2 = argon2().ok_or(PasswordError::Failed)?;
    let hash = argon2.hash_password_with_salt(password, salt);
    Ok(hash.map_err(|_| PasswordError::Failed)?.to_string())
}

#[cfg(test)]
mod tests {
    use domain::SeededRng;

    use super::*;

    #[tokio::test]
    async fn a_password_fits_its_own_hash_and_no_other() {
        let rng = SeededRng::new(3);
        let passwords = Passwords::new(&rng).unwrap();
        let hash = passwords.hash(&rng, "correct horse").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_eq!(passwords.verify(Some(&hash), "correct horse").await, Ok(true));
        assert_eq!(passwords.verify(Some(&hash), "correct Horse").await, Ok(false));
        assert_eq!(passwords.verify(Some("not a hash"), "x").await, Ok(false));
    }

    #[tokio::test]
    async fn a_password_for_nobody_is_compared_all_the_same() {
        let passwords = Passwords::new(&SeededRng::new(3)).unwrap();
        assert_eq!(passwords.verify(None, "nobody signs in with this").await, Ok(false));
    }

    #[test]
    fn a_password_is_long_and_does_not_hold_the_login() {
        let table = [
            ("wang", "short", false),
            ("wang", "long enough", true),
            ("wang", "Wang123456789", false),
            ("wang", &"x".repeat(129), false),
            ("wang", "十个汉字也可以当密码用", true),
        ];
        for (login, password, want) in table {
            assert_eq!(is_strong(login, password), want, "{password}");
        }
    }
}
