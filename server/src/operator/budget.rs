//! Budgets against trying and flooding, per address. What is per account stands in the database.

use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use domain::{Clock, OperatorId};
use governor::{
    Quota, RateLimiter, clock, middleware::NoOpMiddleware, state::keyed::DefaultKeyedStateStore,
};

/// Sign-ins tried from one address: so many at once, then one every six seconds.
const SIGN_INS_AT_ONCE: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// Requests of one address: so many at once, then fifty a second.
const REQUESTS_AT_ONCE: NonZeroU32 = NonZeroU32::new(200).unwrap();
const REQUESTS_PER_SECOND: NonZeroU32 = NonZeroU32::new(50).unwrap();
/// Tries under a lock from an address its owner signed in from: so many at once, then one every
/// quarter of an hour. Whoever shares that address has no more than strangers have.
const EXEMPTIONS_AT_ONCE: NonZeroU32 = NonZeroU32::new(10).unwrap();
const EXEMPTION_EVERY: Duration = Duration::from_secs(15 * 60);
/// Addresses remembered at once; beyond it those that have their whole budget back are forgotten.
const ADDRESSES_MAX: usize = 50_000;

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, HouseClock, NoOpMiddleware<Duration>>;

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
    sign_ins: Limiter<IpAddr>,
    requests: Limiter<IpAddr>,
    exemptions: Limiter<(OperatorId, IpAddr)>,
}

impl Budgets {
    /// Full budgets for everybody.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let slow = Quota::with_period(Duration::from_secs(6));
        let slow = slow.unwrap_or(Quota::per_minute(SIGN_INS_AT_ONCE));
        let slow = slow.allow_burst(SIGN_INS_AT_ONCE);
        let fast = Quota::per_second(REQUESTS_PER_SECOND).allow_burst(REQUESTS_AT_ONCE);
        let rare = Quota::with_period(EXEMPTION_EVERY);
        let rare = rare.unwrap_or(Quota::per_hour(EXEMPTIONS_AT_ONCE));
        let rare = rare.allow_burst(EXEMPTIONS_AT_ONCE);
        Budgets {
            sign_ins: limiter(slow, &clock),
            requests: limiter(fast, &clock),
            exemptions: limiter(rare, &clock),
        }
    }

    /// Takes one sign-in out of an address's budget.
    pub fn sign_in(&self, from: IpAddr) -> bool {
        take(&self.sign_ins, network(from))
    }

    /// Takes one request out of an address's budget.
    pub fn request(&self, from: IpAddr) -> bool {
        take(&self.requests, network(from))
    }

    /// Takes one try at a locked account out of the budget of an address its owner is known at.
    pub fn exemption(&self, operator: OperatorId, from: IpAddr) -> bool {
        take(&self.exemptions, (operator, network(from)))
    }
}

fn limiter<K: Clone + Eq + Hash>(quota: Quota, clock: &Arc<dyn Clock>) -> Limiter<K> {
    RateLimiter::new(quota, DefaultKeyedStateStore::default(), HouseClock(Arc::clone(clock)))
}

fn take<K: Clone + Eq + Hash>(limiter: &Limiter<K>, key: K) -> bool {
    if limiter.len() > ADDRESSES_MAX {
        limiter.retain_recent();
    }
    limiter.check_key(&key).is_ok()
}

/// Whoever has an IPv6 address has a whole network of them (RFC 6177): the first 64 bits count.
pub fn network(from: IpAddr) -> IpAddr {
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
    use uuid::Uuid;

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
    fn whoever_shares_an_owners_address_has_few_tries_at_a_locked_account() {
        let clock = Arc::new(ManualClock::at("2026-11-20T00:00:00Z"));
        let budgets = Budgets::new(clock.clone());
        let from = "10.0.0.1".parse().unwrap();
        let (wang, li) = (OperatorId(Uuid::from_u128(1)), OperatorId(Uuid::from_u128(2)));
        let day = (0..24 * 60 * 10).filter(|_| {
            clock.advance(Duration::from_secs(6));
            budgets.exemption(wang, from)
        });
        // As many as strangers have, and not one every six seconds (S18).
        assert!((100..=110).contains(&day.count()));
        assert!(budgets.exemption(li, from));
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
