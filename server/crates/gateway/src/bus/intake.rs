//! What comes to a line: commands, connections, new configuration.

use std::{mem, sync::atomic::Ordering};

use tokio::{sync::oneshot, time::Instant};
use uuid::Uuid;

use super::{
    Bus, MeterState,
    job::{self, Answered, Job},
};
use crate::{
    command::{CommandFailure, MeterCommand, NotSent},
    conn::Conn,
    counter::{add, count},
    event::{GatewayEvent, OfflineReason},
    line::{MeterPlan, Plan},
    schedule::{Full, Scan, Ticket},
    wire::Wire,
};

/// Something for a line's task.
pub(crate) enum Message {
    Execute {
        command: MeterCommand,
        reply: oneshot::Sender<Answered>,
    },
    /// Take waiting trips of a meter back.
    CancelTrips {
        meter: Uuid,
    },
    /// A registered connection.
    Attach(Box<Conn>),
    /// New configuration of the same line.
    Update(Box<Plan>),
    Stop,
}

impl Bus {
    /// Takes a message while there is no connection. `Some`: stop.
    pub(super) fn take_offline(&mut self, message: Message) -> Option<()> {
        match message {
            Message::Execute { command, reply } => {
                count(&self.shared.counters.commands);
                count(&self.shared.counters.commands_not_sent);
                let unknown = !self.plan.meters.iter().any(|m| m.key == command.meter);
                let failure = match unknown {
                    true => not_sent(NotSent::UnknownMeter),
                    false => CommandFailure::Offline,
                };
                let _ = reply.send(Err(failure));
            }
            Message::CancelTrips { .. } => {}
            Message::Attach(conn) => self.claimant = Some(conn),
            Message::Update(plan) => self.replace_plan(plan),
            Message::Stop => return Some(()),
        }
        None
    }

    /// Takes a message while there is a connection. `Some`: the connection ends.
    pub(super) fn take(&mut self, message: Message, wire: &Wire) -> Option<OfflineReason> {
        match message {
            Message::Execute { command, reply } => self.accept(command, reply),
            Message::CancelTrips { meter } => self.cancel_trips(meter),
            Message::Attach(conn) => self.claim(conn, wire),
            Message::Update(plan) => {
                let (old, new) = (&self.plan.line, &plan.line);
                let same = old.link == new.link && old.framing == new.framing;
                self.replace_plan(plan);
                if !same {
                    // It named itself for the line as it was.
                    self.claimant = None;
                    return Some(OfflineReason::Reconfigured);
                }
            }
            Message::Stop => return Some(OfflineReason::Stopped),
        }
        None
    }

    fn accept(&mut self, command: MeterCommand, reply: oneshot::Sender<Answered>) {
        count(&self.shared.counters.commands);
        let refused = |failure: CommandFailure, reply: oneshot::Sender<Answered>| {
            let _ = reply.send(Err(failure));
        };
        let now = self.shared.clock.monotonic();
        let Some(at) = self.plan.meters.iter().position(|m| m.key == command.meter) else {
            count(&self.shared.counters.commands_not_sent);
            return refused(not_sent(NotSent::UnknownMeter), reply);
        };
        let meter = &self.plan.meters[at];
        let resting = self.meters[at].password_rest.is_some_and(|until| now < until);
        let failure = if self.claimant.is_some() && command.action.writes() {
            Some(CommandFailure::Quarantined)
        } else if job::is_over(&command, now) {
            Some(not_sent(NotSent::Expired))
        } else if resting && job::programs(&command.action, meter) {
            Some(not_sent(NotSent::PasswordLocked))
        } else {
            None
        };
        if let Some(failure) = failure {
            count(&self.shared.counters.commands_not_sent);
            return refused(failure, reply);
        }
        let id = self.next_job;
        self.next_job = self.next_job.wrapping_add(1);
        let alone = self.plan.meters.len() == 1;
        let (priority, not_after) = (command.priority, command.not_after);
        let (key, restores) = (command.meter, job::restores(&command.action));
        let job = match Job::new(id, command, meter, alone, reply) {
            Ok(job) => job,
            Err((reason, reply)) => {
                count(&self.shared.counters.commands_not_sent);
                return refused(CommandFailure::Unsupported(reason), reply);
            }
        };
        if restores {
            self.cancel_trips(key);
        }
        let ticket = Ticket { id, meter: at as u16, priority, not_after };
        match self.schedule.push(ticket) {
            Ok(()) => self.jobs.push(job),
            Err(Full) => {
                count(&self.shared.counters.commands_not_sent);
                job.finish(|frames| CommandFailure::NotSent { why: NotSent::QueueFull, frames });
            }
        }
        self.note_waiting();
    }

    /// Invariant: a trip never overtakes a later command to restore supply (test
    /// `a_command_to_close_takes_the_place_of_a_waiting_trip`; `reliability.md` 18R).
    fn cancel_trips(&mut self, meter: Uuid) {
        let ids: Vec<u32> = self
            .jobs
            .iter()
            .filter(|job| job.command.meter == meter && job::trips(&job.command.action))
            .map(|job| job.id)
            .collect();
        for ticket in self.schedule.take_if(|ticket| ids.contains(&ticket.id)) {
            self.end(ticket.id, NotSent::Superseded);
        }
    }

    /// Answers the commands whose time is over.
    pub(super) fn expire(&mut self) {
        if self.jobs.is_empty() {
            return;
        }
        let now = self.shared.clock.monotonic();
        for ticket in self.schedule.take_expired(now) {
            self.end(ticket.id, NotSent::Expired);
        }
        let jobs = &self.jobs;
        let abandoned =
            |ticket: &Ticket| jobs.iter().any(|job| job.id == ticket.id && job.is_abandoned());
        for ticket in self.schedule.take_if(abandoned) {
            self.end(ticket.id, NotSent::Expired);
        }
    }

    /// Ends a command whose acting frame was not sent.
    pub(super) fn end(&mut self, id: u32, why: NotSent) {
        let Some(job) = self.take_job(id) else { return };
        if job.acted {
            job.finish(|frames| CommandFailure::NoAnswer { frames });
        } else {
            count(&self.shared.counters.commands_not_sent);
            job.finish(|frames| CommandFailure::NotSent { why, frames });
        }
    }

    pub(super) fn take_job(&mut self, id: u32) -> Option<Job> {
        let at = self.jobs.iter().position(|job| job.id == id)?;
        let job = self.jobs.remove(at);
        if self.jobs.is_empty() {
            self.jobs = Vec::new();
        }
        self.note_waiting();
        Some(job)
    }

    pub(super) fn note_waiting(&self) {
        self.status.waiting.store(self.jobs.len() as u32, Ordering::Relaxed);
    }

    /// Ends every command because the connection is gone.
    pub(super) fn fail_all(&mut self, stopped: bool) {
        self.schedule.take_if(|_| true);
        let jobs = mem::take(&mut self.jobs);
        add(
            &self.shared.counters.commands_not_sent,
            jobs.iter().filter(|j| !j.acted).count() as u64,
        );
        for job in jobs {
            job.lose(stopped);
        }
        self.note_waiting();
    }

    /// A second connection claims the line.
    fn claim(&mut self, conn: Box<Conn>, wire: &Wire) {
        count(&self.shared.counters.duplicate_claims);
        let resting = self.claim_rest.is_some_and(|until| Instant::now() < until);
        if self.claimant.is_some() || resting {
            // Dropping it closes it; a third claim while two are weighed proves nothing.
            return;
        }
        self.shared.outbox.event(GatewayEvent::DuplicateRegistration {
            gateway: self.plan.line.gateway,
            present: wire.remote().to_string(),
            claimant: conn.remote.to_string(),
        });
        self.claimant = Some(conn);
        self.status.contested.store(true, Ordering::Relaxed);
        let writing: Vec<u32> =
            self.jobs.iter().filter(|j| j.command.action.writes()).map(|j| j.id).collect();
        for ticket in self.schedule.take_if(|ticket| writing.contains(&ticket.id)) {
            if let Some(job) = self.take_job(ticket.id) {
                job.finish(|_| CommandFailure::Quarantined);
            }
        }
    }

    /// Scans that go on as they were, because nothing about their meter has changed.
    pub(super) fn kept_scans(&self, old: &Plan) -> Vec<Option<Scan>> {
        let scans = self.schedule.scans();
        let kept = |meter: &MeterPlan| {
            let at = old.meters.iter().position(|was| {
                was.key == meter.key
                    && was.address == meter.address
                    && was.reads == meter.reads
                    && was.interval == meter.interval
            })?;
            scans.get(at).cloned()
        };
        self.plan.meters.iter().map(kept).collect()
    }

    /// Puts new configuration in force. Commands and scans stay with their meters.
    fn replace_plan(&mut self, plan: Box<Plan>) {
        let tickets = self.schedule.take_if(|_| true);
        let old = mem::replace(&mut self.plan, plan);
        self.pause = self.plan.pause(&self.shared.timing);
        let mut states = mem::take(&mut self.meters);
        self.meters.reserve_exact(self.plan.meters.len());
        for meter in &self.plan.meters {
            let before = old.meters.iter().position(|m| m.key == meter.key);
            // A new password or address is a new chance.
            let same = before.filter(|at| {
                let was = &old.meters[*at];
                was.address == meter.address && was.password == meter.password
            });
            let state = same.and_then(|at| states.get_mut(at)).map(mem::take);
            self.meters.push(state.unwrap_or_else(MeterState::default));
        }
        let kept = self.kept_scans(&old);
        self.begin_scans(kept);
        for ticket in tickets {
            let key = self.jobs.iter().find(|j| j.id == ticket.id).map(|j| j.command.meter);
            let at = self.plan.meters.iter().position(|meter| Some(meter.key) == key);
            let same_profile = at.is_some_and(|at| {
                let now = &self.plan.meters[at];
                old.meters.iter().any(|m| m.key == now.key && m.profile.name == now.profile.name)
            });
            match at.filter(|_| same_profile) {
                Some(at) => {
                    let ticket = Ticket { meter: at as u16, ..ticket };
                    // They fitted before, so they fit again.
                    let _ = self.schedule.push(ticket);
                }
                None => self.end(ticket.id, NotSent::UnknownMeter),
            }
        }
        self.status.meters.store(self.plan.meters.len() as u32, Ordering::Relaxed);
    }
}

fn not_sent(why: NotSent) -> CommandFailure {
    CommandFailure::NotSent { why, frames: Vec::new() }
}
