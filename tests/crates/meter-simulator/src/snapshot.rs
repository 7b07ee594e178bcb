//! What the oracle tells: the truth inside the simulated meters, never what was answered.

use serde::{Deserialize, Serialize};

use crate::bcd;
use crate::config::MeterKind;
use crate::meter::Meter;
use crate::purse::{AppliedTopup, Origin};
use crate::relay::Cause;

/// How an exchange ended, seen from the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The answer went on the line.
    Answered,
    /// The meter had nothing to say (broadcast, dead, refused wildcard).
    Silent,
    /// The request was lost before the meter.
    RequestLost,
    /// The meter acted, the answer was lost.
    ReplyLost,
}

/// One request a meter heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub request_us: u64,
    pub reply_us: Option<u64>,
    pub control: u8,
    pub di: u32,
    pub outcome: Outcome,
}

/// One request as the oracle shows it; times are UTC microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedExchange {
    /// When the last byte of the request had left the line.
    pub request_at_unix_us: i64,
    /// When the last byte of the answer had left the line.
    pub reply_at_unix_us: Option<i64>,
    /// Control or function code.
    pub control: u8,
    /// Data identifier or first register.
    pub di: u32,
    /// How it ended.
    pub outcome: Outcome,
}

/// One movement of the contact; the time is UTC microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelayMove {
    /// True when supply came on.
    pub closed: bool,
    /// Who decided it.
    pub cause: Cause,
    /// When the contact moved.
    pub at_unix_us: i64,
}

/// Everything true about one meter at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Name on the site.
    pub name: String,
    /// Address as printed.
    pub address: String,
    /// Index of its bus.
    pub bus: usize,
    /// What it is.
    pub kind: MeterKind,
    /// Meter number (04000402), which changes when the meter is replaced.
    pub meter_no: String,
    /// Purchase count.
    pub count: u32,
    /// Money, debt negative, fen.
    pub balance_fen: i64,
    /// Amount of the last purchase on record, fen.
    pub last_amount_fen: u64,
    /// All purchases since the wallet began, fen, foreign ones included.
    pub cumulative_fen: u64,
    /// Top-ups applied, oldest first, newest 4,096.
    pub applied_topups: Vec<AppliedTopup>,
    /// Sum of what was applied over the wire, fen, whole and partial, foreign ones not.
    pub sum_applied_fen: u64,
    /// Account opened.
    pub opened: bool,
    /// Customer number, 12 digits.
    pub customer_no: String,
    /// The contact: true when supply is on.
    pub relay_closed: bool,
    /// Where the contact was told to be.
    pub relay_command_closed: bool,
    /// Closing is allowed and waits for the user's button.
    pub waiting_for_button: bool,
    /// Keep-power (guard) is on.
    pub keep_power: bool,
    /// Alarm is on.
    pub alarm: bool,
    /// Movements, oldest first, newest 64.
    pub relay_moves: Vec<RelayMove>,
    /// Energy in Wh, or litres for water.
    pub energy_wh: u64,
    /// Load at this moment, W or l/h.
    pub load_w: u64,
    /// Price of the running tariff, 1/10,000 yuan per kWh or m³.
    pub price_e4: u64,
    /// The meter's own clock, local seconds since 1970.
    pub clock_local_s: i64,
    /// Requests it heard.
    pub frames_seen: u64,
    /// Answers that went on the line.
    pub replies: u64,
    /// Times its contact opened.
    pub trips: u64,
    /// Times its contact closed.
    pub closes: u64,
    /// Programmings accepted (14H).
    pub programmings: u64,
    /// True while passwords are refused.
    pub locked: bool,
}

/// Turns simulated times into UTC microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch {
    pub start_unix_us: i64,
    pub speed: u64,
}

impl Epoch {
    /// The UTC microsecond at which the simulated `sim_us` is or was.
    pub fn unix_us(self, sim_us: u64) -> i64 {
        self.start_unix_us + (sim_us / self.speed) as i64
    }
}

impl Meter {
    /// The truth about this meter.
    pub fn snapshot(&self, bus: usize, epoch: Epoch) -> Snapshot {
        Snapshot {
            name: self.config.known_as().to_owned(),
            address: self.config.address.clone(),
            bus,
            kind: self.config.kind,
            meter_no: bcd::to_digits(&self.meter_no),
            count: self.purse.count,
            balance_fen: self.purse.balance_fen(),
            last_amount_fen: self.purse.records.front().map_or(0, |r| r.amount_fen),
            cumulative_fen: self.purse.cumulative_fen,
            applied_topups: self.applied(epoch),
            sum_applied_fen: self.purse.applied_sum_fen,
            opened: self.purse.opened,
            customer_no: bcd::to_digits(&self.purse.customer),
            relay_closed: self.relay.closed,
            relay_command_closed: self.relay.command_closed,
            waiting_for_button: self.relay.waiting_for_button,
            keep_power: self.relay.keep_power,
            alarm: self.relay.alarm,
            relay_moves: self.moves(epoch),
            energy_wh: self.usage.total(),
            load_w: self.load_now(),
            price_e4: self.price_now(),
            clock_local_s: self.clock_s(),
            frames_seen: self.frames_seen,
            replies: self.replies,
            trips: self.relay.trips,
            closes: self.relay.closes,
            programmings: self.events.programmings,
            locked: self.password.refused || self.password.locked_until_us > self.sim_us(),
        }
    }

    /// The exchange log, oldest first.
    pub fn logged(&self, epoch: Epoch) -> Vec<LoggedExchange> {
        let line = |e: &Exchange| LoggedExchange {
            request_at_unix_us: epoch.unix_us(e.request_us),
            reply_at_unix_us: e.reply_us.map(|us| epoch.unix_us(us)),
            control: e.control,
            di: e.di,
            outcome: e.outcome,
        };
        self.exchanges.iter().map(line).collect()
    }

    fn applied(&self, epoch: Epoch) -> Vec<AppliedTopup> {
        let shown = |count, amount_fen, sim_us, origin: Origin| AppliedTopup {
            count,
            amount_fen,
            at_unix_us: epoch.unix_us(sim_us),
            origin,
        };
        let all = self.purse.applied.iter();
        all.map(|a| shown(a.count, a.amount_fen, a.sim_us, a.origin)).collect()
    }

    fn moves(&self, epoch: Epoch) -> Vec<RelayMove> {
        let shown = |m: &crate::relay::Moved| RelayMove {
            closed: m.closed,
            cause: m.cause,
            at_unix_us: epoch.unix_us(m.sim_us),
        };
        self.relay.moved.iter().map(shown).collect()
    }
}
