//! Access tokens: short-lived JWTs with one pinned algorithm, type, issuer and audience (RFC 8725,
//! S14).
//!
//! A token alone opens nothing for long: every request also looks whether its sign-in still stands,
//! so that signing out counts at once.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::failure::{Failure, Result};

/// The only algorithm that is made and accepted.
const ALGORITHM: Algorithm = Algorithm::HS256;
/// The type in the header (RFC 9068): no other kind of token of ours can be taken for one.
const TYPE: &str = "at+jwt";
/// Whom the token is for.
const AUDIENCE: &str = "yufu-mini";
/// The shortest key, in bytes: as long as the hash (RFC 7518, 3.2).
pub const KEY_MIN: usize = 32;
/// The longest token that is looked at.
const TOKEN_MAX: usize = 2_048;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Our own address.
    pub iss: String,
    /// [`AUDIENCE`].
    pub aud: String,
    /// The person.
    pub sub: Uuid,
    /// The sign-in it belongs to.
    pub sid: Uuid,
    /// The person's session version at that moment; signing out everywhere raises it.
    pub ver: i64,
    /// Issued at, in seconds of UTC.
    pub iat: i64,
    /// Not before.
    pub nbf: i64,
    /// Not after.
    pub exp: i64,
    /// A number of its own.
    pub jti: Uuid,
}

/// Whom a token is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The person.
    pub person: Uuid,
    /// The sign-in.
    pub family: Uuid,
    /// The person's session version.
    pub version: i64,
}

/// One key with the name it is known by.
struct Key {
    id: String,
    secret: Zeroizing<Vec<u8>>,
}

/// The keys of access tokens: one signs, the one before it is still accepted after a change.
pub struct Keys {
    current: Key,
    previous: Option<Key>,
    issuer: String,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("current", &self.current.id).finish_non_exhaustive()
    }
}

impl Key {
    fn new(secret: Vec<u8>) -> Result<Key> {
        if secret.len() < KEY_MIN {
            return Err(Failure::internal(&"a token key has at least 32 bytes"));
        }
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &secret);
        let id = digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Ok(Key { id, secret: Zeroizing::new(secret) })
    }
}

impl Keys {
    /// Keys from their bytes; `issuer` is our public address.
    pub fn new(issuer: String, current: Vec<u8>, previous: Option<Vec<u8>>) -> Result<Keys> {
        let previous = previous.map(Key::new).transpose()?;
        Ok(Keys { current: Key::new(current)?, previous, issuer })
    }

    /// A token for a holder, good until `now + life`.
    pub fn issue(
        &self,
        holder: Holder,
        (now, life): (DateTime<Utc>, TimeDelta),
        jti: Uuid,
    ) -> Result<String> {
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: holder.person,
            sid: holder.family,
            ver: holder.version,
            iat: now.timestamp(),
            nbf: now.timestamp(),
            exp: (now + life).timestamp(),
            jti,
        };
        let mut header = Header::new(ALGORITHM);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.current.id.clone());
        let key = EncodingKey::from_secret(&self.current.secret);
        jsonwebtoken::encode(&header, &claims, &key).map_err(|error| Failure::internal(&error))
    }

    /// Who shows this token at `now`.
    ///
    /// Invariant: algorithm, type, issuer, audience, both ends of its life and its key are pinned
    /// here and never taken from the token (RFC 8725, S14); proved by
    /// `every_forged_or_foreign_token_is_refused`.
    pub fn read(&self, token: &str, now: DateTime<Utc>) -> Result<Holder> {
        let refused = || Failure::SignInRequired;
        if token.len() > TOKEN_MAX {
            return Err(refused());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| refused())?;
        if header.alg != ALGORITHM || header.typ.as_deref() != Some(TYPE) {
            return Err(refused());
        }
        let named = header.kid.as_deref().ok_or_else(refused)?;
        let known = [Some(&self.current), self.previous.as_ref()];
        let key = known.into_iter().flatten().find(|key| key.id == named).ok_or_else(refused)?;
        let mut rules = Validation::new(ALGORITHM);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[&self.issuer]);
        rules.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
        // Both ends are compared with the house's own clock below.
        (rules.validate_exp, rules.validate_nbf) = (false, false);
        let read =
            jsonwebtoken::decode::<Claims>(token, &DecodingKey::from_secret(&key.secret), &rules);
        let claims = read.map_err(|_| refused())?.claims;
        let now = now.timestamp();
        if now < claims.nbf || now >= claims.exp {
            return Err(refused());
        }
        Ok(Holder { person: claims.sub, family: claims.sid, version: claims.ver })
    }
}

#[cfg(test)]
mod tests;
