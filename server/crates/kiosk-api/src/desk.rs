//! What every handler has at hand.

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    aead::{AES_256_GCM, LessSafeKey, UnboundKey},
    hkdf,
    signature::{Ed25519KeyPair, KeyPair},
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, Rng};
use mini_program_api::budget;
use store::{Store, rate::Budget};
use tokio::sync::watch;
use uuid::Uuid;
use vending::House;

use crate::{
    board::Board,
    failure::{Failure, Result},
};

/// The bytes of a site's secret for kiosks, from which every key here is derived.
pub const SECRET_BYTES: usize = 32;

/// The keys of a site towards its kiosks, all derived from one secret.
pub struct Keys {
    command: Ed25519KeyPair,
    handle: LessSafeKey,
    card: [u8; 32],
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(***)")
    }
}

/// So many bytes of key.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// Bytes that follow from a secret and what they are for (RFC 5869).
pub(crate) fn derived(secret: &[u8], used_for: &str) -> Result<[u8; 32]> {
    let mut key = [0; 32];
    let failed = |_| Failure::Internal(format!("the key of {used_for} cannot be derived"));
    let pseudo_random = hkdf::Salt::new(hkdf::HKDF_SHA256, b"yufu-kiosk").extract(secret);
    let info = [used_for.as_bytes()];
    let output = pseudo_random.expand(&info, Length(key.len())).map_err(failed)?;
    output.fill(&mut key).map_err(failed)?;
    Ok(key)
}

impl Keys {
    /// The keys that follow from a secret of [`SECRET_BYTES`].
    ///
    /// # Errors
    /// [`Failure::Internal`] for a secret of another length.
    pub fn new(secret: &[u8]) -> Result<Keys> {
        if secret.len() != SECRET_BYTES {
            return Err(Failure::internal(&"the secret of the kiosks has 32 bytes"));
        }
        let command = Ed25519KeyPair::from_seed_unchecked(&derived(secret, "command")?);
        let command = command.map_err(|error| Failure::internal(&error))?;
        let handle = UnboundKey::new(&AES_256_GCM, &derived(secret, "handle")?);
        let handle = handle.map_err(|error| Failure::internal(&error))?;
        let card = derived(secret, "card")?;
        Ok(Keys { command, handle: LessSafeKey::new(handle), card })
    }

    /// The public half of the command key, 32 bytes in hexadecimal.
    pub fn command_key(&self) -> String {
        mini_program_api::keyed::hex(self.command.public_key().as_ref())
    }

    /// The command key's signature, 64 bytes in hexadecimal.
    pub fn sign(&self, message: &[u8]) -> String {
        mini_program_api::keyed::hex(self.command.sign(message).as_ref())
    }

    /// The key handles are sealed with.
    pub(crate) fn handle(&self) -> &LessSafeKey {
        &self.handle
    }

    /// The master of all cards' keys.
    pub(crate) fn card(&self) -> &[u8; 32] {
        &self.card
    }
}

/// What every handler has at hand.
pub struct Desk {
    /// What the tenants' side has at hand: the house, clock, chance, the door to text messages.
    pub tenants: Arc<mini_program_api::Desk>,
    /// The keys.
    pub keys: Keys,
    /// Which kiosks wait for news in this process.
    pub board: Board,
    /// True once the server is being stopped: channels end.
    pub stopping: watch::Receiver<bool>,
}

impl Desk {
    /// What happens.
    pub fn house(&self) -> &House {
        &self.tenants.house
    }

    /// The books.
    pub fn store(&self) -> &Store {
        self.tenants.house.store()
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        self.tenants.clock.as_ref()
    }

    /// Chance.
    pub fn rng(&self) -> &dyn Rng {
        self.tenants.rng.as_ref()
    }

    /// The present moment.
    pub fn now(&self) -> DateTime<Utc> {
        self.tenants.clock.now()
    }

    /// A fresh id, ordered by time.
    pub fn fresh_id(&self) -> Uuid {
        domain::CommandId::generate(self.clock(), self.rng()).0
    }

    /// Spends one from each budget; a refusal says when to come again.
    pub async fn spend(&self, budgets: &[Budget]) -> Result<()> {
        Ok(budget::spend(&self.tenants, budgets).await?)
    }

    /// A budget of one kiosk.
    pub fn budget(&self, used_for: &str, kiosk: Uuid, minutes: i64, max: i64) -> Budget {
        let key = format!("kiosk:{used_for}:{kiosk}");
        Budget::new(key, TimeDelta::minutes(minutes), max)
    }
}
