//! Counts for the metrics page, in Prometheus' text format.

use std::time::Duration;

use chrono::TimeDelta;
use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use store::{StoreError, job, overview};
use vending::House;

/// A delivery in doubt for longer than this is counted as one somebody should look at (S41).
const DOUBT_SHOWN_AFTER: TimeDelta = TimeDelta::minutes(5);
/// Seconds; a callback has five (`payments.md` A7).
const BUCKETS: &[f64] = &[0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0];

/// Every count of one server.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    callbacks: IntCounterVec,
    sign_ins: IntCounterVec,
    jobs: IntGaugeVec,
    vends: IntGaugeVec,
    alarms: IntGaugeVec,
    gateway: IntGaugeVec,
    in_doubt: IntGauge,
    clock_skew: IntGauge,
    kiosk_refused: IntGauge,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels)
        };
        let gauge =
            |name: &str, help: &str, label: &str| IntGaugeVec::new(Opts::new(name, help), &[label]);
        let seconds = HistogramOpts::new("yufu_http_seconds", "How long requests took")
            .buckets(BUCKETS.to_vec());
        let metrics = Metrics {
            registry: Registry::new(),
            requests: counter(
                "yufu_http_requests_total",
                "Requests by route and status",
                &["method", "route", "status"],
            )?,
            seconds: HistogramVec::new(seconds, &["route"])?,
            callbacks: counter(
                "yufu_callbacks_total",
                "Callbacks of payment providers by verdict",
                &["provider", "verdict"],
            )?,
            sign_ins: counter("yufu_sign_ins_total", "Sign-ins by outcome", &["outcome"])?,
            jobs: gauge("yufu_jobs", "Jobs by state", "state")?,
            vends: gauge("yufu_vends", "Deliveries by state", "state")?,
            alarms: gauge("yufu_alarms", "Standing alarms by kind", "kind")?,
            gateway: gauge("yufu_gateway", "Counts of the gateway since its start", "what")?,
            in_doubt: IntGauge::new(
                "yufu_vends_in_doubt_over_5_minutes",
                "Deliveries in doubt for more than five minutes",
            )?,
            clock_skew: IntGauge::new(
                "yufu_clock_skew",
                "1 while the providers' clocks and ours seem to differ",
            )?,
            kiosk_refused: IntGauge::new(
                "yufu_kiosk_messages_refused",
                "Messages of kiosks nobody could read since the start",
            )?,
        };
        metrics.register()?;
        Ok(metrics)
    }

    fn register(&self) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(self.requests.clone()))?;
        self.registry.register(Box::new(self.seconds.clone()))?;
        self.registry.register(Box::new(self.callbacks.clone()))?;
        self.registry.register(Box::new(self.sign_ins.clone()))?;
        self.registry.register(Box::new(self.jobs.clone()))?;
        self.registry.register(Box::new(self.vends.clone()))?;
        self.registry.register(Box::new(self.alarms.clone()))?;
        self.registry.register(Box::new(self.gateway.clone()))?;
        self.registry.register(Box::new(self.in_doubt.clone()))?;
        self.registry.register(Box::new(self.kiosk_refused.clone()))?;
        self.registry.register(Box::new(self.clock_skew.clone()))
    }

    /// Counts a request by the pattern of its route, so that ids make no new series.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let status = status.to_string();
        // Whatever is no verb of ours is one series, however many strangers invent.
        let known = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"].contains(&method);
        let method = if known { method } else { "other" };
        self.requests.with_label_values(&[method, route, status.as_str()]).inc();
        self.seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// Counts a callback.
    pub fn callback(&self, provider: &str, verdict: &str) {
        self.callbacks.with_label_values(&[provider, verdict]).inc();
    }

    /// How many callbacks ended with a verdict, for tests and the health page.
    pub fn callbacks(&self, provider: &str, verdict: &str) -> u64 {
        self.callbacks.with_label_values(&[provider, verdict]).get()
    }

    /// Counts a sign-in.
    pub fn sign_in(&self, outcome: &str) {
        self.sign_ins.with_label_values(&[outcome]).inc();
    }

    /// Looks at everything that is a state and not an event.
    pub async fn look(
        &self,
        house: &House,
        clock_skew: bool,
        kiosk_refused: u64,
    ) -> Result<(), StoreError> {
        self.kiosk_refused.set(i64::try_from(kiosk_refused).unwrap_or(i64::MAX));
        let db = house.store().read();
        set_all(&self.jobs, job::counts(db).await?.iter().map(|c| (c.state.as_str(), c.count)));
        let vends = overview::vends_by_state(db).await?;
        set_all(&self.vends, vends.iter().map(|c| (c.state.as_str(), c.count)));
        let alarms = overview::alarms_by_kind(db).await?;
        set_all(&self.alarms, alarms.iter().map(|c| (c.state.as_str(), c.count)));
        let counters = house.gateway().counters().snapshot();
        let counters = counters.iter().map(|(name, n)| (*name, i64::try_from(*n).unwrap_or(0)));
        set_all(&self.gateway, counters);
        let before = house.now() - DOUBT_SHOWN_AFTER;
        let doubts = overview::vends_in_doubt_since(db, before).await?;
        self.in_doubt.set(i64::try_from(doubts).unwrap_or(i64::MAX));
        self.clock_skew.set(i64::from(clock_skew));
        Ok(())
    }

    /// The page.
    pub fn render(&self) -> Vec<u8> {
        let mut page = Vec::new();
        if TextEncoder::new().encode(&self.registry.gather(), &mut page).is_err() {
            page.clear();
        }
        page
    }
}

/// Sets every label to its number; labels that are gone are gone from the page.
fn set_all<'a>(gauge: &IntGaugeVec, values: impl Iterator<Item = (&'a str, i64)>) {
    gauge.reset();
    for (label, value) in values {
        gauge.with_label_values(&[label]).set(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_counts_by_route_and_never_by_id_or_invented_verb() {
        let metrics = Metrics::new().unwrap();
        for verb in ["GET", "BREW", "PROPFIND"] {
            metrics.request(verb, "/x/{id}", 200, Duration::from_millis(3));
        }
        metrics.callback("alipay", "forged");
        let page = String::from_utf8(metrics.render()).unwrap();
        assert!(
            page.contains(
                "yufu_http_requests_total{method=\"other\",route=\"/x/{id}\",status=\"200\"} 2"
            ),
            "{page}"
        );
        assert!(page.contains("yufu_callbacks_total{provider=\"alipay\",verdict=\"forged\"} 1"));
        assert_eq!(metrics.callbacks("alipay", "forged"), 1);
    }
}
