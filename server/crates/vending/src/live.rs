//! A live read: what a meter says now is shown, kept and billed like what a scan brings in.

use chrono::{DateTime, Utc};
use domain::{
    MeterId, MoneyModel, ProjectId,
    plausibility::{self, Plausibility, Sample, judge_reading},
};
use gateway::Item;
use store::{
    meter::{self, FIRST_LIFE, Meter},
    meter_epoch,
    reading::{self, Quality, Reading as Row},
};

use crate::{
    billing::Register,
    house::House,
    reading::{billed_item, limits},
    refusal::{Refusal, Result},
    supply::switch::LiveReading,
};

impl House {
    /// Reads a meter now and keeps what it said. What cannot be true is neither kept nor billed;
    /// the next scan meets it and puts it before a person.
    pub async fn read_live(&self, project: ProjectId, id: MeterId) -> Result<LiveReading> {
        let live = self.read_now(project, id).await?;
        let meter = meter::by_id(self.store().read(), project, id).await?;
        let meter = meter.ok_or(Refusal::NotFound { what: "meter" })?;
        let billed = billed_item(&meter);
        let (mut rows, mut register) = (Vec::new(), None);
        for (item, value) in &live.values {
            let Some(value) = *value else { continue };
            if *item == billed {
                if !self.is_plausible(&meter, value, live.at).await? {
                    continue;
                }
                register = Some(Register::read(value, live.at));
            }
            rows.push(row(&meter, *item, value, live.at));
        }
        self.store().append_readings(rows).await?;
        if let (Some(read), MoneyModel::PlatformHeld) = (register, meter.money_model()?) {
            self.bill(project, id, read).await?;
        }
        Ok(live)
    }

    async fn is_plausible(&self, meter: &Meter, value: i64, at: DateTime<Utc>) -> Result<bool> {
        let (project, id, db) = (meter.project(), meter.meter_id(), self.store().read());
        let began = match meter.epoch > FIRST_LIFE {
            true => meter_epoch::by_epoch(db, project, id, meter.epoch - 1).await?,
            false => None,
        };
        let latest = reading::latest(db, project, id, billed_item(meter).code()).await?;
        let last = latest
            .filter(|row| row.quality == Quality::Good.code())
            .filter(|row| began.as_ref().is_none_or(|life| row.at >= life.ended_at))
            .map(|row| plausibility::Reading { at: row.at, value_milli: row.value });
        let sample = Sample { at, value_milli: Some(value), meter_clock: None };
        let judged = judge_reading(last.as_ref(), &sample, &limits(self, &meter.profile));
        Ok(judged == Plausibility::Good)
    }
}

fn row(meter: &Meter, item: Item, value: i64, at: DateTime<Utc>) -> Row {
    Row {
        project: meter.project(),
        meter: meter.meter_id(),
        item: item.code(),
        at,
        value,
        quality: Quality::Good,
        received_at: at,
    }
}
