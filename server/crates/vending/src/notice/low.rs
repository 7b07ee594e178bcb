//! Little money left in meters that keep it themselves: nobody bills them, so nobody but their own
//! readings tells.

use std::collections::{HashMap, HashSet};

use domain::{NoticeKind, ProjectId, arrears::low_balance_level};
use gateway::{Item, event::Reading};
use store::{meter, reading, site};
use uuid::Uuid;

use super::fact::{Fact, note};
use crate::{
    directory::{Directory, MeterInUse},
    gap::gap_after,
    house::House,
    refusal::{Result, VendingError},
};

/// A meter that shows less than before some level of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Crossed {
    project: ProjectId,
    meter: domain::MeterId,
    level: usize,
    reading: Reading,
    fen: i64,
}

/// Below how many of the site's levels each meter last stood; one that is below none is not here,
/// so there are never more than meters in use.
#[derive(Debug, Default)]
pub(crate) struct LowBalances {
    levels: HashMap<Uuid, usize>,
}

impl LowBalances {
    /// As the meters stood when their last readings were kept.
    pub(crate) async fn open(house: &House) -> Result<Self> {
        let (db, wanted) = (house.store().read(), Item::RemainingMoney.code());
        let sites = &house.settings().notices.low_balance_fen;
        let mut levels = HashMap::new();
        for project in site::projects(db).await? {
            let mut after = Uuid::nil();
            loop {
                let rows = reading::latest_after(db, ProjectId(project.id), wanted, after).await?;
                let Some(newest) = rows.last() else { break };
                after = newest.meter_id;
                let below =
                    rows.iter().map(|row| (row.meter_id, low_balance_level(row.value, sites)));
                levels.extend(below.filter(|(_, level)| *level > 0));
            }
        }
        Ok(LowBalances { levels })
    }

    /// Has the people behind meters told that stand below a level now and did not before.
    /// `aside` are the meters of which something was just put aside: they are not believed.
    ///
    /// Invariant: of each level is told once between two top-ups, whoever restarts meanwhile;
    /// proved by `a_meter_that_keeps_the_money_tells_of_each_level_once_until_it_is_topped_up`.
    pub(crate) async fn look(
        &mut self,
        house: &House,
        scanned: &[Reading],
        aside: &HashSet<Uuid>,
    ) -> Result<()> {
        let crossed = {
            let meters = house.meters();
            self.crossed(house, &meters, scanned, aside)
        };
        for one in crossed {
            if tell(house, one).await? {
                self.levels.insert(one.meter.0, one.level);
            }
        }
        Ok(())
    }

    fn crossed(
        &mut self,
        house: &House,
        meters: &Directory,
        scanned: &[Reading],
        aside: &HashSet<Uuid>,
    ) -> Vec<Crossed> {
        let (levels, now) = (&house.settings().notices.low_balance_fen, house.now());
        let mut crossed = Vec::new();
        for reading in scanned.iter().filter(|r| r.item == Item::RemainingMoney) {
            let Some(meter) = meters.get(&reading.meter) else { continue };
            let Some(fen) = reading.value.number() else { continue };
            if meter.platform_held || aside.contains(&reading.meter) || is_old(meter, reading, now)
            {
                continue;
            }
            let level = low_balance_level(fen, levels);
            let before = self.levels.get(&reading.meter).copied().unwrap_or(0);
            if level > before {
                let (project, meter) = (meter.project, meter.id);
                crossed.push(Crossed { project, meter, level, reading: *reading, fen });
            } else if level == 0 {
                self.levels.remove(&reading.meter);
            } else {
                // A top-up that did not reach above every level: those above it count anew.
                self.levels.insert(reading.meter, level);
            }
        }
        crossed
    }
}

/// What waited too long to be told says nothing of now.
fn is_old(meter: &MeterInUse, reading: &Reading, now: chrono::DateTime<chrono::Utc>) -> bool {
    now - reading.at > gap_after(meter.interval_s)
}

/// Notes the fact; `false` where the meter is not believed just now, and its next reading counts.
async fn tell(house: &House, one: Crossed) -> Result<bool> {
    let row = meter::by_id(house.store().read(), one.project, one.meter).await?;
    let Some(row) = row.filter(|row| row.is_in_service() && !row.is_quarantined()) else {
        return Ok(false);
    };
    let Some(fact) = Fact::of_meter(NoticeKind::LowBalance, &row, one.reading.at) else {
        // Nobody lives there.
        return Ok(true);
    };
    let fact = Fact { balance_fen: Some(one.fen), ..fact };
    // The count goes up with every top-up, so what was told before one may be told again after it.
    let count = row.purchase_count.unwrap_or(0);
    let reason = format!("low-balance:{}:{}:{count}:{}", row.id, row.epoch, one.level);
    let own = house.clone();
    let noted = house.store().transact(move |tx| {
        Box::pin(async move {
            note(tx, &own, one.project, (&fact, &reason)).await?;
            Ok::<_, VendingError>(())
        })
    });
    noted.await?;
    Ok(true)
}
