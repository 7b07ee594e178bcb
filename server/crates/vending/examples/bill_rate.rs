//! How many readings of platform-held meters a second are billed, one by one and in batches,
//! proven by the audit.
//!
//! ```text
//! cargo run --release -p vending --example bill_rate -- [METERS] [sqlite:FILE | postgres://…]…
//! ```
//!
//! Both ways take turns on the same database, several rounds, each with a reading of every meter;
//! every reading is a line and a posting. One by one is told by one caller, as a sweep used to be.

#![allow(clippy::expect_used, clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use connector::{Request, Response};
use domain::{
    AccountId, Clock, GatewayId, MeterId, ProjectId, RoomId, SeededRng, SystemClock, TariffId,
};
use gateway::{Gateway, Profiles, Timing};
use store::{
    Store,
    entity::{account, gateway as gateway_row, meter, project, room, tariff},
    roster,
};
use tokio::sync::mpsc;
use uuid::Uuid;
use vending::{
    House, Parts, Settings, Transport, TransportError,
    billing::{Read, Register},
    merchant::MerchantCatalogue,
};

const PROJECT: ProjectId = ProjectId(7);
const ROUNDS: i64 = 3;
/// Readings billed one by one are so much slower that a tenth tells as much.
const ONE_BY_ONE_SHARE: usize = 10;
/// Rows of the site stored in one transaction.
const ROWS_AT_ONCE: usize = 4_000;

/// Nobody to talk to.
struct Nobody;

#[async_trait]
impl Transport for Nobody {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        Err(TransportError::NotSent)
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().map_or(20_000, |text| text.parse().expect("a count"));
    for url in arguments {
        measure(&url, count).await;
    }
}

async fn measure(url: &str, count: usize) {
    let store = Store::open(url).await.expect("a database");
    store.migrate().await.unwrap();
    let clock = Arc::new(SystemClock::new());
    let start = clock.now() - TimeDelta::days(1);
    build(&store, count, start).await;
    let house = house(store, clock.clone());
    let kind = url.split(':').next().unwrap_or_default();
    // The first reading of a meter only begins the counting.
    assert!(house.bill_all(reads(count, 0, start)).await.is_empty());
    for round in 1..=ROUNDS {
        let few = reads(count / ONE_BY_ONE_SHARE, round * 2 - 1, start);
        let (told, begun) = (few.len(), clock.monotonic());
        for (project, meter, read) in few {
            house.bill(project, meter, read).await.unwrap();
        }
        tell(kind, round, "one by one", told, clock.monotonic() - begun);
        let all = reads(count, round * 2, start);
        let (told, begun) = (all.len(), clock.monotonic());
        assert!(house.bill_all(all).await.is_empty());
        tell(kind, round, "in batches", told, clock.monotonic() - begun);
        house.store().audit(Some(PROJECT)).await.expect("true books");
    }
}

fn tell(kind: &str, round: i64, way: &str, count: usize, took: Duration) {
    let rate = count as f64 / took.as_secs_f64();
    println!("{kind:9} round {round}  {way}  {rate:9.0} readings/s");
}

/// The n-th reading of each meter: 100 Wh more than the one before.
fn reads(count: usize, n: i64, start: DateTime<Utc>) -> Vec<Read> {
    let read = Register::read(1_000_000 + n * 100, start + TimeDelta::minutes(n));
    (0..count).map(|number| (PROJECT, MeterId(id(1, number)), read)).collect()
}

fn id(kind: u128, number: usize) -> Uuid {
    Uuid::from_u128((7 << 76) | (kind << 64) | (2 << 62) | number as u128)
}

fn house(store: Store, clock: Arc<SystemClock>) -> House {
    let rng = Arc::new(SeededRng::new(clock.now().timestamp_micros().unsigned_abs()));
    let (events, _) = mpsc::channel(16);
    let profiles = Profiles::embedded().unwrap();
    let gateway = Gateway::start(Timing::default(), profiles, clock.clone(), rng.clone(), events);
    let (merchants, settings) = (MerchantCatalogue::default(), Settings::default());
    let transport = Arc::new(Nobody);
    House::new(Parts { store, gateway, transport, merchants, clock, rng, settings })
}

/// A site in which every meter has a tenant whose purse is billed.
async fn build(store: &Store, count: usize, now: DateTime<Utc>) {
    let (gateway, price) = (GatewayId(id(2, 0)), TariffId(id(5, 0)));
    let site = store.transact(move |tx| {
        Box::pin(async move {
            store::insert(tx, project_row(now)).await?;
            store::insert(tx, gateway_of(gateway)).await?;
            store::insert(tx, tariff_of(price, now)).await
        })
    });
    site.await.unwrap();
    let numbers = (0..count).collect::<Vec<_>>();
    for part in numbers.chunks(ROWS_AT_ONCE).map(<[_]>::to_vec) {
        let rows = store.transact(move |tx| {
            Box::pin(async move {
                roster::add(tx, &part.iter().map(|n| room_of(*n)).collect::<Vec<_>>()).await?;
                let accounts = part.iter().map(|n| account_of(*n, now)).collect::<Vec<_>>();
                roster::add(tx, &accounts).await?;
                let meters = part.iter().map(|n| meter_of(*n, gateway, price, now));
                roster::add(tx, &meters.collect::<Vec<_>>()).await
            })
        });
        rows.await.unwrap();
    }
}

fn project_row(now: DateTime<Utc>) -> project::Model {
    project::Model {
        id: PROJECT.0,
        name: "计费".to_owned(),
        name_en: "Billing".to_owned(),
        currency: "CNY".to_owned(),
        timezone: "+08:00".to_owned(),
        created_at: now,
    }
}

fn gateway_of(gateway: GatewayId) -> gateway_row::Model {
    gateway_row::Model {
        id: gateway.0,
        project_id: PROJECT.0,
        name: "GW".to_owned(),
        registration: Some("BILL".to_owned()),
        link: "dial-in".to_owned(),
        address: None,
        framing: "plain".to_owned(),
        heartbeat_s: 60,
        settings: "{}".to_owned(),
        owner: None,
        owner_token: 0,
        lease_until: None,
    }
}

fn tariff_of(price: TariffId, now: DateTime<Utc>) -> tariff::Model {
    tariff::Model {
        project_id: PROJECT.0,
        id: price.0,
        name: "居民用电".to_owned(),
        purpose: "electricity".to_owned(),
        valid_from: now - TimeDelta::days(365),
        micro_yuan: 600_000,
        created_at: now,
    }
}

fn room_of(number: usize) -> room::Model {
    room::Model {
        project_id: PROJECT.0,
        id: RoomId(id(3, number)).0,
        building: "1".to_owned(),
        floor: 1,
        number: number.to_string(),
        area_m2_e2: None,
        landlord_id: None,
        tags: "[]".to_owned(),
    }
}

fn account_of(number: usize, now: DateTime<Utc>) -> account::Model {
    account::Model {
        project_id: PROJECT.0,
        id: AccountId(id(4, number)).0,
        account_no: format!("A{number:06}"),
        room_id: id(3, number),
        name: "住户".to_owned(),
        phone: None,
        customer_no: format!("{number:012}"),
        state: "open".to_owned(),
        opened_at: now,
        closed_at: None,
        protected: false,
        version: 1,
    }
}

fn meter_of(
    number: usize,
    gateway: GatewayId,
    price: TariffId,
    now: DateTime<Utc>,
) -> meter::Model {
    meter::Model {
        project_id: PROJECT.0,
        id: id(1, number),
        meter_no: format!("{number:012}"),
        room_id: Some(id(3, number)),
        account_id: Some(id(4, number)),
        gateway_id: gateway.0,
        bus: 0,
        address: format!("{number:012}"),
        profile: "dlt645-2007-remote-fee".to_owned(),
        purpose: "electricity".to_owned(),
        money_model: "platform-held".to_owned(),
        tariff_id: Some(price.0),
        epoch: 1,
        purchase_count: None,
        state: "in-service".to_owned(),
        quarantine_reason: None,
        ct: 1,
        pt: 1,
        base_reading: 0,
        reading_interval_s: 900,
        supply_policy: "auto".to_owned(),
        created_at: now,
        version: 1,
    }
}
