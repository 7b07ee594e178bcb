//! What every handler has at hand.

use std::sync::Arc;

use domain::{Clock, Rng};
use tokio::sync::{Semaphore, watch};
use vending::{House, merchant::Addresses};

use super::{callback::skew::SkewWatch, live::LiveDesk};
use crate::{
    config,
    metrics::Metrics,
    operator::{SignIn, budget::Budgets},
};

/// Callbacks worked on at once; beyond it they are asked to come again.
pub const CALLBACKS_AT_ONCE_MAX: usize = 512;

/// The state of one server, shared by all its workers.
pub struct App {
    /// What happens.
    pub house: House,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub rng: Arc<dyn Rng>,
    /// `[server]`.
    pub server: config::Server,
    /// True where TLS ends here or, by our public address, at a proxy in front.
    pub tls: bool,
    /// Where the providers are and where we are.
    pub addresses: Addresses,
    /// Signing in.
    pub sign_in: SignIn,
    /// What the tenants' handlers have at hand.
    pub tenants: Arc<mini_program_api::Desk>,
    /// What the kiosks' handlers have at hand.
    pub kiosks: Arc<kiosk_api::Desk>,
    /// Budgets per address.
    pub budgets: Arc<Budgets>,
    /// Counts for the metrics page.
    pub metrics: Metrics,
    /// Places for callbacks.
    pub callbacks: Semaphore,
    /// Whether the providers' clocks and ours agree.
    pub skew: SkewWatch,
    /// The live page's cached state.
    pub live: LiveDesk,
    /// True once the server is being stopped: the health page turns new traffic away, and streams
    /// end.
    pub stopping: watch::Receiver<bool>,
    /// The first background part that ended by itself: the health page turns traffic away.
    pub ended: watch::Receiver<Option<&'static str>>,
}

impl App {
    /// A fresh number for a request.
    pub fn fresh_trace_id(&self) -> String {
        let mut bytes = [0u8; 8];
        self.rng.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
