//! What every handler has at hand.

use std::{sync::Arc, time::Duration};

use domain::{Clock, Rng};
use vending::House;

use crate::{read::Board, token::Keys};

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
    /// True where a visitor in WeChat is asked by its service account who they are.
    pub wechat_page: bool,
    /// True where a visitor in Alipay is asked by it who they are.
    pub alipay_page: bool,
    /// The projects whose tenants may switch their own supply (T7).
    pub switching_projects: Vec<i64>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            public_url: "http://127.0.0.1:8080".to_owned(),
            access_life: Duration::from_secs(600),
            refresh_life: Duration::from_secs(30 * 86_400),
            service_phone: String::new(),
            wechat_page: false,
            alipay_page: false,
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
}
