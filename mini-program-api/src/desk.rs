//! What every handler has at hand.

use std::{sync::Arc, time::Duration};

use domain::{Clock, Rng};
use tokio::sync::watch;
use vending::House;

use crate::{door::Doors, keyed::Keyed, order::stream::Places, read::Board, token::Keys};

/// Bounds and periods of the tenant's side.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our address as tenants reach it, without a slash at the end.
    pub public_url: String,
    /// How long an access token is good for; at most ten minutes (S14).
    pub access_life: Duration,
    /// How long a sign-in lasts that is used now and then.
    pub refresh_life: Duration,
    /// The phone number tenants are told to call; empty for none.
    pub service_phone: String,
    /// The projects whose tenants may switch their own supply (T7).
    pub switching_projects: Vec<i64>,
}

impl Settings {
    /// True where browsers reach us by TLS, so that cookies go nowhere else.
    pub fn is_tls(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            public_url: "http://127.0.0.1:8080".to_owned(),
            access_life: Duration::from_secs(600),
            refresh_life: Duration::from_secs(30 * 86_400),
            service_phone: String::new(),
            switching_projects: Vec::new(),
        }
    }
}

/// What every handler has at hand.
pub struct Desk {
    /// What happens.
    pub house: House,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
    /// Bounds and periods.
    pub settings: Settings,
    /// The keys of access tokens.
    pub keys: Keys,
    /// Live reads of this process.
    pub reads: Board,
    /// The key of hashes that nobody else can make.
    pub keyed: Keyed,
    /// The doors to WeChat, Alipay and the SMS gateways.
    pub doors: Doors,
    /// The places for live pages of orders.
    pub streams: Places,
    /// True once the server is being stopped: streams end.
    pub stopping: watch::Receiver<bool>,
}
