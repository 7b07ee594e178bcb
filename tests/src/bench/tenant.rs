//! The tenant's API from the outside: how long a page waits while 200 requests a second come, over
//! a site of 100,000 accounts. Requests are counted from when they were due.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use chrono::{NaiveDate, TimeDelta};
use domain::{
    BindingId, BindingProof, Clock, FamilyId, PersonId, SystemClock,
    business_day::china_standard_time,
};
use gateway::Item;
use mini_program_api::token::{Holder, KEY_MIN, Keys};
use store::{
    Store, StoreError,
    binding::{self, Bind},
    person::{self, KnownBy, session},
    reading::{self, Reading},
};
use tests::fixture::{Bus, Layout, PROJECT, Place};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

use crate::{
    Common,
    books::id,
    figure::{Bound, percentile, print},
    program::Server,
};

/// Meters behind one modem.
const METERS_PER_BUS: usize = 50;
/// Requests a second.
const RATE: f64 = 200.0;
/// Connections that are kept open, as a proxy in front would.
const LANES: usize = 32;
/// Readings of each bound meter: two days, every quarter of an hour.
const READINGS: i64 = 192;
/// Persons written in one transaction.
const PERSONS_AT_ONCE: usize = 200;
/// The most of an answer that is read.
const ANSWER_MAX: usize = 256 << 10;

/// How large a run is.
struct Size {
    accounts: usize,
    persons: usize,
    requests: usize,
}

/// Somebody who looks at their home.
struct Visitor {
    token: String,
    /// Where they call from, as the proxy in front writes it: each from an address of their own.
    address: String,
    home: Uuid,
    meter: Uuid,
    today: NaiveDate,
}

/// Runs the section.
pub async fn run(common: &Common) {
    let size = match common.quick {
        true => Size { accounts: 10_000, persons: 200, requests: 1_000 },
        false => Size { accounts: 100_000, persons: 2_000, requests: 12_000 },
    };
    let url = format!("sqlite:{}", common.dir.join("tenant.db").display());
    let key = vec![0x5a; KEY_MIN];
    let key_file = common.dir.join("token.key");
    write_key(&key_file, &key);
    let places = fill(&url, &size).await;
    let variable = ("YUFU__TENANT__TOKEN_KEY_FILE", key_file.display().to_string());
    let proxies = ("YUFU__SERVER__TRUSTED_PROXIES", "1".to_owned());
    let server = Server::start_with(common, &url, &[variable, proxies]).await;
    let keys = Keys::new(format!("http://{}", server.address), key, None).unwrap();
    let visitors = visitors(&places, &keys);
    let looks: &[(&str, Look)] = &[
        ("homes", |_| "/homes".to_owned()),
        ("one meter", |v| format!("/homes/{}/meters/{}", v.home, v.meter)),
        ("orders", |_| "/orders".to_owned()),
        ("use by hour", |v| {
            let (from, until) = (v.today, v.today + TimeDelta::days(1));
            let asked = format!("by=hour&from={from}&until={until}");
            format!("/homes/{}/meters/{}/usage?{asked}", v.home, v.meter)
        }),
    ];
    let took = knock(server.address, &visitors, looks, size.requests).await;
    server.stop().await;
    let all: Vec<f64> = took.iter().map(|(_, ms)| *ms).collect();
    let accounts = size.accounts;
    let what = |p: &str| format!("tenant's API at {RATE:.0}/s, {accounts} accounts, {p}");
    print("–", &what("p50"), "ms", &[percentile(&all, 50.0)], Bound::None);
    print("API", &what("p99"), "ms", &[percentile(&all, 99.0)], Bound::AtMost(20.0));
    for (kind, (name, _)) in looks.iter().enumerate() {
        let own: Vec<f64> = took.iter().filter(|(k, _)| *k == kind).map(|(_, ms)| *ms).collect();
        print("–", &format!("{name}, p99"), "ms", &[percentile(&own, 99.0)], Bound::None);
    }
}

/// The path one look asks for.
type Look = fn(&Visitor) -> String;

fn write_key(file: &Path, key: &[u8]) {
    use base64::{Engine, engine::general_purpose::STANDARD};
    std::fs::write(file, STANDARD.encode(key)).expect("a key file");
}

/// Writes the site, its persons and what their meters told.
async fn fill(url: &str, size: &Size) -> Vec<Place> {
    let store = Store::open(url).await.expect("a database fit for money");
    store.migrate().await.unwrap();
    let now = SystemClock::new().now();
    let bus = Bus { prepaid: 0, remote: METERS_PER_BUS, water: 0 };
    let buses = vec![bus; size.accounts / METERS_PER_BUS];
    let layout = Layout::new(&buses, 1, 1, now);
    layout.store(&store, Vec::new()).await;
    // Whoever looks lives anywhere in the site.
    let apart = layout.places.len() / size.persons;
    let places: Vec<Place> = layout.places.iter().step_by(apart.max(1)).cloned().collect();
    for (part, chunk) in places.chunks(PERSONS_AT_ONCE).enumerate() {
        let chunk = chunk.to_vec();
        let first = part * PERSONS_AT_ONCE;
        let stored = store.transact(move |tx| {
            Box::pin(async move {
                for (number, place) in chunk.iter().enumerate() {
                    move_in(tx, first + number, place, now).await?;
                }
                Ok::<_, StoreError>(())
            })
        });
        stored.await.unwrap();
    }
    places
}

async fn move_in(
    tx: &store::Tx,
    number: usize,
    place: &Place,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), StoreError> {
    let (person, family) = (PersonId(id(0x81, number)), FamilyId(id(0x82, number)));
    let known = KnownBy::phone(&format!("139{number:08}"));
    person::sign_in(tx, &known, None, person, now).await?;
    let opening = session::Opening {
        family,
        person,
        refresh_hash: "nobody refreshes".to_owned(),
        expires_at: now + TimeDelta::days(1),
        client: "bench".to_owned(),
        ip: "127.0.0.1".to_owned(),
    };
    session::open(tx, opening, now).await?;
    let wish = Bind {
        id: BindingId(id(0x83, number)),
        project: PROJECT,
        account: place.account,
        person,
        proof: BindingProof::Staff,
        invited_by: None,
    };
    binding::bind(tx, &wish, now).await?;
    let told = (0..READINGS).map(|back| Reading {
        project: PROJECT,
        meter: place.meter.meter_id(),
        item: Item::ForwardEnergy.code(),
        at: now - TimeDelta::minutes(15 * back),
        value: 1_000_000 - 120 * back,
        quality: reading::Quality::Good,
        received_at: now,
    });
    reading::append(tx, &told.collect::<Vec<_>>()).await
}

fn visitors(places: &[Place], keys: &Keys) -> Arc<Vec<Visitor>> {
    let now = SystemClock::new().now();
    let visitor = |(number, place): (usize, &Place)| {
        let holder = Holder { person: id(0x81, number), family: id(0x82, number), version: 0 };
        let life = (now, TimeDelta::minutes(10));
        Visitor {
            token: keys.issue(holder, life, Uuid::nil()).unwrap(),
            address: format!("10.{}.{}.7", number / 256, number % 256),
            home: place.account.0,
            meter: place.meter.id,
            today: now.with_timezone(&china_standard_time()).date_naive(),
        }
    };
    Arc::new(places.iter().enumerate().map(visitor).collect())
}

/// Asks at a fixed rate; answers which look it was and its milliseconds from when it was due.
async fn knock(
    address: SocketAddr,
    visitors: &Arc<Vec<Visitor>>,
    looks: &'static [(&'static str, Look)],
    requests: usize,
) -> Vec<(usize, f64)> {
    let clock = Arc::new(SystemClock::new());
    let begun = clock.monotonic();
    let lanes: Vec<_> = (0..LANES)
        .map(|lane| {
            let (clock, visitors) = (Arc::clone(&clock), Arc::clone(visitors));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("a server");
                stream.set_nodelay(true).unwrap();
                let mut took = Vec::new();
                for place in (lane..requests).step_by(LANES) {
                    let due = begun + Duration::from_secs_f64(place as f64 / RATE);
                    tokio::time::sleep(due.saturating_sub(clock.monotonic())).await;
                    let visitor = &visitors[(place * 7) % visitors.len()];
                    let kind = place % looks.len();
                    ask(&mut stream, &looks[kind].1(visitor), visitor).await;
                    let late = clock.monotonic().saturating_sub(due);
                    took.push((kind, late.as_secs_f64() * 1_000.0));
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for lane in lanes {
        took.extend(lane.await.expect("a lane that ends well"));
    }
    took
}

async fn ask(stream: &mut TcpStream, path: &str, visitor: &Visitor) {
    let Visitor { token, address, .. } = visitor;
    let request = format!(
        "GET {}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-For: {address}\r\n\
         Authorization: Bearer {token}\r\n\r\n",
        mini_program_api::PREFIX
    );
    stream.write_all(request.as_bytes()).await.expect("a server that reads");
    let mut answer = Vec::new();
    loop {
        if let Some(status) = crate::sender::complete(&answer) {
            assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&answer));
            return;
        }
        assert!(answer.len() < ANSWER_MAX, "an answer without an end");
        let read = stream.read_buf(&mut answer).await.expect("a server that answers");
        assert!(read > 0, "the server closed the connection");
    }
}
