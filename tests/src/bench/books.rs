//! A database with a believable site, and orders that wait to be paid.

use std::{path::Path, sync::Arc};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, SystemClock};
use gateway::{Gateway, GatewayEvent, Profiles, Timing};
use store::{
    Store, StoreError,
    entity::{attempt, attempt_locator, order_locator, orders},
};
use tests::fixture::{Bus, Layout, PROJECT, wechat_merchant};
use tokio::sync::mpsc;
use uuid::Uuid;
use vending::{
    House, Parts, Settings,
    merchant::{Addresses, Merchant, MerchantCatalogue},
};
use yufu::{chance::SystemRng, transport::HttpTransport};

use crate::callback::Payment;

/// Tenants of the site: one bus of fifty meters in each of twenty buildings.
const BUSES: usize = 20;
const METERS_PER_BUS: usize = 50;
/// What every tenant pays.
const AMOUNT_FEN: i64 = 5_000;
/// Orders stored in one transaction.
const CHUNK: usize = 2_000;

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payers {
    /// Every tenant in turn.
    Spread,
    /// One tenant everything: one purse, one meter.
    One,
}

/// The house of a database, with nobody at work in it: what is credited waits for its meter.
pub struct Books {
    pub house: House,
    pub merchant: Arc<Merchant>,
    pub layout: Layout,
    /// What the gateway tells; kept here, so that it has somebody to talk to.
    pub events: mpsc::Receiver<GatewayEvent>,
}

/// The site money is credited to: twenty buildings of fifty tenants.
pub fn tenants() -> Layout {
    Layout::new(&[Bus::prepaid(METERS_PER_BUS); BUSES], 1, 1, SystemClock::new().now())
}

/// A house over a store, its gateway at these times and nobody listening on a port yet.
pub async fn house(store: Store, timing: Timing) -> (House, mpsc::Receiver<GatewayEvent>) {
    let (clock, rng) = (Arc::new(SystemClock::new()), Arc::new(SystemRng::new()));
    let (events, heard) = mpsc::channel(256);
    let profiles = Profiles::embedded().unwrap();
    let gateway = Gateway::start(timing, profiles, clock.clone(), rng.clone(), events);
    let merchants = MerchantCatalogue::default();
    let broken = merchants.reload(&store, &nowhere()).await.unwrap();
    assert!(broken.is_empty(), "{broken:?}");
    let transport = Arc::new(HttpTransport::new().unwrap());
    let settings = Settings::default();
    let parts = Parts { store, gateway, transport, merchants, clock, rng, settings };
    (House::new(parts), heard)
}

/// Addresses nobody answers at: this house is told, it does not ask.
fn nowhere() -> Addresses {
    Addresses {
        wechat_pay_base_url: "http://127.0.0.1:9".to_owned(),
        alipay_gateway_url: "http://127.0.0.1:9".to_owned(),
        public_url: "http://127.0.0.1:9".to_owned(),
    }
}

impl Books {
    /// Opens a database; fills it with the site if it is new. The keys lie in `folder`.
    pub async fn open(url: &str, folder: &Path, layout: Layout, timing: Timing) -> Books {
        // `Store::open` refuses a database that is not durable, so no figure is of such a one.
        let store = Store::open(url).await.expect("a database fit for money");
        store.migrate().await.unwrap();
        let now = SystemClock::new().now();
        if store::site::project(store.read(), PROJECT).await.unwrap().is_none() {
            layout.store(&store, vec![wechat_merchant(folder, now)]).await;
        }
        let (house, events) = house(store, timing).await;
        let token = wechat_merchant(folder, now).path_token;
        let merchant = house.merchants().by_path_token(&token).unwrap();
        Books { house, merchant, layout, events }
    }

    /// Places orders numbered from `first` on and answers how they are paid.
    pub async fn place(&self, first: usize, count: usize, payers: Payers) -> Vec<Payment> {
        let now = self.house.now();
        let mut payments = Vec::with_capacity(count);
        for start in (first..first + count).step_by(CHUNK) {
            let numbers = start..(start + CHUNK).min(first + count);
            let orders = numbers.map(|number| self.order(number, payers, now)).collect::<Vec<_>>();
            payments.extend(orders.iter().map(payment));
            let (tries, merchant) = (orders.clone(), self.merchant.id.0);
            let tries: Vec<_> = tries.iter().map(|order| attempt_of(order, merchant)).collect();
            let places: Vec<_> = orders.iter().map(locator_of).collect();
            let signs: Vec<_> = tries.iter().map(sign_of).collect();
            self.house
                .store()
                .transact(move |tx| {
                    Box::pin(async move {
                        store::roster::add(tx, &orders).await?;
                        store::roster::add(tx, &places).await?;
                        store::roster::add(tx, &tries).await?;
                        store::roster::add(tx, &signs).await?;
                        Ok::<_, StoreError>(())
                    })
                })
                .await
                .unwrap();
        }
        payments
    }

    /// Proves the books; a figure from books that fail is void.
    pub async fn audit(&self, credited: usize) {
        let report = self.house.store().audit(Some(PROJECT)).await.expect("true books");
        assert_eq!(usize::try_from(report.credited_facts).unwrap(), credited, "{report:?}");
        assert_eq!(report.postings, report.credited_facts, "one posting per payment");
    }

    fn order(&self, number: usize, payers: Payers, now: DateTime<Utc>) -> orders::Model {
        let place = match payers {
            Payers::Spread => &self.layout.places[number % self.layout.places.len()],
            Payers::One => &self.layout.places[0],
        };
        orders::Model {
            project_id: PROJECT.0,
            id: id(0x70, number),
            order_no: format!("YF{number:016}"),
            client_id: format!("bench-{number:012}"),
            account_id: place.account.0,
            meter_id: place.meter.id,
            purpose: "electricity".to_owned(),
            channel: "wechat-native".to_owned(),
            amount_fen: AMOUNT_FEN,
            price_micro_yuan: 600_000,
            state: "placed".to_owned(),
            operator_id: None,
            provider_trade_no: None,
            placed_at: now,
            expires_at: now + TimeDelta::hours(1),
            credited_at: None,
            delivered_at: None,
            restored_at: None,
            closed_at: None,
            reason: None,
            version: 1,
        }
    }
}

/// Ids that grow with time, like those the product makes.
pub fn id(kind: u128, number: usize) -> Uuid {
    let high = 0x0198_0000_0000_7000_8000_0000_0000_0000_u128;
    Uuid::from_u128(high + (kind << 48) + number as u128)
}

fn payment(order: &orders::Model) -> Payment {
    Payment {
        out_trade_no: format!("{}01", order.order_no),
        provider_trade_no: format!("4200{:0>24}", &order.order_no[2..]),
        amount_fen: order.amount_fen,
    }
}

fn attempt_of(order: &orders::Model, merchant: Uuid) -> attempt::Model {
    attempt::Model {
        project_id: order.project_id,
        id: Uuid::from_u128(order.id.as_u128() + (1 << 48)),
        order_id: order.id,
        attempt_no: 1,
        merchant_id: merchant,
        channel: order.channel.clone(),
        out_trade_no: format!("{}01", order.order_no),
        state: "awaiting".to_owned(),
        amount_fen: order.amount_fen,
        payer_hint: None,
        created_at: order.placed_at,
        next_check_at: None,
        checks: 0,
        last_error: None,
        version: 1,
    }
}

fn locator_of(order: &orders::Model) -> order_locator::Model {
    order_locator::Model {
        order_no: order.order_no.clone(),
        project_id: order.project_id,
        order_id: order.id,
    }
}

fn sign_of(attempt: &attempt::Model) -> attempt_locator::Model {
    attempt_locator::Model {
        merchant_id: attempt.merchant_id,
        out_trade_no: attempt.out_trade_no.clone(),
        project_id: attempt.project_id,
        attempt_id: attempt.id,
        order_id: attempt.order_id,
    }
}
