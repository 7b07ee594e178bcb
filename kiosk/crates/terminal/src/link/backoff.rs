//! How long to wait after failures in a row: doubling, with full jitter, so that a thousand kiosks
//! do not come back in the same second.

use crate::ambient::Ambient;

/// Failures in a row and what they cost.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first_ms: u64,
    most_ms: u64,
    failures: u32,
}

impl Backoff {
    /// Waits up to `first_ms` after the first failure and never more than `most_ms`.
    pub fn new(first_ms: u64, most_ms: u64) -> Backoff {
        Backoff { first_ms, most_ms, failures: 0 }
    }

    /// The most the next wait can be.
    pub fn ceiling_ms(&self) -> u64 {
        let doubled = self.first_ms.saturating_mul(1_u64 << self.failures.min(32));
        doubled.min(self.most_ms)
    }

    /// After a failure: how long to wait, evenly drawn from nothing to the ceiling.
    pub fn failed(&mut self, ambient: &dyn Ambient) -> u64 {
        let wait = ambient.draw(self.ceiling_ms());
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// It worked.
    pub fn worked(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ambient::Manual;

    #[test]
    fn waits_double_from_a_second_to_a_minute_and_are_spread_over_all_of_it() {
        let ambient = Manual::at("2026-11-21T06:00:00Z".parse().unwrap(), 1);
        let mut backoff = Backoff::new(1_000, 60_000);
        let mut ceilings = Vec::new();
        for _ in 0..8 {
            ceilings.push(backoff.ceiling_ms());
            let ceiling = backoff.ceiling_ms();
            assert!(backoff.failed(&ambient) <= ceiling);
        }
        let want = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000];
        assert_eq!(ceilings, want);
        let drawn: Vec<u64> = (0..200).map(|_| backoff.failed(&ambient)).collect();
        for part in 0..4_u64 {
            let range = part * 15_000..(part + 1) * 15_000;
            let hits = drawn.iter().filter(|wait| range.contains(*wait)).count();
            assert!((25..=80).contains(&hits), "{hits} of 200 in {range:?}");
        }
        backoff.worked();
        assert_eq!(backoff.ceiling_ms(), 1_000);
    }
}
