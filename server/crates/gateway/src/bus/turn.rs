//! One turn on the bus: a step of a command, or one read of a scan.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Bus,
    job::{self, Step},
};
use crate::{
    command::{CommandFailure, FrameRecord, NotSent, Refusal},
    conn::{Ask, Outcome},
    counter::{add, count},
    event::{GatewayEvent, Reading},
    item::{Item, Value},
    line::MeterPlan,
    profile::{Protocol, Read},
    query::{Answer, FrameKey, Query, Target},
    schedule::{Health, Ticket},
    timing::Timing,
    wire::Wire,
};

/// A meter's clock is reported when it is so many seconds off (`meters.md` H.1 no. 11).
pub const CLOCK_ALARM_S: i64 = 120;

/// No relay command goes to a meter whose clock is so many seconds off (`meters.md` H.1 no. 11).
pub const CLOCK_OFF_MAX_S: i64 = 600;

/// How often a long value is read from its start again after a part was lost.
pub const FOLLOW_UP_RESTARTS_MAX: u8 = 2;

/// Longest value that is put together from parts, in bytes.
pub const VALUE_BYTES_MAX: usize = 8 * 1024;

/// The bytes of an answer to a read, as far as they can be known before.
pub(super) fn expected(meter: &MeterPlan, read: &Read) -> usize {
    let data = read.values.iter().map(|field| field.at + field.len()).max().unwrap_or(0);
    match meter.profile.protocol {
        Protocol::Dlt645 | Protocol::Dlt645V1997 => 4 + 12 + 4 + data,
        Protocol::Cjt188 => 4 + 13 + 3 + data,
        Protocol::Modbus => 5 + 2 * usize::from(read.count.unwrap_or(0)),
    }
}

/// The bytes of an answer to anything else: a refusal, an acknowledgement, a receipt.
const SHORT_ANSWER: usize = 34;

impl Bus {
    /// The longest that a meter and the path to it may take, on top of the time on the wire.
    pub(super) fn patience(&self, at: usize) -> Duration {
        let turnaround = self.plan.meters[at].profile.quirks.turnaround_ms;
        self.shared.timing.turnaround(turnaround) + self.shared.timing.path
    }

    /// The patience of a scan: learnt from the meter, so that one slow bus does not set the pace
    /// of all, and one dead meter costs less (`reliability.md` 8G).
    fn scan_patience(&self, at: usize) -> Duration {
        let longest = self.patience(at);
        match self.meters[at].delay {
            Duration::ZERO => longest,
            delay => (delay * 3 + longest / 4).min(longest),
        }
    }

    pub(super) fn quiet_time(&self, at: usize) -> Duration {
        self.shared.timing.quiet.unwrap_or_else(|| self.patience(at))
    }

    fn target(&mut self, at: usize, operator_tag: u32) -> Target<'_> {
        self.serial = self.serial.wrapping_add(1);
        let meter = &self.plan.meters[at];
        Target {
            profile: &meter.profile,
            address: meter.address,
            password: meter.password,
            serial: self.serial,
            operator_tag,
        }
    }

    /// One read of a scan.
    pub(super) async fn scan_turn(&mut self, wire: &mut Wire, meter: u16, part: u8) {
        let at = usize::from(meter);
        let now = self.shared.clock.monotonic();
        let profile = Arc::clone(&self.plan.meters[at].profile);
        let index = self.plan.meters[at].reads.get(usize::from(part)).copied();
        let read = index.and_then(|index| profile.read.get(usize::from(index)));
        let Some((read, Ok(query))) = read.map(|read| (read, self.target(at, 0).read(read))) else {
            self.schedule.scanned(meter, false, now);
            return;
        };
        let patience = self.scan_patience(at);
        let outcome = self.exchange(wire, at, &query, Some(read), patience, None).await;
        let answered = matches!(outcome, Outcome::Answer(_));
        if let Outcome::Answer(Answer::Value { .. }) = outcome {
            self.keep_readings(wire, at, read);
        }
        if matches!(outcome, Outcome::Lost { .. }) {
            return;
        }
        let health = self.schedule.scanned(meter, answered, self.shared.clock.monotonic());
        self.note_health(at, health);
    }

    fn keep_readings(&mut self, wire: &mut Wire, at: usize, read: &Read) {
        let arrived = self.shared.clock.now();
        let meter = &self.plan.meters[at];
        let data = wire.value();
        let wanted = |item: Item| meter.scan.contains(&item);
        self.readings.clear();
        let clock = read.values.iter().find(|field| field.item == Item::Clock);
        let clock = clock.and_then(|field| field.decode(data).ok()).and_then(Value::number);
        for field in read.values.iter().filter(|field| wanted(field.item)) {
            match field.decode(data) {
                Ok(value) => self.readings.push(Reading {
                    meter: meter.key,
                    item: field.item,
                    value,
                    meter_clock: clock,
                    at: arrived,
                }),
                Err(_) => count(&self.shared.counters.garbled),
            }
        }
        self.shared.outbox.readings(&self.readings);
        if let Some(clock) = clock {
            self.note_clock(at, clock);
        }
    }

    /// One step of a command.
    pub(super) async fn command_turn(&mut self, wire: &mut Wire, ticket: Ticket) {
        let Some(job_at) = self.jobs.iter().position(|job| job.id == ticket.id) else { return };
        let at = usize::from(ticket.meter);
        let Some(step) = self.jobs[job_at].step() else { return };
        if let Some(why) = self.forbidden(at, job_at, step) {
            return self.end(ticket.id, why);
        }
        if matches!(step, Step::CheckClock(_)) && self.known_clock(at).is_some() {
            return self.next_step(ticket);
        }
        let query = match self.build(at, job_at, step) {
            Ok(query) => query,
            Err(reason) => {
                if let Some(job) = self.take_job(ticket.id) {
                    count(&self.shared.counters.commands_not_sent);
                    job.finish(|_| CommandFailure::Unsupported(reason));
                }
                return;
            }
        };
        let profile = Arc::clone(&self.plan.meters[at].profile);
        let read = match step {
            Step::Read(index) | Step::CheckClock(index) => profile.read.get(usize::from(index)),
            _ => None,
        };
        let mut frames = std::mem::take(&mut self.jobs[job_at].frames);
        let patience = self.patience(at);
        let outcome = self.exchange(wire, at, &query, read, patience, Some(&mut frames)).await;
        // The exchange takes no messages, so the job is where it was.
        self.jobs[job_at].frames = frames;
        let untouched = matches!(outcome, Outcome::Lost { written: 0 });
        self.jobs[job_at].acted |= step.writes() && !untouched;
        if !matches!(outcome, Outcome::Lost { .. }) {
            let answered = matches!(outcome, Outcome::Answer(_));
            let health = self.schedule.heard(ticket.meter, answered, self.shared.clock.monotonic());
            self.note_health(at, health);
        }
        self.after(wire, ticket, step, outcome, read);
    }

    /// Why a step must not be sent now.
    fn forbidden(&self, at: usize, job_at: usize, step: Step) -> Option<NotSent> {
        let now = self.shared.clock.monotonic();
        let job = &self.jobs[job_at];
        if job::is_over(&job.command, now) {
            return Some(NotSent::Expired);
        }
        let programs = job::programs(&job.command.action, &self.plan.meters[at]);
        if programs && self.meters[at].password_rest.is_some_and(|until| now < until) {
            return Some(NotSent::PasswordLocked);
        }
        let checks = job.steps.iter().any(|step| matches!(step, Step::CheckClock(_)));
        if step == Step::Relay && checks {
            let off = self.known_clock(at).unwrap_or(0);
            let (_, valid_until) = job::relay_of(&job.command.action)?;
            let past = self.shared.clock.now().timestamp() + off > valid_until.timestamp();
            if past || off.abs() > CLOCK_OFF_MAX_S {
                return Some(NotSent::ClockOff { seconds: off });
            }
        }
        None
    }

    fn build(&mut self, at: usize, job_at: usize, step: Step) -> Result<Query, String> {
        let now = self.shared.clock.now();
        let command = &self.jobs[job_at].command;
        let (action, tag) = (command.action.clone(), command.operator_tag);
        let target = self.target(at, tag);
        match (step, action) {
            (Step::Read(index) | Step::CheckClock(index), _) => {
                let read = target.profile.read.get(usize::from(index));
                target.read(read.ok_or("the profile has no such read")?)
            }
            (Step::TopUp, crate::command::Action::TopUp { amount_fen, count, customer_no }) => {
                target.top_up(amount_fen, count, &customer_no)
            }
            (Step::Relay, action) => {
                let (command, valid_until) =
                    job::relay_of(&action).ok_or("the command has no relay action")?;
                target.relay(command, valid_until)
            }
            (Step::SetClock(part), _) => target.set_clock(part, now),
            (Step::BroadcastTime, _) => target.broadcast_time(now),
            (Step::ReadAddress, _) => target.read_address(),
            (Step::TopUp, _) => Err("the command has no amount".to_owned()),
        }
    }

    fn after(
        &mut self,
        wire: &mut Wire,
        ticket: Ticket,
        step: Step,
        outcome: Outcome,
        read: Option<&Read>,
    ) {
        let at = usize::from(ticket.meter);
        match outcome {
            Outcome::Answer(Answer::Refused { raw, meaning, locks_password }) => {
                count(&self.shared.counters.refusals);
                if locks_password {
                    self.rest_password(at);
                }
                if meaning == Refusal::Busy && self.may_retry(ticket.id, step) {
                    return self.schedule.resume(ticket);
                }
                if matches!(step, Step::CheckClock(_)) && meaning == Refusal::NoSuchItem {
                    // A model without a readable clock: the risk is the profile's.
                    return self.next_step(ticket);
                }
                if let Some(job) = self.take_job(ticket.id) {
                    job.finish(|frames| CommandFailure::Refused { raw, meaning, frames });
                }
            }
            Outcome::Answer(answer) => self.answered(wire, ticket, step, answer, read),
            Outcome::Lost { written: 0 } => self.end(ticket.id, NotSent::LinkLost),
            Outcome::Lost { .. } => self.fail(ticket.id, step, outcome),
            _ if self.may_retry(ticket.id, step) => self.schedule.resume(ticket),
            _ => self.fail(ticket.id, step, outcome),
        }
    }

    fn answered(
        &mut self,
        wire: &mut Wire,
        ticket: Ticket,
        step: Step,
        answer: Answer,
        read: Option<&Read>,
    ) {
        let at = usize::from(ticket.meter);
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == ticket.id) else { return };
        match (answer, read) {
            (Answer::Value { .. }, Some(read)) => {
                let mut wanted = job.wanted.clone();
                if matches!(step, Step::CheckClock(_)) {
                    wanted.push(Item::Clock);
                }
                let mut values = std::mem::take(&mut job.values);
                let decoded = job::decode(read, wire.value(), &wanted, &mut values);
                let last = job.at + 1 >= job.steps.len() || matches!(step, Step::CheckClock(_));
                let clock = values.iter().find(|(item, _)| *item == Item::Clock);
                let clock = clock.and_then(|(_, value)| value.number()).filter(|_| last);
                if matches!(step, Step::Read(_)) {
                    job.values = values;
                }
                if decoded.is_err() {
                    count(&self.shared.counters.garbled);
                    return match self.may_retry(ticket.id, step) {
                        true => self.schedule.resume(ticket),
                        false => self.fail(ticket.id, step, Outcome::Noise),
                    };
                }
                if let Some(clock) = clock {
                    self.note_clock(at, clock);
                } else if matches!(step, Step::CheckClock(_)) {
                    return self.end(ticket.id, NotSent::ClockUnknown);
                }
            }
            (Answer::Receipt { balance_fen, count }, _) => {
                job.values.push((Item::RemainingMoney, Value::Number(i64::from(balance_fen))));
                job.values.push((Item::PurchaseCount, Value::Number(i64::from(count))));
            }
            (Answer::Address(address), _) => job.address = Some(address.to_string()),
            _ => {}
        }
        if matches!(step, Step::SetClock(_)) {
            self.meters[at].clock_off = None;
        }
        self.next_step(ticket);
    }

    fn next_step(&mut self, ticket: Ticket) {
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == ticket.id) else { return };
        job.at += 1;
        job.tries = 0;
        if job.at < job.steps.len() {
            self.schedule.resume(ticket);
        } else if let Some(job) = self.take_job(ticket.id) {
            job.succeed();
        }
    }

    /// Invariant: a step that writes is never sent a second time from here (test
    /// `a_lost_reply_to_a_top_up_is_not_sent_again`).
    fn may_retry(&mut self, id: u32, step: Step) -> bool {
        let limit = self.shared.timing.read_tries;
        let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) else { return false };
        job.tries = job.tries.saturating_add(1);
        !step.writes() && step != Step::ReadAddress && job.tries < limit
    }

    fn fail(&mut self, id: u32, step: Step, outcome: Outcome) {
        if matches!(step, Step::CheckClock(_)) {
            return self.end(id, NotSent::ClockUnknown);
        }
        let Some(job) = self.take_job(id) else { return };
        job.finish(|frames| match outcome {
            Outcome::WrongMeter(_) => CommandFailure::WrongMeter { frames },
            Outcome::Noise => CommandFailure::Garbled { frames },
            _ => CommandFailure::NoAnswer { frames },
        });
    }

    /// Asks, follows up, and books what it cost.
    async fn exchange(
        &mut self,
        wire: &mut Wire,
        at: usize,
        query: &Query,
        read: Option<&Read>,
        patience: Duration,
        mut frames: Option<&mut Vec<FrameRecord>>,
    ) -> Outcome {
        let begin = Instant::now();
        let meter = &self.plan.meters[at];
        let expected = read.map_or(SHORT_ANSWER, |read| expected(meter, read));
        let gap = meter.profile.quirks.min_gap_ms;
        let gap = gap.map_or(self.shared.timing.gap, |ms| Duration::from_millis(u64::from(ms)));
        let mut outcome =
            self.ask(wire, at, query, expected, patience, frames.as_deref_mut()).await;
        let answered_after = begin.elapsed();
        if outcome == Outcome::Answer(Answer::Value { more: true }) {
            // Boxed: rare, and most lines should not carry its state.
            let rest = self.follow_up(wire, at, query, expected, gap, frames);
            outcome = Box::pin(rest).await;
        }
        let failed = matches!(
            outcome,
            Outcome::Silence | Outcome::Noise | Outcome::WrongMeter(_) | Outcome::Lost { .. }
        );
        if failed {
            self.give_up(query.key());
            self.quiet = Some(self.quiet_time(at));
            self.meters[at].delay = Duration::ZERO;
            self.status.failures.fetch_add(1, Ordering::Relaxed);
        } else {
            let on_wire = Timing::line_time(self.plan.baud(), expected + 20);
            let delay = answered_after.saturating_sub(on_wire).max(Duration::from_micros(1));
            let known = self.meters[at].delay;
            self.meters[at].delay = delay.max((known * 3 + delay) / 4);
            self.meters[at].wrong = 0;
            self.status.answers.fetch_add(1, Ordering::Relaxed);
        }
        self.note_strays(wire, Some(at as u16));
        self.free_at = Instant::now() + gap;
        let busy = (begin.elapsed() + gap).as_micros() as u64;
        add(&self.shared.counters.bus_busy_us, busy);
        self.status.busy_us.fetch_add(busy, Ordering::Relaxed);
        outcome
    }

    async fn ask(
        &self,
        wire: &mut Wire,
        at: usize,
        query: &Query,
        expected: usize,
        patience: Duration,
        frames: Option<&mut Vec<FrameRecord>>,
    ) -> Outcome {
        let quirks = &self.plan.meters[at].profile.quirks;
        let baud = self.plan.baud();
        wire.ask(&self.shared, Ask { query, quirks, baud, patience, expected, frames }).await
    }

    /// Gathers the parts of a long value. When one is lost the whole is read again: half a table
    /// is never shown (`meters.md` H.1 no. 19).
    async fn follow_up(
        &mut self,
        wire: &mut Wire,
        at: usize,
        query: &Query,
        expected: usize,
        gap: Duration,
        mut frames: Option<&mut Vec<FrameRecord>>,
    ) -> Outcome {
        let patience = self.patience(at);
        let mut outcome = Outcome::Noise;
        for restart in 0..=FOLLOW_UP_RESTARTS_MAX {
            if restart > 0 {
                count(&self.shared.counters.follow_up_restarts);
                let quiet = self.quiet_time(at);
                wire.drain(quiet, self.plan.wire(), &self.shared).await;
                let frames = frames.as_deref_mut();
                outcome = self.ask(wire, at, query, expected, patience, frames).await;
                match outcome {
                    Outcome::Answer(Answer::Value { more: true }) => {}
                    Outcome::Answer(_) | Outcome::Lost { .. } => return outcome,
                    _ => continue,
                }
            }
            let mut whole = std::mem::take(wire.value());
            for sequence in 1..=u8::MAX {
                let Some(part) = self.target(at, 0).follow_up(query, sequence) else {
                    return Outcome::Noise;
                };
                tokio::time::sleep(gap).await;
                let frames = frames.as_deref_mut();
                outcome = self.ask(wire, at, &part, expected, patience, frames).await;
                whole.extend_from_slice(wire.value());
                match outcome {
                    Outcome::Answer(Answer::Value { more: true })
                        if whole.len() <= VALUE_BYTES_MAX => {}
                    Outcome::Answer(Answer::Value { more: false }) => {
                        *wire.value() = whole;
                        return outcome;
                    }
                    Outcome::Answer(Answer::Value { .. }) => return Outcome::Noise,
                    _ => break,
                }
            }
            if matches!(outcome, Outcome::Lost { .. }) {
                break;
            }
        }
        match outcome {
            // A restart that ended in "more follows" is not a value.
            Outcome::Answer(Answer::Value { more: true }) => Outcome::Noise,
            other => other,
        }
    }

    fn give_up(&mut self, key: FrameKey) {
        if !self.given_up.contains(&Some(key)) {
            self.given_up.rotate_right(1);
            self.given_up[0] = Some(key);
        }
    }

    fn known_clock(&self, at: usize) -> Option<i64> {
        let (off, learnt) = self.meters[at].clock_off?;
        let age = self.shared.clock.monotonic().saturating_sub(learnt);
        (age <= self.shared.timing.clock_fresh).then_some(off)
    }

    fn note_clock(&mut self, at: usize, clock: i64) {
        let off = clock.saturating_sub(self.shared.clock.now().timestamp());
        let state = &mut self.meters[at];
        state.clock_off = Some((off, self.shared.clock.monotonic()));
        let alarm = off.abs() > CLOCK_ALARM_S;
        if alarm && !state.clock_alarm {
            let meter = self.plan.meters[at].key;
            self.shared.outbox.event(GatewayEvent::ClockOff { meter, seconds: off });
        }
        state.clock_alarm = alarm;
    }

    /// Wrong passwords lock a meter; one refusal is enough for a day (`meters.md` H.1 no. 13).
    fn rest_password(&mut self, at: usize) {
        let until = self.shared.clock.monotonic() + self.shared.timing.password_rest;
        self.meters[at].password_rest = Some(until);
        let meter = self.plan.meters[at].key;
        self.shared.outbox.event(GatewayEvent::PasswordRefused { meter });
    }

    fn note_health(&mut self, at: usize, health: Health) {
        let (meter, now) = (self.plan.meters[at].key, self.shared.clock.now());
        match health {
            Health::Unchanged => {}
            Health::WentSilent => {
                self.meters[at].silent = true;
                self.status.silent.fetch_add(1, Ordering::Relaxed);
                self.shared.outbox.event(GatewayEvent::MeterSilent { meter, at: now });
            }
            Health::CameBack => {
                self.meters[at].silent = false;
                self.status.silent.fetch_sub(1, Ordering::Relaxed);
                self.shared.outbox.event(GatewayEvent::MeterBack { meter, at: now });
            }
        }
    }
}
