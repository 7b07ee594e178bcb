//! Readings: what the buses bring in is judged, kept, billed; what cannot be true is put aside.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use domain::{
    MeterId, ProjectId,
    plausibility::{
        self, CLOCK_OFF_MAX, PhysicalLimits, Plausibility, Quality, Sample, judge_reading,
    },
};
use gateway::{GatewayEvent, Item, event::Reading as Scanned};
use store::{
    meter::{self, FIRST_LIFE, Meter},
    meter_epoch,
    reading::{self, Latest, Quality as Kept, Quarantined, Reading as Row},
    site, work_item,
};
use tokio::{sync::mpsc, time::MissedTickBehavior};
use uuid::Uuid;

use crate::{
    billing::Register,
    directory::MeterInUse,
    gap::Gaps,
    house::House,
    line::{LINES_MAX, Told, note_lines},
    notice::{self, low::LowBalances},
    refusal::{Result, VendingError},
};

/// The most readings written in one transaction.
const BATCH_MAX: usize = 4_096;

/// The last believed value of a register, per meter, life and item: what another meter showed in
/// the same place is no measure of this one.
pub(crate) type Memory = HashMap<(Uuid, i32, i16), plausibility::Reading>;

/// How often somebody looks which meters have not been read.
const LOOK: Duration = Duration::from_secs(60);

/// Listens to the gateway until it is gone.
pub struct Listener {
    house: House,
    memory: Memory,
    gaps: Gaps,
    low: LowBalances,
}

impl Listener {
    /// A listener that knows what the meters last showed.
    pub async fn new(house: House) -> Result<Self> {
        let mut memory = Memory::new();
        let db = house.store().read();
        for project in site::projects(db).await? {
            let lives = meter::later_lives(db, ProjectId(project.id)).await?;
            let began = meter_epoch::began(db, ProjectId(project.id)).await?;
            let of_this_life = |latest: &Latest| {
                latest.quality == Quality::Good.code()
                    && began.get(&latest.meter_id).is_none_or(|began| latest.at >= *began)
            };
            for item in [Item::ForwardEnergy, Item::Volume] {
                let project = ProjectId(project.id);
                let mut after = Uuid::nil();
                loop {
                    let rows = reading::latest_after(db, project, item.code(), after).await?;
                    let Some(newest) = rows.last() else { break };
                    after = newest.meter_id;
                    for latest in rows.iter().filter(|latest| of_this_life(latest)) {
                        let life = lives.get(&latest.meter_id).copied().unwrap_or(FIRST_LIFE);
                        let (at, value_milli) = (latest.at, latest.value);
                        let last = plausibility::Reading { at, value_milli };
                        memory.insert((latest.meter_id, life, latest.item), last);
                    }
                }
            }
        }
        let gaps = Gaps::open(&house, &memory).await?;
        let low = LowBalances::open(&house).await?;
        Ok(Listener { house, memory, gaps, low })
    }

    /// Takes events until the gateway is gone. A batch that cannot be stored is tried again by the
    /// next scan: readings can be read again, money cannot.
    pub async fn run(mut self, mut events: mpsc::Receiver<GatewayEvent>) {
        let (mut batch, mut lines) = (Vec::new(), Vec::new());
        let mut look = tokio::time::interval(self.house.paced(LOOK));
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                _ = look.tick() => {
                    if let Err(error) = self.look().await {
                        tracing::warn!(error = %error, "gaps could not be looked for");
                    }
                    continue;
                }
            };
            let Some(event) = event else { return };
            self.take(event, &mut batch, &mut lines).await;
            // Whatever else is queued already goes into the same transaction.
            while batch.len() < BATCH_MAX && lines.len() < LINES_MAX {
                let Ok(event) = events.try_recv() else { break };
                self.take(event, &mut batch, &mut lines).await;
            }
            if let Err(error) = note_lines(&self.house, std::mem::take(&mut lines)).await {
                tracing::warn!(error = %error, "lines that came or went could not be noted");
            }
            if batch.is_empty() {
                continue;
            }
            if let Err(error) = self.store(std::mem::take(&mut batch)).await {
                tracing::warn!(error = %error, "readings could not be stored");
            }
        }
    }

    /// Looks which meters have not been read for too long.
    async fn look(&mut self) -> Result<()> {
        let found = self.gaps.missing(&self.house, &self.memory);
        self.gaps.note(&self.house, found).await?;
        self.gaps.tell(&self.house).await
    }

    async fn take(&mut self, event: GatewayEvent, batch: &mut Vec<Scanned>, lines: &mut Vec<Told>) {
        let event = match event {
            GatewayEvent::Readings(readings) => return batch.extend(readings),
            other => Told::of(other),
        };
        match event {
            Ok(told) => lines.push(told),
            Err(other) => {
                if let Err(error) = crate::line::note(&self.house, other).await {
                    tracing::warn!(error = %error, "a gateway event could not be noted");
                }
            }
        }
    }

    /// Judges and stores a batch, then bills what is to be billed.
    async fn store(&mut self, scanned: Vec<Scanned>) -> Result<()> {
        let now = self.house.now();
        let (mut rows, mut aside, mut registers) = (Vec::new(), Vec::new(), Vec::new());
        let mut found = Vec::new();
        let meters = self.house.meters();
        for reading in &scanned {
            let Some(meter) = meters.get(&reading.meter) else { continue };
            match self.judge(meter, reading) {
                Judged::Keep(row, believed) => {
                    if let Some(read) = believed {
                        let last = plausibility::Reading { at: read.at, value_milli: read.value };
                        let key = (meter.id.0, meter.epoch, reading.item.code());
                        let last = self.memory.insert(key, last);
                        if reading.item == meter.billed {
                            found.extend(self.gaps.heard(meter, last.as_ref(), read));
                            // A meter that keeps the money itself has nothing to bill: no
                            // transaction for it.
                            if meter.platform_held {
                                registers.push((meter.project, meter.id, read));
                            }
                        }
                    }
                    rows.push(row);
                }
                Judged::Aside(row) => {
                    self.gaps.put_aside(meter.id.0, reading.at);
                    aside.push(row);
                }
                Judged::Nothing => {}
            }
        }
        // Before the reading that ends a gap is kept or billed: what the meter kept comes first.
        self.gaps.note(&self.house, found).await?;
        // Before the balance is kept: after a crash the one before it says what was not told yet.
        let doubted = aside.iter().map(|row| row.meter_id).collect();
        if let Err(error) = self.low.look(&self.house, &scanned, &doubted).await {
            tracing::warn!(error = %error, "little money left could not be told");
        }
        self.house.store().append_readings(rows).await?;
        self.put_aside(aside).await?;
        for (meter, error) in self.house.bill_all(registers).await {
            tracing::warn!(meter = %meter, error = %error, "a reading could not be billed");
        }
        tracing::debug!(count = scanned.len(), age = %(self.house.now() - now), "readings stored");
        Ok(())
    }

    /// Keeps what cannot be true where a person sees it; of each meter one is told a day.
    async fn put_aside(&self, aside: Vec<Quarantined>) -> Result<()> {
        if aside.is_empty() {
            return Ok(());
        }
        tracing::warn!(count = aside.len(), "readings that cannot be true were put aside");
        let day = domain::BusinessDay::of(self.house.now()).date().to_string();
        let told = aside.iter().map(|row| told_of(&self.house, row, &day)).collect::<Vec<_>>();
        self.house
            .store()
            .transact(move |tx| {
                Box::pin(async move {
                    for row in aside {
                        reading::quarantine(tx, row).await?;
                    }
                    for item in told {
                        work_item::open_once(tx, item).await?;
                    }
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }

    fn judge(&self, meter: &MeterInUse, reading: &Scanned) -> Judged {
        let item = reading.item;
        let value = reading.value.number();
        let code = item.code();
        let row = |value: i64, quality: Kept| Row {
            project: meter.project,
            meter: meter.id,
            item: code,
            at: reading.at,
            value,
            quality,
            received_at: reading.at,
        };
        if !is_register(item) {
            return value.map_or(Judged::Nothing, |v| Judged::Keep(row(v, Kept::Good), None));
        }
        let last = self.memory.get(&(meter.id.0, meter.epoch, code));
        let clock = reading.meter_clock.and_then(|s| DateTime::<Utc>::from_timestamp(s, 0));
        let sample = Sample { at: reading.at, value_milli: value, meter_clock: clock };
        match (judge_reading(last, &sample, &limits(&self.house, &meter.profile)), value) {
            (Plausibility::Good, Some(value)) => {
                let read = Register::read(value, reading.at);
                Judged::Keep(row(value, Kept::Good), Some(read))
            }
            (Plausibility::Doubtful(_), Some(value)) => {
                Judged::Keep(row(value, Kept::Doubtful), None)
            }
            (Plausibility::Quarantine(reason), Some(value)) => Judged::Aside(Quarantined {
                project_id: meter.project.0,
                id: domain::CommandId::generate(self.house.clock(), self.house.rng()).0,
                meter_id: meter.id.0,
                item: code,
                at: reading.at,
                value,
                reason: reason.as_str().to_owned(),
                previous_value: last.map(|last| last.value_milli),
                previous_at: last.map(|last| last.at),
                settled_at: None,
            }),
            (_, None) => Judged::Nothing,
        }
    }
}

/// What a meter's plate and register allow, by its profile.
pub(crate) fn limits(house: &House, profile: &str) -> PhysicalLimits {
    let profile = house.gateway().profiles().get(profile);
    PhysicalLimits {
        rate_max: profile.map_or(i64::from(u32::MAX), |p| i64::from(p.max_rate)),
        // Eight BCD digits with two decimals, the widest register of any profile.
        register_max_milli: 999_999_990,
        step_milli: 10,
        clock_off_max: CLOCK_OFF_MAX,
    }
}

/// A meter that is not billed and not cut off until somebody has looked is told of.
fn told_of(house: &House, row: &Quarantined, day: &str) -> work_item::WorkItem {
    let (kind, meter) = ("reading.quarantined", row.meter_id.to_string());
    let detail = serde_json::json!({
        "item": row.item, "value": row.value, "reason": row.reason, "at": row.at,
        "previous_value": row.previous_value, "previous_at": row.previous_at,
    });
    let titles =
        ("读数不可信，已搁置，核对后解除隔离", "A reading cannot be true, look and release");
    let subject = ("meter", meter.clone());
    let project = ProjectId(row.project_id);
    let item = notice::work_item_about(house, project, subject, kind, titles, &detail);
    work_item::WorkItem { id: work_item::id_of(&[kind, &meter, day]).0, ..item }
}

enum Judged {
    /// To be kept; with the register when it is one that is believed.
    Keep(Row, Option<Register>),
    Aside(Quarantined),
    Nothing,
}

/// Registers only ever grow, so they can be judged; a voltage may be anything.
fn is_register(item: Item) -> bool {
    matches!(item, Item::ForwardEnergy | Item::Volume)
}

/// The register a meter is billed by.
pub(crate) fn billed_item(meter: &Meter) -> Item {
    if meter.purpose == "water" { Item::Volume } else { Item::ForwardEnergy }
}

/// The newest readings of a meter, with their ages left to the caller's clock.
pub async fn latest(house: &House, project: ProjectId, meter: MeterId) -> Result<Vec<Latest>> {
    Ok(reading::latest_of_meter(house.store().read(), project, meter).await?)
}
