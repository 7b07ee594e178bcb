//! The meters in use, as much of each as has to be at hand for every reading of a large site.
//!
//! Goal R4: a hundred thousand of them, so no row of the store is kept and no text twice.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use domain::{GatewayId, MeterId, MoneyModel, ProjectId};
use gateway::Item;
use store::meter::Meter;
use uuid::Uuid;

use crate::reading::billed_item;

/// A meter in use.
#[derive(Clone, Debug)]
pub struct MeterInUse {
    /// Its site.
    pub project: ProjectId,
    /// The meter.
    pub id: MeterId,
    /// Which meter in this place it is, counted from one.
    pub epoch: i32,
    /// The gateway it hangs on.
    pub gateway: GatewayId,
    /// The room it measures.
    pub room: Option<Uuid>,
    /// Its model; one text for all meters of the model.
    pub profile: Arc<str>,
    /// How often it is read, in seconds.
    pub interval_s: i32,
    /// The register it is billed by.
    pub billed: Item,
    /// The platform keeps its tenant's money: its readings are billed.
    pub platform_held: bool,
}

/// The meters in use, by the key the gateway names them with.
#[derive(Debug, Default)]
pub struct Directory {
    meters: HashMap<Uuid, MeterInUse>,
    profiles: HashSet<Arc<str>>,
}

impl Directory {
    /// Enters meters as they are stored.
    pub fn enter(&mut self, rows: &[Meter]) {
        self.meters.reserve(rows.len());
        for row in rows {
            let profile = match self.profiles.get(row.profile.as_str()) {
                Some(known) => Arc::clone(known),
                None => {
                    let name: Arc<str> = row.profile.as_str().into();
                    self.profiles.insert(Arc::clone(&name));
                    name
                }
            };
            let meter = MeterInUse {
                project: row.project(),
                id: row.meter_id(),
                epoch: row.epoch,
                gateway: row.gateway(),
                room: row.room_id,
                profile,
                interval_s: row.reading_interval_s,
                billed: billed_item(row),
                platform_held: matches!(row.money_model(), Ok(MoneyModel::PlatformHeld)),
            };
            self.meters.insert(row.id, meter);
        }
    }

    /// A meter in use.
    pub fn get(&self, meter: &Uuid) -> Option<&MeterInUse> {
        self.meters.get(meter)
    }

    /// All of them.
    pub fn values(&self) -> impl Iterator<Item = &MeterInUse> {
        self.meters.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_at_hand_takes_a_hundred_bytes_and_no_text_of_its_own() {
        assert!(std::mem::size_of::<MeterInUse>() <= 104, "{}", std::mem::size_of::<MeterInUse>());
    }
}
