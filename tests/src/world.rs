//! A world: a database, the house, the gateway on a real port, the providers and the meters on
//! theirs. Time runs at the machine's pace, and everything that waits does so at a fraction.

use std::{io::Write, sync::Arc, time::Duration};

use domain::{Channel, Clock, Money, OrderId, OrderState, SystemClock};
use gateway::Timing;
use meter_simulator::Site;
use provider_simulator::Provider;
use store::order::Order;
use vending::{House, Refusal, VendingError, order::PlaceOrder, payment::call::Payer};
use yufu::{Outside, Server, config::Config};

use crate::{
    base,
    clock::SkippingClock,
    fixture::{Bus, Layout, PROJECT, alipay_merchant, wechat_merchant},
};

/// How much faster than real the buses run.
pub const SPEED: u32 = 50;
/// How long a world may take to reach what a test waits for.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a world is made of.
pub struct Plan {
    pub buses: Vec<Bus>,
    pub seed: u64,
    /// `None` = one of its own, of the kind its test runs on.
    pub database: Option<String>,
    pub provider: provider_simulator::Config,
    /// What is configured otherwise than usual.
    pub tune: fn(&mut Config),
    /// How often the buses are scanned, in seconds.
    pub interval_s: i32,
    /// The price of electricity, in micro-yuan per kWh.
    pub price_micro_yuan: i64,
    /// The clock of product and meters; `None` = the machine's.
    pub clock: Option<Arc<SkippingClock>>,
}

impl Plan {
    pub fn new(buses: Vec<Bus>) -> Self {
        let seed = seed();
        let provider = provider_simulator::Config { seed, time_scale: 200, ..Default::default() };
        Plan {
            buses,
            seed,
            database: None,
            provider,
            tune: |_| {},
            interval_s: 900,
            price_micro_yuan: 600_000,
            clock: None,
        }
    }
}

/// The seed of this run: `YUFU_SEED`, or one from the clock; printed, so that it can be replayed.
pub fn seed() -> u64 {
    let given = std::env::var("YUFU_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or_else(|| SystemClock::new().now().timestamp_micros() as u64);
    println!("seed {seed} (replay with YUFU_SEED={seed})");
    seed
}

/// Prints a line that is wanted in the log of every run. The test runner swallows what a passing
/// test prints by the macros, so this goes around it, as one write, on a line of its own.
pub fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("\n{line}\n").as_bytes());
}

/// A running world. Dropping it stops everything.
pub struct World {
    pub house: House,
    pub provider: Provider,
    pub site: Site,
    pub layout: Layout,
    server: Option<Server>,
    _dir: tempfile::TempDir,
}

/// The waiting times of the buses at the speed of the simulated ones.
pub fn fast_timing() -> Timing {
    let ms = Duration::from_millis;
    Timing {
        path: ms(60),
        turnaround_per_mille: 200,
        gap: ms(1),
        broadcast_pause: ms(10),
        exchange_max: ms(1_500),
        first_poll_within: ms(200),
        clock_fresh: Duration::from_secs(3_600),
        claim_rest: ms(200),
        flush: ms(10),
        ..Timing::default()
    }
}

/// Texts go through the simulated gateway, with the account it has written down.
fn text_through(config: &mut Config, base_url: &str, account: &std::path::Path) {
    let read = |name: &str| std::fs::read_to_string(account.join(name)).unwrap().trim().to_owned();
    config.sms.base_url = base_url.to_owned();
    config.sms.key_id = read("access_key_id.txt");
    config.sms.key_secret.0 = read("access_key_secret.txt");
    config.sms.sign_name = read("sign_name.txt");
    config.sms.code_template = "SMS_154950909".to_owned();
}

/// How often a payer asks for the code before giving up.
const OFFER_TRIES_MAX: usize = 5;

impl World {
    pub async fn start(plan: Plan) -> World {
        let dir = tempfile::tempdir().unwrap();
        let provider = provider_simulator::start(plan.provider).unwrap();
        let keys = dir.path().join("keys");
        provider.write_merchant_files(&keys).unwrap();
        let url = match plan.database {
            Some(url) => url,
            None => base::url(dir.path()).await,
        };
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".to_owned();
        config.server.public_url = "http://127.0.0.1:0".to_owned();
        config.database.url = url;
        config.gateway.dtu_listen = "127.0.0.1:0".to_owned();
        config.wechat_pay.base_url = provider.base_url.clone();
        config.alipay.gateway_url = provider.gateway_url();
        config.wechat.base_url = provider.base_url.clone();
        config.vending.pace_percent = 2;
        config.arrears.protected_hours = Vec::new();
        (plan.tune)(&mut config);
        if config.sms.driver == "aliyun" {
            text_through(&mut config, &provider.base_url, &keys.join("sms").join("aliyun"));
        }
        let mut outside = Outside { timing: Some(fast_timing()), ..Outside::real().unwrap() };
        if let Some(clock) = &plan.clock {
            outside.clock = clock.clone();
        }
        let now = outside.clock.now();
        let server = yufu::serve::start_with(config, outside).await.unwrap();
        let mut layout = Layout::new(&plan.buses, plan.seed, SPEED, now);
        layout.set_interval(plan.interval_s);
        layout.set_price(plan.price_micro_yuan);
        if let Some(clock) = &plan.clock {
            layout.site.wall = clock.wall();
        }
        let merchants = vec![
            wechat_merchant(&keys.join("wechat-pay/1900000001"), now),
            alipay_merchant(&keys.join("alipay/2021000000000001"), now),
        ];
        let house = server.house().clone();
        layout.store(house.store(), merchants).await;
        server.reload().await.unwrap();
        layout.dial(server.dtu().unwrap());
        let site = Site::start(layout.site.clone()).await.unwrap();
        World { house, provider, site, layout, server: Some(server), _dir: dir }
    }

    /// The running server.
    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Orders a top-up and has the payment opened; answers the order and the provider's number.
    pub async fn order(&self, place: usize, fen: i64, channel: Channel) -> (Order, String) {
        let meter = self.layout.places[place].meter.meter_id();
        let client = OrderId::generate(self.house.clock(), self.house.rng()).to_string();
        let wish = PlaceOrder {
            client_id: client,
            meter,
            channel,
            amount: Money::from_fen(fen),
            operator: None,
        };
        let order = self.house.place_order(PROJECT, wish).await.unwrap();
        // On a busy machine the provider may take too long; a payer's phone asks again, too, and
        // the same number goes out again.
        let mut offer = self.house.start_payment(&order, Payer::default()).await;
        for _ in 1..OFFER_TRIES_MAX {
            if !matches!(offer, Err(VendingError::Refused(Refusal::ProviderUnreachable))) {
                break;
            }
            offer = self.house.start_payment(&order, Payer::default()).await;
        }
        (order, offer.unwrap().attempt.out_trade_no)
    }

    /// Waits until an order stands where it should, by looking at the store.
    pub async fn until(&self, id: OrderId, wanted: OrderState) -> Order {
        let patience = tokio::time::timeout(PATIENCE, async {
            loop {
                let order = self.house.order(PROJECT, id).await.unwrap();
                if order.state().unwrap() == wanted {
                    return order;
                }
                self.house.store().wait_for_work(Duration::from_millis(20)).await;
            }
        });
        match patience.await {
            Ok(order) => order,
            Err(_) => {
                let order = self.house.order(PROJECT, id).await.unwrap();
                panic!(
                    "{} stands at {} instead:\n{}",
                    order.order_no,
                    order.state,
                    self.story(id).await
                );
            }
        }
    }

    /// Waits until an order's timeline tells of an event.
    pub async fn until_event(&self, id: OrderId, kind: &str) {
        let patience = tokio::time::timeout(PATIENCE, async {
            loop {
                let db = self.house.store().read();
                let events = store::timeline::of(db, PROJECT, id).await.unwrap();
                if events.iter().any(|event| event.kind == kind) {
                    return;
                }
                self.house.store().wait_for_work(Duration::from_millis(20)).await;
            }
        });
        if patience.await.is_err() {
            panic!("no {kind} came:\n{}", self.story(id).await);
        }
    }

    /// An order's timeline as one page of text.
    pub async fn story(&self, id: OrderId) -> String {
        let events = store::timeline::of(self.house.store().read(), PROJECT, id).await.unwrap();
        let line = |event: &store::timeline::Event| {
            format!("{} {} {}\n", event.at.format("%H:%M:%S%.3f"), event.kind, event.detail)
        };
        events.iter().map(line).collect()
    }
}

impl World {
    /// Stops everything in order; a world that is only dropped stops with its runtime.
    pub async fn stop(mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }
}
