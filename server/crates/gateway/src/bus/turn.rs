//! One turn on the bus: a step of a command, or one read of a scan.

use std::sync::Arc;

use super::{
    Bus,
    job::{self, Step},
};
use crate::{
    command::{CommandFailure, NotSent, Refusal},
    conn::Outcome,
    counter::count,
    event::Reading,
    item::{Item, Value},
    profile::Read,
    query::{Answer, Query},
    schedule::Ticket,
    wire::Wire,
};

/// No relay command goes to a meter whose clock is so many seconds off (`meters.md` H.1 no. 11).
pub const CLOCK_OFF_MAX_S: i64 = 600;

impl Bus {
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
        let patience = self.read_patience(at);
        let outcome = self.exchange(wire, at, &query, Some(read), patience, None).await;
        let answered = matches!(outcome, Outcome::Answer(_));
        if let Outcome::Answer(Answer::Value { .. }) = outcome {
            self.keep_readings(wire, at, read);
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
            Step::Read(index) | Step::Identity(index) | Step::CheckClock(index) => {
                profile.read.get(usize::from(index))
            }
            Step::Log { read, .. } => {
                profile.purchase_log.as_ref().and_then(|log| log.read.get(usize::from(read)))
            }
            _ => None,
        };
        let mut frames = std::mem::take(&mut self.jobs[job_at].frames);
        let patience = match step.writes() {
            true => self.write_patience(at),
            false => self.read_patience(at),
        };
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
            (Step::Read(index) | Step::Identity(index) | Step::CheckClock(index), _) => {
                let read = target.profile.read.get(usize::from(index));
                target.read(read.ok_or("the profile has no such read")?)
            }
            (Step::Log { read, back }, _) => {
                let log = target.profile.purchase_log.as_ref();
                let read = log.and_then(|log| log.read_back(read, back));
                target.read(&read.ok_or("the profile has no such record")?)
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
                let gathered = self.jobs.iter().any(|j| j.id == ticket.id && !j.values.is_empty());
                if matches!(step, Step::Identity(_)) {
                    // A meter without a number of its own: nothing to compare.
                    return self.next_step(ticket);
                }
                if let Some(job) = self.take_job(ticket.id) {
                    if matches!(step, Step::Log { .. }) && gathered {
                        // The log ends before the profile thought; what there is counts.
                        return job.succeed();
                    }
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
                let decoded = match step {
                    Step::Log { .. } => job::decode_record(read, wire.value(), &mut values),
                    _ => job::decode(read, wire.value(), &wanted, &mut values),
                };
                let last = job.at + 1 >= job.steps.len() || matches!(step, Step::CheckClock(_));
                let clock = values.iter().find(|(item, _)| *item == Item::Clock);
                let clock = clock.and_then(|(_, value)| value.number()).filter(|_| last);
                if matches!(step, Step::Read(_) | Step::Log { .. } | Step::Identity(_)) {
                    job.values = values;
                }
                if decoded.is_err() && !matches!(step, Step::Identity(_)) {
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
    /// `h1_01_a_lost_reply_to_a_top_up_is_not_sent_again`).
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
}
