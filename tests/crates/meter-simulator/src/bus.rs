//! An RS-485 bus behind a DTU as a pure machine: bytes and times in, bytes and times out. Bytes
//! take their time on the line, the line is half-duplex, and faults are drawn from the seed.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::clock::Now;
use crate::config::{BusConfig, METERS_MAX, MeterKind, SiteError};
use crate::fault;
use crate::framing::{Downlink, Dtu, Framing, Registration};
use crate::knob::{Knob, KnobSet, Setting, Topic};
use crate::listen::{self, INBOX_MAX, Protocols};
use crate::meter::{Meter, topic};

/// Bits of one character: start, eight data, parity, stop.
const CHARACTER_BITS: u64 = 11;

/// Longest pause inside a 645 or 188 request.
const GAP_US: u64 = 500_000;

/// Events waiting on one bus; more requests than this are lost on the way.
const EVENTS_MAX: usize = 4_096;

/// What the driver has to do with its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Write these bytes as one segment.
    Send(Vec<u8>),
    /// Close and dial again.
    Hangup { redial_ms: u64 },
    /// Forget the socket without closing it and dial again.
    Abandon { redial_ms: u64 },
    /// Start or stop a second connection with the same identity.
    Twin(bool),
}

/// How the DTU passes one answer on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passing {
    pub late_us: u64,
    pub prefixed: bool,
    pub heartbeat_inside: bool,
    pub heartbeat_before: bool,
    /// Pieces and pause between them.
    pub split: Option<(usize, u64)>,
    /// Longest time held back.
    pub merge: Option<u64>,
}

/// Something that will happen on the bus.
#[derive(Clone, Debug)]
enum Event {
    /// The last byte of a burst towards the meters leaves the line.
    Burst {
        bytes: Vec<u8>,
        start: u64,
        lost: bool,
        epoch: u64,
    },
    /// The last byte of an answer leaves the line.
    Reply {
        bytes: Vec<u8>,
        start: u64,
        passing: Passing,
        epoch: u64,
    },
    /// A segment goes to the server.
    Segment {
        bytes: Vec<u8>,
        merge: Option<u64>,
        epoch: u64,
    },
    /// Held bytes go out even without company.
    Flush,
    Heartbeat {
        epoch: u64,
    },
}

/// Counters of one bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct BusCounters {
    /// Meter bytes from the server.
    pub bytes_down: u64,
    /// Meter bytes to the server.
    pub bytes_up: u64,
    /// Simulated microseconds the line was taken: requests, turnaround, answers.
    pub busy_us: u64,
    /// Requests that met a talking meter.
    pub collisions: u64,
    /// Connections made.
    pub connections: u64,
    /// Heartbeats sent.
    pub heartbeats: u64,
}

/// The bus.
#[derive(Debug)]
pub(crate) struct Bus {
    pub meters: Vec<Meter>,
    pub knobs: KnobSet,
    pub counters: BusCounters,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) speed: u64,
    dtu: Dtu,
    protocols: Protocols,
    baud: u64,
    turnaround_us: u64,
    half_rtt_us: u64,
    pack_us: u64,
    heartbeat_us: u64,
    queue: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    inbox: Vec<u8>,
    heard_until: u64,
    line_free_at: u64,
    held: Vec<u8>,
    epoch: u64,
    connected: bool,
    now: Now,
    outputs: Vec<Output>,
}

impl Bus {
    /// Builds a bus; its dice and those of its meters come from `seed`.
    pub fn new(config: BusConfig, seed: u64, speed: u64, now: Now) -> Result<Self, SiteError> {
        if config.meters.len() > METERS_MAX {
            return Err(SiteError::TooMany);
        }
        let kinds: Vec<MeterKind> = config.meters.iter().map(|m| m.kind).collect();
        let mut meters = Vec::with_capacity(config.meters.len());
        for (place, meter) in config.meters.into_iter().enumerate() {
            meters.push(Meter::new(meter, seed ^ ((place as u64 + 1) << 32), now)?);
        }
        let registration = Registration {
            id: config.registration,
            heartbeat: config.heartbeat,
            each_packet: config.register_each_packet,
        };
        let mut bus = Self {
            meters,
            knobs: KnobSet::default(),
            counters: BusCounters::default(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            speed,
            dtu: Dtu::new(config.framing, registration),
            protocols: Protocols::of(&kinds, config.framing == Framing::Mbap),
            baud: config.baud.into(),
            turnaround_us: config.turnaround_ms * 1_000,
            half_rtt_us: config.rtt_ms * 500,
            pack_us: config.pack_ms * 1_000,
            heartbeat_us: config.heartbeat_s * 1_000_000,
            queue: BTreeMap::new(),
            sequence: 0,
            inbox: Vec::new(),
            heard_until: 0,
            line_free_at: 0,
            held: Vec::new(),
            epoch: 0,
            connected: false,
            now,
            outputs: Vec::new(),
        };
        for line in config.knobs {
            bus.turn(line.knob, line.setting);
        }
        Ok(bus)
    }

    /// Sets a fault of the whole bus; those that change meters at once reach every meter.
    pub fn turn(&mut self, knob: Knob, setting: Setting) {
        match knob {
            Knob::CountJump
            | Knob::Replaced
            | Knob::Clock
            | Knob::RelayStuck
            | Knob::Lock
            | Knob::Sign
            | Knob::Cache => {
                for meter in &mut self.meters {
                    meter.turn(knob, setting);
                }
            }
            Knob::DupId => self.outputs.push(Output::Twin(setting.percent > 0)),
            _ => self.knobs.set(knob, setting),
        }
    }

    /// The registration and nothing else, for a second connection with the same identity.
    pub fn registration(&self) -> Vec<u8> {
        self.dtu.register()
    }

    /// The connection stands: the DTU registers and starts its heartbeat.
    pub fn connected(&mut self, now: Now) {
        self.now = now;
        self.connected = true;
        self.epoch += 1;
        self.counters.connections += 1;
        self.dtu.forget();
        self.held.clear();
        let register = self.dtu.register();
        if !register.is_empty() {
            self.outputs.push(Output::Send(register));
        }
        let epoch = self.epoch;
        if self.heartbeat_us > 0 {
            self.put(now.sim_us + self.heartbeat_us, Event::Heartbeat { epoch });
        }
    }

    /// The connection is gone. What is on the line stays on the line: a command may still land.
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.epoch += 1;
        self.held.clear();
    }

    /// Bytes from the server.
    pub fn downlink(&mut self, now: Now, bytes: &[u8]) {
        self.now = now;
        for part in self.dtu.unwrap(bytes) {
            match part {
                Downlink::Answer(bytes) => self.outputs.push(Output::Send(bytes)),
                Downlink::Payload(bytes) => self.put_on_line(bytes),
            }
        }
    }

    /// When something happens next, simulated µs.
    pub fn due_us(&self) -> Option<u64> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// Lets everything happen up to `now`; ask [`Self::take_outputs`] afterwards.
    pub fn advance(&mut self, now: Now) {
        self.now = now;
        while let Some(entry) = self.queue.first_entry().filter(|e| e.key().0 <= now.sim_us) {
            let ((at, _), event) = entry.remove_entry();
            self.happen(at, event);
        }
    }

    /// Brings every meter up to `now`, for a look inside.
    pub fn settle(&mut self, now: Now) {
        for meter in &mut self.meters {
            meter.advance(now);
        }
    }

    /// What the driver must do, in order.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    fn put(&mut self, at: u64, event: Event) {
        if self.queue.len() < EVENTS_MAX {
            self.sequence += 1;
            self.queue.insert((at, self.sequence), event);
        }
    }

    fn line_us(&self, bytes: usize) -> u64 {
        let bits_us = bytes as u64 * CHARACTER_BITS * 1_000_000;
        if self.baud == 0 { 0 } else { bits_us.div_ceil(self.baud) }
    }

    /// The DTU puts a packet on the line, unless it fails just now.
    fn put_on_line(&mut self, bytes: Vec<u8>) {
        let asked = listen::next_message(&bytes, self.protocols);
        let topic = asked.map(|(message, _)| topic(&message)).unwrap_or_default();
        self.counters.bytes_down += bytes.len() as u64;
        if let Some(setting) = self.knobs.fires(Knob::HalfOpen, topic, &mut self.rng) {
            self.outputs.push(Output::Abandon { redial_ms: setting.ms });
            return;
        }
        if let Some(setting) = self.knobs.fires(Knob::Reconnect, topic, &mut self.rng) {
            self.outputs.push(Output::Hangup { redial_ms: setting.ms });
            let reaches = setting.value.unwrap_or_else(|| self.rng.random_range(0..=1));
            if reaches == 0 {
                return;
            }
        }
        let start = (self.now.sim_us + self.half_rtt_us).max(self.line_free_at);
        let end = start + self.line_us(bytes.len());
        self.line_free_at = end;
        self.counters.busy_us += end - start;
        let epoch = self.epoch;
        self.put(end, Event::Burst { bytes, start, lost: false, epoch });
        self.meet();
    }

    /// Half-duplex: a burst that overlaps an answer is lost and spoils the answer.
    fn meet(&mut self) {
        if self.baud == 0 {
            return;
        }
        let mut answers: Vec<(u64, u64)> = Vec::new();
        for (key, event) in &self.queue {
            if let Event::Reply { start, .. } = event {
                answers.push((*start, key.0));
            }
        }
        let mut hits = Vec::new();
        for (key, event) in &mut self.queue {
            let Event::Burst { start, lost, .. } = event else { continue };
            for (from, until) in &answers {
                if !*lost && *start < *until && key.0 > *from {
                    *lost = true;
                    hits.push((*start, key.0));
                }
            }
        }
        self.counters.collisions += hits.len() as u64;
        for (from, until) in hits {
            for event in self.queue.values_mut() {
                let Event::Reply { bytes, start, .. } = event else { continue };
                let place =
                    |at: u64| at.saturating_sub(*start) * self.baud / (CHARACTER_BITS * 1_000_000);
                let (first, last) = (place(from) as usize, place(until) as usize + 1);
                fault::garble(bytes, first, last, &mut self.rng);
            }
        }
    }

    fn happen(&mut self, at: u64, event: Event) {
        match event {
            Event::Burst { lost: true, .. } => {}
            Event::Burst { bytes, start, epoch, .. } => self.burst(at, &bytes, start, epoch),
            Event::Reply { bytes, passing, epoch, .. } => self.pass_on(at, bytes, passing, epoch),
            Event::Segment { bytes, merge, epoch } => self.segment(at, bytes, merge, epoch),
            Event::Flush => {
                let held = std::mem::take(&mut self.held);
                if self.connected && !held.is_empty() {
                    self.outputs.push(Output::Send(held));
                }
            }
            Event::Heartbeat { epoch } => {
                if self.connected && epoch == self.epoch {
                    self.counters.heartbeats += 1;
                    self.outputs.push(Output::Send(self.dtu.heartbeat()));
                    self.put(at + self.heartbeat_us, Event::Heartbeat { epoch });
                }
            }
        }
    }

    /// A burst has reached the meters.
    fn burst(&mut self, at: u64, bytes: &[u8], start: u64, epoch: u64) {
        let gap = if self.protocols.silence_ends { self.line_us(4).max(1_750) } else { GAP_US };
        if start > self.heard_until + gap {
            self.inbox.clear();
        }
        self.heard_until = at;
        self.inbox.extend_from_slice(bytes);
        if self.inbox.len() > INBOX_MAX {
            self.inbox.clear();
        }
        while let Some((message, used)) = listen::next_message(&self.inbox, self.protocols) {
            self.inbox.drain(..used);
            let now = Now { sim_us: at, local_s: self.now.local_s };
            let Some((bytes, passing)) = self.exchange(&message, now) else { continue };
            let start = at + self.turnaround_us;
            let end = start + self.line_us(bytes.len());
            self.counters.busy_us += end - at;
            self.put(end, Event::Reply { bytes, start, passing, epoch });
            self.meet();
            if self.baud > 0 {
                // The meter talks now: the rest of the burst is not heard.
                self.inbox.clear();
            }
        }
    }

    /// When the answer to a request that ended at `at` has left the line.
    pub(crate) fn answered_at(&self, at: u64, bytes: usize) -> u64 {
        at + self.turnaround_us + self.line_us(bytes)
    }

    /// The DTU has collected an answer and sends it.
    fn pass_on(&mut self, at: u64, bytes: Vec<u8>, passing: Passing, epoch: u64) {
        self.counters.bytes_up += bytes.len() as u64;
        let mut heartbeat = self.dtu.heartbeat();
        if heartbeat.is_empty() {
            heartbeat.push(0xfe);
        }
        let mut out = Vec::new();
        if passing.heartbeat_before {
            out.push(0xfe);
        }
        if passing.heartbeat_inside && bytes.len() > 1 {
            let (front, back) = bytes.split_at(bytes.len() / 2);
            out.extend(self.dtu.wrap(front, passing.prefixed));
            out.extend(heartbeat);
            out.extend(self.dtu.wrap(back, false));
        } else {
            out.extend(self.dtu.wrap(&bytes, passing.prefixed));
        }
        let first = at + self.pack_us + self.half_rtt_us + passing.late_us;
        let (pieces, pause_us) = passing.split.unwrap_or((1, 0));
        let parts = fault::pieces(&out, pieces, &mut self.rng);
        for (place, bytes) in parts.into_iter().enumerate() {
            let merge = passing.merge;
            let at = first + place as u64 * pause_us;
            self.put(at, Event::Segment { bytes, merge, epoch });
        }
    }

    /// A segment leaves, alone, held back, or glued to what was held.
    fn segment(&mut self, at: u64, bytes: Vec<u8>, merge: Option<u64>, epoch: u64) {
        if !self.connected || epoch != self.epoch {
            return;
        }
        let was_empty = self.held.is_empty();
        self.held.extend(bytes);
        match merge.filter(|_| was_empty) {
            Some(hold_us) => self.put(at + hold_us, Event::Flush),
            None => {
                let held = std::mem::take(&mut self.held);
                self.outputs.push(Output::Send(held));
            }
        }
    }

    /// Dice of one meter: its own setting counts, else the bus's.
    pub(crate) fn fires(&mut self, meter: usize, knob: Knob, topic: Topic) -> Option<Setting> {
        let own = &mut self.meters[meter];
        let set = if own.knobs.is_on(knob) { &mut own.knobs } else { &mut self.knobs };
        set.fires(knob, topic, &mut own.rng)
    }
}
