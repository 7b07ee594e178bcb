//! Goals G1 and G2: 100,000 simulated meters on 3,125 buses of 2400 baud, read without pause,
//! decoded, judged and stored, against what the wire allows.

use std::{path::Path, time::Duration};

use ::gateway::{Item, Timing, line::Line};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{Clock, MeterId, SystemClock};
use meter_simulator::swarm::{address, registration};
use store::{
    Store,
    entity::{gateway, meter, project},
};
use tests::fixture::PROJECT;
use vending::{
    House,
    line::{Beside, line_of},
    reading::Listener,
};

use crate::{
    Common,
    books::{house, id},
    figure::{Bound, print},
    process::{Control, Process, cpu_seconds, free_port, rss_kib},
};

const BUSES: usize = 3_125;
const METERS_PER_BUS: usize = 32;
const PREFIX: &str = "SWARM";
/// One read of one value: 20 + 24 characters of 11 bits and 20 ms of turnaround.
const READ_S: f64 = 44.0 * 11.0 / 2_400.0 + 0.020;
/// The gap the gateway keeps between two exchanges: one character beside the preamble.
const GAP_S: f64 = 11.0 / 2_400.0;
/// Rows of the site stored in one transaction.
const ROWS_AT_ONCE: usize = 4_000;
/// Every n-th meter is looked up in the store at the end.
const SAMPLE: usize = 16;

/// Runs the section.
pub async fn run(common: &Common) {
    let (windows, window, buses) = match common.quick {
        true => (3, Duration::from_secs(8), BUSES),
        false => (5, Duration::from_secs(16), BUSES),
    };
    let url = format!("sqlite:{}", common.dir.join("sweep.db").display());
    let store = Store::open(&url).await.expect("a database fit for money");
    store.migrate().await.unwrap();
    let me = std::process::id();
    let (gateways, meters) = site(buses);
    // What the site is described by belongs to the bench and not to the product.
    let sample: Vec<_> = meters.iter().step_by(SAMPLE).map(|row| MeterId(row.id)).collect();
    let lines = lines(&gateways, &meters);
    fill(&store, gateways, meters).await;
    stage("with the site's rows written", me);
    let timing = Timing { first_poll_within: Duration::from_secs(1), ..Timing::default() };
    let (house, heard) = house(store, timing).await;
    let faults = house.configure_lines().await.unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    stage("with the lines configured", me);
    house.gateway().configure(lines).await;
    stage("with the lines read without pause", me);
    tokio::spawn(Listener::new(house.clone()).await.unwrap().run(heard));
    let dtu = house.gateway().listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (_swarm, mut control) = swarm(common, &dtu.to_string(), buses).await;
    while control.counter("connected").await < buses as u64 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    stage("with every line connected", me);
    // One whole sweep to get into step.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut found = Found::default();
    for _ in 0..windows {
        control.ask("reset").await;
        let (cpu, kept) = (cpu_seconds(me), counter(&house, "readings"));
        tokio::time::sleep(window).await;
        let counters = control.ask("counters").await["counters"].clone();
        let number = |name: &str| counters[name].as_u64().unwrap_or(0) as f64;
        let seconds = number("window_us") / 1e6;
        found.take(number("exchanges"), seconds, buses);
        found.utilisation.push(number("utilisation_permille") / 10.0);
        found.cpu.push((cpu_seconds(me) - cpu) / seconds * 100.0);
        found.stored.push((counter(&house, "readings") - kept) as f64 / seconds);
    }
    let ended = house.now();
    found.tell(buses * METERS_PER_BUS);
    let mib = rss_kib(me) as f64 / 1_024.0;
    freshness(&house, &sample, ended).await;
    print("R4", "memory with 100,000 meters being read", "MiB RSS", &[mib], Bound::AtMost(150.0));
    house.store().audit(None).await.expect("true books");
}

/// Tells what the process holds at a stage.
fn stage(when: &str, process: u32) {
    let mib = rss_kib(process) as f64 / 1_024.0;
    print("–", &format!("memory {when}"), "MiB RSS", &[mib], Bound::None);
}

#[derive(Default)]
struct Found {
    to_limit: Vec<f64>,
    to_limit_and_gap: Vec<f64>,
    sweep_s: Vec<f64>,
    utilisation: Vec<f64>,
    cpu: Vec<f64>,
    stored: Vec<f64>,
}

impl Found {
    fn take(&mut self, exchanges: f64, seconds: f64, buses: usize) {
        let sweep = seconds * (buses * METERS_PER_BUS) as f64 / exchanges;
        self.sweep_s.push(sweep);
        self.to_limit.push(sweep / (METERS_PER_BUS as f64 * READ_S));
        self.to_limit_and_gap.push(sweep / (METERS_PER_BUS as f64 * (READ_S + GAP_S)));
    }

    fn tell(&self, meters: usize) {
        let sweep = format!("sweep of {meters} meters at 2400 baud");
        print("G1", &sweep, "s", &self.sweep_s, Bound::AtMost(7.8));
        let limit = format!("{sweep} ÷ physical limit");
        print("G1", &limit, "×", &self.to_limit, Bound::AtMost(1.10));
        let gap = format!("{limit} with the 4.6 ms gap between exchanges");
        print("–", &gap, "×", &self.to_limit_and_gap, Bound::None);
        let busy = "bus utilisation, gaps not counted as busy";
        print("G2", busy, "%", &self.utilisation, Bound::AtLeast(95.0));
        print("G1", "processor time of the subject", "% of a core", &self.cpu, Bound::AtMost(60.0));
        print("G6", "readings decoded, judged, stored", "/s", &self.stored, Bound::None);
    }
}

/// How old the newest stored reading of a meter was when the last window ended.
async fn freshness(house: &House, sample: &[MeterId], ended: DateTime<Utc>) {
    // What was read in the last window is stored by then or was lost.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let code = Item::ForwardEnergy.code();
    let (mut ages, mut missing) = (Vec::new(), 0);
    for meter in sample {
        let db = house.store().read();
        let latest = store::reading::latest(db, PROJECT, *meter, code).await.unwrap();
        match latest {
            Some(latest) => ages.push((ended - latest.at).max(TimeDelta::zero()).as_seconds_f64()),
            None => missing += 1,
        }
    }
    let oldest = ages.iter().copied().fold(0.0, f64::max);
    print("G3", "oldest stored reading of a meter", "s", &[oldest], Bound::AtMost(180.0));
    print("–", "meters without a stored reading", "", &[f64::from(missing)], Bound::AtMost(0.0));
    let dropped = counter(house, "readings_dropped") as f64;
    print("–", "readings dropped", "", &[dropped], Bound::AtMost(0.0));
}

fn counter(house: &House, name: &str) -> u64 {
    let all = house.gateway().counters().snapshot();
    all.into_iter().find(|(known, _)| *known == name).map_or(0, |(_, value)| value)
}

/// The meters' side, in a process of its own.
async fn swarm(common: &Common, dtu: &str, buses: usize) -> (Process, Control) {
    let control = format!("127.0.0.1:{}", free_port());
    let words = [
        "swarm",
        "--dial",
        dtu,
        "--buses",
        &buses.to_string(),
        "--prefix",
        PREFIX,
        "--meters",
        &METERS_PER_BUS.to_string(),
        "--control",
        &control,
    ]
    .map(str::to_owned);
    let log = common.dir.join("swarm.log");
    let process = Process::start(Path::new(&common.simulator), &words, &log, &[]);
    (process, Control::connect(control.parse().unwrap()).await)
}

/// The rows of a site whose meters answer as the swarm does.
fn site(buses: usize) -> (Vec<gateway::Model>, Vec<meter::Model>) {
    let gateways = (0..buses).map(|bus| gateway_row(bus, registration(PREFIX, bus)));
    let meters = (0..buses * METERS_PER_BUS).map(meter_row);
    (gateways.collect(), meters.collect())
}

/// One modem of the site.
pub fn gateway_row(number: usize, registration: String) -> gateway::Model {
    gateway::Model {
        id: id(0x20, number),
        project_id: PROJECT.0,
        name: format!("GW-{number:05}"),
        registration: Some(registration),
        link: "dial-in".to_owned(),
        address: None,
        framing: "plain".to_owned(),
        heartbeat_s: 60,
        settings: r#"{"heartbeat":"HB"}"#.to_owned(),
        owner: None,
        owner_token: 0,
        lease_until: None,
    }
}

fn meter_row(number: usize) -> meter::Model {
    let (bus, place) = (number / METERS_PER_BUS, number % METERS_PER_BUS);
    meter::Model {
        project_id: PROJECT.0,
        id: id(0x10, number),
        meter_no: address(bus, place),
        room_id: None,
        account_id: None,
        gateway_id: id(0x20, bus),
        bus: 0,
        address: address(bus, place),
        profile: "dlt645-2007-prepaid".to_owned(),
        purpose: "electricity".to_owned(),
        money_model: "meter-held".to_owned(),
        tariff_id: None,
        epoch: 1,
        purchase_count: None,
        state: "in-service".to_owned(),
        quarantine_reason: None,
        ct: 1,
        pt: 1,
        base_reading: 0,
        reading_interval_s: 900,
        supply_policy: "auto".to_owned(),
        created_at: SystemClock::new().now(),
        version: 1,
    }
}

/// Writes the site, a part at a time: a transaction must not take long.
pub async fn fill(store: &Store, gateways: Vec<gateway::Model>, meters: Vec<meter::Model>) {
    let row = project::Model {
        id: PROJECT.0,
        name: "压测".to_owned(),
        name_en: "Benchmark".to_owned(),
        currency: "CNY".to_owned(),
        timezone: "+08:00".to_owned(),
        created_at: DateTime::UNIX_EPOCH,
    };
    let stored = store.transact(move |tx| Box::pin(async move { store::insert(tx, row).await }));
    stored.await.unwrap();
    for part in gateways.chunks(ROWS_AT_ONCE).map(<[_]>::to_vec) {
        let stored =
            store.transact(move |tx| Box::pin(async move { store::roster::add(tx, &part).await }));
        stored.await.unwrap();
    }
    for part in meters.chunks(ROWS_AT_ONCE).map(<[_]>::to_vec) {
        let stored =
            store.transact(move |tx| Box::pin(async move { store::roster::add(tx, &part).await }));
        stored.await.unwrap();
    }
}

/// The same lines, reading one value of every meter without pause.
fn lines(gateways: &[gateway::Model], meters: &[meter::Model]) -> Vec<Line> {
    let by_bus = gateways.iter().zip(meters.chunks(METERS_PER_BUS));
    let lines = by_bus.map(|(row, meters)| {
        let mut line = line_of(&|_| Beside::default(), row, meters).unwrap();
        for meter in &mut line.meters {
            (meter.scan, meter.interval) = (vec![Item::ForwardEnergy], Duration::ZERO);
        }
        line
    });
    lines.collect()
}
