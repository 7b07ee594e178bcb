//! Budgets against trying and flooding, per address. What is per account stands in the database.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use domain::Clock;
use governor::{
    Quota, RateLimiter, clock, middleware::NoOpMiddleware, state::keyed::DefaultKeyedStateStore,
};

/// Sign-ins tried from one address: so many at once, then one every six seconds.
const SIGN_INS_AT_ONCE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Requests of one address: so many at once, then fifty a second.
const REQUESTS_AT_ONCE: NonZeroU32 = NonZeroU32::new(200).unwrap();
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).unwrap();
/// Addresses remembered at once; beyond it those that have their whole budget back are forgotten.
const ADDRESSES_MAX: usize = 50_000;

type Limiter =
    RateLimiter<IpAddr, DefaultKeyedStateStore<IpAddr>, HouseClock, NoOpMiddleware<Duration>>;

/// The house's monotonic clock, as the limiter wants it.
struct HouseClock(Arc<dyn Clock>);

impl clock::Clock for HouseClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.monotonic()
    }
}

/// What one address may still do.
pub struct Budgets {
    sign_ins: Limiter,
    requests: Limiter,
}

impl Budgets {
    /// Full budgets for everybody.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let slow = Quota::with_period(Duration::from_secs(6));
        let slow = slow.unwrap_or(Quota::per_minute(SIGN_INS_AT_ONCE));
        let slow = slow.allow_burst(SIGN_INS_AT_ONCE);
        let fast = Quota::per_second(REQUESTS_PER_SECOND).allow_burst(REQUESTS_AT_ONCE);
        let limiter = |quota| {
            let store = DefaultKeyedStateStore::default();
            RateLimiter::new(quota, store, HouseClock(Arc::clone(&clock)))
        };
        Budgets { sign_ins: limiter(slow), requests: limiter(fast) }
    }

    /// Takes one sign-in out of an address's budget.
    pub fn sign_in(&self, from: IpAddr) -> bool {
        take(&self.sign_ins, from)
    }

    /// Takes one request out of an address's budget.
    pub fn request(&self, from: IpAddr) -> bool {
        take(&self.requests, from)
    }
}

fn take(limiter: &Limiter, from: IpAddr) -> bool {
    if limiter.len() > ADDRESSES_MAX {
        limiter.retain_recent();
    }
    limiter.check_key(&network(from)).is_ok()
}

/// Whoever has an IPv6 address has a whole network of them (RFC 6177): the first 64 bits count.
fn network(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(v6) => {
            let mask = u128::MAX << 64;
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use domain::ManualClock;

    use super::*;

    #[test]
    fn an_address_that_tries_too_often_waits_and_others_do_not() {
        let clock = Arc::new(ManualClock::at("2026-11-20T00:00:00Z"));
        let budgets = Budgets::new(clock.clone());
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..10 {
            assert!(budgets.sign_in(one));
        }
        assert!(!budgets.sign_in(one));
        assert!(budgets.sign_in(other));
        clock.advance(Duration::from_secs(6));
        assert!(budgets.sign_in(one) && !budgets.sign_in(one));
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_share_a_budget() {
        let table = [
            ("2001:db8::1", "2001:db8::ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
        ];
        for (one, other, same) in table {
            let (one, other) = (network(one.parse().unwrap()), network(other.parse().unwrap()));
            assert_eq!(one == other, same, "{one} {other}");
        }
    }
}
