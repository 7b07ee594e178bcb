//! The program itself: how large it is, how soon it answers, what it needs while nothing happens
//! (goals R4, R5).

use std::{net::SocketAddr, time::Duration};

use domain::{Clock, SystemClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    Common,
    figure::{Bound, print},
    process::{Process, cpu_seconds, free_port, rss_kib},
};

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether it answers.
const LOOK: Duration = Duration::from_millis(1);

/// `yufu serve` in a process of its own.
pub struct Server {
    process: Process,
    /// Where it answers.
    pub address: SocketAddr,
    /// From the start of the process to its first 200.
    pub started_in: Duration,
}

impl Server {
    /// Starts it on a migrated database and waits until it answers.
    pub async fn start(common: &Common, database: &str) -> Server {
        Server::start_with(common, database, &[]).await
    }

    /// The same with further variables of the environment.
    pub async fn start_with(common: &Common, database: &str, more: &[(&str, String)]) -> Server {
        let (port, dtu) = (free_port(), free_port());
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut variables = vec![
            ("YUFU__DATABASE__URL", database.to_owned()),
            ("YUFU__SERVER__LISTEN", address.to_string()),
            ("YUFU__SERVER__PUBLIC_URL", format!("http://{address}")),
            ("YUFU__GATEWAY__DTU_LISTEN", format!("127.0.0.1:{dtu}")),
            // What was credited waits for its meter: carrying it there is not what is measured.
            ("YUFU__VENDING__JOBS_AT_ONCE", "1".to_owned()),
            ("YUFU__LOG__FILTER", "warn".to_owned()),
        ];
        variables.extend(more.iter().cloned());
        let log = common.dir.join("yufu.log");
        let clock = SystemClock::new();
        let begun = clock.monotonic();
        let process = Process::start(&common.yufu, &["serve".to_owned()], &log, &variables);
        let mut server = Server { process, address, started_in: Duration::ZERO };
        while !answers(address).await {
            let waited = clock.monotonic() - begun;
            let alive = server.process.is_alive() && waited < PATIENCE;
            assert!(alive, "{}", std::fs::read_to_string(&log).unwrap_or_default());
            tokio::time::sleep(LOOK).await;
        }
        server.started_in = clock.monotonic() - begun;
        server
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it without a warning: what it acknowledged is there all the same.
    pub async fn stop(self) {
        drop(self.process);
    }
}

/// Whether the health page says 200.
async fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return false };
    let ask = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let mut answer = Vec::new();
    stream.write_all(ask).await.is_ok()
        && stream.read_to_end(&mut answer).await.is_ok()
        && answer.starts_with(b"HTTP/1.1 200")
}

/// Runs the section.
pub async fn run(common: &Common) {
    let size = std::fs::metadata(&common.yufu).expect("the program").len();
    let mib = size as f64 / f64::from(1 << 20);
    print("R4", "binary, stripped, with what it serves", "MiB", &[mib], Bound::AtMost(20.0));
    let url = format!("sqlite:{}", common.dir.join("empty.db").display());
    let store = store::Store::open(&url).await.expect("a database fit for money");
    store.migrate().await.expect("a schema");
    drop(store);
    let (starts, rest) = match common.quick {
        true => (5, Duration::from_secs(5)),
        false => (20, Duration::from_secs(30)),
    };
    let mut started_ms = Vec::new();
    for _ in 0..starts {
        let server = Server::start(common, &url).await;
        started_ms.push(server.started_in.as_secs_f64() * 1_000.0);
        server.stop().await;
    }
    let what = "start → first 200, empty database, after kill −9";
    print("R5", what, "ms", &started_ms, Bound::AtMost(150.0));
    let server = Server::start(common, &url).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let before = cpu_seconds(server.id());
    tokio::time::sleep(rest).await;
    let used = (cpu_seconds(server.id()) - before) / rest.as_secs_f64() * 100.0;
    let mib = rss_kib(server.id()) as f64 / 1_024.0;
    print("R4", "idle memory, empty database", "MiB RSS", &[mib], Bound::AtMost(40.0));
    print("–", "idle processor time, empty database", "% of a core", &[used], Bound::None);
    server.stop().await;
}
