//! Goals G4 and G5: 18,000 modems that only stay connected, and all of them coming back at once.

use std::{path::Path, time::Duration};

use domain::{Clock, SystemClock};
use gateway::Timing;
use meter_simulator::swarm::registration;
use store::Store;
use vending::{House, reading::Listener};

use crate::{
    Common,
    books::house,
    figure::{Bound, print},
    process::{Control, Process, cpu_seconds, free_port, rss_kib},
    sweep::{fill, gateway_row},
};

const PREFIX: &str = "IDLE";
/// How long the connections may take to stand, and to stand again.
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs the section.
pub async fn run(common: &Common) {
    let (count, rest) = match common.quick {
        true => (18_000, Duration::from_secs(15)),
        false => (18_000, Duration::from_secs(60)),
    };
    let url = format!("sqlite:{}", common.dir.join("idle.db").display());
    let store = Store::open(&url).await.expect("a database fit for money");
    store.migrate().await.unwrap();
    let gateways = (0..count).map(|number| gateway_row(number, registration(PREFIX, number)));
    fill(&store, gateways.collect(), Vec::new()).await;
    let (house, heard) = house(store, Timing::default()).await;
    let faults = house.configure_lines().await.unwrap();
    assert!(faults.is_empty(), "{faults:?}");
    tokio::spawn(Listener::new(house.clone()).await.unwrap().run(heard));
    let dtu = house.gateway().listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let me = std::process::id();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let empty = rss_kib(me);
    let clock = SystemClock::new();
    let begun = clock.monotonic();
    let (_idle, mut control) = idle(common, &dtu.to_string(), count).await;
    let first_s = standing(&house, &mut control, count, 0, (&clock, begun)).await;
    noted(&house, count).await;
    let noted_s = (clock.monotonic() - begun).as_secs_f64();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let cpu = cpu_seconds(me);
    tokio::time::sleep(rest).await;
    let used = (cpu_seconds(me) - cpu) / rest.as_secs_f64() * 100.0;
    let full = rss_kib(me);
    let each = full.saturating_sub(empty) as f64 / count as f64;
    let connections = format!("{count} idle connections");
    print("G4", &format!("memory of {connections}, each"), "KiB RSS", &[each], Bound::AtMost(8.0));
    let whole = full as f64 / 1_024.0;
    print("–", &format!("the process with {connections}"), "MiB RSS", &[whole], Bound::None);
    let lines = empty as f64 / 1_024.0;
    print("–", "the same process before the first dialled in", "MiB RSS", &[lines], Bound::None);
    let what = format!("processor time of {connections}, heartbeat 60 s");
    print("G5", &what, "% of a core", &[used], Bound::AtMost(3.0));
    print("–", "until all stood the first time", "s", &[first_s], Bound::None);
    print("–", "until the store knew of all", "s", &[noted_s], Bound::None);
    let dialled = control.counter("dialled").await;
    let begun = clock.monotonic();
    control.ask("storm").await;
    let again_s = standing(&house, &mut control, count, dialled, (&clock, begun)).await;
    print("G4", "all of them cut off and back again", "s", &[again_s], Bound::AtMost(20.0));
    house.store().audit(None).await.expect("true books");
}

/// Seconds since `begun` when all stand, each dialled once more than `dialled` in all.
async fn standing(
    house: &House,
    control: &mut Control,
    count: usize,
    dialled: u64,
    (clock, begun): (&SystemClock, Duration),
) -> f64 {
    loop {
        let dials = control.counter("dialled").await;
        let online = house.gateway().status().iter().filter(|line| line.remote.is_some()).count();
        let waited = clock.monotonic().saturating_sub(begun);
        if dials >= dialled + count as u64 && online == count {
            return waited.as_secs_f64();
        }
        assert!(waited < PATIENCE, "{online} of {count} stand after {dials} dials");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Waits until the store has noted everybody, so that nothing of it is left to do.
async fn noted(house: &House, count: usize) {
    let all = async {
        while store::overview::gateways_online(house.store().read()).await.unwrap().len() < count {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(PATIENCE, all).await.expect("a store that keeps up");
}

/// The modems' side, in a process of its own.
async fn idle(common: &Common, dtu: &str, count: usize) -> (Process, Control) {
    let control = format!("127.0.0.1:{}", free_port());
    let words = [
        "idle",
        "--dial",
        dtu,
        "--count",
        &count.to_string(),
        "--prefix",
        PREFIX,
        "--control",
        &control,
    ]
    .map(str::to_owned);
    let log = common.dir.join("idle.log");
    let process = Process::start(Path::new(&common.simulator), &words, &log, &[]);
    (process, Control::connect(control.parse().unwrap()).await)
}
