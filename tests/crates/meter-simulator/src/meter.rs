//! One meter: its state, how it lives on while nobody asks, and what it answers. Pure: the same
//! seed, times and requests give the same answers.

use std::collections::{BTreeMap, VecDeque};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::bcd;
use crate::clock::{Civil, Now};
use crate::config::{MeterConfig, MeterKind, SiteError};
use crate::knob::{Knob, KnobSet, Setting, Topic};
use crate::purse::{Moment, Origin, Purse};
use crate::relay::Relay;
use crate::snapshot::{Exchange, Outcome};
use crate::usage::{Usage, tariff_at};
use crate::{acrel, cjt188, dlt645, eastron, generic, meter_1997, meter_2007, modbus, water};

/// Exchanges kept for the oracle.
const EXCHANGES_MAX: usize = 256;

/// Daily freezes kept, as the standard asks for.
pub(crate) const DAILY_MAX: usize = 62;

/// Reads remembered by the fault `cache`.
const CACHE_MAX: usize = 64;

/// Something on the line, in whichever protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Dlt645(dlt645::Frame),
    Cjt188(cjt188::Frame),
    Modbus(modbus::Pdu),
}

/// How the meter is addressed on its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    Dlt645([u8; 6]),
    Cjt188([u8; 7]),
    Slave(u8),
}

/// How the fault layer wants this request treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mood {
    /// Apply part of a write and refuse it.
    pub partly: bool,
    /// Answer the item with FF.
    pub absent: bool,
    /// Never send the follow-up frame.
    pub cut: bool,
}

/// Programming password and its lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Password {
    /// P0 P1 P2, low first.
    pub digits: [u8; 3],
    pub wrong: u32,
    pub locked_until_us: u64,
    /// Fault `lock`.
    pub refused: bool,
}

/// Event counters and frozen energies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Events {
    pub programmings: u64,
    /// Time, operator and identifier of the last programmings, newest first.
    pub programmed: VecDeque<(i64, [u8; 4], u32)>,
    pub last_time_sync_day: Option<i64>,
    /// What was counted at each day's end, newest first: the midnight and the energies.
    pub daily: VecDeque<(i64, [u64; 5])>,
    pub momentary: Option<(i64, [u64; 5])>,
}

/// One simulated meter.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    pub config: MeterConfig,
    pub address: Address,
    /// 04000402, changes when the meter is replaced.
    pub meter_no: [u8; 6],
    pub usage: Usage,
    pub purse: Purse,
    pub relay: Relay,
    pub password: Password,
    pub parameters: BTreeMap<u32, Vec<u8>>,
    pub prices_e4: [u64; 4],
    pub backup_prices_e4: [u64; 4],
    pub events: Events,
    pub clock_offset_s: i64,
    /// Identifier, rest of a long answer and next sequence number.
    pub follow: Option<(u32, Vec<u8>, u8)>,
    pub sign: bool,
    pub knobs: KnobSet,
    pub rng: ChaCha8Rng,
    pub cache: BTreeMap<Vec<u8>, Message>,
    pub frames_seen: u64,
    pub replies: u64,
    pub exchanges: VecDeque<Exchange>,
    at: Now,
}

impl Meter {
    /// Builds a meter; its dice are seeded with `seed`.
    pub fn new(config: MeterConfig, seed: u64, now: Now) -> Result<Self, SiteError> {
        let field = |field| SiteError::Field { meter: config.known_as().to_owned(), field };
        let address = address_of(&config)?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let customer = bcd::from_digits::<6>(&config.customer_no);
        let digits = bcd::from_digits::<3>(&config.password).ok_or_else(|| field("password"))?;
        let purse = Purse {
            remaining_fen: config.balance_fen,
            overdraft_limit_fen: config.overdraft_limit_fen,
            hoard_limit_fen: config.hoard_limit_fen,
            count: config.count,
            opened: !config.customer_no.is_empty(),
            customer: customer.ok_or_else(|| field("customer_no"))?,
            mac: mac_of(&config).map_err(field)?,
            ..Purse::default()
        };
        let travel_us = match (config.kind, config.valve_travel_ms) {
            (MeterKind::Cjt188Water, 0) => rng.random_range(5_000..=30_000u64) * 1_000,
            (MeterKind::Cjt188Water, ms) => ms * 1_000,
            _ => 0,
        };
        let broke = config.counts_money() && purse.spendable_fen() == 0;
        let closed = !config.relay_open && !broke;
        let meter_no = match address {
            Address::Dlt645(bytes) => bytes,
            Address::Cjt188(bytes) => [bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], 0],
            Address::Slave(unit) => [unit, 0, 0, 0, 0, 0x20],
        };
        let mut meter = Self {
            address,
            meter_no,
            usage: Usage::starting_at(config.energy_wh),
            purse,
            relay: Relay::new(closed, travel_us, config.trip_delay_min),
            password: Password { digits, wrong: 0, locked_until_us: 0, refused: false },
            parameters: BTreeMap::new(),
            prices_e4: [config.price_e4; 4],
            backup_prices_e4: [config.price_e4; 4],
            events: Events::default(),
            clock_offset_s: config.clock_offset_s,
            follow: None,
            sign: false,
            knobs: KnobSet::default(),
            rng,
            cache: BTreeMap::new(),
            frames_seen: 0,
            replies: 0,
            exchanges: VecDeque::new(),
            at: now,
            config,
        };
        meter_2007::fill_parameters(&mut meter);
        for line in meter.config.knobs.clone() {
            meter.turn(line.knob, line.setting);
        }
        Ok(meter)
    }

    /// The meter's own local time, seconds since 1970.
    pub fn clock_s(&self) -> i64 {
        self.at.local_s + self.clock_offset_s
    }

    /// The meter's own calendar.
    pub fn calendar(&self) -> Civil {
        Civil::from_local_s(self.clock_s())
    }

    /// Now, as a purchase is dated.
    pub fn moment(&self) -> Moment {
        Moment { local_s: self.clock_s(), sim_us: self.at.sim_us }
    }

    /// Simulated time of the last step.
    pub fn sim_us(&self) -> u64 {
        self.at.sim_us
    }

    /// Load that flows at this moment, W or l/h.
    pub fn load_now(&self) -> u64 {
        if self.relay.closed { self.config.load_w } else { 0 }
    }

    /// Price of the running tariff.
    pub fn price_now(&self) -> u64 {
        self.prices_e4[tariff_at(self.calendar().hour)]
    }

    /// Lives on until `now`: supply flows, money falls, the contact moves, months end.
    pub fn advance(&mut self, now: Now) {
        let before = self.calendar();
        let (was_s, was) = (self.clock_s(), self.usage.all());
        let until = now.sim_us.max(self.at.sim_us);
        while self.at.sim_us < until {
            let stop = self.relay.next_us().map_or(until, |us| us.clamp(self.at.sim_us, until));
            self.flow_until(stop);
            self.relay.advance(self.at.sim_us);
        }
        self.at.local_s = now.local_s;
        let after = self.calendar();
        if (after.year, after.month) != (before.year, before.month) {
            self.usage.settle();
        }
        self.freeze_days(was_s, was);
        meter_2007::switch_prices(self);
    }

    /// Freezes every day's end since the meter's clock showed `was_s` and its counters `was`. A
    /// step over midnight, of a meter nobody asked meanwhile, is split evenly by its clock.
    fn freeze_days(&mut self, was_s: i64, was: [u64; 5]) {
        const DAY_S: i64 = 86_400;
        let (is_s, is) = (self.clock_s(), self.usage.all());
        let days = was_s.div_euclid(DAY_S) + 1..=is_s.div_euclid(DAY_S);
        let newest = *days.end();
        for day in days.filter(|day| newest - day < DAILY_MAX as i64) {
            let part = (day * DAY_S - was_s) as u128;
            let whole = (is_s - was_s) as u128;
            let mut energies = was;
            for (slot, now) in energies.iter_mut().zip(is) {
                *slot += (u128::from(now - *slot) * part / whole) as u64;
            }
            self.events.daily.push_front((day * DAY_S, energies));
        }
        self.events.daily.truncate(DAILY_MAX);
    }

    /// Lets supply flow up to `stop_us`, opening the relay on the way when money ends.
    fn flow_until(&mut self, stop_us: u64) {
        let tariff = tariff_at(self.calendar().hour);
        let price = self.prices_e4[tariff];
        while self.at.sim_us < stop_us {
            let load = self.load_now();
            let mut dt = stop_us - self.at.sim_us;
            let counts = self.config.counts_money();
            let spendable = self.purse.spendable_fen();
            let lasts = self.usage.lasts_us(load, price, spendable).filter(|_| counts);
            let armed = self.relay.closed && self.relay.command_closed && !self.relay.keep_power;
            let ends = armed && lasts.is_some_and(|us| us <= dt);
            if let Some(us) = lasts.filter(|_| ends) {
                dt = us;
            }
            let cost = self.usage.flow(load, dt, tariff, price);
            self.at.sim_us += dt;
            if counts {
                self.purse.spend(cost);
            }
            if ends {
                self.relay.out_of_money(self.at.sim_us);
                // A motor valve closes later; the caller stops there.
                break;
            }
        }
    }

    /// Whether the message is meant for this meter, and so whether it may answer.
    pub fn hears(&self, message: &Message) -> bool {
        match (message, self.address) {
            (Message::Dlt645(frame), Address::Dlt645(own)) => meter_2007::meant(frame, own),
            (Message::Cjt188(frame), Address::Cjt188(own)) => {
                frame.control & 0x80 == 0
                    && (frame.address == own || frame.address == [0xaa; 7])
                    && (frame.kind == self.config.water_type || frame.kind == 0xaa)
            }
            (Message::Modbus(pdu), Address::Slave(own)) => pdu.unit == own || pdu.unit == 0,
            _ => false,
        }
    }

    /// Answers a message it hears; `None` is silence.
    pub fn answer(&mut self, message: &Message, mood: Mood) -> Option<Message> {
        self.frames_seen += 1;
        match (message, self.config.kind) {
            (Message::Dlt645(frame), MeterKind::ReadOnly1997) => {
                meter_1997::answer(self, frame).map(Message::Dlt645)
            }
            (Message::Dlt645(frame), _) => {
                meter_2007::answer(self, frame, mood).map(Message::Dlt645)
            }
            (Message::Cjt188(frame), _) => water::answer(self, frame, mood).map(Message::Cjt188),
            (Message::Modbus(pdu), kind) => {
                let reply = match kind {
                    MeterKind::AcrelDdsy1352 => acrel::answer(self, pdu, mood),
                    MeterKind::EastronSdm530y => eastron::answer(self, pdu, mood),
                    _ => generic::answer(self, pdu, mood),
                };
                (pdu.unit != 0).then_some(Message::Modbus(reply))
            }
        }
    }

    /// Sets a fault; those that change the meter at once do so here.
    pub fn turn(&mut self, knob: Knob, setting: Setting) {
        let on = setting.percent > 0;
        match knob {
            Knob::CountJump if on => {
                for _ in 0..setting.value.unwrap_or(1).clamp(1, 100) {
                    self.buy_elsewhere(u64::from(setting.amount_fen));
                }
            }
            Knob::Replaced if on => self.replace(),
            Knob::Clock => self.clock_offset_s = if on { setting.value.unwrap_or(0) } else { 0 },
            Knob::RelayStuck => self.relay.stuck = on,
            Knob::Lock => self.password.refused = on,
            Knob::Sign => self.sign = on,
            Knob::Cache => self.cache.clear(),
            _ => {}
        }
        self.knobs.set(knob, setting);
    }

    /// Supply that flowed while nobody watched, Wh or litres; it costs like any other.
    pub fn use_up(&mut self, amount: u64) {
        const HOUR_US: u64 = 3_600_000_000;
        let tariff = tariff_at(self.calendar().hour);
        let cost = self.usage.flow(amount, HOUR_US, tariff, self.prices_e4[tariff]);
        if self.config.counts_money() {
            self.purse.spend(cost);
        }
    }

    /// A purchase that did not come over this wire.
    pub fn buy_elsewhere(&mut self, amount_fen: u64) {
        self.purse.apply(amount_fen, self.moment(), Origin::Foreign);
        self.after_money();
    }

    /// Closes the contact after money came, when arrears had opened it.
    pub fn after_money(&mut self) {
        if self.config.counts_money() && self.purse.spendable_fen() > 0 {
            self.relay.money_came(self.at.sim_us);
        }
    }

    /// Another meter with the same address: nothing bought, nothing used, not opened.
    fn replace(&mut self) {
        self.meter_no[0] = bcd::byte(bcd::take(&self.meter_no[..1]).unwrap_or(0) + 1);
        self.usage = Usage::starting_at(0);
        self.purse.initialise(0);
        self.purse.opened = false;
        self.purse.customer = [0; 6];
        self.purse.cumulative_fen = 0;
        self.purse.records.clear();
        self.cache.clear();
    }

    /// The remembered answer of an equal earlier read, for the fault `cache`.
    pub fn remembered(&self, key: &[u8]) -> Option<Message> {
        self.cache.get(key).cloned()
    }

    /// Remembers the answer of a read.
    pub fn remember(&mut self, key: Vec<u8>, reply: &Message) {
        if self.cache.len() < CACHE_MAX {
            self.cache.insert(key, reply.clone());
        }
    }

    /// Writes one line of the exchange log.
    pub fn log(&mut self, topic: Topic, request_us: u64, reply_us: Option<u64>, outcome: Outcome) {
        if self.exchanges.len() == EXCHANGES_MAX {
            self.exchanges.pop_front();
        }
        let (control, di) = (topic.control, topic.di);
        self.replies += u64::from(outcome == Outcome::Answered);
        self.exchanges.push_back(Exchange { request_us, reply_us, control, di, outcome });
    }
}

/// What a message asks for, as faults and the log name it.
pub(crate) fn topic(message: &Message) -> Topic {
    match message {
        Message::Dlt645(frame) => {
            let short = frame.data.get(..2).map(|b| u32::from(b[0]) | u32::from(b[1]) << 8);
            let di = if frame.control == 0x01 { short } else { frame.di() };
            let carries_di = matches!(frame.control & 0x1f, 0x01 | 0x03 | 0x11 | 0x12 | 0x14);
            let di = di.filter(|_| carries_di).unwrap_or(0);
            Topic { control: frame.control, di }
        }
        Message::Cjt188(frame) => {
            let di = frame.data.get(..2).map_or(0, |b| u32::from(b[0]) << 8 | u32::from(b[1]));
            Topic { control: frame.control, di }
        }
        Message::Modbus(pdu) => {
            let di = pdu.range().map_or(0, |(first, _)| u32::from(first));
            Topic { control: pdu.function, di }
        }
    }
}

/// The bytes of a message on its line; 645 and 188 answers lead with `preamble` times FE.
pub(crate) fn encode(message: &Message, preamble: usize) -> Vec<u8> {
    match message {
        Message::Dlt645(frame) => frame.encode(preamble),
        Message::Cjt188(frame) => frame.encode(preamble),
        Message::Modbus(pdu) => pdu.encode(),
    }
}

fn address_of(config: &MeterConfig) -> Result<Address, SiteError> {
    let digits = &config.address;
    let address = match config.kind {
        MeterKind::Prepaid2007 | MeterKind::Remote2007 | MeterKind::ReadOnly1997 => {
            bcd::from_digits::<6>(digits).map(Address::Dlt645)
        }
        MeterKind::Cjt188Water => bcd::from_digits::<7>(digits).map(Address::Cjt188),
        MeterKind::AcrelDdsy1352 | MeterKind::EastronSdm530y | MeterKind::Modbus => {
            digits.parse().ok().filter(|unit| (1..=247).contains(unit)).map(Address::Slave)
        }
    };
    let given = address.filter(|_| !digits.is_empty());
    given.ok_or_else(|| SiteError::Address(config.known_as().to_owned()))
}

fn mac_of(config: &MeterConfig) -> Result<Option<[u8; 4]>, &'static str> {
    if config.mac.is_empty() {
        return Ok(None);
    }
    let bytes = bcd::from_hex(&config.mac).and_then(|bytes| bytes.try_into().ok());
    bytes.map(Some).ok_or("mac")
}
