//! How much went through a meter since a moment: from its registers, over every meter that hung in
//! the place, and never across what nobody read.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Carry, FlatPrice};
use gateway::Item;
use store::{
    meter::{FIRST_LIFE, Meter},
    meter_epoch::{self, Ended},
    reading::{self, Latest, Point},
    tariff::Tariff,
};
use vending::House;

use crate::failure::{Failure, Result};

/// The lives of a place that are looked back on at most.
const LIVES_MAX: i32 = 10;

/// Use since a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// How much, in Wh or litres; `None` where nobody can tell.
    pub quantity: Option<i64>,
    /// False where a part of the stretch was not read.
    pub complete: bool,
}

impl Used {
    const UNKNOWN: Used = Used { quantity: None, complete: false };
}

/// What a meter's registers can tell.
pub struct Registers<'a> {
    house: &'a House,
    meter: &'a Meter,
    /// Nothing before this moment is told: it was another tenant's.
    floor: DateTime<Utc>,
    latest: Option<Latest>,
    /// Lives that ended, the newest first.
    lives: Vec<Ended>,
}

/// The register a meter counts with.
pub fn register_of(meter: &Meter) -> Item {
    if meter.purpose == "water" || meter.purpose == "gas" {
        Item::Volume
    } else {
        Item::ForwardEnergy
    }
}

impl<'a> Registers<'a> {
    /// Looks up what every later question needs. `latest` is the register's newest reading.
    pub async fn open(
        house: &'a House,
        meter: &'a Meter,
        floor: DateTime<Utc>,
        latest: Option<Latest>,
    ) -> Result<Registers<'a>> {
        let mut lives = Vec::new();
        let db = house.store().read();
        let first = FIRST_LIFE.max(meter.epoch - LIVES_MAX);
        for epoch in (first..meter.epoch).rev() {
            let ended = meter_epoch::by_epoch(db, meter.project(), meter.meter_id(), epoch);
            match ended.await? {
                Some(ended) if ended.ended_at > floor => lives.push(ended),
                _ => break,
            }
        }
        Ok(Registers { house, meter, floor, latest, lives })
    }

    /// The register's newest reading.
    pub fn latest(&self) -> Option<&Latest> {
        self.latest.as_ref()
    }

    /// Use from a moment until the newest reading.
    pub async fn since(&self, from: DateTime<Utc>) -> Result<Used> {
        let from = from.max(self.floor);
        let Some(latest) = &self.latest else { return Ok(Used::UNKNOWN) };
        if latest.at < from {
            return Ok(Used::UNKNOWN);
        }
        let (mut total, mut complete) = (0i64, true);
        let (mut value, mut until) = (latest.value, latest.at);
        for life in self.lives.iter().filter(|life| life.ended_at > from) {
            let (Some(new), Some(old)) = (life.new_register, life.old_register) else {
                // What an unknown register showed before, nobody can tell.
                return Ok(Used::UNKNOWN);
            };
            total = total.saturating_add(value.saturating_sub(new));
            (value, until) = (old, life.ended_at);
        }
        let start = match self.around(from).await? {
            Some(point) => Some(point.value),
            None => {
                complete = false;
                let key = (self.meter.project(), self.meter.meter_id());
                let item = register_of(self.meter).code();
                let end = until + TimeDelta::seconds(1);
                let db = self.house.store().read();
                reading::first_since(db, key, item, from, end).await?.map(|point| point.value)
            }
        };
        let Some(start) = start else { return Ok(Used::UNKNOWN) };
        Ok(self.told(total.checked_add(value.saturating_sub(start)), complete))
    }

    /// The value that stood at a moment: the last one before it, else the first one after it, if
    /// either lies within two reading periods.
    async fn around(&self, at: DateTime<Utc>) -> Result<Option<Point>> {
        let near = TimeDelta::seconds(2 * i64::from(self.meter.reading_interval_s).max(60));
        let (db, item) = (self.house.store().read(), register_of(self.meter).code());
        let (project, id) = (self.meter.project(), self.meter.meter_id());
        let from = (at - near).max(self.floor);
        let points = reading::range(db, project, id, item, from, at + near).await?;
        let before = points.iter().rev().find(|point| point.at <= at);
        Ok(before.or_else(|| points.first()).copied())
    }

    fn told(&self, delta: Option<i64>, complete: bool) -> Used {
        let ratio = i64::from(self.meter.ct).checked_mul(i64::from(self.meter.pt));
        let quantity = delta.zip(ratio).and_then(|(delta, ratio)| delta.checked_mul(ratio));
        match quantity {
            // A register that fell cannot tell what was used.
            Some(quantity) if quantity >= 0 => Used { quantity: Some(quantity), complete },
            _ => Used::UNKNOWN,
        }
    }

    /// What the use from a moment on costs, each part by the price in force then; rounded down to
    /// the fen once, as a row of bill lines comes to.
    pub async fn cost_since(
        &self,
        from: DateTime<Utc>,
        used: Used,
        versions: &[Tariff],
    ) -> Result<Option<i64>> {
        let Some(mut rest) = used.quantity else { return Ok(None) };
        let from = from.max(self.floor);
        let Some(mut price) = store::tariff::in_force_of(versions, from) else { return Ok(None) };
        let (mut sum, mut carry) = (0i64, Carry::NONE);
        for version in versions.iter().filter(|version| version.valid_from > from) {
            let Some(later) = self.since(version.valid_from).await?.quantity else { break };
            let part = rest.saturating_sub(later).max(0);
            (sum, carry) = charged(price.price()?, part, sum, carry)?;
            (rest, price) = (later, version);
        }
        let (sum, _) = charged(price.price()?, rest, sum, carry)?;
        Ok(Some(sum))
    }
}

fn charged(price: FlatPrice, quantity: i64, sum: i64, carry: Carry) -> Result<(i64, Carry)> {
    let charge = price.charge(quantity, carry).map_err(|error| Failure::internal(&error))?;
    Ok((sum.saturating_add(charge.amount.fen()), charge.carry))
}
