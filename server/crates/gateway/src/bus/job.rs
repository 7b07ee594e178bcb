//! A command on its way: its steps, what it has gathered, and whom to tell.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use crate::{
    command::{
        Action, CommandFailure, Exchange, FrameRecord, ITEMS_MAX, MeterCommand, NotSent,
        RelayCommand,
    },
    item::{Item, Value},
    line::MeterPlan,
    profile::{Read, RelayForm, purchase_log::RECORDS_MAX},
};

pub(crate) type Answered = Result<Exchange, CommandFailure>;

/// One exchange of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// One of the profile's reads.
    Read(u8),
    /// One read of a record of the purchase log, so many before the newest.
    Log {
        read: u8,
        back: u8,
    },
    /// The read of what names the meter; a meter that has none answers *absent*.
    Identity(u8),
    /// Make sure that the meter's clock lets it understand a validity (`meters.md` H.1 no. 11).
    CheckClock(u8),
    TopUp,
    Relay,
    /// The date, then the time.
    SetClock(u8),
    BroadcastTime,
    ReadAddress,
}

impl Step {
    /// Whether it changes something, so that it is sent once only.
    pub(crate) fn writes(self) -> bool {
        match self {
            Step::Read(_)
            | Step::Log { .. }
            | Step::Identity(_)
            | Step::CheckClock(_)
            | Step::ReadAddress => false,
            Step::TopUp | Step::Relay | Step::SetClock(_) | Step::BroadcastTime => true,
        }
    }
}

/// A command in work.
#[derive(Debug)]
pub(crate) struct Job {
    pub id: u32,
    pub command: MeterCommand,
    reply: Option<oneshot::Sender<Answered>>,
    pub steps: Vec<Step>,
    pub at: usize,
    /// Tries of the step in hand so far.
    pub tries: u8,
    /// What is wanted, in the order asked.
    pub wanted: Vec<Item>,
    pub values: Vec<(Item, Value)>,
    pub address: Option<String>,
    pub frames: Vec<FrameRecord>,
    /// A byte of a writing frame has left.
    pub acted: bool,
}

impl Job {
    /// Lays out a command's steps. The error says why the model cannot do it.
    pub(crate) fn new(
        id: u32,
        command: MeterCommand,
        meter: &MeterPlan,
        alone: bool,
        reply: oneshot::Sender<Answered>,
    ) -> Result<Self, (String, oneshot::Sender<Answered>)> {
        let (steps, wanted) = match steps(&command.action, meter, alone) {
            Ok(laid_out) => laid_out,
            Err(reason) => return Err((reason, reply)),
        };
        Ok(Job {
            id,
            command,
            reply: Some(reply),
            steps,
            at: 0,
            tries: 0,
            wanted,
            values: Vec::new(),
            address: None,
            frames: Vec::new(),
            acted: false,
        })
    }

    /// The step in hand.
    pub(crate) fn step(&self) -> Option<Step> {
        self.steps.get(self.at).copied()
    }

    /// Whether nobody waits for it any more. A write that waits is still carried out: its caller
    /// may have been cut off, its intent stands.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.reply.as_ref().is_none_or(oneshot::Sender::is_closed) && !self.command.action.writes()
    }

    /// Tells the end, with the frames.
    pub(crate) fn finish(mut self, end: impl FnOnce(Vec<FrameRecord>) -> CommandFailure) {
        let frames = std::mem::take(&mut self.frames);
        self.tell(Err(end(frames)));
    }

    /// Tells that every step was answered.
    pub(crate) fn succeed(mut self) {
        let values = std::mem::take(&mut self.values);
        let values = match self.wanted.is_empty() {
            true => values,
            false => {
                let value = |item: &Item| values.iter().find(|(i, _)| i == item).copied();
                self.wanted.iter().filter_map(value).collect()
            }
        };
        let frames = std::mem::take(&mut self.frames);
        let address = self.address.take();
        self.tell(Ok(Exchange { values, address, frames }));
    }

    /// Tells that the line is gone.
    ///
    /// Invariant: a job that acted never says that nothing was sent (test
    /// `not_sent_is_said_only_when_no_byte_left`).
    pub(crate) fn lose(self, stopped: bool) {
        let why = if stopped { NotSent::Stopped } else { NotSent::LinkLost };
        match (self.acted, self.frames.is_empty() && !stopped) {
            (true, _) => self.finish(|frames| CommandFailure::NoAnswer { frames }),
            (false, true) => self.finish(|_| CommandFailure::Offline),
            (false, false) => self.finish(|frames| CommandFailure::NotSent { why, frames }),
        }
    }

    fn tell(&mut self, answered: Answered) {
        if let Some(reply) = self.reply.take() {
            // Nobody may be waiting any more; the journal then knows no end and reads back.
            let _ = reply.send(answered);
        }
    }
}

fn steps(
    action: &Action,
    meter: &MeterPlan,
    alone: bool,
) -> Result<(Vec<Step>, Vec<Item>), String> {
    let profile = &meter.profile;
    let reads = |items: &[Item]| -> Result<(Vec<Step>, Vec<Item>), String> {
        let plan = profile
            .plan(items)
            .map_err(|item| format!("profile {} does not give {item}", profile.name))?;
        Ok((plan.into_iter().map(Step::Read).collect(), items.to_vec()))
    };
    match action {
        Action::Read(items) if items.is_empty() || items.len() > ITEMS_MAX => {
            Err(format!("1 to {ITEMS_MAX} items are read at once"))
        }
        Action::Read(items) => reads(items),
        Action::ReadPurchases { records } => {
            let log = profile.purchase_log.as_ref();
            let log = log.ok_or_else(|| format!("profile {} keeps no log", profile.name))?;
            let records = (*records).clamp(1, log.records.min(RECORDS_MAX));
            let reads = 0..log.read.len() as u8;
            let of = |back| reads.clone().map(move |read| Step::Log { read, back });
            Ok(((0..records).flat_map(of).collect(), Vec::new()))
        }
        Action::ReadProof | Action::ReadSight if profile.proof.is_empty() => {
            Err(format!("profile {} names no proof of a top-up", profile.name))
        }
        Action::ReadProof => reads(&profile.proof),
        Action::ReadSight => {
            let (mut steps, mut wanted) = reads(&profile.proof)?;
            if let Some(identity) = profile.identity {
                let (first, _) = reads(&[identity])?;
                let first = first.into_iter().map(|step| match step {
                    Step::Read(index) => Step::Identity(index),
                    other => other,
                });
                steps.splice(0..0, first);
                wanted.insert(0, identity);
            }
            Ok((steps, wanted))
        }
        Action::TopUp { .. } => Ok((vec![Step::TopUp], Vec::new())),
        Action::Relay { .. } => {
            let relay = profile.relay.as_ref();
            let relay = relay.ok_or_else(|| format!("profile {} has no relay", profile.name))?;
            let mut steps = Vec::with_capacity(2);
            if relay.check_clock && relay.form == RelayForm::Dlt645Control {
                let clock = profile.plan(&[Item::Clock]).unwrap_or_default();
                steps.extend(clock.first().map(|read| Step::CheckClock(*read)));
            }
            steps.push(Step::Relay);
            Ok((steps, Vec::new()))
        }
        Action::ReadRelay => {
            let relay = profile.relay.as_ref();
            let relay = relay.ok_or_else(|| format!("profile {} has no relay", profile.name))?;
            reads(&[relay.read_back])
        }
        Action::ReadClock => reads(&[Item::Clock]),
        Action::SetClock if profile.clock.is_none() => {
            Err(format!("the clock of profile {} cannot be set", profile.name))
        }
        Action::SetClock => Ok((vec![Step::SetClock(0), Step::SetClock(1)], Vec::new())),
        Action::BroadcastTime => Ok((vec![Step::BroadcastTime], Vec::new())),
        // Several meters would answer at once (`meters.md` A.2).
        Action::ReadAddress if !alone => Err("the line has several meters".to_owned()),
        Action::ReadAddress => Ok((vec![Step::ReadAddress], Vec::new())),
    }
}

/// Reads the wanted fields of an answer. Parts of one value that come in several answers add up.
pub(crate) fn decode(
    read: &Read,
    data: &[u8],
    wanted: &[Item],
    values: &mut Vec<(Item, Value)>,
) -> Result<(), crate::profile::FieldError> {
    for field in read.values.iter().filter(|field| wanted.contains(&field.item)) {
        let value = field.decode(data)?;
        let known = values.iter_mut().find(|(item, _)| *item == field.item);
        match (known, value) {
            (Some((_, Value::Number(sum))), Value::Number(part)) if field.format.is_part() => {
                *sum = sum.saturating_add(part);
            }
            (Some(_), _) => {}
            (None, _) => values.push((field.item, value)),
        }
    }
    Ok(())
}

/// Reads every field of a log's answer: the same items come once for each record.
pub(crate) fn decode_record(
    read: &Read,
    data: &[u8],
    values: &mut Vec<(Item, Value)>,
) -> Result<(), crate::profile::FieldError> {
    let decoded: Result<Vec<_>, _> =
        read.values.iter().map(|field| Ok((field.item, field.decode(data)?))).collect();
    values.extend(decoded?);
    Ok(())
}

/// Whether a command would restore supply, so that it takes the place of waiting trips.
pub(crate) fn restores(action: &Action) -> bool {
    use RelayCommand::{AllowClose, Close, KeepPower};
    matches!(action, Action::Relay { command: Close | AllowClose | KeepPower, .. })
}

/// Whether a command would cut supply.
pub(crate) fn trips(action: &Action) -> bool {
    matches!(action, Action::Relay { command: RelayCommand::Trip, .. })
}

/// Whether a command is one that a locked password forbids.
pub(crate) fn programs(action: &Action, meter: &MeterPlan) -> bool {
    let control = meter.profile.relay.as_ref().map(|relay| relay.form);
    match action {
        Action::Relay { .. } => control == Some(RelayForm::Dlt645Control),
        Action::SetClock => true,
        _ => false,
    }
}

/// The moment a relay command is valid until, when it has one.
pub(crate) fn relay_of(action: &Action) -> Option<(RelayCommand, DateTime<Utc>)> {
    match action {
        Action::Relay { command, valid_until } => Some((*command, *valid_until)),
        _ => None,
    }
}

/// Whether `not_after` is over.
pub(crate) fn is_over(command: &MeterCommand, now: Duration) -> bool {
    command.not_after.is_some_and(|limit| now > limit)
}
