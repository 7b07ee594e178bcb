//! A large, simple population for the sweep benchmark (goals G1, G2): thousands of buses in one
//! process, a handful of bytes each, with exact character timing. Meters here have no state;
//! what they answer follows from bus, place and time.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::bcd::put;
use crate::control::{Answerer, refusal};
use crate::dlt645::{self, Frame};

/// Most connections one process may hold; the hard limit of open files is 20,000 on our machines.
pub const CONNECTIONS_MAX: usize = 19_000;

/// Bits of one character.
const CHARACTER_BITS: u64 = 11;

/// Bytes of a request a bus keeps.
const INBOX: usize = 96;

/// Connections opened at the same moment, so that the accept queue is not flooded.
const RAMP: usize = 128;

/// Time before dialling again.
const REDIAL: Duration = Duration::from_millis(500);

/// Shape of the swarm.
#[derive(Clone, Debug)]
pub struct SwarmConfig {
    /// Server to dial.
    pub dial: SocketAddr,
    /// Number of buses, one connection each.
    pub buses: usize,
    /// Meters on each bus.
    pub meters_per_bus: usize,
    /// Line speed, bits per second.
    pub baud: u64,
    /// Turnaround of the meters, ms.
    pub turnaround_ms: u64,
    /// Text in front of the bus number in its registration.
    pub prefix: String,
    /// Source addresses 127.0.0.1 … 127.0.0.n to spread connections over; 0 leaves it to the
    /// machine.
    pub sources: u8,
}

/// What the swarm has done since the last reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SwarmCounters {
    /// Connections that stand.
    pub connected: u64,
    /// Requests answered.
    pub exchanges: u64,
    /// Line time of all buses: requests, turnaround and answers, µs.
    pub busy_us: u64,
    /// Real time since the reset, µs.
    pub window_us: u64,
    /// busy / (window × buses), in 1/1000.
    pub utilisation_permille: u64,
    /// Requests that came while a meter was talking.
    pub violations: u64,
}

#[derive(Debug, Default)]
struct Tally {
    connected: AtomicU64,
    exchanges: AtomicU64,
    busy_ns: AtomicU64,
    violations: AtomicU64,
    reset_at_us: AtomicU64,
}

/// A running swarm; dropping it closes every connection.
#[derive(Debug)]
pub struct Swarm {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    config: SwarmConfig,
    tally: Tally,
    start: Instant,
}

/// The registration of bus `bus`.
pub fn registration(prefix: &str, bus: usize) -> String {
    format!("{prefix}{bus:05}")
}

/// The twelve-digit address of meter `place` on bus `bus`.
pub fn address(bus: usize, place: usize) -> String {
    format!("{:012}", 100_000_000_000 + bus * 1_000 + place)
}

impl Swarm {
    /// Starts dialling; connections come up in the background, a few at a time.
    ///
    /// # Errors
    /// Says which bound is passed when there are too many buses or meters.
    pub fn start(config: SwarmConfig) -> Result<Self, String> {
        if config.buses > CONNECTIONS_MAX || config.meters_per_bus >= 1_000 || config.baud == 0 {
            return Err(format!("at most {CONNECTIONS_MAX} buses of 999 meters, baud above 0"));
        }
        let shared = Arc::new(Shared { config, tally: Tally::default(), start: Instant::now() });
        let mut tasks = JoinSet::new();
        for bus in 0..shared.config.buses {
            tasks.spawn(keep(Arc::clone(&shared), bus));
        }
        Ok(Self { shared, _tasks: tasks })
    }

    /// What happened since the last reset.
    pub fn counters(&self) -> SwarmCounters {
        self.shared.counters()
    }

    /// Starts a new window: all counters but `connected` begin at zero.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Answers `{"op":"counters"}` and `{"op":"reset"}`.
    pub fn answerer(&self) -> Answerer {
        let shared = Arc::clone(&self.shared);
        Arc::new(move |line| {
            let ask: Value = serde_json::from_str(line).unwrap_or_default();
            match ask["op"].as_str() {
                Some("counters") => json!({"ok": true, "counters": shared.counters()}),
                Some("reset") => {
                    shared.reset();
                    json!({"ok": true})
                }
                _ => refusal("ask counters or reset"),
            }
        })
    }
}

impl Shared {
    fn elapsed_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    fn reset(&self) {
        for counter in [&self.tally.exchanges, &self.tally.busy_ns, &self.tally.violations] {
            counter.store(0, Ordering::Relaxed);
        }
        self.tally.reset_at_us.store(self.elapsed_us(), Ordering::Relaxed);
    }

    fn counters(&self) -> SwarmCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let window_us = self.elapsed_us() - get(&self.tally.reset_at_us);
        let busy_us = get(&self.tally.busy_ns) / 1_000;
        let whole = (window_us * self.config.buses as u64).max(1);
        SwarmCounters {
            connected: get(&self.tally.connected),
            exchanges: get(&self.tally.exchanges),
            busy_us,
            window_us,
            utilisation_permille: busy_us * 1_000 / whole,
            violations: get(&self.tally.violations),
        }
    }
}

/// Opens a connection, from one of several loopback addresses when asked: one address has only
/// 28,000 ports.
pub(crate) async fn dial(to: SocketAddr, sources: u8, index: usize) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if sources > 0 {
        let last = (index % usize::from(sources)) as u8 + 1;
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)))?;
    }
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Keeps one bus connected.
async fn keep(shared: Arc<Shared>, bus: usize) {
    sleep(Duration::from_millis((bus / RAMP) as u64 * 20)).await;
    loop {
        if let Ok(stream) = dial(shared.config.dial, shared.config.sources, bus).await {
            shared.tally.connected.fetch_add(1, Ordering::Relaxed);
            // A broken connection is dialled again below, whatever broke it.
            let _ = serve(&shared, bus, stream).await;
            shared.tally.connected.fetch_sub(1, Ordering::Relaxed);
        }
        sleep(REDIAL).await;
    }
}

/// Answers requests one after the other, each after its exact time on the line.
async fn serve(shared: &Shared, bus: usize, mut stream: TcpStream) -> std::io::Result<()> {
    let config = &shared.config;
    let line = |bytes: usize| {
        Duration::from_nanos(bytes as u64 * CHARACTER_BITS * 1_000_000_000 / config.baud)
    };
    stream.write_all(registration(&config.prefix, bus).as_bytes()).await?;
    let mut inbox = [0u8; INBOX];
    let mut filled = 0;
    loop {
        let count = stream.read(&mut inbox[filled..]).await?;
        if count == 0 {
            return Ok(());
        }
        filled += count;
        let arrived = Instant::now();
        let Some((frame, used)) = dlt645::find(&inbox[..filled]) else {
            filled = if filled == INBOX { 0 } else { filled };
            continue;
        };
        filled = 0;
        let Some(reply) = answer(shared, bus, &frame) else { continue };
        let bytes = reply.encode(4);
        let busy = line(used) + Duration::from_millis(config.turnaround_ms) + line(bytes.len());
        sleep_until(arrived + busy).await;
        if matches!(stream.try_read(&mut inbox), Ok(count) if count > 0) {
            // Half-duplex: who talks into an answer is not heard.
            shared.tally.violations.fetch_add(1, Ordering::Relaxed);
        }
        stream.write_all(&bytes).await?;
        shared.tally.exchanges.fetch_add(1, Ordering::Relaxed);
        shared.tally.busy_ns.fetch_add(busy.as_nanos() as u64, Ordering::Relaxed);
    }
}

/// The stateless meter: its energy starts by its place and grows by one kilowatt.
fn answer(shared: &Shared, bus: usize, frame: &Frame) -> Option<Frame> {
    let number = crate::bcd::take(&frame.address)? as usize;
    let place = number.checked_sub(100_000_000_000 + bus * 1_000)?;
    if place >= shared.config.meters_per_bus {
        return None;
    }
    let address = frame.address;
    let control = frame.control | 0x80;
    if frame.control == 0x1c {
        return Some(Frame { address, control, data: Vec::new() });
    }
    let di = frame.di().filter(|_| frame.control == 0x11)?;
    let energy_wh = number as u64 % 10_000_000 + shared.elapsed_us() / 3_600;
    let Some(value) = value(di, energy_wh / 10, address) else {
        return Some(Frame { address, control: frame.control | 0xc0, data: vec![0x02] });
    };
    Some(Frame { address, control, data: [di.to_le_bytes().to_vec(), value].concat() })
}

fn value(di: u32, energy: u64, address: [u8; 6]) -> Option<Vec<u8>> {
    let energies = [energy, 0, 0, energy, 0];
    match di {
        0x0000_0000 | 0x0001_0000 => Some(put(energy, 4)),
        0x0000_ff00 | 0x0001_ff00 => Some(energies.iter().flat_map(|e| put(*e, 4)).collect()),
        0x0002_0000 | 0x0090_0200 | 0x0090_0201 => Some(put(0, 4)),
        0x0201_0100 => Some(put(2_200, 2)),
        0x0202_0100 => Some(put(4_545, 3)),
        0x0203_0000 => Some(put(10_000, 3)),
        0x0333_0201 => Some(put(0, 2)),
        0x0333_0301 => Some(put(0, 4)),
        0x0400_0401 => Some(address.to_vec()),
        0x0400_0503 => Some(vec![0, 0]),
        _ => None,
    }
}
