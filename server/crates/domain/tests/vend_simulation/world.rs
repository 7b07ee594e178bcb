//! The world around a vend: an executor that may crash, a bus that loses, doubles and delays, a
//! meter that others also sell to, and persons who look in the end.

mod act;
mod person;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Rng, Vend, VendEvent, VendRequest, VendState, vend::CountRule};

use crate::{
    meter::{Frame, Meter, PRICE_MICRO_YUAN},
    monitor::{self, Order, Watch},
    subject::Subject,
    trace::Trace,
};

/// When trouble ends.
const HEAL_MS: i64 = 600_000;
/// How long after that every doubt of a readable meter has to be over: 60 s (I9), one exchange
/// that was under way, and one that follows.
const HEALED_MS: i64 = HEAL_MS + 65_000;
/// When a life ends at the latest.
const END_MS: i64 = 4 * 3_600_000;

#[derive(Clone, Copy, Debug)]
enum Happening {
    /// The vend of this order is told something, if the process still lives.
    Tell {
        life: u32,
        order: usize,
        event: VendEvent,
    },
    /// The timer with this number rings.
    Ring {
        life: u32,
        order: usize,
        timer: u32,
    },
    /// A read of the registers comes back.
    Read {
        life: u32,
        order: usize,
    },
    /// A delayed or doubled frame reaches the meter.
    Copy(Frame),
    SoldElsewhere,
    Initialised,
    BusDown,
    BusUp,
    Crash,
    Used,
    RefundAsked,
    Person,
    Healed,
}

/// Counts over many lives, to see that they met trouble.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub vends: u64,
    pub delivered: u64,
    pub delivered_after_doubt: u64,
    pub quarantined: u64,
    pub settled_by_persons: u64,
    pub refunded: u64,
    pub crashes: u64,
    pub late_copies: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Tally) {
        self.vends += other.vends;
        self.delivered += other.delivered;
        self.delivered_after_doubt += other.delivered_after_doubt;
        self.quarantined += other.quarantined;
        self.settled_by_persons += other.settled_by_persons;
        self.refunded += other.refunded;
        self.crashes += other.crashes;
        self.late_copies += other.late_copies;
    }
}

pub struct World<'a> {
    rng: &'a dyn Rng,
    subject: &'a dyn Subject,
    trace: &'a mut Trace,
    now_ms: i64,
    queue: BTreeMap<(i64, u64), Happening>,
    queued: u64,
    meter: Meter,
    epoch: u32,
    bus_up: bool,
    trouble: bool,
    /// Frames in a hundred that go wrong, while there is trouble.
    rate: u64,
    /// An executor that does not store `Sent`: allowed, because `Intended` counts as perhaps sent.
    lazy: bool,
    life: u32,
    timer: u32,
    orders: Vec<Order>,
    current: usize,
    memory: Vend,
    stored: Vend,
    platform_count: Option<u32>,
    reserved: BTreeMap<(u32, u32), usize>,
    watch: Watch,
    tally: Tally,
}

impl<'a> World<'a> {
    pub fn new(rng: &'a dyn Rng, subject: &'a dyn Subject, trace: &'a mut Trace) -> Self {
        let counted = rng.below(5) > 0;
        let count = 1 + rng.below(50) as u32;
        let meter = Meter::new(counted, count, rng.below(4000) as i64 - 1000);
        let orders = (0..=rng.below(3))
            // Even amounts; others sell odd ones, so that they can be told apart at all.
            .map(|_| Order { amount_fen: 200 + 2 * rng.below(5000) as i64, ..Order::default() })
            .collect();
        let nothing = Vend::queued(request(counted, 0, None, 0));
        let platform_count = (counted && rng.below(10) > 0).then_some(count);
        let mut world = World {
            rng,
            subject,
            trace,
            now_ms: 0,
            queue: BTreeMap::new(),
            queued: 0,
            meter,
            epoch: 0,
            bus_up: true,
            trouble: true,
            rate: [0, 10, 30, 60][rng.below(4) as usize],
            lazy: rng.below(2) == 0,
            life: 0,
            timer: 0,
            orders,
            current: 0,
            memory: nothing.clone(),
            stored: nothing,
            platform_count,
            reserved: BTreeMap::new(),
            watch: Watch::default(),
            tally: Tally::default(),
        };
        world.plan();
        world.begin();
        world
    }

    /// Lays the troubles of this life out in time.
    fn plan(&mut self) {
        let plans = [
            (30, Happening::SoldElsewhere),
            (8, Happening::Initialised),
            (60, Happening::BusDown),
            (40, Happening::Crash),
            (30, Happening::Crash),
            (80, Happening::Used),
            (80, Happening::Used),
            (40, Happening::RefundAsked),
        ];
        for (chance, happening) in plans {
            let at = match self.rng.below(2) {
                // Close to the first sending, or anywhere in the troubled time.
                0 => self.rng.below(8_000),
                _ => self.rng.below(HEAL_MS as u64),
            };
            if self.rng.below(100) < chance {
                self.after(at as i64, happening);
            }
        }
        self.after(HEAL_MS, Happening::BusUp);
        self.after(HEALED_MS, Happening::Healed);
    }

    fn after(&mut self, delay_ms: i64, happening: Happening) {
        self.queued += 1;
        self.queue.insert((self.now_ms + delay_ms, self.queued), happening);
    }

    fn chance(&self, in_a_hundred: u64) -> bool {
        self.trouble && self.rng.below(100) < in_a_hundred
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(self.now_ms)
    }

    /// Starts the vend of the current order.
    fn begin(&mut self) {
        let jitter = self.rng.below(u64::MAX);
        let amount = self.orders[self.current].amount_fen;
        let request = request(self.meter.counted, amount, self.platform_count, jitter);
        self.memory = Vend::queued(request);
        self.stored = self.memory.clone();
        self.watch.restart();
        self.tally.vends += 1;
        self.tell(1, VendEvent::Wake);
    }

    fn tell(&mut self, delay_ms: i64, event: VendEvent) {
        let (life, order) = (self.life, self.current);
        self.after(delay_ms, Happening::Tell { life, order, event });
    }

    /// The current order is over, the next one begins.
    fn proceed(&mut self) {
        self.timer += 1;
        // A doubled wake after the end must change nothing.
        let vend = self.memory.clone();
        let (_, actions) = self.subject.step(vend, VendEvent::Wake, self.now());
        for action in actions {
            self.carry_out_late(action);
        }
        if self.current + 1 < self.orders.len() {
            self.current += 1;
            self.begin();
        } else {
            self.current = self.orders.len();
        }
    }

    pub fn run(mut self) -> Result<Tally, String> {
        while let Some(((at, _), happening)) = self.queue.pop_first() {
            if at > END_MS {
                break;
            }
            self.now_ms = at;
            self.happen(happening)?;
        }
        monitor::compare(&self.orders, &self.meter)?;
        Ok(self.tally)
    }

    fn happen(&mut self, happening: Happening) -> Result<(), String> {
        match happening {
            Happening::Tell { life, order, event } => return self.told(life, order, event),
            Happening::Ring { life, order, timer } if timer == self.timer => {
                return self.told(life, order, VendEvent::Wake);
            }
            Happening::Ring { .. } => {}
            Happening::Read { life, order } => {
                let event = VendEvent::ProofRead(self.meter.registers());
                return self.told(life, order, event);
            }
            Happening::Copy(frame) => {
                self.tally.late_copies += 1;
                let answer = self.meter.recharge(frame);
                self.trace.line(self.now_ms, format_args!("late {frame:?}: {answer:?}"));
            }
            Happening::SoldElsewhere => self.meter.sell_elsewhere(self.foreign_amount()),
            Happening::Initialised if self.meter.counted => {
                self.drop_copies();
                self.meter.initialise();
                self.epoch += 1;
            }
            Happening::Initialised => {}
            Happening::BusDown => {
                self.bus_up = false;
                self.after(self.rng.below(HEAL_MS as u64) as i64, Happening::BusUp);
            }
            Happening::BusUp => {
                self.bus_up = true;
                self.trouble = self.now_ms < HEAL_MS;
            }
            Happening::Crash => self.crash(),
            Happening::Used => self.meter.use_energy(self.rng.below(3000) as i64),
            Happening::RefundAsked => self.ask_refund(),
            Happening::Person => return self.person(),
            Happening::Healed => return self.check_healed(),
        }
        Ok(())
    }

    /// An amount that no order has. The same amount sold elsewhere in the same minute under the
    /// same count cannot be told from ours by any register; without a count, not even nearly the
    /// same amount can, so there the foreign ones are far larger.
    fn foreign_amount(&self) -> i64 {
        let far = if self.meter.counted { 0 } else { 20_000 };
        far + 201 + 2 * self.rng.below(3000) as i64
    }

    /// Frames that wait in a DTU are lost: somebody at the site switched it off.
    fn drop_copies(&mut self) {
        self.queue.retain(|_, happening| !matches!(happening, Happening::Copy(_)));
    }

    fn told(&mut self, life: u32, order: usize, event: VendEvent) -> Result<(), String> {
        if life != self.life || order != self.current {
            return Ok(());
        }
        self.watch.told(event);
        let (next, actions) = self.subject.step(self.memory.clone(), event, self.now());
        self.trace.line(
            self.now_ms,
            format_args!("{order} {event:?} -> {} {actions:?}", next.state.as_str()),
        );
        self.memory = next;
        let skips = self.lazy && matches!(self.memory.state, VendState::Sent(_));
        if !skips {
            self.store()?;
        }
        for action in actions {
            // A crash between two actions loses the rest.
            if life != self.life || order != self.current {
                break;
            }
            self.watch.asked(action, self.platform_count, self.meter.counted)?;
            self.carry_out(action);
        }
        Ok(())
    }

    /// What is stored is what is read, for every state that is ever reached.
    fn store(&mut self) -> Result<(), String> {
        self.stored =
            Vend::from_fields(&self.memory.to_fields()).map_err(|error| error.to_string())?;
        if self.stored == self.memory {
            Ok(())
        } else {
            Err(format!("stored {:?}, not {:?}", self.stored, self.memory))
        }
    }

    fn crash(&mut self) {
        if self.current >= self.orders.len() {
            return;
        }
        self.trace.line(self.now_ms, format_args!("crash"));
        self.tally.crashes += 1;
        self.life += 1;
        self.memory = self.subject.recover(self.stored.clone());
        self.tell(3_000, VendEvent::Wake);
    }

    fn check_healed(&self) -> Result<(), String> {
        match self.memory.state {
            VendState::Uncertain { failures: 1.., .. }
                if self.meter.counted && self.current < self.orders.len() =>
            {
                Err("I9: still in doubt a minute after the trouble ended".into())
            }
            _ => Ok(()),
        }
    }
}

fn request(
    counted: bool,
    amount_fen: i64,
    platform_count: Option<u32>,
    jitter: u64,
) -> VendRequest {
    VendRequest {
        amount_fen,
        price_micro_yuan: PRICE_MICRO_YUAN,
        count_rule: if counted {
            CountRule::Counted { count_max: 9999 }
        } else {
            CountRule::Uncounted
        },
        platform_count,
        identity: None,
        quantity_step_milli: 10,
        jitter,
    }
}
