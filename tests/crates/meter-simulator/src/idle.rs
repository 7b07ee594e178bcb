//! Many DTUs that do nothing but stay connected (goals G4, G5): register, send a heartbeat, and
//! all come back at once when told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at, sleep};

use crate::control::{Answerer, refusal};
use crate::swarm::{CONNECTIONS_MAX, dial, registration};

/// Connections opened at the same moment at the start.
const RAMP: usize = 128;

/// First and longest wait before dialling again.
const REDIAL_MS: u64 = 100;
const REDIAL_MAX_MS: u64 = 2_000;

/// Shape of the idle population.
#[derive(Clone, Debug)]
pub struct IdleConfig {
    /// Server to dial.
    pub dial: SocketAddr,
    /// Number of connections.
    pub count: usize,
    /// Number of the first one, so that several processes share one name space.
    pub first: usize,
    /// Heartbeat interval, seconds.
    pub heartbeat_s: u64,
    /// Heartbeat text.
    pub heartbeat: String,
    /// Text in front of the number in the registration.
    pub prefix: String,
    /// Source addresses 127.0.0.1 … 127.0.0.n to spread connections over; 0 leaves it to the
    /// machine.
    pub sources: u8,
}

/// What the population has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct IdleCounters {
    /// Connections that stand.
    pub connected: u64,
    /// Connections made since the start.
    pub dialled: u64,
    /// Dials that failed.
    pub refused: u64,
    /// Heartbeats sent.
    pub heartbeats: u64,
}

#[derive(Debug)]
struct Shared {
    config: IdleConfig,
    connected: AtomicU64,
    dialled: AtomicU64,
    refused: AtomicU64,
    heartbeats: AtomicU64,
    storm: watch::Sender<u64>,
}

/// A running idle population; dropping it closes every connection.
#[derive(Debug)]
pub struct Idle {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

impl Idle {
    /// Starts dialling in the background.
    ///
    /// # Errors
    /// Says the bound when there are more connections than one process may hold.
    pub fn start(config: IdleConfig) -> Result<Self, String> {
        if config.count > CONNECTIONS_MAX || config.heartbeat_s == 0 {
            return Err(format!("at most {CONNECTIONS_MAX} connections, heartbeat above 0 s"));
        }
        let shared = Arc::new(Shared {
            config,
            connected: AtomicU64::new(0),
            dialled: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            heartbeats: AtomicU64::new(0),
            storm: watch::Sender::new(0),
        });
        let mut tasks = JoinSet::new();
        for index in 0..shared.config.count {
            tasks.spawn(keep(Arc::clone(&shared), index));
        }
        Ok(Self { shared, _tasks: tasks })
    }

    /// What happened so far.
    pub fn counters(&self) -> IdleCounters {
        self.shared.counters()
    }

    /// Every connection is closed and dialled again at once.
    pub fn storm(&self) {
        self.shared.storm.send_modify(|generation| *generation += 1);
    }

    /// Answers `{"op":"counters"}` and `{"op":"storm"}`.
    pub fn answerer(&self) -> Answerer {
        let shared = Arc::clone(&self.shared);
        Arc::new(move |line| {
            let ask: Value = serde_json::from_str(line).unwrap_or_default();
            match ask["op"].as_str() {
                Some("counters") => json!({"ok": true, "counters": shared.counters()}),
                Some("storm") => {
                    shared.storm.send_modify(|generation| *generation += 1);
                    json!({"ok": true})
                }
                _ => refusal("ask counters or storm"),
            }
        })
    }
}

impl Shared {
    fn counters(&self) -> IdleCounters {
        IdleCounters {
            connected: self.connected.load(Ordering::Relaxed),
            dialled: self.dialled.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            heartbeats: self.heartbeats.load(Ordering::Relaxed),
        }
    }
}

async fn keep(shared: Arc<Shared>, index: usize) {
    let mut storm = shared.storm.subscribe();
    sleep(Duration::from_millis((index / RAMP) as u64 * 20)).await;
    let mut redial_ms = REDIAL_MS;
    loop {
        storm.borrow_and_update();
        match dial(shared.config.dial, shared.config.sources, index).await {
            Ok(stream) => {
                redial_ms = REDIAL_MS;
                shared.dialled.fetch_add(1, Ordering::Relaxed);
                shared.connected.fetch_add(1, Ordering::Relaxed);
                // A broken connection is dialled again below, whatever broke it.
                let _ = stay(&shared, index, stream, &mut storm).await;
                shared.connected.fetch_sub(1, Ordering::Relaxed);
            }
            Err(_) => {
                shared.refused.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_millis(redial_ms)).await;
                redial_ms = (redial_ms * 2).min(REDIAL_MAX_MS);
            }
        }
    }
}

/// Registers and sends heartbeats until the connection breaks or the storm comes.
async fn stay(
    shared: &Shared,
    index: usize,
    mut stream: TcpStream,
    storm: &mut watch::Receiver<u64>,
) -> std::io::Result<()> {
    let config = &shared.config;
    stream.write_all(registration(&config.prefix, config.first + index).as_bytes()).await?;
    let every = Duration::from_secs(config.heartbeat_s);
    // Spread over the interval, as DTUs that were switched on at different times are.
    let first = every * (index % 997) as u32 / 997;
    let mut beat = interval_at(Instant::now() + first, every);
    let mut bytes = [0u8; 64];
    loop {
        tokio::select! {
            _ = beat.tick() => {
                stream.write_all(config.heartbeat.as_bytes()).await?;
                shared.heartbeats.fetch_add(1, Ordering::Relaxed);
            }
            read = stream.read(&mut bytes) => if read? == 0 { return Ok(()) },
            _ = storm.changed() => return Ok(()),
        }
    }
}
