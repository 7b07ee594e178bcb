//! Switching by hand: an operator, or a tenant where the landlord allows it.

use domain::{
    MeterId, ProjectId,
    arrears::TripRefusal,
    supply::{Actual, Actuator, CommandOutcome, SupplyAction, SupplyEvent},
};
use gateway::{Action, Item, MeterCommand, Priority};
use store::{
    Tx,
    meter::{self, Meter},
    supply,
};

use super::{load, put, row_and_saga, save};
use crate::{
    house::House,
    job,
    refusal::{Refusal, Result},
};

/// What a person wants of a supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Supply there (合闸).
    On,
    /// Kept on whatever the balance (保电), or no longer.
    KeepPower(bool),
}

/// What a meter answered just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveReading {
    /// Items with their values in base units; `None` = the meter has none.
    pub values: Vec<(Item, Option<i64>)>,
    /// When it answered, by our clock.
    pub at: chrono::DateTime<chrono::Utc>,
}

impl House {
    /// Wishes a supply on, or kept; the supply job does the rest and reads it back.
    ///
    /// Invariant: the wish is stored as one that nothing was sent for yet, so that the job's first
    /// look is followed by the command at once; proved by `a_close_by_hand_leaves_at_once`.
    pub async fn steer_supply(
        &self,
        project: ProjectId,
        id: MeterId,
        wanted: Wanted,
    ) -> Result<()> {
        let row = meter::by_id(self.store().read(), project, id).await?;
        let row = row.ok_or(Refusal::NotFound { what: "meter" })?;
        let actuator = self.actuator(&row).ok_or(Refusal::NotSupported)?;
        let house = self.clone();
        self.store()
            .transact(move |tx| {
                Box::pin(async move { write_wish(tx, &house, row, actuator, wanted).await })
            })
            .await?;
        // A trip that waits for its bus in this process goes at once; elsewhere it is found void
        // by whoever waits with it.
        self.gateway().cancel_trips(id.0).await;
        Ok(())
    }

    /// Reads a meter now, first in line after money and light (G4).
    pub async fn read_now(&self, project: ProjectId, id: MeterId) -> Result<LiveReading> {
        let row = meter::by_id(self.store().read(), project, id).await?;
        let row = row.ok_or(Refusal::NotFound { what: "meter" })?;
        let items = crate::line::scan_items(&row, self.actuator(&row).is_some());
        let limit = std::time::Duration::from_secs(20);
        let command = MeterCommand {
            meter: row.id,
            action: Action::Read(items),
            priority: Priority::OnDemand,
            not_after: Some(self.clock().monotonic() + limit),
            operator_tag: 0,
        };
        match self.gateway().execute(command).await {
            Ok(exchange) => {
                let values = exchange.values.iter().map(|(item, v)| (*item, v.number()));
                Ok(LiveReading { values: values.collect(), at: self.now() })
            }
            Err(gateway::CommandFailure::Offline) => Err(Refusal::GatewayOffline.into()),
            Err(gateway::CommandFailure::Unsupported(_)) => Err(Refusal::NotSupported.into()),
            Err(_) => Err(Refusal::MeterSilent.into()),
        }
    }

    /// What a meter's supply was last read to be; unknown before the first look.
    pub async fn supply_shown(&self, project: ProjectId, id: MeterId) -> Result<Actual> {
        let row = supply::of_meter(self.store().read(), project, id).await?;
        Ok(row.as_ref().map(load).transpose()?.map_or(Actual::Unknown, |saga| saga.actual))
    }
}

async fn write_wish(
    tx: &Tx,
    house: &House,
    meter: Meter,
    actuator: Actuator,
    wanted: Wanted,
) -> Result<()> {
    let now = house.now();
    let known = supply::of_meter(tx, meter.project(), meter.meter_id()).await?;
    let (mut stored, saga) = row_and_saga(house, &meter, actuator, known)?;
    let event = match wanted {
        Wanted::On => SupplyEvent::WantOn { credited: false },
        Wanted::KeepPower(keep) => SupplyEvent::KeepPower(keep),
    };
    if let Wanted::KeepPower(keep) = wanted {
        let policy = if keep { "keep-power" } else { "auto" };
        let change = meter::Change { supply_policy: Some(policy), ..Default::default() };
        meter::change(tx, &meter, change).await?;
    }
    let (mut next, mut actions) = saga.step(event, now);
    let is_close = |action: &SupplyAction| {
        matches!(action, SupplyAction::SendClose { .. } | SupplyAction::SendAllowClose { .. })
    };
    if actions.iter().any(is_close) {
        let unsent = SupplyEvent::Ended { seq: next.seq, outcome: CommandOutcome::NotSent };
        let more;
        (next, more) = next.step(unsent, now);
        actions.retain(|action| !is_close(action));
        actions.extend(more);
    }
    put(&mut stored, &next, "by-hand", now);
    save::Step::of_wish(house, stored, meter.clone(), event, actions).apply(tx).await?;
    job::wake_supply(tx, house, &meter).await
}

/// Why a cut by hand is refused, in the house's words.
pub fn refusal_of(refusal: TripRefusal) -> Refusal {
    Refusal::SwitchRefused { why: refusal.en() }
}
