//! Supply: the wish for light, driven until the relay or valve was read back as wished.

mod clock;
pub mod plan;
mod save;
pub mod switch;

use chrono::TimeDelta;
use domain::{
    MeterId, OrderId, ProjectId,
    fields::Fields,
    supply::{
        Actual, Actuator, CloseMode, CommandOutcome, RelayReading, Supply as Saga, SupplyAction,
        SupplyEvent, Wish,
    },
};
use gateway::{
    Action, CommandFailure, Item, MeterCommand, Priority,
    command::{Direction, Exchange, FrameRecord, RelayCommand},
    profile::Profile,
};
use serde_json::json;
use store::{
    StoreError,
    meter::{self, Meter},
    supply::{self, Supply},
    timeline,
    vend::Frame,
};

use crate::{
    house::House,
    job::JobEnd,
    refusal::{Refusal, Result, VendingError},
};

/// The most steps one turn of a supply may take.
const STEPS_MAX: usize = 64;
/// The most times a turn or a wish starts over because another writer was faster.
const RACES_MAX: usize = 8;
/// How long a meter may obey a close command: restoring is never too late.
const CLOSE_VALID: TimeDelta = TimeDelta::hours(24);

/// How often a trip that waits for its bus is looked at again.
const TRIP_LOOK: std::time::Duration = std::time::Duration::from_secs(1);

/// What a supply job is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// Somebody has paid for supply.
    WantOn {
        /// The order, which is told when the light is on.
        order: OrderId,
    },
    /// Go on with whatever is wished.
    Wake,
}

/// What one turn of a supply works with.
pub(crate) struct Turn {
    pub row: Supply,
    pub meter: Meter,
    pub saga: Saga,
    pub frames: Vec<Frame>,
}

impl House {
    /// The supply job of one meter.
    ///
    /// Invariant: a later wish always wins over an earlier one, because both step the same row and
    /// every command carries the row's sequence (I12, 18R); proved by
    /// `a_payment_between_the_decision_and_the_sending_cancels_the_trip`.
    pub(crate) async fn run_supply_job(
        &self,
        project: ProjectId,
        id: MeterId,
        first: First,
    ) -> Result<JobEnd> {
        let db = self.store().read();
        let meter = meter::by_id(db, project, id).await?;
        let meter = meter.ok_or(Refusal::NotFound { what: "meter" })?;
        let order = match first {
            First::WantOn { order } => Some(order),
            First::Wake => None,
        };
        if let Some(order) = order {
            let sold = store::kiosk::sale::of_order(db, project, order).await?;
            if sold.is_some_and(|row| row.card_uid.is_some()) {
                // Its money waits for its card, and the meter switches itself once it has it.
                return Ok(JobEnd::Done);
            }
            self.pass_through(&meter, order).await?;
        }
        let Some(actuator) = self.actuator(&meter) else {
            // A meter without relay or valve has nothing to be switched.
            return Ok(JobEnd::Done);
        };
        let mut event = SupplyEvent::Wake;
        if order.is_some() {
            if !self.is_worth_restoring(&meter).await? || self.is_held_off(&meter, order).await? {
                return Ok(JobEnd::Done);
            }
            if !self.knows_wish(&meter, order).await? {
                event = SupplyEvent::WantOn { credited: true };
            }
        }
        let mut frames = Vec::new();
        for _ in 0..RACES_MAX {
            let mut turn = self.open_supply(&meter, actuator, order).await?;
            turn.frames = frames;
            match self.drive(&mut turn, &mut event).await {
                Ok(end) => return Ok(end),
                // Another wish was faster: what it wrote is where this turn goes on.
                Err(VendingError::Store(StoreError::Gone(_) | StoreError::Refused(_))) => {}
                Err(error) => return Err(error),
            }
            frames = std::mem::take(&mut turn.frames);
            event = match event {
                // How a command ended is told whatever was wished meanwhile.
                SupplyEvent::Ended { .. } => event,
                SupplyEvent::WantOn { .. } if !self.knows_wish(&meter, order).await? => event,
                _ => SupplyEvent::Wake,
            };
        }
        Ok(JobEnd::Again(self.paced(std::time::Duration::from_secs(2))))
    }

    /// Steps until there is nothing to do but wait; `event` is what was told last.
    async fn drive(&self, turn: &mut Turn, event: &mut SupplyEvent) -> Result<JobEnd> {
        for _ in 0..STEPS_MAX {
            let (next, actions) = turn.saga.clone().step(*event, self.now());
            self.save_supply(turn, next, *event, &actions).await?;
            match self.act(turn, &actions).await? {
                Next::Event(told) => *event = told,
                Next::End(end) => return Ok(end),
            }
        }
        Ok(JobEnd::Again(self.paced(std::time::Duration::from_secs(2))))
    }

    /// True when the wish of this order was written before, by a turn that died since.
    async fn knows_wish(&self, meter: &Meter, order: Option<OrderId>) -> Result<bool> {
        let Some(order) = order else { return Ok(false) };
        let row = supply::of_meter(self.store().read(), meter.project(), meter.meter_id()).await?;
        Ok(row.is_some_and(|row| row.order() == Some(order) && row.desired == "on"))
    }

    /// True when a person cut the meter and has to bring it back; the order is told, once.
    async fn is_held_off(&self, meter: &Meter, order: Option<OrderId>) -> Result<bool> {
        let (project, id) = (meter.project(), meter.meter_id());
        let row = supply::of_meter(self.store().read(), project, id).await?;
        let Some(row) = row else { return Ok(false) };
        if !load(&row)?.held_off {
            return Ok(false);
        }
        let Some(order) = order else { return Ok(true) };
        let (now, by) = (self.now(), row.desired_reason);
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let detail = json!({ "by": by });
                    timeline::add_by_id(tx, project, order, "held-off", now, detail).await?;
                    Ok::<_, VendingError>(true)
                })
            })
            .await
    }

    async fn open_supply(
        &self,
        meter: &Meter,
        actuator: Actuator,
        order: Option<OrderId>,
    ) -> Result<Turn> {
        let known = supply::of_meter(self.store().read(), meter.project(), meter.meter_id());
        let (mut row, saga) = row_and_saga(self, meter, actuator, known.await?)?;
        if let Some(order) = order {
            row.order_id = Some(order.0);
        }
        Ok(Turn { row, meter: meter.clone(), saga, frames: Vec::new() })
    }

    /// True where the meter has a relay or a valve that can be switched from here.
    pub fn has_switch(&self, meter: &Meter) -> bool {
        self.actuator(meter).is_some()
    }

    /// How the meter's relay or valve behaves, by its profile; `None` when it has none.
    pub(crate) fn actuator(&self, meter: &Meter) -> Option<Actuator> {
        let profile = self.gateway().profiles().get(&meter.profile)?;
        let relay = profile.relay.as_ref()?;
        let direct = relay.commands.contains(&RelayCommand::Close);
        let settle = relay.close_delay_s.max(relay.trip_delay_s);
        Some(Actuator {
            close: if direct { CloseMode::Direct } else { CloseMode::ByUser },
            settle: self.paced(std::time::Duration::from_secs(u64::from(settle))),
        })
    }

    async fn act(&self, turn: &mut Turn, actions: &[SupplyAction]) -> Result<Next> {
        let mut end = JobEnd::Done;
        for action in actions {
            match action {
                SupplyAction::ReadRelay => return Ok(Next::Event(self.read_relay(turn).await)),
                SupplyAction::SendClose { seq } => {
                    let outcome = self.switch(turn, *seq, RelayCommand::Close).await?;
                    return Ok(Next::Event(SupplyEvent::Ended { seq: *seq, outcome }));
                }
                SupplyAction::SendAllowClose { seq } => {
                    let outcome = self.switch(turn, *seq, RelayCommand::AllowClose).await?;
                    return Ok(Next::Event(SupplyEvent::Ended { seq: *seq, outcome }));
                }
                SupplyAction::SendTrip { seq, .. } => {
                    let outcome = self.switch(turn, *seq, RelayCommand::Trip).await?;
                    return Ok(Next::Event(SupplyEvent::Ended { seq: *seq, outcome }));
                }
                SupplyAction::RetryAfter(wait) => end = JobEnd::Again(self.paced(*wait)),
                SupplyAction::CancelTrip { .. }
                | SupplyAction::AskUser
                | SupplyAction::Done { .. }
                | SupplyAction::DropTrip(_)
                | SupplyAction::Alarm(_) => {}
            }
        }
        Ok(Next::End(end))
    }

    /// Sends one relay command if it is still the newest wish.
    ///
    /// Invariant: the wish is read again from the primary right before the sending, so nothing
    /// overtaken leaves the house (17R); proved by
    /// `a_payment_between_the_decision_and_the_sending_cancels_the_trip`.
    async fn switch(
        &self,
        turn: &mut Turn,
        seq: u64,
        command: RelayCommand,
    ) -> Result<CommandOutcome> {
        let trip = command == RelayCommand::Trip;
        let now = self.now();
        let stands = if trip {
            self.trip_stands(&turn.meter, seq).await?
        } else {
            let (project, id) = (turn.meter.project(), turn.meter.meter_id());
            let current = supply::of_meter(self.store().read(), project, id).await?;
            let current = current.map(|row| load(&row)).transpose()?;
            current.is_some_and(|saga| saga.still_wanted(seq, now))
        };
        if !stands {
            return Ok(CommandOutcome::NotSent);
        }
        let (valid, priority) = match &turn.saga.wish {
            Wish::Off { order, .. } if trip => (order.not_after, Priority::Trip),
            _ => (now + CLOSE_VALID, Priority::Restore),
        };
        let left = (valid - now).to_std().unwrap_or_default();
        let left = if trip { left } else { left.min(std::time::Duration::from_secs(60)) };
        let command = MeterCommand {
            meter: turn.meter.id,
            action: Action::Relay { command, valid_until: valid },
            priority,
            not_after: Some(self.clock().monotonic() + left),
            operator_tag: u32::try_from(seq & 0xffff_ffff).unwrap_or(0),
        };
        let ended = if trip {
            self.execute_trip(&turn.meter, seq, command).await
        } else {
            self.execute_close(turn, command).await
        };
        Ok(match ended {
            Ok(exchange) => {
                self.keep(turn, &exchange.frames);
                CommandOutcome::Accepted
            }
            Err(failure) => {
                self.keep(turn, failure.frames());
                outcome_of(&failure)
            }
        })
    }

    /// Hands a trip to its bus and takes it back while it waits there, should it become void. Who
    /// made it void may be another process, so the rows are looked at and nobody has to tell.
    async fn execute_trip(
        &self,
        meter: &Meter,
        seq: u64,
        command: MeterCommand,
    ) -> std::result::Result<Exchange, CommandFailure> {
        let sending = self.gateway().execute(command);
        tokio::pin!(sending);
        loop {
            tokio::select! {
                ended = &mut sending => return ended,
                () = tokio::time::sleep(self.paced(TRIP_LOOK)) => {
                    // What cannot be read forbids a trip as well.
                    if !self.trip_stands(meter, seq).await.unwrap_or(false) {
                        self.gateway().cancel_trips(meter.id).await;
                    }
                }
            }
        }
    }

    async fn read_relay(&self, turn: &mut Turn) -> SupplyEvent {
        let priority = match turn.saga.wish {
            Wish::On(_) => Priority::Restore,
            _ => Priority::Trip,
        };
        let limit = self.clock().monotonic() + std::time::Duration::from_secs(60);
        let command = MeterCommand {
            meter: turn.meter.id,
            action: Action::ReadRelay,
            priority,
            not_after: Some(limit),
            operator_tag: 0,
        };
        match self.gateway().execute(command).await {
            Ok(exchange) => {
                self.keep(turn, &exchange.frames);
                let shown = exchange.number(Item::RelayState);
                let shown = shown.or_else(|| exchange.number(Item::ValveState));
                let keep_power = exchange.number(Item::KeepPower) == Some(1);
                relay_reading(shown, keep_power).map_or(SupplyEvent::Unread, SupplyEvent::Read)
            }
            Err(failure) => {
                self.keep(turn, failure.frames());
                SupplyEvent::Unread
            }
        }
    }

    fn keep(&self, turn: &mut Turn, frames: &[FrameRecord]) {
        let kept = frames.iter().map(|frame| Frame {
            project_id: turn.row.project_id,
            id: domain::CommandId::generate(self.clock(), self.rng()).0,
            meter_id: turn.meter.id,
            vend_id: None,
            command_id: None,
            at: frame.at,
            direction: match frame.direction {
                Direction::Sent => "tx".to_owned(),
                Direction::Received => "rx".to_owned(),
            },
            bytes: frame.bytes.clone(),
            note: Some("relay".to_owned()),
        });
        turn.frames.extend(kept);
    }
}

enum Next {
    Event(SupplyEvent),
    End(JobEnd),
}

fn outcome_of(failure: &CommandFailure) -> CommandOutcome {
    match failure {
        CommandFailure::Refused { .. } => CommandOutcome::Refused,
        failure if failure.proves_nothing_sent() => CommandOutcome::NotSent,
        _ => CommandOutcome::NoAnswer,
    }
}

fn relay_reading(shown: Option<i64>, keep_power: bool) -> Option<RelayReading> {
    use gateway::item::state;
    let (open, command_open) = match shown? {
        // Only "waiting" says what the meter was last told; the others say where the relay stands.
        state::ON => (false, None),
        state::OFF => (true, None),
        state::WAITING => (true, Some(false)),
        _ => return None,
    };
    Some(RelayReading { open, command_open, keep_power })
}

/// The saga as stored.
pub(crate) fn load(row: &Supply) -> Result<Saga> {
    let unreadable = || StoreError::Unreadable {
        table: "supply",
        column: "state",
        row: row.meter_id.to_string(),
    };
    let stored = serde_json::from_str(&row.state).map_err(|_| unreadable())?;
    Ok(Saga::from_fields(&Fields(stored)).map_err(|_| unreadable())?)
}

/// A meter's row and saga, made if nobody has steered its supply yet.
pub(crate) fn row_and_saga(
    house: &House,
    meter: &Meter,
    actuator: Actuator,
    known: Option<Supply>,
) -> Result<(Supply, Saga)> {
    match known {
        Some(row) => {
            let saga = load(&row)?;
            Ok((row, Saga { actuator, ..saga }))
        }
        None => {
            let saga = Saga::idle(actuator, house.rng().below(u64::MAX));
            Ok((fresh_row(meter, house.now()), saga))
        }
    }
}

/// Writes a saga's new state into its row; the version says that it is the next one.
pub(crate) fn put(row: &mut Supply, next: &Saga, why: &str, now: chrono::DateTime<chrono::Utc>) {
    let seq = i64::try_from(next.seq).unwrap_or(i64::MAX);
    if row.desired_seq != seq {
        row.desired_at = now;
        row.desired_reason = why.to_owned();
    }
    row.desired = next.wish.as_str().to_owned();
    row.desired_seq = seq;
    row.actual = next.actual.as_str().to_owned();
    row.actual_at = next.actual_at;
    row.state = serde_json::to_string(&next.to_fields().0).unwrap_or_default();
    row.version += 1;
}

/// A command that belongs to the newest wish of a supply, not handed over yet.
pub(crate) fn command_row(
    house: &House,
    row: &Supply,
    kind: &str,
    not_after: chrono::DateTime<chrono::Utc>,
    now: chrono::DateTime<chrono::Utc>,
) -> supply::RelayCommand {
    supply::RelayCommand {
        project_id: row.project_id,
        id: domain::CommandId::generate(house.clock(), house.rng()).0,
        meter_id: row.meter_id,
        kind: kind.to_owned(),
        seq: row.desired_seq,
        reason: row.desired_reason.clone(),
        issued_at: now,
        not_after,
        state: "queued".to_owned(),
        detail: None,
        ended_at: None,
    }
}

/// The row of a meter whose supply nobody has steered yet; version 0 says that it is not stored.
fn fresh_row(meter: &Meter, now: chrono::DateTime<chrono::Utc>) -> Supply {
    Supply {
        project_id: meter.project_id,
        meter_id: meter.id,
        desired: "none".to_owned(),
        desired_reason: String::new(),
        desired_seq: 0,
        desired_at: now,
        actual: Actual::Unknown.as_str().to_owned(),
        actual_at: None,
        order_id: None,
        state: "{}".to_owned(),
        alarm_at: None,
        restored_at: None,
        version: 0,
    }
}

/// True where a profile can switch at all.
pub fn can_switch(profile: &Profile) -> bool {
    profile.relay.is_some()
}
