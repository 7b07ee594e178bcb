//! Switching by hand: an operator, or a tenant where the landlord allows it.

use domain::{
    MeterId, ProjectId,
    arrears::{TripOrder, TripRefusal},
    supply::{Actual, Actuator, CommandOutcome, SupplyAction, SupplyEvent},
};
use gateway::{Action, Item, MeterCommand, Priority, command::NotSent};
use store::{
    StoreError, Tx,
    meter::{self, Meter},
    supply,
};

use super::{RACES_MAX, load, put, row_and_saga, save};
use crate::{
    arrears,
    house::House,
    job,
    refusal::{Refusal, Result, VendingError},
};

/// What a person wants of a supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Supply there (合闸).
    On,
    /// No supply (拉闸), until a person wants it back: no payment switches it on.
    Off,
    /// Kept on whatever the balance (保电), or no longer.
    KeepPower(bool),
}

impl Wanted {
    /// The stable name in the API and in jobs.
    pub fn as_str(self) -> &'static str {
        match self {
            Wanted::On => "on",
            Wanted::Off => "off",
            Wanted::KeepPower(true) => "keep-power",
            Wanted::KeepPower(false) => "end-keep-power",
        }
    }

    /// Reads such a name; `None` for any other text.
    pub fn from_name(name: &str) -> Option<Wanted> {
        let all = [Wanted::On, Wanted::Off, Wanted::KeepPower(true), Wanted::KeepPower(false)];
        all.into_iter().find(|wanted| wanted.as_str() == name)
    }
}

/// Whose hand it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// An operator's.
    Operator,
    /// A tenant's, where the landlord allows it (T7).
    Tenant,
}

impl Hand {
    /// The reason kept with the wish.
    pub fn reason(self) -> &'static str {
        match self {
            Hand::Operator => REASON_OPERATOR,
            Hand::Tenant => REASON_TENANT,
        }
    }
}

/// A wish by an operator's hand, as stored.
pub const REASON_OPERATOR: &str = "by-hand";
/// A wish by a tenant's hand, as stored.
pub const REASON_TENANT: &str = "by-tenant";

/// What a meter answered just now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveReading {
    /// Items with their values in base units; `None` = the meter has none.
    pub values: Vec<(Item, Option<i64>)>,
    /// When it answered, by our clock.
    pub at: chrono::DateTime<chrono::Utc>,
}

impl House {
    /// Wishes a supply on, off or kept by an operator's hand; see [`House::steer_supply_by`].
    pub async fn steer_supply(
        &self,
        project: ProjectId,
        id: MeterId,
        wanted: Wanted,
    ) -> Result<()> {
        self.steer_supply_by(Hand::Operator, project, id, wanted).await
    }

    /// Wishes a supply on, off or kept; the supply job does the rest and reads it back.
    ///
    /// Errors: [`Refusal::SwitchRefused`] names the rule that forbids it: the red switch, safe
    /// mode, keep power, a protected tenant, or a tenant's hand on what an operator cut.
    ///
    /// Invariant: the wish is stored as one that nothing was sent for yet, so that the job's first
    /// look is followed by the command at once; proved by `a_close_by_hand_leaves_at_once`.
    ///
    /// Invariant: somebody faster at the same meter is no reason to refuse a wish; proved by
    /// `wishes_by_hand_at_the_same_moment_are_all_taken`.
    pub async fn steer_supply_by(
        &self,
        hand: Hand,
        project: ProjectId,
        id: MeterId,
        wanted: Wanted,
    ) -> Result<()> {
        for race in 1.. {
            match self.wish(project, id, Handed { hand, wanted }).await {
                // Another wish or the job's own step was written between our look and our write.
                Err(VendingError::Store(
                    StoreError::Gone(_) | StoreError::Refused(_) | StoreError::Conflict,
                )) if race < RACES_MAX => {}
                ended => {
                    ended?;
                    break;
                }
            }
        }
        if wanted != Wanted::Off {
            // A trip that waits for its bus in this process goes at once; elsewhere it is found
            // void by whoever waits with it.
            self.gateway().cancel_trips(id.0).await;
        }
        Ok(())
    }

    async fn wish(&self, project: ProjectId, id: MeterId, wish: Handed) -> Result<()> {
        let row = meter::by_id(self.store().read(), project, id).await?;
        let row = row.ok_or(Refusal::NotFound { what: "meter" })?;
        let actuator = self.actuator(&row).ok_or(Refusal::NotSupported)?;
        let house = self.clone();
        self.store()
            .transact(move |tx| {
                Box::pin(async move { write_wish(tx, &house, row, actuator, wish).await })
            })
            .await
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
            // Another process holds its line, or the line broke before a byte was taken.
            Err(gateway::CommandFailure::NotSent {
                why: NotSent::UnknownMeter | NotSent::LinkLost | NotSent::Stopped,
                ..
            }) => Err(Refusal::GatewayOffline.into()),
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

/// A wish and whose hand it is.
#[derive(Clone, Copy)]
struct Handed {
    hand: Hand,
    wanted: Wanted,
}

async fn write_wish(
    tx: &Tx,
    house: &House,
    meter: Meter,
    actuator: Actuator,
    Handed { hand, wanted }: Handed,
) -> Result<()> {
    let now = house.now();
    let known = supply::of_meter(tx, meter.project(), meter.meter_id()).await?;
    let (mut stored, saga) = row_and_saga(house, &meter, actuator, known)?;
    let event = match wanted {
        Wanted::On => {
            let held = saga.held_off && stored.desired_reason != REASON_TENANT;
            if hand == Hand::Tenant && held {
                return Err(Refusal::SwitchRefused { why: "cut-by-operator" }.into());
            }
            SupplyEvent::WantOn { credited: false }
        }
        Wanted::Off => {
            forbidden(tx, &meter).await?;
            SupplyEvent::Trip(TripOrder::by_hand(saga.seq, now))
        }
        Wanted::KeepPower(keep) => SupplyEvent::KeepPower(keep),
    };
    if let Wanted::KeepPower(keep) = wanted {
        let policy = if keep { "keep-power" } else { "auto" };
        let change = meter::Change { supply_policy: Some(policy), ..Default::default() };
        meter::change(tx, &meter, change).await?;
    }
    let (mut next, mut actions) = saga.step(event, now);
    for action in &actions {
        if let SupplyAction::DropTrip(why) = action {
            return Err(Refusal::SwitchRefused { why: why.as_str() }.into());
        }
    }
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
    put(&mut stored, &next, hand.reason(), now);
    save::Step::of_wish(house, stored, meter.clone(), event, actions).apply(tx).await?;
    job::wake_supply(tx, house, &meter).await
}

/// What forbids even a person to cut: the switches of the site, keep power, a protected tenant.
/// Whoever has a reason takes these off first, which is an act of its own in the log.
pub(super) async fn forbidden(tx: &Tx, meter: &Meter) -> Result<()> {
    let refuse = |why: TripRefusal| Err(Refusal::SwitchRefused { why: why.as_str() }.into());
    for (switch, why) in arrears::SWITCHES {
        if arrears::is_on(tx, switch).await? {
            return refuse(why);
        }
    }
    if meter.keeps_power() {
        return refuse(TripRefusal::KeepPower);
    }
    let Some(account) = meter.account() else { return Ok(()) };
    let holder = store::account::by_id(tx, meter.project(), account).await?;
    if holder.is_some_and(|holder| holder.protected) {
        return refuse(TripRefusal::UserProtected);
    }
    Ok(())
}

/// Why a cut by hand is refused, in the house's words.
pub fn refusal_of(refusal: TripRefusal) -> Refusal {
    Refusal::SwitchRefused { why: refusal.en() }
}
