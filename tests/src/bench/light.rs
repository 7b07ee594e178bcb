//! From the payment to the light on a bus of 2400 baud, in real time: every meter of the site was
//! cut off, gets one top-up, and shows supply again. The oracle is the simulated meter.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use domain::OrderState;
use gateway::Timing;
use meter_simulator::{Knob, Setting, Site};
use tests::fixture::{Bus, Layout, PROJECT};
use tokio::sync::{mpsc, watch};
use vending::{House, merchant::Merchant, reading::Listener};

use crate::{
    Common,
    books::{Books, Payers, id},
    callback::{Letter, Signer},
    figure::{Bound, percentile, print},
    sender::{self, Path},
};

/// The seed of the losses.
const SEED: u64 = 20_261_120;
/// Real time.
const SPEED: u32 = 1;
/// Read of every meter this often, so that top-ups meet a bus in use.
const INTERVAL_S: i32 = 30;
/// What a top-up may take before the run is given up.
const PATIENCE: Duration = Duration::from_secs(180);
const BAUD: f64 = 2_400.0;
/// The simulated meters' turnaround.
const TURNAROUND_S: f64 = 0.020;

/// One top-up.
#[derive(Clone, Copy, Debug)]
struct Told {
    /// Payment told → supply read back, in seconds.
    light_s: f64,
    /// Payment told → money proven on the meter.
    delivered_s: f64,
    /// What the exchanges of the vend take on the wire, turnarounds included.
    wire_s: f64,
    /// Which order it was.
    number: usize,
}

/// Runs the section.
pub async fn run(common: &Common) {
    let (buses, meters) = if common.quick { (8, 3) } else { (24, 8) };
    for (name, percent) in [("no loss", 0), ("5 % of requests and replies lost", 5)] {
        let told = once(common, buses, meters, percent).await;
        let print = |goal: &str, what: &str, unit: &str, values: &[f64], bound: Bound| {
            print(goal, &format!("{what}, {name}, n = {}", told.len()), unit, values, bound);
        };
        let all = |of: fn(&Told) -> f64| told.iter().map(of).collect::<Vec<_>>();
        let light = all(|t| t.light_s);
        let delivered = all(|t| t.delivered_s);
        let lost = percent > 0;
        let tail = if lost { Bound::AtMost(10.0) } else { Bound::None };
        print("–", "payment → light, p50", "s", &[percentile(&light, 50.0)], Bound::None);
        print("P9", "payment → light, p99", "s", &[percentile(&light, 99.0)], tail);
        let at = |p| [percentile(&delivered, p)];
        print("–", "payment → money proven on the meter, p50", "s", &at(50.0), Bound::None);
        print("–", "payment → money proven on the meter, p99", "s", &at(99.0), Bound::None);
        let times = all(|t| t.delivered_s / t.wire_s);
        let bound = if lost { Bound::None } else { Bound::AtMost(1.2) };
        let ratio = "money proven ÷ time of its frames on the wire, p50";
        print("P9", ratio, "×", &[percentile(&times, 50.0)], bound);
    }
}

/// A site of its own with this much loss; every meter gets one top-up.
async fn once(common: &Common, buses: usize, meters: usize, percent: u8) -> Vec<Told> {
    let dir = common.dir.join(format!("light-{percent}"));
    let folder = std::path::absolute(dir.join("keys")).unwrap();
    let signer = Signer::new(&folder);
    let now = domain::Clock::now(&domain::SystemClock::new());
    let mut layout = Layout::new(&vec![Bus::prepaid(meters); buses], SEED, SPEED, now);
    for place in &mut layout.places {
        place.meter.reading_interval_s = INTERVAL_S;
    }
    for meter in layout.site.buses.iter_mut().flat_map(|bus| &mut bus.meters) {
        (meter.balance_fen, meter.relay_open) = (0, true);
    }
    let url = format!("sqlite:{}", dir.join("light.db").display());
    let timing = Timing { first_poll_within: Duration::from_secs(5), ..Timing::default() };
    let mut books = Books::open(&url, &folder, layout, timing).await;
    let (site, _stop) = open(&mut books).await;
    let places = books.layout.places.len();
    if percent > 0 {
        for place in &books.layout.places {
            let meter = site.meter(&place.meter.address).unwrap();
            meter.turn(Knob::DropRequest, Setting::percent(percent));
            meter.turn(Knob::DropReply, Setting::percent(percent));
        }
    }
    // Every bus has been read once before the first payment comes.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let payments = books.place(0, places, Payers::Spread).await;
    let letters = signer.letters(&payments, books.house.now());
    let lanes = (0..buses).map(|bus| {
        let mine = (bus * meters..(bus + 1) * meters).map(|at| (at, letters[at].clone()));
        let (house, merchant) = (books.house.clone(), Arc::clone(&books.merchant));
        tokio::spawn(lane(house, merchant, bus, mine.collect()))
    });
    let mut told = Vec::new();
    for lane in lanes.collect::<Vec<_>>() {
        told.extend(lane.await.unwrap());
    }
    for place in &books.layout.places {
        let seen = site.meter(&place.meter.address).unwrap().snapshot();
        let truth = (seen.count, seen.sum_applied_fen, seen.relay_closed);
        assert_eq!(truth, (4, 5_000, true), "{}: once, and the light is on", place.meter.meter_no);
    }
    site.stop().await;
    if let Some(slowest) = told.iter().max_by(|a, b| a.light_s.total_cmp(&b.light_s)) {
        let story = story(&books.house, slowest.number).await;
        eprintln!("the slowest of {} took {:.1} s:\n{story}", told.len(), slowest.light_s);
    }
    books.house.store().audit(Some(PROJECT)).await.expect("true books");
    told
}

/// Sets everybody to work: readings, jobs, modems.
async fn open(books: &mut Books) -> (Site, watch::Sender<bool>) {
    let house = books.house.clone();
    let faults = house.configure_lines().await.unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    let (_, nobody) = mpsc::channel(1);
    let heard = std::mem::replace(&mut books.events, nobody);
    tokio::spawn(Listener::new(house.clone()).await.unwrap().run(heard));
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(vending::job::work(house.clone(), "bench".to_owned(), stopped));
    let dtu = house.gateway().listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    books.layout.dial(dtu);
    (Site::start(books.layout.site.clone()).await.unwrap(), stop)
}

/// The payments of one bus, one after the other, each once the light of the one before is on.
async fn lane(
    house: House,
    merchant: Arc<Merchant>,
    bus: usize,
    mine: Vec<(usize, Letter)>,
) -> Vec<Told> {
    // Not all at the same moment: tenants do not pay in step.
    tokio::time::sleep(Duration::from_millis(137 * bus as u64)).await;
    let path = Path::Reducer(house.clone(), merchant);
    let mut told = Vec::new();
    for (number, letter) in mine {
        let begun = house.now();
        sender::flood(&path, vec![letter]).await;
        told.push(await_light(&house, number, begun).await);
    }
    told
}

async fn await_light(house: &House, number: usize, begun: DateTime<Utc>) -> Told {
    let order = domain::OrderId(id(0x70, number));
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            let row = house.order(PROJECT, order).await.unwrap();
            if row.state().unwrap() == OrderState::Restored {
                return row;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let Ok(row) = waited.await else {
        panic!("no light after {PATIENCE:?}:\n{}", story(house, number).await);
    };
    let since = |at: Option<DateTime<Utc>>| (at.unwrap() - begun).as_seconds_f64();
    let wire_s = wire(house, order).await;
    Told { light_s: since(row.restored_at), delivered_s: since(row.delivered_at), wire_s, number }
}

/// An order's timeline, a line for each event.
async fn story(house: &House, number: usize) -> String {
    let order = domain::OrderId(id(0x70, number));
    let events = store::timeline::of(house.store().read(), PROJECT, order).await.unwrap();
    let lines =
        events.iter().map(|e| format!("{} {} {}\n", e.at.format("%T%.3f"), e.kind, e.detail));
    lines.collect()
}

/// The time of a vend's frames on the line: eleven bits a byte, and the meter's turnaround.
async fn wire(house: &House, order: domain::OrderId) -> f64 {
    let db = house.store().read();
    let vend = store::vend::of_order(db, PROJECT, order).await.unwrap().unwrap();
    let frames = store::vend::frames(db, PROJECT, vend.vend_id()).await.unwrap();
    let bytes: usize = frames.iter().map(|frame| frame.bytes.len()).sum();
    let turns = frames.len() / 2;
    bytes as f64 * 11.0 / BAUD + turns as f64 * TURNAROUND_S
}
