//! What every line of one gateway shares.

use std::sync::Arc;

use domain::{Clock, Rng};

use crate::{counter::Counters, outbox::Outbox, timing::Timing};

/// Clock, chance, timing, counters and the way out.
pub(crate) struct Shared {
    pub clock: Arc<dyn Clock>,
    pub rng: Arc<dyn Rng>,
    pub timing: Timing,
    pub counters: Arc<Counters>,
    pub outbox: Arc<Outbox>,
}
