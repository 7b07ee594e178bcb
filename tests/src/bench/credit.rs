//! Goals P1 to P4: how fast a signed callback becomes durable money, against `pgbench` in the
//! same run, on both databases, with every tenant paying and with one tenant paying everything.

use std::{path::PathBuf, time::Duration};

use domain::{Clock, SystemClock};
use gateway::Timing;

use crate::{
    Common,
    books::{Books, Payers, tenants},
    callback::Signer,
    disk,
    figure::{Bound, median, percentile, print},
    pgbench::{self, Pgbench},
    program::Server,
    sender::{self, Path, Run},
};

/// Seconds before a callback is not believed any more; a run is signed for one sitting.
const FRESH_S: u64 = 240;

/// How much is measured.
struct Size {
    rounds: usize,
    callbacks: usize,
    pgbench_s: u32,
    pgbench_scale: u32,
}

/// A database under test.
struct Subject {
    name: &'static str,
    url: String,
    folder: PathBuf,
    signer: Signer,
    /// Orders placed, all of which were credited.
    placed: usize,
}

/// What is between the callback and the reducer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// `yufu serve` in a process of its own, by HTTP.
    Http,
    /// This process, without HTTP.
    Reducer,
}

/// Ratios and rates of one subject, round by round.
#[derive(Default)]
struct Rounds {
    spread: Vec<f64>,
    one: Vec<f64>,
    spread_to_t: Vec<f64>,
    one_to_spread: Vec<f64>,
}

/// Runs the section.
pub async fn run(common: &Common, server: &str, without_http: bool) {
    let size = match common.quick {
        true => Size { rounds: 2, callbacks: 4_000, pgbench_s: 4, pgbench_scale: 10 },
        false => Size { rounds: 5, callbacks: 20_000, pgbench_s: 8, pgbench_scale: 50 },
    };
    let baseline = Pgbench::prepare(server, size.pgbench_scale, size.pgbench_s);
    let sqlite = format!("sqlite:{}", common.dir.join("credit.db").display());
    let postgres = pgbench::create_database(server, "yufu_bench");
    let mut subjects = [("SQLite", sqlite), ("PostgreSQL", postgres)].map(|(name, url)| {
        let folder = common.dir.join(format!("keys-{name}"));
        let folder = std::path::absolute(folder).expect("a folder");
        let signer = Signer::new(&folder);
        Subject { name, url, folder, signer, placed: 0 }
    });
    let mut t = Vec::new();
    let ways = if without_http { &[Way::Reducer][..] } else { &[Way::Http, Way::Reducer] };
    let mut found: Vec<_> =
        ways.iter().map(|way| (*way, [(); 2].map(|()| Rounds::default()))).collect();
    for _ in 0..size.rounds {
        let now = baseline.measure();
        t.push(now);
        for (way, rounds) in &mut found {
            for (subject, rounds) in subjects.iter_mut().zip(rounds) {
                let spread = subject.rate(common, *way, Payers::Spread, size.callbacks).await;
                let one = subject.rate(common, *way, Payers::One, size.callbacks).await;
                rounds.spread.push(spread);
                rounds.one.push(one);
                rounds.spread_to_t.push(spread / now);
                rounds.one_to_spread.push(one / spread);
            }
        }
    }
    print("T", "pgbench TPC-B, better of 16 and 32 clients", "tps", &t, Bound::None);
    for (way, rounds) in &found {
        for (subject, rounds) in subjects.iter().zip(rounds) {
            tell(*way, subject.name, rounds);
        }
    }
    if without_http {
        return;
    }
    let rate = median(&found[0].1[0].spread);
    for subject in &mut subjects[..1] {
        subject.latency(common, rate / 2.0, size.callbacks).await;
    }
}

fn tell(way: Way, name: &str, rounds: &Rounds) {
    let embedded = name == "SQLite";
    let (goal, times) = if embedded { ("P1", 3.0) } else { ("P2", 1.5) };
    let (goal, hot, bound) = match way {
        Way::Http => (goal, "P4", Bound::AtLeast(times)),
        Way::Reducer => ("–", "–", Bound::None),
    };
    let by = match way {
        Way::Http => "by HTTP",
        Way::Reducer => "without HTTP",
    };
    let what = |rest: &str| format!("callback → credited, {name}, {by}, {rest}");
    print("–", &what("all tenants"), "/s", &rounds.spread, Bound::None);
    print("–", &what("one tenant"), "/s", &rounds.one, Bound::None);
    print(goal, &what("all tenants ÷ T"), "× T", &rounds.spread_to_t, bound);
    let bound = if way == Way::Http { Bound::AtLeast(0.9) } else { Bound::None };
    print(hot, &what("one tenant ÷ all tenants"), "×", &rounds.one_to_spread, bound);
}

impl Subject {
    /// Callbacks credited a second; the books are audited before it is told.
    async fn rate(&mut self, common: &Common, way: Way, payers: Payers, count: usize) -> f64 {
        let run = self.deliver(common, way, payers, count, None).await;
        count as f64 / run.took.as_secs_f64()
    }

    /// Places orders, has them paid, and proves the books.
    async fn deliver(
        &mut self,
        common: &Common,
        way: Way,
        payers: Payers,
        count: usize,
        per_second: Option<f64>,
    ) -> Run {
        let open = || Books::open(&self.url, &self.folder, tenants(), Timing::default());
        let books = open().await;
        let payments = books.place(self.placed, count, payers).await;
        let now = SystemClock::new().now();
        let letters = self.signer.letters(&payments, now);
        let run = match way {
            Way::Reducer => {
                let path = Path::Reducer(books.house.clone(), books.merchant.clone());
                send(&path, letters, per_second).await
            }
            Way::Http => {
                let target = format!("/callback/wechat-pay/{}", books.merchant.path_token);
                drop(books);
                let server = Server::start(common, &self.url).await;
                let run = send(&Path::Http(server.address, target), letters, per_second).await;
                server.stop().await;
                run
            }
        };
        self.placed += count;
        open().await.audit(self.placed).await;
        run
    }

    /// Goal P3: how long the provider waits at half of what the product can take.
    async fn latency(&mut self, common: &Common, per_second: f64, count: usize) {
        let before = disk::probe(&common.dir, Duration::from_secs(2));
        let run = self.deliver(common, Way::Http, Payers::Spread, count, Some(per_second)).await;
        let after = disk::probe(&common.dir, Duration::from_secs(2));
        let f50 = (before.f50_ms + after.f50_ms) / 2.0;
        let f99 = (before.f99_ms + after.f99_ms) / 2.0;
        print("F50", "fdatasync of 4 KiB, median", "ms", &[f50], Bound::None);
        print("F99", "fdatasync of 4 KiB, 99th percentile", "ms", &[f99], Bound::None);
        let what = |p: &str| format!("acknowledgement at {per_second:.0}/s, {}, {p}", self.name);
        let at = |p: f64| [percentile(&run.latency_ms, p)];
        let ms = "ms";
        print("P3", &what("p50"), ms, &at(50.0), Bound::AtMost(3.0 + f50));
        print("P3", &what("p99"), ms, &at(99.0), Bound::AtMost(2.0 * f99 + 5.0));
        print("P3", &what("p99.9"), ms, &at(99.9), Bound::AtMost(100.0));
        print("P3", &what("longest"), ms, &at(100.0), Bound::AtMost(1_000.0));
    }
}

async fn send(path: &Path, letters: Vec<crate::callback::Letter>, rate: Option<f64>) -> Run {
    let run = match rate {
        Some(rate) => sender::stream(path, letters, rate).await,
        None => sender::flood(path, letters).await,
    };
    assert!(run.took.as_secs() < FRESH_S, "the callbacks grew stale; take fewer");
    if run.refused > 0 {
        eprintln!("asked to come again {} times", run.refused);
    }
    run
}
