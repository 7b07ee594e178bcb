//! Whether the providers' clocks and ours agree (F4 no. 24).
//!
//! A single stale callback is a recording somebody plays. Several different ones, all rightly
//! signed and without a fresh one between them, mean that our own clock is wrong.

use std::sync::{Mutex, PoisonError};

/// So many different stale callbacks in a row turn the flag on.
const STALE_MAX: usize = 3;

/// Counts stale callbacks since the last fresh one.
#[derive(Default)]
pub struct SkewWatch {
    stale: Mutex<Vec<String>>,
}

impl SkewWatch {
    /// A rightly signed callback was stale; told by its signature, so that a recording played many
    /// times counts once.
    pub fn stale(&self, signature: &str) {
        let mut seen = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
        let known = seen.iter().any(|known| known == signature);
        if !known && seen.len() < STALE_MAX {
            seen.push(signature.to_owned());
        }
    }

    /// A callback was fresh: the clocks agree.
    pub fn fresh(&self) {
        self.stale.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// True while our clock is probably wrong.
    pub fn suspected(&self) -> bool {
        self.stale.lock().unwrap_or_else(PoisonError::into_inner).len() >= STALE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_different_stale_callbacks_mean_a_wrong_clock_and_a_fresh_one_clears_it() {
        let watch = SkewWatch::default();
        for _ in 0..10 {
            watch.stale("a recording");
        }
        assert!(!watch.suspected());
        watch.stale("b");
        watch.stale("c");
        assert!(watch.suspected());
        watch.fresh();
        assert!(!watch.suspected());
    }
}
