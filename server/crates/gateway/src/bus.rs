//! The task of one line: it owns the connection, asks one thing at a time, and tells what happened.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    sync::mpsc::{self, error::TryRecvError},
    time::Instant,
};

use crate::{
    conn::{Conn, StrayKind},
    counter::{count, discount},
    event::{GatewayEvent, OfflineReason, Reading},
    line::{Link, Plan},
    mbap::Mbap,
    query::{FrameKey, MeterAddress},
    schedule::{Scan, Schedule, Turn},
    shared::Shared,
    socket,
    status::LiveStatus,
    wire::Wire,
};

pub(crate) mod job;
use job::Job;
pub(crate) mod intake;
pub(crate) use intake::Message;
mod claim;
mod exchange;
mod known;
mod patience;
use patience::Pace;
mod turn;

/// Most messages that wait for a line's task.
pub const INBOX_MAX: usize = 256;

/// After so many answers from another address an alarm is raised (`meters.md` H.1 no. 7).
pub const WRONG_ADDRESS_ALARM: u8 = 3;

/// What a line remembers of a meter.
#[derive(Debug, Default)]
struct MeterState {
    /// The meter's clock minus ours in seconds, and when we learnt it (monotonic).
    clock_off: Option<(i64, Duration)>,
    clock_alarm: bool,
    /// It was reported as silent and not as back; survives a new connection.
    silent: bool,
    /// Answers from another address, in a row.
    wrong: u8,
    /// Until when its password is not tried (monotonic).
    password_rest: Option<Duration>,
    /// How long it and its path take to answer.
    pace: Pace,
}

/// The state of a line's task.
pub(crate) struct Bus {
    shared: Arc<Shared>,
    plan: Box<Plan>,
    inbox: mpsc::Receiver<Box<Message>>,
    status: Arc<LiveStatus>,
    schedule: Schedule,
    meters: Vec<MeterState>,
    jobs: Vec<Job>,
    next_job: u32,
    /// The last requests that were given up: their answers may still come.
    given_up: [Option<FrameKey>; 4],
    /// The bus must be quiet for so long before it is used again.
    quiet: Option<Duration>,
    free_at: Instant,
    /// The pause between two exchanges.
    pause: Duration,
    serial: u8,
    /// A second connection that claims this line.
    claimant: Option<Box<Conn>>,
    claim_rest: Option<Instant>,
    readings: Vec<Reading>,
}

impl Bus {
    pub(crate) fn new(
        shared: Arc<Shared>,
        plan: Box<Plan>,
        inbox: mpsc::Receiver<Box<Message>>,
        status: Arc<LiveStatus>,
    ) -> Self {
        let pause = plan.pause(&shared.timing);
        let mut bus = Bus {
            shared,
            plan,
            inbox,
            status,
            schedule: Schedule::default(),
            meters: Vec::new(),
            jobs: Vec::new(),
            next_job: 0,
            given_up: [None; 4],
            quiet: None,
            free_at: Instant::now(),
            pause,
            serial: 0,
            claimant: None,
            claim_rest: None,
            readings: Vec::new(),
        };
        bus.meters.resize_with(bus.plan.meters.len(), MeterState::default);
        bus.status.meters.store(bus.plan.meters.len() as u32, Ordering::Relaxed);
        bus
    }

    /// Runs until the line is stopped.
    pub(crate) async fn run(mut self) {
        let mut failures = 0u32;
        loop {
            let wire = match self.claimant.take() {
                Some(conn) => Some(Wire::Stream(conn)),
                None => self.connect(&mut failures).await,
            };
            let Some(mut wire) = wire else { return };
            self.online(&wire);
            let since = Instant::now();
            let reason = self.serve(&mut wire).await;
            // A server that accepts and closes is no better than one that refuses: only who
            // spoke is dialled again without a wait.
            failures = if wire.spoke(since) { 0 } else { failures.saturating_add(1) };
            drop(wire);
            self.offline(reason);
            if reason == OfflineReason::Stopped {
                return;
            }
        }
    }

    /// Waits for a connection. `None`: stopped.
    async fn connect(&mut self, failures: &mut u32) -> Option<Wire> {
        loop {
            let (address, mbap) = match &self.plan.line.link {
                Link::DialIn { .. } => (None, false),
                Link::DialOut { address } => (Some(address.clone()), false),
                Link::ModbusTcp { address } => (Some(address.clone()), true),
            };
            let Some(address) = address else {
                let message = self.inbox.recv().await?;
                if self.take_offline(*message).is_some() {
                    return None;
                }
                if let Some(conn) = self.claimant.take() {
                    return Some(Wire::Stream(conn));
                }
                continue;
            };
            let limit = self.shared.timing.dial;
            let wait = self.redial_wait(*failures);
            let link = self.plan.line.link.clone();
            let mut dial = Box::pin(async move {
                tokio::time::sleep(wait).await;
                tokio::time::timeout(limit, TcpStream::connect(address)).await
            });
            // A message must not begin the wait and the call anew: a line that is asked all the
            // time would never be dialled. Only another address does.
            while self.plan.line.link == link {
                tokio::select! {
                    message = self.inbox.recv() => {
                        if self.take_offline(*message?).is_some() {
                            return None;
                        }
                    }
                    dialled = &mut dial => {
                        if let Some(wire) = self.dialled(dialled, mbap) {
                            return Some(wire);
                        }
                        *failures = failures.saturating_add(1);
                        break;
                    }
                }
            }
        }
    }

    /// The wait before the next call, with jitter, so that serial servers that came up together
    /// are not dialled together.
    fn redial_wait(&self, failures: u32) -> Duration {
        if failures == 0 {
            return Duration::ZERO;
        }
        let backoff = self.shared.timing.redial;
        let wait = backoff.first.saturating_mul(1 << (failures - 1).min(16)).min(backoff.longest);
        let half = self.shared.rng.below(wait.as_millis() as u64 / 2 + 1);
        wait / 2 + Duration::from_millis(half)
    }

    fn dialled(
        &self,
        dialled: Result<std::io::Result<TcpStream>, tokio::time::error::Elapsed>,
        mbap: bool,
    ) -> Option<Wire> {
        let stream = dialled.ok()?.ok()?;
        let remote = stream.peer_addr().ok()?;
        socket::prepare(&stream, &self.shared.timing);
        if mbap {
            return Some(Wire::Mbap(Box::new(Mbap::new(stream, remote))));
        }
        let framing = self.plan.framing();
        let bare = framing == meter_protocol::dtu::Framing::Plain(Default::default());
        let deframer = (!bare).then(|| Box::new(meter_protocol::dtu::Deframer::new(framing)));
        Some(Wire::Stream(Box::new(Conn::new(stream, remote, deframer, None))))
    }

    fn online(&mut self, wire: &Wire) {
        let at = self.shared.clock.now();
        count(&self.shared.counters.online);
        self.status.connected(Some(wire.remote()), at);
        self.given_up = [None; 4];
        self.quiet = None;
        self.free_at = Instant::now();
        self.schedule.hold(false);
        // A Modbus TCP connection ends with every slave that does not answer; the others' plans and
        // the count of its misses live on.
        let kept = match wire {
            Wire::Mbap(_) => self.kept_scans(&self.plan),
            Wire::Stream(_) => Vec::new(),
        };
        self.begin_scans(kept);
        let remote = wire.remote().to_string();
        let gateway = self.plan.line.gateway;
        self.shared.outbox.event(GatewayEvent::Online { gateway, remote, at });
    }

    /// Every meter's first poll comes at its own moment, so that three thousand modems that come
    /// back together do not all ask at once (`meters.md` H.1 no. 14).
    ///
    /// `kept` are scans that go on instead, by the meter's place.
    fn begin_scans(&mut self, mut kept: Vec<Option<Scan>>) {
        kept.resize(self.plan.meters.len(), None);
        let now = self.shared.clock.monotonic();
        let within = self.shared.timing.first_poll_within;
        let scans = self.plan.meters.iter().zip(&self.meters).zip(kept);
        let scans = scans.map(|((meter, state), kept)| {
            if let Some(kept) = kept {
                return kept;
            }
            let jitter = self.shared.rng.below(within.as_millis() as u64 + 1);
            let due = now + Duration::from_millis(jitter);
            let parts = meter.reads.len() as u8;
            let scan = Scan::new(parts, meter.interval, due, self.shared.timing.backoff);
            if state.silent { scan.silent() } else { scan }
        });
        self.schedule.replace_scans(scans.collect());
        let silent = self.meters.iter().filter(|state| state.silent).count();
        self.status.silent.store(silent as u32, Ordering::Relaxed);
    }

    fn offline(&mut self, reason: OfflineReason) {
        let at = self.shared.clock.now();
        discount(&self.shared.counters.online);
        self.status.connected(None, at);
        self.status.contested.store(false, Ordering::Relaxed);
        self.fail_all(reason == OfflineReason::Stopped);
        let gateway = self.plan.line.gateway;
        self.shared.outbox.event(GatewayEvent::Offline { gateway, reason, at });
    }

    /// Works until the connection is lost or the line stopped.
    async fn serve(&mut self, wire: &mut Wire) -> OfflineReason {
        loop {
            loop {
                match self.inbox.try_recv() {
                    Ok(message) => {
                        if let Some(reason) = self.take(*message, wire) {
                            return reason;
                        }
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return OfflineReason::Stopped,
                }
            }
            if let Some(reason) = wire.closed() {
                return reason;
            }
            self.note_strays(wire, None);
            if self.claimant.is_some() {
                if let Some(reason) = Box::pin(self.settle(wire)).await {
                    return reason;
                }
                continue;
            }
            if let Some(quiet) = self.quiet.take() {
                wire.drain(quiet, self.plan.wire(), &self.shared).await;
                self.note_strays(wire, None);
                continue;
            }
            if Instant::now() < self.free_at {
                if let Some(reason) = self.rest(wire, Some(self.free_at)).await {
                    return reason;
                }
                continue;
            }
            self.expire();
            let now = self.shared.clock.monotonic();
            match self.schedule.next(now) {
                Turn::Command(ticket) => self.command_turn(wire, ticket).await,
                Turn::Scan { meter, part } => self.scan_turn(wire, meter, part).await,
                Turn::Idle(until) => {
                    let until = until.map(|at| Instant::now() + at.saturating_sub(now));
                    if let Some(reason) = self.rest(wire, until).await {
                        return reason;
                    }
                }
            }
        }
    }

    /// Waits for a moment, a message, or bytes nobody asked for.
    async fn rest(&mut self, wire: &mut Wire, until: Option<Instant>) -> Option<OfflineReason> {
        let heartbeat = self.plan.line.heartbeat;
        let patience = heartbeat.saturating_mul(self.shared.timing.silent_heartbeats);
        let silent_at =
            (!patience.is_zero()).then(|| Instant::now() + patience.saturating_sub(wire.silence()));
        let wake = until.into_iter().chain(silent_at).min();
        let timer = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            message = self.inbox.recv() => match message {
                Some(message) => return self.take(*message, wire),
                None => return Some(OfflineReason::Stopped),
            },
            () = wire.readable() => wire.idle(self.plan.wire(), &self.shared),
            () = timer => {
                // A socket whose other side is gone takes writes for hours (H.1 no. 15).
                if !patience.is_zero() && wire.silence() >= patience {
                    return Some(OfflineReason::Silent);
                }
            }
        }
        None
    }

    /// Sorts the frames that answered nothing: another meter's, late ones, unasked ones.
    fn note_strays(&mut self, wire: &mut Wire, asked: Option<u16>) {
        for stray in wire.take_strays() {
            match stray.kind {
                StrayKind::WrongAddress(address) => self.note_wrong_address(address, asked),
                StrayKind::Foreign(key) => self.note_foreign(key, stray.frame),
                StrayKind::Upload => self.note_unasked(None, stray.frame),
            }
        }
    }

    fn note_wrong_address(&mut self, answered: MeterAddress, asked: Option<u16>) {
        count(&self.shared.counters.wrong_address);
        let Some((at, state)) =
            asked.map(usize::from).and_then(|at| self.meters.get_mut(at).map(|state| (at, state)))
        else {
            return;
        };
        state.wrong += 1;
        if state.wrong >= WRONG_ADDRESS_ALARM {
            state.wrong = 0;
            self.shared.outbox.event(GatewayEvent::AddressClash {
                gateway: self.plan.line.gateway,
                meter: self.plan.meters[at].key,
                answered: answered.to_string(),
            });
        }
    }

    fn note_foreign(&mut self, key: FrameKey, frame: Vec<u8>) {
        let known = self.plan.meters.iter().position(|meter| meter.address == key.address);
        let meter = known.map(|at| self.plan.meters[at].key);
        let late = self.given_up.iter().flatten().any(|given_up| *given_up == key);
        match meter {
            Some(meter) if late => {
                count(&self.shared.counters.late_answers);
                if let Some(state) = known.and_then(|at| self.meters.get_mut(at)) {
                    state.pace.late();
                }
                let at = self.shared.clock.now();
                self.shared.outbox.event(GatewayEvent::LateAnswer { meter, frame, at });
            }
            _ => self.note_unasked(meter, frame),
        }
    }

    fn note_unasked(&self, meter: Option<uuid::Uuid>, frame: Vec<u8>) {
        count(&self.shared.counters.spontaneous);
        let at = self.shared.clock.now();
        let gateway = self.plan.line.gateway;
        self.shared.outbox.event(GatewayEvent::Spontaneous { gateway, meter, frame, at });
    }
}

#[cfg(test)]
mod tests;
