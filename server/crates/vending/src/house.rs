//! The hands and senses every room shares: the store, the meters, the way to the providers, time
//! and chance. A room borrows them; none of them decides anything.

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::{
    Clock, Money, Rng,
    arrears::{TripMode, TripRules},
};
use gateway::Gateway;
use store::Store;
use tokio::sync::Semaphore;

use crate::{
    arrears::ClockWatch,
    backfill::BACK_FILLS_AT_ONCE,
    directory::Directory,
    merchant::MerchantCatalogue,
    notice::{Channels, channel::Tokens},
    password::Passwords,
    transport::Transport,
    upkeep::Owned,
};

/// Bounds and periods a site may set; the defaults are what `requirements.md` promises.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The smallest order.
    pub order_min: Money,
    /// The largest order.
    pub order_max: Money,
    /// How long an order may be paid before it is closed.
    pub order_lifetime: Duration,
    /// How long a job may stay leased before another worker may take it.
    pub job_lease: Duration,
    /// How many jobs one process works on at once.
    pub jobs_at_once: usize,
    /// When supply may be cut (B3).
    pub trip_rules: TripRules,
    /// Emergency credit before a cut, in fen.
    pub overdraft_fen: i64,
    /// What a purse has to hold before supply comes back, in fen; at least 1.
    pub reconnect_minimum_fen: i64,
    /// This process's name, where several share a database.
    pub node: String,
    /// Several processes share the database: only jobs of gateways connected here are taken.
    pub many_nodes: bool,
    /// The file of meters' own passwords ([`crate::password`]), if the site has one.
    pub meter_passwords: Option<std::path::PathBuf>,
    /// Through what tenants are told.
    pub notices: Channels,
    /// A factor on every waiting time of the vend and supply sagas; 1 outside of tests.
    pub pace: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            order_min: Money::from_fen(100),
            order_max: Money::from_fen(500_000),
            order_lifetime: Duration::from_secs(15 * 60),
            job_lease: Duration::from_secs(90),
            jobs_at_once: 256,
            trip_rules: TripRules {
                mode: TripMode::AtOnce,
                freshness_max: Duration::from_secs(30 * 60),
                protected_hours: Vec::new(),
                friendly_hours: Vec::new(),
                no_trip_dates: Vec::new(),
                no_trip_weekdays: [false; 7],
                hourly_budget_project: 30,
                hourly_budget_building: 10,
            },
            overdraft_fen: 0,
            reconnect_minimum_fen: 1,
            node: "one".to_owned(),
            many_nodes: false,
            meter_passwords: None,
            notices: Channels::default(),
            pace: 1.0,
        }
    }
}

/// Everything a room needs to do its work. Cheap to clone.
#[derive(Clone)]
pub struct House {
    parts: Arc<Parts>,
    watch: Arc<Mutex<ClockWatch>>,
    meters: Arc<RwLock<Arc<Directory>>>,
    owned: Arc<Owned>,
    passwords: Arc<RwLock<Passwords>>,
    back_fills: Arc<Semaphore>,
    trip_turn: Arc<tokio::sync::Mutex<()>>,
    tokens: Arc<Tokens>,
}

/// What the house is made of; handed in once, at start.
pub struct Parts {
    /// The books.
    pub store: Store,
    /// The meters behind their gateways.
    pub gateway: Gateway,
    /// The way to the providers.
    pub transport: Arc<dyn Transport>,
    /// The merchants' keys.
    pub merchants: MerchantCatalogue,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
    /// The site's bounds and periods.
    pub settings: Settings,
}

impl House {
    /// Opens the house.
    pub fn new(parts: Parts) -> Self {
        let watch = ClockWatch::new(parts.clock.as_ref());
        let passwords = Passwords::before(parts.settings.meter_passwords.as_ref());
        House {
            parts: Arc::new(parts),
            watch: Arc::new(Mutex::new(watch)),
            meters: Arc::default(),
            owned: Arc::default(),
            passwords: Arc::new(RwLock::new(passwords)),
            back_fills: Arc::new(Semaphore::new(BACK_FILLS_AT_ONCE)),
            trip_turn: Arc::default(),
            tokens: Arc::default(),
        }
    }

    /// The books.
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// The meters.
    pub fn gateway(&self) -> &Gateway {
        &self.parts.gateway
    }

    /// The way to the providers.
    pub fn transport(&self) -> &dyn Transport {
        self.parts.transport.as_ref()
    }

    /// The merchants' keys.
    pub fn merchants(&self) -> &MerchantCatalogue {
        &self.parts.merchants
    }

    /// The clock, for ids and time-outs.
    pub fn clock(&self) -> &dyn Clock {
        self.parts.clock.as_ref()
    }

    /// Chance, for ids, nonces and jitter.
    pub fn rng(&self) -> &dyn Rng {
        self.parts.rng.as_ref()
    }

    /// The site's bounds and periods.
    pub fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    /// The present moment, UTC.
    pub fn now(&self) -> DateTime<Utc> {
        self.parts.clock.now()
    }

    /// The meters in use, as they were configured last.
    pub fn meters(&self) -> Arc<Directory> {
        Arc::clone(&self.meters.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The gateways this process owns, where several share a database.
    pub fn owned(&self) -> &Owned {
        &self.owned
    }

    /// The places for meters that are asked what they kept over a gap.
    pub(crate) fn back_fills(&self) -> &Semaphore {
        &self.back_fills
    }

    /// Puts another set of meters in use.
    pub(crate) fn use_meters(&self, meters: Directory) {
        *self.meters.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(meters);
    }

    /// What is known of meters' own passwords.
    pub(crate) fn passwords(&self) -> Passwords {
        self.passwords.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts other passwords in use; meters learn them with the next configuration.
    pub(crate) fn use_passwords(&self, passwords: Passwords) {
        *self.passwords.write().unwrap_or_else(PoisonError::into_inner) = passwords;
    }

    /// When the wall clock last stepped, if it did: nothing is cut off shortly after (17C).
    pub fn clock_stepped_at(&self) -> Option<DateTime<Utc>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).look(self.clock())
    }

    /// True unless the wall clock stepped a short while ago: what is decided by one reading of it
    /// alone waits until then (I14).
    pub fn clock_is_settled(&self) -> bool {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).is_settled(self.clock())
    }

    /// The present moment by a clock that started with the wall clock and never jumps; two
    /// processes differ about it.
    pub fn steady_now(&self) -> DateTime<Utc> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner).steady(self.clock())
    }

    /// Whoever decides about a trip in this process waits for its turn here, and not on a
    /// connection of the database that somebody who pays may want.
    pub(crate) fn trip_turn(&self) -> &tokio::sync::Mutex<()> {
        &self.trip_turn
    }

    /// The access tokens of the WeChat accounts.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// A saga's waiting time at this house's pace.
    pub fn paced(&self, wait: Duration) -> Duration {
        wait.mul_f32(self.parts.settings.pace)
    }
}
