//! The decision to cut one supply, written down with everything it rests on, and what makes it void
//! before its first byte has left.

use domain::{
    arrears::{Situation, TripCause, TripRefusal, may_trip},
    supply::{Actuator, SupplyAction, SupplyEvent, Wish},
};
use store::{
    Tx,
    meter::{self, Meter},
    setting, supply,
};

use super::{BUDGET_HOUR, SETTING_MIGRATING, SETTING_SAFE_MODE, SETTING_TRIPS_STOPPED};
use crate::{
    house::House,
    job, posting,
    refusal::{Refusal, Result, VendingError},
};

/// Every switch that stops all trips of the site, by hand or not, and what it is called.
pub(crate) const SWITCHES: [(&str, TripRefusal); 3] = [
    (SETTING_TRIPS_STOPPED, TripRefusal::TripsStopped),
    (SETTING_SAFE_MODE, TripRefusal::SafeMode),
    (SETTING_MIGRATING, TripRefusal::Migrating),
];

impl House {
    /// Orders a trip if every rule still allows it, or answers the rule that forbids it.
    ///
    /// Invariant: the budgets are counted in the transaction that writes the command, one project
    /// at a time, so that they hold however many meters are looked at at once (S31); proved by
    /// `a_thousand_meters_in_arrears_at_once_cut_no_more_than_the_budget`.
    pub async fn order_trip(
        &self,
        meter: &Meter,
        actuator: Actuator,
        situation: Situation,
    ) -> Result<std::result::Result<(), TripRefusal>> {
        if let Err(refusal) = may_trip(&situation, self.now()) {
            return Ok(Err(refusal));
        }
        let (house, meter) = (self.clone(), meter.clone());
        let _turn = self.trip_turn().lock().await;
        self.store()
            .transact(move |tx| {
                Box::pin(async move { write_trip(tx, &house, &meter, actuator, situation).await })
            })
            .await
    }

    /// True while nothing has come up that makes a decided trip void: a newer wish, money, keep
    /// power, protection or one of the site's switches.
    ///
    /// Invariant: everything is read again from the primary, before the sending and while the trip
    /// waits for its bus (17R, 17L); proved by
    /// `a_queued_trip_is_taken_back_by_keep_power_and_by_the_red_switch`.
    pub(crate) async fn trip_stands(&self, meter: &Meter, seq: u64) -> Result<bool> {
        let db = self.store().read();
        let (project, id) = (meter.project(), meter.meter_id());
        let row = supply::of_meter(db, project, id).await?;
        let saga = row.as_ref().map(crate::supply::load).transpose()?;
        let now = self.now();
        let Some(saga) = saga.filter(|saga| saga.still_wanted(seq, now)) else {
            return Ok(false);
        };
        for (switch, _) in SWITCHES {
            if self.setting_is_on(switch).await? {
                return Ok(false);
            }
        }
        if matches!(saga.wish, Wish::Off { order, .. } if order.cause == TripCause::ByHand) {
            // A person's word rests on no reading and no balance, so none can make it void.
            let meter = meter::by_id(db, project, id).await?;
            return Ok(meter.is_some_and(|meter| !meter.keeps_power()));
        }
        let Some(meter) = meter::by_id(db, project, id).await? else { return Ok(false) };
        let Some(account) = meter.account() else { return Ok(false) };
        let holder = store::account::by_id(db, project, account).await?;
        if meter.keeps_power() || meter.is_quarantined() || holder.is_none_or(|h| h.protected) {
            return Ok(false);
        }
        // Money came in after the decision: nobody who has paid is cut off (17R).
        let purse = posting::purse_of(account, meter.purpose()?);
        let balance = store::ledger::balance(db, project, purse).await?;
        Ok(balance.posted.fen() < 0)
    }
}

async fn write_trip(
    tx: &Tx,
    house: &House,
    meter: &Meter,
    actuator: Actuator,
    situation: Situation,
) -> Result<std::result::Result<(), TripRefusal>> {
    let (project, id, now) = (meter.project(), meter.meter_id(), house.now());
    supply::hold_trips(tx, project).await?;
    // The purse is read again in the transaction that writes the wish: a credit that came in
    // between has made the decision void (17R).
    let account = meter.account().ok_or(Refusal::MeterUnassigned)?;
    let purse = posting::purse_of(account, meter.purpose()?);
    let balance = store::ledger::balance(tx, project, purse).await?;
    if balance.posted.fen() != situation.balance_fen {
        return Ok(Err(TripRefusal::CreditedSince));
    }
    let spent = supply::trips_spent(tx, project, id, now - BUDGET_HOUR).await?;
    let situation = Situation {
        tripped_project: u32::try_from(spent.project).unwrap_or(u32::MAX),
        tripped_building: u32::try_from(spent.building).unwrap_or(u32::MAX),
        trips_stopped: is_on(tx, SETTING_TRIPS_STOPPED).await?,
        safe_mode: is_on(tx, SETTING_SAFE_MODE).await?,
        migrating: is_on(tx, SETTING_MIGRATING).await?,
        ..situation
    };
    let order = match may_trip(&situation, now) {
        Ok(order) => order,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let known = supply::of_meter(tx, project, id).await?;
    let (mut row, saga) = crate::supply::row_and_saga(house, meter, actuator, known)?;
    let (next, actions) = saga.step(SupplyEvent::Trip(order), now);
    let sends = actions.iter().any(|action| matches!(action, SupplyAction::SendTrip { .. }));
    if !sends {
        // A wish that came in between took its place.
        return Ok(Err(TripRefusal::SupplyWanted));
    }
    crate::supply::put(&mut row, &next, "arrears", now);
    supply::write(tx, &row).await?;
    // The command is there from now on, so that the next decision counts it.
    let command = crate::supply::command_row(house, &row, "trip", order.not_after, now);
    store::insert(tx, command).await?;
    job::wake_supply(tx, house, meter).await?;
    Ok::<_, VendingError>(Ok(()))
}

/// True when a switch of the site is thrown, read within a transaction.
pub(crate) async fn is_on(tx: &Tx, key: &str) -> Result<bool> {
    Ok(setting::get(tx, key).await?.is_some_and(|value| value == "on"))
}
