//! The queue: what is genuine, in time and new is kept, waits its turn, and is begun once.

use std::{io, path::Path};

use chrono::{DateTime, TimeDelta, Utc};
use kiosk_wire::{
    command::{Command, CommandReport, CommandState, Verb},
    device::Identity,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    hands::{Gate, May},
    store::{Boot, Entry, Store},
    task::{ARGS_MAX, Task},
};
use crate::device::is_signed;

/// How many finished commands are remembered.
pub const FINAL_MAX: usize = 500;
/// How many commands may wait.
pub const PENDING_MAX: usize = 32;
/// How long a command may be put off, in seconds.
pub const DEFER_MAX_S: i64 = 600;
/// How long a command may run before it counts as failed, in seconds.
pub const RUN_MAX_S: i64 = 300;
/// How long a machine may take to go down, in seconds.
pub const POWER_GRACE_S: i64 = 120;
/// The longest error that is kept, in characters.
const ERROR_CHARS_MAX: usize = 300;
/// The longest result that is kept, in bytes; a longer one is told as cut.
pub const RESULT_MAX: usize = 4096;
/// At most one picture of the screen in this time, in milliseconds.
pub const PICTURE_EVERY_MS: u64 = 5_000;

/// What came of a command that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What is told back; `None` where whoever sent it learns nothing.
    pub report: Option<CommandReport>,
    /// The stable name of what is wrong with it, for a [`kiosk_wire::channel::Up::Fault`].
    pub fault: Option<&'static str>,
}

/// A command that is begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Which.
    pub id: Uuid,
    /// What is to be done.
    pub task: Task,
}

/// What a turn of the queue came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// To be told back.
    pub reports: Vec<CommandReport>,
    /// To be begun.
    pub starts: Vec<Start>,
}

/// All commands of this kiosk.
#[derive(Debug)]
pub struct Queue {
    identity: Identity,
    boot: Boot,
    store: Store,
    last_picture_ms: Option<u64>,
    next: u64,
}

/// Two commands of different lanes may run at the same time: a picture of the screen does not wait
/// for a log that is being sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Quick,
    Slow,
}

fn lane(verb: Verb) -> Lane {
    match verb {
        Verb::Screenshot | Verb::CancelSession | Verb::Lock | Verb::Unlock => Lane::Quick,
        _ => Lane::Slow,
    }
}

fn refused(reason: &str) -> CommandState {
    CommandState::Refused { reason: reason.to_owned() }
}

fn failed(error: &str) -> CommandState {
    CommandState::Failed { error: error.to_owned() }
}

impl Queue {
    /// Opens the queue of a folder. What an earlier start of the process left running is settled:
    /// a power verb is done by the very fact that we are here, anything else has failed. The
    /// reports are to be told.
    ///
    /// Invariant: what was begun before a restart is never begun again
    /// (`no_command_is_ever_begun_twice_whatever_the_order_the_repeats_and_the_restarts`).
    pub fn open(
        folder: &Path,
        identity: Identity,
        boot: Boot,
    ) -> io::Result<(Queue, Vec<CommandReport>)> {
        let store = Store::open(folder)?;
        let next = store.all().map(|entry| entry.nth + 1).max().unwrap_or(0);
        let mut queue = Queue { identity, boot, store, last_picture_ms: None, next };
        let open: Vec<Entry> =
            queue.store.all().filter(|entry| !entry.state.is_final()).cloned().collect();
        let mut reports = Vec::new();
        for mut entry in open {
            let running = entry.state == CommandState::Running;
            let bound = entry.command.boot_id.is_some_and(|boot| boot != queue.boot.id);
            entry.state = match (running, bound) {
                (true, _) => queue.survived(&entry),
                (false, true) => refused("boot"),
                (false, false) => continue,
            };
            reports.push(entry.report());
            queue.store.keep(entry)?;
        }
        queue.store.forget_beyond(FINAL_MAX)?;
        Ok((queue, reports))
    }

    /// How a command ended that was running when the process ended.
    fn survived(&self, entry: &Entry) -> CommandState {
        match Verb::from_name(&entry.command.verb) {
            Some(Verb::Reboot | Verb::Shutdown)
                if entry.machine.is_some() && entry.machine == self.boot.machine =>
            {
                failed("the program was started again, the machine was not")
            }
            Some(verb) if verb.is_power() => {
                CommandState::Done { result: json!({ "boot_id": self.boot.id }) }
            }
            _ => failed("cut short by a restart of the program"),
        }
    }

    /// Takes a command that came over the channel. `now` is the server's time, `None` while it is
    /// not known.
    ///
    /// Invariant: a command that is not signed for this kiosk changes nothing here, not even what
    /// is known of its id (`a_command_that_is_not_genuine_in_time_and_new_is_refused_by_name`).
    pub fn take(&mut self, command: Command, now: Option<DateTime<Utc>>, now_ms: u64) -> Taken {
        let id = command.id;
        let to_sign = command.to_sign(self.identity.kiosk_id);
        let known = self.store.get(id).map(Entry::report);
        if !is_signed(&self.identity.command_key, &to_sign, &command.signature) {
            let report = CommandReport { id, state: refused("signature") };
            let report = known.is_none().then_some(report);
            return Taken { report, fault: Some("command_forged") };
        }
        if known.is_some() {
            return Taken { report: known, fault: None };
        }
        let now = match now {
            Some(now) if self.store.forgotten() < Some(command.issued_at) => now,
            // Not kept: it may stand in what was forgotten, or be right in a moment.
            Some(_) => return untaken(id, "replayed", Some("command_replayed")),
            None => return untaken(id, "clock", None),
        };
        let (state, fault) = match self.judge(&command, now, now_ms) {
            Ok(()) => (CommandState::Accepted, None),
            Err(no) => no,
        };
        let entry = Entry {
            command: bounded(command),
            nth: self.next,
            taken_at: now,
            started_at: None,
            deferred: None,
            machine: None,
            state,
        };
        let report = entry.report();
        let accepted = entry.state == CommandState::Accepted;
        let kept = self.store.keep(entry).and_then(|()| self.store.forget_beyond(FINAL_MAX));
        if let Err(error) = kept {
            tracing::error!(%error, "a command cannot be kept");
            return untaken(id, "disk", Some("commands_disk"));
        }
        self.next += 1;
        if accepted && matches!(self.verb_of(id), Some(Verb::Screenshot)) {
            self.last_picture_ms = Some(now_ms);
        }
        Taken { report: Some(report), fault }
    }

    /// Why a genuine new command is not accepted, and what is wrong with it.
    fn judge(
        &self,
        command: &Command,
        now: DateTime<Utc>,
        now_ms: u64,
    ) -> Result<(), (CommandState, Option<&'static str>)> {
        let Some(verb) = Verb::from_name(&command.verb) else {
            return Err((refused("unknown_verb"), Some("command_unknown")));
        };
        let meant = match command.boot_id {
            Some(boot) => boot == self.boot.id,
            // A power verb without a start it is meant for could come true twice.
            None => !verb.is_power(),
        };
        if !meant {
            return Err((refused("boot"), Some("command_boot")));
        }
        if command.expires_at <= now {
            return Err((CommandState::Expired, Some("command_expired")));
        }
        if Task::read(verb, &command.args).is_none() {
            return Err((refused("args"), None));
        }
        if self.store.all().filter(|entry| !entry.state.is_final()).count() >= PENDING_MAX {
            return Err((refused("too_many"), None));
        }
        let often = self.last_picture_ms.is_some_and(|last| now_ms < last + PICTURE_EVERY_MS);
        if verb == Verb::Screenshot && often {
            return Err((refused("too_often"), None));
        }
        Ok(())
    }

    fn verb_of(&self, id: Uuid) -> Option<Verb> {
        Verb::from_name(&self.store.get(id)?.command.verb)
    }

    /// Begins what may be done now and settles what waited or ran too long. Where the disk does
    /// not take it nothing is begun.
    pub fn step(&mut self, now: DateTime<Utc>, now_ms: u64, gate: &dyn Gate) -> Step {
        let mut step = Step::default();
        let mut open: Vec<Entry> =
            self.store.all().filter(|entry| !entry.state.is_final()).cloned().collect();
        open.sort_unstable_by_key(|entry| entry.nth);
        let mut busy = Vec::new();
        for entry in open.iter().filter(|entry| entry.state == CommandState::Running) {
            match Verb::from_name(&entry.command.verb) {
                Some(verb) if !self.is_overdue(entry, verb, now) => busy.push(verb),
                _ => self.settle(entry.clone(), failed("it did not end"), &mut step),
            }
        }
        let newest_lock = open.iter().rev().find(|entry| is_lock(entry)).map(|entry| entry.nth);
        for entry in open.into_iter().filter(|entry| entry.state != CommandState::Running) {
            let Some(verb) = Verb::from_name(&entry.command.verb) else { continue };
            let Some(task) = Task::read(verb, &entry.command.args) else {
                self.settle(entry, refused("args"), &mut step);
                continue;
            };
            if is_lock(&entry) && Some(entry.nth) != newest_lock {
                self.settle(entry, refused("superseded"), &mut step);
                continue;
            }
            let taken = busy.iter().any(|b| b.is_power() || lane(*b) == lane(verb));
            let may = if taken { May::Defer("busy") } else { forced(&task, gate.may(verb)) };
            match may {
                May::Refuse(reason) => self.settle(entry, refused(reason), &mut step),
                May::Now if !over(&entry, verb, now) => {
                    if self.begin(entry, task, now, now_ms, &mut step) {
                        busy.push(verb);
                    }
                }
                May::Now => self.settle(entry, CommandState::Expired, &mut step),
                May::Defer(reason) => self.put_off(entry, verb, reason, now, &mut step),
            }
        }
        step
    }

    fn is_overdue(&self, entry: &Entry, verb: Verb, now: DateTime<Utc>) -> bool {
        let most = if verb.is_power() { POWER_GRACE_S } else { RUN_MAX_S };
        entry.started_at.is_none_or(|at| now >= at + TimeDelta::seconds(most))
    }

    /// Invariant: a command stands on the disk as running before anybody is told to begin it
    /// (`no_command_is_ever_begun_twice_whatever_the_order_the_repeats_and_the_restarts`).
    fn begin(
        &mut self,
        mut entry: Entry,
        task: Task,
        now: DateTime<Utc>,
        now_ms: u64,
        step: &mut Step,
    ) -> bool {
        let id = entry.command.id;
        entry.state = CommandState::Running;
        entry.started_at = Some(now);
        entry.machine.clone_from(&self.boot.machine);
        let report = entry.report();
        if let Err(error) = self.store.keep(entry) {
            tracing::error!(%error, "a command cannot be begun: the disk does not take it");
            return false;
        }
        if matches!(task, Task::Screenshot { .. }) {
            self.last_picture_ms = Some(now_ms);
        }
        step.reports.push(report);
        step.starts.push(Start { id, task });
        true
    }

    fn put_off(
        &mut self,
        mut entry: Entry,
        verb: Verb,
        reason: &str,
        now: DateTime<Utc>,
        step: &mut Step,
    ) {
        if over(&entry, verb, now) {
            let why = entry.deferred.clone().filter(|_| reason == "busy");
            let state = match why.as_deref().unwrap_or(reason) {
                "busy" => CommandState::Expired,
                reason => refused(reason),
            };
            return self.settle(entry, state, step);
        }
        // Waiting for its turn is no news; a customer in the way is.
        if reason == "busy" || entry.deferred.as_deref() == Some(reason) {
            return;
        }
        let left = (start_by(&entry, verb) - now).num_milliseconds();
        let until_ms = u64::try_from(left).unwrap_or(0);
        entry.state = CommandState::Deferred { reason: reason.to_owned(), until_ms };
        entry.deferred = Some(reason.to_owned());
        self.write(entry, step);
    }

    fn settle(&mut self, mut entry: Entry, state: CommandState, step: &mut Step) {
        entry.state = state;
        self.write(entry, step);
    }

    fn write(&mut self, entry: Entry, step: &mut Step) {
        let report = entry.report();
        match self.store.keep(entry) {
            Ok(()) => step.reports.push(report),
            Err(error) => tracing::error!(%error, "how far a command is cannot be kept"),
        }
    }

    /// Tells how a command ended. A power verb that has begun is told by the next start; what is
    /// not running any more is not told again.
    pub fn finished(&mut self, id: Uuid, result: Result<Value, String>) -> Option<CommandReport> {
        let entry = self.store.get(id).filter(|entry| entry.state == CommandState::Running)?;
        let power = Verb::from_name(&entry.command.verb).is_some_and(Verb::is_power);
        let state = match result {
            Ok(_) if power => return None,
            Ok(result) if result.to_string().len() > RESULT_MAX => {
                CommandState::Done { result: json!({ "cut": true }) }
            }
            Ok(result) => CommandState::Done { result },
            Err(error) => failed(&error.chars().take(ERROR_CHARS_MAX).collect::<String>()),
        };
        let mut step = Step::default();
        self.settle(entry.clone(), state, &mut step);
        step.reports.pop()
    }

    /// How many commands wait or run.
    pub fn open_count(&self) -> usize {
        self.store.all().filter(|entry| !entry.state.is_final()).count()
    }
}

fn untaken(id: Uuid, reason: &str, fault: Option<&'static str>) -> Taken {
    Taken { report: Some(CommandReport { id, state: refused(reason) }), fault }
}

/// Keeps what a stranger could make large out of the file.
fn bounded(mut command: Command) -> Command {
    if command.args.len() > ARGS_MAX || command.verb.len() > ARGS_MAX {
        command.args.clear();
        command.verb.truncate(command.verb.floor_char_boundary(64));
    }
    command
}

fn is_lock(entry: &Entry) -> bool {
    matches!(Verb::from_name(&entry.command.verb), Some(Verb::Lock | Verb::Unlock))
}

/// Two operators' word outweighs a customer, but never a card that is being written.
fn forced(task: &Task, may: May) -> May {
    match may {
        May::Defer("card") if task.is_forced() => May::Refuse("card"),
        May::Defer(_) if task.is_forced() => May::Now,
        may => may,
    }
}

/// Until when a command may be begun: while it is good, and for as long as it may be put off.
fn start_by(entry: &Entry, verb: Verb) -> DateTime<Utc> {
    let put_off = entry.taken_at + TimeDelta::seconds(DEFER_MAX_S);
    match verb {
        // A picture of another moment is not what was asked for.
        Verb::Screenshot | Verb::CancelSession => entry.command.expires_at,
        _ => entry.command.expires_at.max(put_off),
    }
}

/// Whether it is too late to begin. A lock holds until it is changed and is never too late.
fn over(entry: &Entry, verb: Verb, now: DateTime<Utc>) -> bool {
    !is_lock(entry) && now >= start_by(entry, verb)
}
