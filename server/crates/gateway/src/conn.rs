//! One TCP connection to a modem or serial server, and one exchange on it.
//!
//! Small while idle: no read buffer is kept, bytes are taken through the stack (goal G4).

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use meter_protocol::dtu::{Deframer, Event, Line};
use tokio::{net::TcpStream, time::Instant};

use crate::{
    counter::{Counters, add, count, discount},
    event::OfflineReason,
    query::{Found, FrameKey, MeterAddress, Verdict, build, look_idle},
    shared::Shared,
};

pub(crate) mod ask;
pub(crate) use ask::{Ask, Outcome};

/// Most received bytes kept; a longer run without a frame is noise (`meters.md` H.1 no. 5).
pub const RX_BYTES_MAX: usize = 1024;

/// Most stray frames kept between two looks at them.
pub const STRAYS_MAX: usize = 16;

const CHUNK: usize = 2048;

/// A frame that answers nothing we asked here.
#[derive(Clone, Debug)]
pub(crate) struct Stray {
    pub kind: StrayKind,
    pub frame: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StrayKind {
    /// The answer to the request in hand, from another meter.
    WrongAddress(MeterAddress),
    /// An answer to something else, or to nothing.
    Foreign(FrameKey),
    /// A vendor frame of the modem itself.
    Upload,
}

/// A registered connection.
#[derive(Debug)]
pub(crate) struct Conn {
    stream: TcpStream,
    /// `None`: bytes pass as they are.
    deframer: Option<Box<Deframer>>,
    pub remote: SocketAddr,
    /// When the last byte came.
    pub heard: Instant,
    pub closed: Option<OfflineReason>,
    pub strays: Vec<Stray>,
    rx: Vec<u8>,
    tx: Vec<u8>,
    /// The bytes of the value that was answered last.
    pub value: Vec<u8>,
    name: Option<String>,
    _place: Option<Place>,
}

/// A connection's place among those that may be open; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Counters>);

impl Place {
    pub(crate) fn take(counters: &Arc<Counters>) -> Self {
        count(&counters.connections);
        Place(Arc::clone(counters))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        discount(&self.0.connections);
    }
}

impl Conn {
    /// Takes over a connection whose modem has named itself, or needs no name.
    pub(crate) fn new(
        stream: TcpStream,
        remote: SocketAddr,
        deframer: Option<Box<Deframer>>,
        place: Option<Place>,
    ) -> Self {
        let name = deframer.as_ref().and_then(|d| d.id().map(str::to_owned));
        Conn {
            stream,
            deframer,
            remote,
            heard: Instant::now(),
            closed: None,
            strays: Vec::new(),
            rx: Vec::new(),
            tx: Vec::new(),
            value: Vec::new(),
            name,
            _place: place,
        }
    }

    /// What the framing said while the connection registered.
    pub(crate) fn begin(&mut self, events: Vec<Event>, shared: &Shared) {
        self.take(events, shared);
    }

    /// Waits until bytes, an end or an error can be taken.
    pub(crate) async fn readable(&self) {
        // An error shows again, and is handled, in `receive`.
        let _ = self.stream.readable().await;
    }

    /// Takes what has arrived. True when meter bytes were among it.
    pub(crate) fn receive(&mut self, line: Line, shared: &Shared) -> bool {
        let mut chunk = [0u8; CHUNK];
        let before = self.rx.len();
        // Bounded, so that a flood on one connection cannot hold the thread.
        for _ in 0..4 {
            match self.stream.try_read(&mut chunk) {
                Ok(0) => {
                    self.close(OfflineReason::Closed);
                    break;
                }
                Ok(len) => {
                    self.heard = Instant::now();
                    add(&shared.counters.bytes_received, len as u64);
                    match &mut self.deframer {
                        None => self.rx.extend_from_slice(&chunk[..len]),
                        Some(deframer) => {
                            let events = deframer.feed(&chunk[..len], line);
                            self.take(events, shared);
                        }
                    }
                    // A short read is not the end: only "would block" lets the next wait sleep
                    // instead of waking this task once more for nothing (goal G5).
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.close(OfflineReason::Broken);
                    break;
                }
            }
        }
        if self.rx.len() > RX_BYTES_MAX {
            let excess = self.rx.len() - RX_BYTES_MAX;
            self.rx.drain(..excess);
            add(&shared.counters.noise_bytes, excess as u64);
        }
        self.rx.len() > before
    }

    /// Hands on bytes that were held back because they might have begun a heartbeat.
    fn release(&mut self, shared: &Shared) {
        if let Some(deframer) = &mut self.deframer {
            let events = deframer.release();
            self.take(events, shared);
        }
    }

    fn take(&mut self, events: Vec<Event>, shared: &Shared) {
        for event in events {
            match event {
                Event::Data(bytes) if self.rx.is_empty() => self.rx = bytes,
                Event::Data(bytes) => self.rx.extend_from_slice(&bytes),
                Event::Send(bytes) => self.send_now(&bytes, shared),
                Event::Registered(name) => {
                    let same = self.name.as_ref().is_none_or(|known| *known == name);
                    if !same {
                        self.close(OfflineReason::Replaced);
                    }
                    self.name = Some(name);
                }
                Event::LoggedOut => self.close(OfflineReason::LoggedOut),
                Event::TimeRequested => {
                    if let Ok(time) = build::meter_time(shared.clock.now()) {
                        let mut answer = Vec::new();
                        meter_protocol::acrel_4g::encode_time(time, &mut answer);
                        self.send_now(&answer, shared);
                    }
                }
                Event::Upload { body, .. } => self.stray(StrayKind::Upload, body),
                Event::Noise(count) => add(&shared.counters.noise_bytes, count as u64),
                Event::Unrecognised(_) => self.close(OfflineReason::Broken),
                Event::Heartbeat | Event::DownlinkTaken => {}
            }
        }
    }

    fn stray(&mut self, kind: StrayKind, frame: Vec<u8>) {
        if self.strays.len() < STRAYS_MAX {
            self.strays.push(Stray { kind, frame });
        }
    }

    fn close(&mut self, reason: OfflineReason) {
        self.closed.get_or_insert(reason);
    }

    /// A short answer the modem's framing demands. A full send buffer this early means that the
    /// other side is gone.
    fn send_now(&mut self, bytes: &[u8], shared: &Shared) {
        match self.stream.try_write(bytes) {
            Ok(len) if len == bytes.len() => add(&shared.counters.bytes_sent, len as u64),
            _ => self.close(OfflineReason::Broken),
        }
    }

    /// Writes a request in one go. The error is the number of bytes the system took before the
    /// connection failed: 0 proves that nothing left.
    ///
    /// Invariant: 0 is answered only if no byte was taken (test
    /// `not_sent_is_said_only_when_no_byte_left`).
    async fn send(&mut self, frame: &[u8], limit: Duration, shared: &Shared) -> Result<(), usize> {
        self.tx.clear();
        match &self.deframer {
            None => self.tx.extend_from_slice(frame),
            Some(deframer) => {
                deframer.encode_downlink(frame, &mut self.tx).map_err(|_| 0usize)?;
            }
        }
        let until = Instant::now() + limit;
        let mut written = 0;
        while written < self.tx.len() {
            match self.stream.try_write(&self.tx[written..]) {
                Ok(len) => written += len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let ready = tokio::time::timeout_at(until, self.stream.writable()).await;
                    if !matches!(ready, Ok(Ok(()))) {
                        self.close(OfflineReason::Broken);
                        return Err(written);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.close(OfflineReason::Broken);
                    return Err(written);
                }
            }
        }
        add(&shared.counters.bytes_sent, written as u64);
        Ok(())
    }

    /// Takes what comes while nothing is asked. What forms no frame is dropped.
    pub(crate) fn idle(&mut self, wire: Option<MeterAddress>, shared: &Shared) {
        self.receive(Line::Idle, shared);
        self.sweep(wire, false, shared);
    }

    /// Waits until the bus has been quiet for `quiet`, so that a late answer cannot meet the next
    /// request (`meters.md` H.1 no. 8).
    pub(crate) async fn drain(
        &mut self,
        quiet: Duration,
        limit: Duration,
        wire: Option<MeterAddress>,
        shared: &Shared,
    ) {
        let until = Instant::now() + limit;
        while self.closed.is_none() && Instant::now() < until {
            let ready = tokio::time::timeout(quiet, self.readable()).await;
            if ready.is_err() {
                break;
            }
            self.receive(Line::InFlight, shared);
            self.sweep(wire, false, shared);
        }
        self.release(shared);
        self.sweep(wire, true, shared);
    }

    /// Sorts frames nobody awaits out of the buffer; at the end of a silence the rest is noise.
    fn sweep(&mut self, wire: Option<MeterAddress>, ended: bool, shared: &Shared) {
        let mut at = 0;
        while at < self.rx.len() {
            let found = match wire {
                Some(wire) => look_idle(wire, &self.rx[at..]),
                None => Found::Skip(self.rx.len() - at),
            };
            match found {
                Found::NeedMore if ended => {
                    count(&shared.counters.noise_bytes);
                    at += 1;
                }
                Found::NeedMore => break,
                Found::Skip(len) => {
                    add(&shared.counters.noise_bytes, noise(&self.rx[at..at + len]));
                    at += len;
                }
                Found::Frame { consumed, verdict } => {
                    if let Verdict::Foreign(key) = verdict {
                        let frame = self.rx[at..at + consumed].to_vec();
                        self.stray(StrayKind::Foreign(key), frame);
                    }
                    at += consumed;
                }
            }
        }
        self.rx.drain(..at);
        if self.rx.is_empty() && self.rx.capacity() > 0 {
            self.rx = Vec::new();
        }
    }
}

/// How many of these bytes are noise; FE in front of a frame is not.
fn noise(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte != 0xFE).count() as u64
}
