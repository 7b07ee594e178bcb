//! One DTU on a real socket: dials or is dialled, and drives its bus by the clock.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::bus::{Bus, Output};
use crate::clock::{Now, Wall};
use crate::snapshot::Epoch;

/// Sockets left open by half-open faults before the oldest is closed.
const ABANDONED_MAX: usize = 16;

/// Longest wait for a connection to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for a server that does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle driver sleeps before it looks again.
const IDLE_WAIT: Duration = Duration::from_secs(3_600);

/// Bytes taken from the socket at once.
const READ_MAX: usize = 2_048;

/// Real time, simulated time and the wall clock side by side.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    start: Instant,
    speed: u64,
    wall: Wall,
    pub epoch: Epoch,
}

impl Timeline {
    /// Starts now.
    pub fn start(speed: u64, wall: Wall) -> Self {
        let epoch = Epoch { start_unix_us: crate::clock::system_unix_us(), speed };
        Self { start: Instant::now(), speed, wall, epoch }
    }

    /// The instant every pure step gets.
    pub fn now(&self) -> Now {
        let sim_us = self.start.elapsed().as_micros() as u64 * self.speed;
        Now { sim_us, local_s: self.wall.local_s() }
    }

    /// When a simulated microsecond comes in real time, rounded up.
    fn instant(&self, sim_us: u64) -> Instant {
        self.start + Duration::from_micros(sim_us.div_ceil(self.speed))
    }

    /// Real time since the start.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// Whether the network lets the DTU through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Up,
    Cut,
}

/// A bus with what its driver and the oracle share.
#[derive(Debug)]
pub(crate) struct Lane {
    bus: Mutex<Bus>,
    pub wake: Notify,
    pub link: watch::Sender<Link>,
    pub timeline: Timeline,
    pub redial: Duration,
}

impl Lane {
    /// A lane whose link is up.
    pub fn new(bus: Bus, timeline: Timeline, redial: Duration) -> Self {
        let link = watch::Sender::new(Link::Up);
        Self { bus: Mutex::new(bus), wake: Notify::new(), link, timeline, redial }
    }

    /// The bus, also after somebody panicked while holding it.
    pub fn bus(&self) -> MutexGuard<'_, Bus> {
        self.bus.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bus brought up to this moment. A driver that waits for a connection does not do it,
    /// yet what is on the line lands on time.
    pub fn settled(&self) -> MutexGuard<'_, Bus> {
        let mut bus = self.bus();
        let now = self.timeline.now();
        bus.advance(now);
        bus.settle(now);
        self.wake.notify_one();
        bus
    }
}

/// Which way the connection is made.
#[derive(Debug)]
pub(crate) enum Door {
    Dial(SocketAddr),
    Listen(TcpListener),
}

impl Door {
    async fn open(&self) -> std::io::Result<TcpStream> {
        let stream = match self {
            Self::Dial(address) => {
                let dialled = timeout(CONNECT_TIMEOUT, TcpStream::connect(*address)).await;
                dialled.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?
            }
            Self::Listen(listener) => listener.accept().await?.0,
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// A task that ends with its owner.
#[derive(Debug)]
struct Leashed(JoinHandle<()>);

impl Drop for Leashed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How a connection ended.
struct Ended {
    redial: Duration,
    abandoned: Option<TcpStream>,
}

/// Keeps a DTU connected for as long as the site lives.
pub(crate) async fn run(lane: Arc<Lane>, door: Door) {
    let mut abandoned: Vec<TcpStream> = Vec::new();
    let mut twin: Option<Leashed> = None;
    let mut link = lane.link.subscribe();
    loop {
        if link.wait_for(|link| *link == Link::Up).await.is_err() {
            return;
        }
        let stream = tokio::select! {
            opened = door.open() => opened,
            _ = link.wait_for(|link| *link == Link::Cut) => continue,
        };
        let Ok(stream) = stream else {
            sleep(lane.redial).await;
            continue;
        };
        lane.bus().connected(lane.timeline.now());
        let ended = serve(&lane, stream, &door, &mut twin).await;
        lane.bus().disconnected();
        if let Some(stream) = ended.abandoned {
            abandoned.push(stream);
        }
        if abandoned.len() > ABANDONED_MAX {
            abandoned.remove(0);
        }
        sleep(ended.redial).await;
    }
}

/// Serves one connection until it breaks, is cut, or a fault ends it.
async fn serve(
    lane: &Arc<Lane>,
    mut stream: TcpStream,
    door: &Door,
    twin: &mut Option<Leashed>,
) -> Ended {
    let mut link = lane.link.subscribe();
    let mut bytes = vec![0u8; READ_MAX];
    let broken = Ended { redial: lane.redial, abandoned: None };
    loop {
        let (outputs, due) = {
            let mut bus = lane.bus();
            bus.advance(lane.timeline.now());
            (bus.take_outputs(), bus.due_us())
        };
        for output in outputs {
            match output {
                Output::Send(bytes) => {
                    let sent = timeout(WRITE_TIMEOUT, stream.write_all(&bytes)).await;
                    if !matches!(sent, Ok(Ok(()))) {
                        return broken;
                    }
                }
                Output::Hangup { redial_ms } => {
                    return Ended { redial: Duration::from_millis(redial_ms), abandoned: None };
                }
                Output::Abandon { redial_ms } => {
                    let redial = Duration::from_millis(redial_ms);
                    return Ended { redial, abandoned: Some(stream) };
                }
                Output::Twin(on) => *twin = on.then(|| start_twin(lane, door)).flatten(),
            }
        }
        let wait = due.map(|us| lane.timeline.instant(us));
        let wait = wait.unwrap_or_else(|| Instant::now() + IDLE_WAIT);
        tokio::select! {
            _ = link.wait_for(|link| *link == Link::Cut) => return broken,
            read = stream.read(&mut bytes) => match read {
                Ok(0) | Err(_) => return broken,
                Ok(count) => lane.bus().downlink(lane.timeline.now(), &bytes[..count]),
            },
            () = sleep_until(wait) => {}
            () = lane.wake.notified() => {}
        }
    }
}

/// A second connection with the same identity behind which no meter answers.
fn start_twin(lane: &Arc<Lane>, door: &Door) -> Option<Leashed> {
    let Door::Dial(address) = *door else { return None };
    let lane = Arc::clone(lane);
    Some(Leashed(tokio::spawn(async move {
        let twin = Door::Dial(address);
        let mut bytes = vec![0u8; READ_MAX];
        loop {
            if let Ok(mut stream) = twin.open().await {
                let registration = lane.bus().registration();
                let mut alive = stream.write_all(&registration).await.is_ok();
                while alive {
                    alive = matches!(stream.read(&mut bytes).await, Ok(count) if count > 0);
                }
            }
            sleep(lane.redial).await;
        }
    })))
}
