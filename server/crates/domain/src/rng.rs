//! Chance as a parameter.

use std::sync::{Mutex, PoisonError};

use rand_chacha::{
    ChaCha12Rng,
    rand_core::{RngCore, SeedableRng},
};

/// Where random bytes come from. Production hands in the operating system's generator, tests a
/// seeded one whose seed is printed.
pub trait Rng: Send + Sync {
    /// Fills the buffer with random bytes.
    fn fill(&self, bytes: &mut [u8]);

    /// A number below `bound`, uniform for every bound a back-off or a lot needs; 0 for bound 0.
    fn below(&self, bound: u64) -> u64 {
        let mut bytes = [0u8; 16];
        self.fill(&mut bytes);
        // 128 random bits against a 64-bit bound leave a bias below 2^-64.
        let wide = u128::from_le_bytes(bytes);
        wide.checked_rem(u128::from(bound)).map_or(0, |rest| rest as u64)
    }
}

/// A reproducible generator for tests and simulations. Never for secrets.
pub struct SeededRng(Mutex<ChaCha12Rng>);

impl SeededRng {
    /// The generator that this seed always gives.
    pub fn new(seed: u64) -> Self {
        SeededRng(Mutex::new(ChaCha12Rng::seed_from_u64(seed)))
    }
}

impl Rng for SeededRng {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}
