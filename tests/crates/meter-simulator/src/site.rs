//! A running site and the oracle that looks inside it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::bus::{Bus, BusCounters};
use crate::config::{BUSES_MAX, BusConfig, MeterConfig, ScriptLine, SiteConfig, SiteError};
use crate::knob::{Knob, Setting};
use crate::meter::Meter;
use crate::session::{self, Door, Lane, Link, Timeline};
use crate::snapshot::{LoggedExchange, Snapshot};

/// A running site; dropping it stops everything. All questions go to the [`Oracle`] it derefs to.
#[derive(Debug)]
pub struct Site {
    oracle: Oracle,
    tasks: JoinSet<()>,
}

impl Deref for Site {
    type Target = Oracle;

    fn deref(&self) -> &Oracle {
        &self.oracle
    }
}

/// Looks inside a site and switches its faults; cheap to clone.
#[derive(Clone, Debug)]
pub struct Oracle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seed: u64,
    lanes: Vec<Arc<Lane>>,
    listening: Vec<Option<SocketAddr>>,
    places: BTreeMap<String, (usize, usize)>,
    storm: Mutex<Option<Storm>>,
}

/// A storm that is still to end, and ends with the site.
#[derive(Debug)]
struct Storm(tokio::task::JoinHandle<()>);

impl Drop for Storm {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Site {
    /// Builds the site, opens its listening sockets and starts every DTU.
    ///
    /// # Errors
    /// [`SiteError`] when an address, a bound or a socket is wrong.
    pub async fn start(config: SiteConfig) -> Result<Self, SiteError> {
        if config.buses.len() > BUSES_MAX {
            return Err(SiteError::TooMany);
        }
        tracing::info!(seed = config.seed, buses = config.buses.len(), "meter site starts");
        let timeline = Timeline::start(config.factor(), config.wall.clone());
        let mut seeds = ChaCha8Rng::seed_from_u64(config.seed);
        let mut doors = Vec::with_capacity(config.buses.len());
        let mut lanes = Vec::with_capacity(config.buses.len());
        for (index, bus) in config.buses.iter().enumerate() {
            doors.push(open_door(index, bus).await?);
            let redial = Duration::from_millis(bus.redial_ms);
            let now = timeline.now();
            let bus = Bus::new(bus.clone(), seeds.next_u64(), config.factor(), now)?;
            lanes.push(Arc::new(Lane::new(bus, timeline.clone(), redial)));
        }
        let listening = doors.iter().map(local_address).collect();
        let places = places(&lanes);
        let storm = Mutex::new(None);
        let oracle = Oracle(Arc::new(Inner { seed: config.seed, lanes, listening, places, storm }));
        let mut tasks = JoinSet::new();
        for (lane, door) in oracle.0.lanes.iter().zip(doors) {
            tasks.spawn(session::run(Arc::clone(lane), door));
        }
        tasks.spawn(play(oracle.clone(), config.script));
        Ok(Self { oracle, tasks })
    }

    /// An oracle that lives on its own.
    pub fn oracle(&self) -> Oracle {
        self.oracle.clone()
    }

    /// Stops every DTU and waits until all tasks have ended.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Plays the script by real time.
async fn play(oracle: Oracle, mut script: Vec<ScriptLine>) {
    script.sort_by_key(|line| line.at_ms);
    for line in script {
        let at = Duration::from_millis(line.at_ms);
        let Some(first) = oracle.0.lanes.first() else { return };
        sleep(at.saturating_sub(first.timeline.elapsed())).await;
        if let Err(error) = oracle.apply(&line) {
            tracing::warn!(%error, at_ms = line.at_ms, "a script line does not fit the site");
        }
    }
}

async fn open_door(bus: usize, config: &BusConfig) -> Result<Door, SiteError> {
    match (config.listen, config.connect) {
        (Some(address), _) => {
            let listener = TcpListener::bind(address).await;
            Ok(Door::Listen(listener.map_err(|source| SiteError::Socket { bus, source })?))
        }
        (None, Some(address)) => Ok(Door::Dial(address)),
        (None, None) => Err(SiteError::NoAddress(bus)),
    }
}

fn local_address(door: &Door) -> Option<SocketAddr> {
    match door {
        Door::Listen(listener) => listener.local_addr().ok(),
        Door::Dial(_) => None,
    }
}

/// Names, then addresses that are not taken by a name.
fn places(lanes: &[Arc<Lane>]) -> BTreeMap<String, (usize, usize)> {
    let mut out = BTreeMap::new();
    for (bus, lane) in lanes.iter().enumerate() {
        for (place, meter) in lane.bus().meters.iter().enumerate() {
            out.entry(meter.config.known_as().to_owned()).or_insert((bus, place));
        }
    }
    for (bus, lane) in lanes.iter().enumerate() {
        for (place, meter) in lane.bus().meters.iter().enumerate() {
            out.entry(meter.config.address.clone()).or_insert((bus, place));
        }
    }
    out
}

impl Oracle {
    /// The seed all dice came from.
    pub fn seed(&self) -> u64 {
        self.0.seed
    }

    /// The meter of this name, or else of this address.
    ///
    /// # Errors
    /// [`SiteError::NoMeter`] when there is none.
    pub fn meter(&self, name: &str) -> Result<MeterHandle, SiteError> {
        let found = self.0.places.get(name).copied();
        let (bus, place) = found.ok_or_else(|| SiteError::NoMeter(name.to_owned()))?;
        Ok(MeterHandle { lane: Arc::clone(&self.0.lanes[bus]), bus, place })
    }

    /// Every meter of the site, bus by bus.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let mut out = Vec::new();
        for (index, lane) in self.0.lanes.iter().enumerate() {
            let bus = lane.settled();
            out.extend(bus.meters.iter().map(|m| m.snapshot(index, lane.timeline.epoch)));
        }
        out
    }

    /// Fen really applied over the wire in all meters, whole and partial.
    pub fn sum_applied_fen(&self) -> u64 {
        self.fold(|meter| meter.purse.applied_sum_fen)
    }

    /// Number of top-ups really applied over the wire in all meters.
    pub fn applied_topups(&self) -> u64 {
        self.fold(|meter| meter.purse.applied_count)
    }

    fn fold(&self, of: impl Fn(&Meter) -> u64) -> u64 {
        self.0.lanes.iter().map(|lane| lane.settled().meters.iter().map(&of).sum::<u64>()).sum()
    }

    /// Number of buses.
    pub fn buses(&self) -> usize {
        self.0.lanes.len()
    }

    /// Counters of one bus.
    ///
    /// # Errors
    /// [`SiteError::NoBus`].
    pub fn counters(&self, bus: usize) -> Result<BusCounters, SiteError> {
        Ok(self.lane(bus)?.bus().counters)
    }

    /// Where a listening bus listens; `None` when it dials.
    pub fn listening_on(&self, bus: usize) -> Option<SocketAddr> {
        self.0.listening.get(bus).copied().flatten()
    }

    /// Sets a fault of a whole bus; percent 0 switches it off. `storm` takes the whole site.
    ///
    /// # Errors
    /// [`SiteError::NoBus`].
    pub fn turn(&self, bus: usize, knob: Knob, setting: Setting) -> Result<(), SiteError> {
        if knob == Knob::Storm {
            if setting.percent > 0 {
                self.storm(Duration::from_millis(setting.ms));
            }
            return Ok(());
        }
        let lane = self.lane(bus)?;
        let mut bus = lane.settled();
        bus.turn(knob, setting);
        drop(bus);
        lane.wake.notify_one();
        Ok(())
    }

    /// Sets a fault of every bus.
    pub fn turn_all(&self, knob: Knob, setting: Setting) {
        for bus in 0..if knob == Knob::Storm { 1 } else { self.buses() } {
            // Every index below `buses()` exists.
            let _ = self.turn(bus, knob, setting);
        }
    }

    /// Cuts the network of a bus: the connection breaks and none is made.
    ///
    /// # Errors
    /// [`SiteError::NoBus`].
    pub fn cut(&self, bus: usize) -> Result<(), SiteError> {
        self.lane(bus)?.link.send_replace(Link::Cut);
        Ok(())
    }

    /// Restores the network of a bus: the DTU dials at once.
    ///
    /// # Errors
    /// [`SiteError::NoBus`].
    pub fn restore(&self, bus: usize) -> Result<(), SiteError> {
        self.lane(bus)?.link.send_replace(Link::Up);
        Ok(())
    }

    /// Cuts every bus and lets all return together after `outage`.
    pub fn storm(&self, outage: Duration) {
        for lane in &self.0.lanes {
            lane.link.send_replace(Link::Cut);
        }
        let lanes = self.0.lanes.clone();
        let storm = tokio::spawn(async move {
            sleep(outage).await;
            for lane in lanes {
                lane.link.send_replace(Link::Up);
            }
        });
        let mut slot = self.0.storm.lock().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(Storm(storm));
    }

    /// Applies one line of a script.
    pub(crate) fn apply(&self, line: &ScriptLine) -> Result<(), SiteError> {
        match (&line.meter, line.bus) {
            (Some(meter), _) => self.meter(meter)?.turn(line.knob, line.setting),
            (None, Some(bus)) => self.turn(bus, line.knob, line.setting)?,
            (None, None) => self.turn_all(line.knob, line.setting),
        }
        Ok(())
    }

    fn lane(&self, bus: usize) -> Result<&Arc<Lane>, SiteError> {
        self.0.lanes.get(bus).ok_or(SiteError::NoBus(bus))
    }
}

/// One meter of a running site.
#[derive(Clone, Debug)]
pub struct MeterHandle {
    lane: Arc<Lane>,
    bus: usize,
    place: usize,
}

impl MeterHandle {
    /// The truth about it now.
    pub fn snapshot(&self) -> Snapshot {
        self.with(|meter| meter.snapshot(self.bus, self.lane.timeline.epoch))
    }

    /// Index of its bus.
    pub fn bus(&self) -> usize {
        self.bus
    }

    /// Its last 256 requests, oldest first.
    pub fn exchanges(&self) -> Vec<LoggedExchange> {
        self.with(|meter| meter.logged(self.lane.timeline.epoch))
    }

    /// Sets a fault; percent 0 switches it off. Faults of a DTU (`dup_id`, `reconnect`,
    /// `half_open`) take the whole bus.
    pub fn turn(&self, knob: Knob, setting: Setting) {
        if matches!(knob, Knob::DupId | Knob::Reconnect | Knob::HalfOpen) {
            self.lane.bus().turn(knob, setting);
        } else {
            self.with(|meter| meter.turn(knob, setting));
        }
        self.lane.wake.notify_one();
    }

    /// Switches a fault off.
    pub fn clear(&self, knob: Knob) {
        self.turn(knob, Setting::percent(0));
    }

    /// The user presses the button of the meter; false when closing is not allowed.
    pub fn press_button(&self) -> bool {
        self.with(|meter| meter.relay.press_button(meter.sim_us()))
    }

    /// Changes the load, W or l/h.
    pub fn set_load(&self, load_w: u64) {
        self.with(|meter| meter.config.load_w = load_w);
    }

    /// Lets this much flow at once, Wh or litres: the use of hours that a held wall clock skips.
    pub fn use_up(&self, amount: u64) {
        self.with(|meter| meter.use_up(amount));
    }

    /// A purchase that does not come over this wire: a card, another system.
    pub fn buy_elsewhere(&self, amount_fen: u64) {
        self.with(|meter| meter.buy_elsewhere(amount_fen));
    }

    /// Another meter is put in its place; the name the place is known by stays.
    ///
    /// # Errors
    /// [`SiteError`] when the new meter's configuration is wrong.
    pub fn swap(&self, config: MeterConfig) -> Result<(), SiteError> {
        let now = self.lane.timeline.now();
        let seed = (self.bus as u64) << 32 | self.place as u64;
        let meter = Meter::new(config, seed, now)?;
        self.with(|place| *place = meter);
        Ok(())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Meter) -> T) -> T {
        let mut bus = self.lane.settled();
        act(&mut bus.meters[self.place])
    }
}
