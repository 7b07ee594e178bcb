//! The hands and senses every room shares: the store, the meters, the way to the providers, time
//! and chance. A room borrows them; none of them decides anything.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::{Clock, Money, Rng};
use gateway::Gateway;
use store::Store;

use crate::{merchant::MerchantCatalogue, transport::Transport};

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
    /// A reading older than this is not fresh enough to cut anybody off (I12).
    pub fresh_reading: Duration,
    /// How long a trip command lives before it is dropped unsent (17K).
    pub trip_lifetime: Duration,
    /// How many meters of one project may be tripped in an hour (S31).
    pub trips_per_hour_max: u32,
    /// Supply still off so long after the credit raises the "paid but dark" alarm.
    pub dark_alarm_after: Duration,
    /// The level operators see first: below it the tenant is told.
    pub low_balance: Money,
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
            fresh_reading: Duration::from_secs(30 * 60),
            trip_lifetime: Duration::from_secs(60),
            trips_per_hour_max: 30,
            dark_alarm_after: Duration::from_secs(60),
            low_balance: Money::from_fen(2_000),
            pace: 1.0,
        }
    }
}

/// Everything a room needs to do its work. Cheap to clone.
#[derive(Clone)]
pub struct House {
    parts: Arc<Parts>,
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
        House { parts: Arc::new(parts) }
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

    /// A saga's waiting time at this house's pace.
    pub fn paced(&self, wait: Duration) -> Duration {
        wait.mul_f32(self.parts.settings.pace)
    }
}
