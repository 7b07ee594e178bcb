//! How long to wait before trying again: bounded, growing, and spread by chance.

use std::time::Duration;

use crate::rng::Rng;

/// A growing wait: doubled after each failure, never above a cap.
///
/// The jitter takes between half and the whole of a delay (`reliability.md` 2.4), so that a
/// thousand meters that went silent together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait there is.
    pub cap: Duration,
}

impl Backoff {
    /// A back-off that starts at `first_s` seconds and stays at `cap_s` seconds.
    pub const fn seconds(first_s: u64, cap_s: u64) -> Self {
        Backoff { first: Duration::from_secs(first_s), cap: Duration::from_secs(cap_s) }
    }

    /// The full wait after so many failures; the first failure is number 1.
    pub fn delay(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.cap)
    }

    /// The wait with jitter, between half and the whole of [`Backoff::delay`]. The same `chance`
    /// and number of failures always give the same wait, which keeps a step function pure.
    ///
    /// Invariant: half the delay ≤ the wait ≤ the delay ≤ the cap; proved by
    /// `jitter_stays_between_half_and_the_whole`.
    pub fn jittered(self, failures: u32, chance: u64) -> Duration {
        let full = self.delay(failures);
        let millis = u64::try_from(full.as_millis()).unwrap_or(u64::MAX);
        let half = millis.div_ceil(2);
        let part = mixed(chance ^ u64::from(failures)) % (millis - half + 1);
        Duration::from_millis(half + part)
    }

    /// The wait with jitter drawn from a generator.
    pub fn drawn(self, failures: u32, rng: &dyn Rng) -> Duration {
        self.jittered(failures, rng.below(u64::MAX))
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): spreads neighbouring numbers apart.
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The waits between active queries of an unpaid order, in seconds; the last one repeats until
/// the provider gives a final answer (issue 2 no. 7).
pub const PAYMENT_QUERY_DELAYS_S: [u64; 7] = [5, 30, 60, 180, 300, 600, 1800];

/// How long after the placing or the last query the provider is asked (again), given how many
/// queries there were. It never ends: only a provider's answer does (I2).
pub fn payment_query_delay(checks: u32) -> Duration {
    let last = PAYMENT_QUERY_DELAYS_S.len() - 1;
    let at = usize::try_from(checks).unwrap_or(last).min(last);
    Duration::from_secs(PAYMENT_QUERY_DELAYS_S[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRng;

    #[test]
    fn the_wait_doubles_up_to_its_cap() {
        // (first s, cap s, failures, delay s)
        let table = [
            (2, 60, 0, 2),
            (2, 60, 1, 2),
            (2, 60, 2, 4),
            (2, 60, 5, 32),
            (2, 60, 6, 60),
            (2, 60, u32::MAX, 60),
            (90, 60, 1, 60),
        ];
        for (first, cap, failures, want) in table {
            let got = Backoff::seconds(first, cap).delay(failures);
            assert_eq!(got, Duration::from_secs(want), "{first} {cap} {failures}");
        }
    }

    proptest::proptest! {
        #[test]
        fn jitter_stays_between_half_and_the_whole(
            first in 0u64..100, cap in 0u64..10_000, failures: u32, chance: u64,
        ) {
            let backoff = Backoff::seconds(first, cap);
            let full = backoff.delay(failures);
            let got = backoff.jittered(failures, chance);
            proptest::prop_assert!(full / 2 <= got && got <= full, "{:?} of {:?}", got, full);
        }
    }

    #[test]
    fn chance_spreads_the_waits() {
        let rng = SeededRng::new(7);
        let waits: std::collections::BTreeSet<Duration> =
            (0..100).map(|_| Backoff::seconds(60, 60).drawn(1, &rng)).collect();
        assert!(waits.len() > 90, "{} different waits of 100", waits.len());
    }

    #[test]
    fn an_unpaid_order_is_asked_for_at_the_listed_times_and_then_every_half_hour() {
        let got: Vec<u64> = (0..9).map(|n| payment_query_delay(n).as_secs()).collect();
        assert_eq!(got, [5, 30, 60, 180, 300, 600, 1800, 1800, 1800]);
    }
}
