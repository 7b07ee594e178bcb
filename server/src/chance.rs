//! Chance from the operating system.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use domain::Rng;

/// The operating system's generator, for ids, nonces and secrets.
pub struct SystemRng(SystemRandom);

impl SystemRng {
    /// The generator.
    pub fn new() -> Self {
        SystemRng(SystemRandom::new())
    }
}

impl Default for SystemRng {
    fn default() -> Self {
        Self::new()
    }
}

impl Rng for SystemRng {
    fn fill(&self, bytes: &mut [u8]) {
        // Without chance there are no ids, no nonces and no secrets: stopping is the only way out.
        if self.0.fill(bytes).is_err() {
            tracing::error!("the operating system gives no random bytes; the process ends");
            std::process::abort();
        }
    }
}
