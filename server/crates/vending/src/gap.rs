//! Gaps: a meter that was not read for too long is noticed, shown, and its gap ended when it is
//! read again. Nothing here bills or reads; `backfill` asks the meter what it kept meanwhile.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    BusinessDay, ProjectId,
    plausibility::{Quality, Reading},
};
use gateway::status::LineStatus;
use serde_json::json;
use store::{
    meter,
    reading::{
        self,
        gap::{self, FILL_NONE, FILL_WANTED, Gap, NOTE_MAX},
    },
    site, work_item,
};
use uuid::Uuid;

use crate::{
    backfill,
    billing::Register,
    directory::MeterInUse,
    house::House,
    notice,
    reading::Memory,
    refusal::{Result, VendingError},
};

/// A gap is longer than so many of the meter's reading intervals …
pub const GAP_INTERVALS: i32 = 3;
/// … and never shorter than this: a bus that is busy with money is no gap.
pub const GAP_MIN: TimeDelta = TimeDelta::minutes(5);
/// A gap as long as this is a person's work.
pub const GAP_LONG: TimeDelta = TimeDelta::hours(12);
/// Gaps that are over are kept so long.
pub const GAPS_KEPT: TimeDelta = TimeDelta::days(400);
/// The most long gaps that become work in one look; the rest follows with the next.
const LONG_MAX: usize = 200;
/// The alarm and the work item of a long gap.
pub const READING_GAP: &str = "reading.gap";

/// Why a meter was not read. The names are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its gateway had no connection.
    GatewayOffline,
    /// Its gateway was there, the meter did not answer.
    MeterSilent,
    /// It answered, and its values could not be true.
    Quarantined,
    /// This server did not run.
    ServerDown,
}

impl Cause {
    fn of(name: &str) -> Cause {
        let all = [Cause::GatewayOffline, Cause::Quarantined, Cause::ServerDown];
        all.into_iter().find(|cause| cause.as_str() == name).unwrap_or(Cause::MeterSilent)
    }

    /// The stored name.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::GatewayOffline => "gateway-offline",
            Cause::MeterSilent => "meter-silent",
            Cause::Quarantined => "quarantined",
            Cause::ServerDown => "server-down",
        }
    }
}

/// From which span on two readings of a meter have a gap between them, by its reading interval.
pub fn gap_after(interval_s: i32) -> TimeDelta {
    let intervals = interval_s.max(0).saturating_mul(GAP_INTERVALS);
    TimeDelta::seconds(i64::from(intervals)).max(GAP_MIN)
}

/// A gap that lasts, as far as it has to be remembered.
#[derive(Clone, Copy, Debug)]
struct Lasting {
    cause: Cause,
    /// The last believed reading before it.
    last: Reading,
    /// A person was told.
    told: bool,
}

/// The gaps of this process's meters. Bounded by the meters: each has at most one that lasts.
pub(crate) struct Gaps {
    started_at: DateTime<Utc>,
    /// When any meter was last believed before this process started.
    heard_until: Option<DateTime<Utc>>,
    lasting: HashMap<Uuid, Lasting>,
    /// Meters whose newest value could not be true, since when.
    aside: HashMap<Uuid, DateTime<Utc>>,
}

/// A gap in the making: what is known before anybody has asked why.
pub(crate) struct Found {
    pub meter: MeterInUse,
    pub last: Reading,
    pub ended: Option<Register>,
    /// It was noted while it lasted.
    noted: bool,
}

impl Gaps {
    /// The gaps that last, as the process before left them.
    pub(crate) async fn open(house: &House, memory: &Memory) -> Result<Gaps> {
        let mut lasting = HashMap::new();
        let db = house.store().read();
        for project in site::projects(db).await? {
            let mut after = Uuid::nil();
            loop {
                let rows = gap::open_after(db, ProjectId(project.id), after).await?;
                let Some(newest) = rows.last() else { break };
                after = newest.meter_id;
                // Whether a person was told is the alarm's knowledge; it is raised once.
                let known = |row: &Gap| {
                    let last = Reading { at: row.from_at, value_milli: row.from_value };
                    let cause = Cause::of(&row.reason);
                    (row.meter_id, Lasting { cause, last, told: false })
                };
                lasting.extend(rows.iter().map(known));
            }
        }
        let heard_until = memory.values().map(|last| last.at).max();
        let started_at = house.now();
        Ok(Gaps { started_at, heard_until, lasting, aside: HashMap::new() })
    }

    /// A value of the meter was put aside.
    pub(crate) fn put_aside(&mut self, meter: Uuid, at: DateTime<Utc>) {
        self.aside.insert(meter, at);
    }

    /// A value of the meter was believed: the gap it ends, if there was one.
    pub(crate) fn heard(
        &mut self,
        meter: &MeterInUse,
        last: Option<&Reading>,
        read: Register,
    ) -> Option<Found> {
        if let Some(lasting) = self.lasting.get(&meter.id.0) {
            let (meter, last) = (meter.clone(), lasting.last);
            return Some(Found { meter, last, ended: Some(read), noted: true });
        }
        let last = *last?;
        if read.at - last.at > gap_after(meter.interval_s) {
            let meter = meter.clone();
            return Some(Found { meter, last, ended: Some(read), noted: false });
        }
        if !self.aside.is_empty() {
            self.aside.remove(&meter.id.0);
        }
        None
    }

    /// Meters that have not been believed for too long and of which that was not known, or whose
    /// cause is another by now.
    pub(crate) fn missing(&self, house: &House, memory: &Memory) -> Vec<Found> {
        let now = house.now();
        let owned = house.settings().many_nodes.then(|| house.owned().ids());
        let lines = Lines::of(house);
        let mut found = Vec::new();
        for meter in house.meters().values() {
            if owned.as_ref().is_some_and(|ids| !ids.contains(&meter.gateway)) {
                continue;
            }
            let key = (meter.id.0, meter.epoch, meter.billed.code());
            let Some(last) = memory.get(&key) else { continue };
            if now - last.at <= gap_after(meter.interval_s) {
                continue;
            }
            let known = self.lasting.get(&meter.id.0);
            let again = known.is_some_and(|known| {
                known.cause == Cause::ServerDown
                    && self.cause(&lines, meter, last, None, now) != Cause::ServerDown
            });
            if known.is_none() || again {
                let (meter, last) = (meter.clone(), known.map_or(*last, |known| known.last));
                found.push(Found { meter, last, ended: None, noted: again });
            }
        }
        found
    }

    fn cause(
        &self,
        lines: &Lines,
        meter: &MeterInUse,
        last: &Reading,
        ended: Option<Register>,
        now: DateTime<Utc>,
    ) -> Cause {
        if self.aside.get(&meter.id.0).is_some_and(|at| *at > last.at) {
            return Cause::Quarantined;
        }
        let patience = gap_after(meter.interval_s);
        // The server was away, the meter was read until then, and had no time to be read since.
        let away = self.heard_until.is_some_and(|heard| {
            last.at < self.started_at
                && self.started_at - heard > GAP_MIN
                && heard - last.at <= patience
        });
        if away && (ended.is_some() || now - self.started_at <= patience) {
            return Cause::ServerDown;
        }
        match lines.connected_throughout(meter.gateway.0, last.at) {
            true => Cause::MeterSilent,
            false => Cause::GatewayOffline,
        }
    }

    /// Stores what was found, with its causes; those that ended ask for what the meter kept.
    pub(crate) async fn note(&mut self, house: &House, found: Vec<Found>) -> Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let (now, lines) = (house.now(), Lines::of(house));
        let mut found = match house.settings().many_nodes {
            true => still_true(house, found).await?,
            false => found,
        };
        while !found.is_empty() {
            let rest = found.split_off(found.len().min(NOTE_MAX));
            let part = std::mem::replace(&mut found, rest);
            let rows = part.iter().map(|one| self.row(house, &lines, one, now));
            let rows = rows.collect::<Vec<_>>();
            self.write(house, &part, rows.clone()).await?;
            for (one, row) in part.iter().zip(rows) {
                if one.ended.is_none() {
                    let (cause, last) = (Cause::of(&row.reason), one.last);
                    self.lasting.insert(one.meter.id.0, Lasting { cause, last, told: false });
                } else {
                    self.lasting.remove(&one.meter.id.0);
                    self.aside.remove(&one.meter.id.0);
                }
            }
        }
        Ok(())
    }

    fn row(&self, house: &House, lines: &Lines, one: &Found, now: DateTime<Utc>) -> Gap {
        // The first cause stands, unless it was that the server did not run.
        let known = self.lasting.get(&one.meter.id.0).map(|known| known.cause);
        let known = known.filter(|cause| one.ended.is_some() || *cause != Cause::ServerDown);
        let seen = || self.cause(lines, &one.meter, &one.last, one.ended, now);
        let wanted = one.ended.is_some_and(|read| {
            let midnight = BusinessDay::of(read.at).start();
            let profile = house.gateway().profiles().get(&one.meter.profile);
            midnight > one.last.at && profile.is_some_and(|profile| profile.freezes())
        });
        Gap {
            project_id: one.meter.project.0,
            meter_id: one.meter.id.0,
            item: one.meter.billed.code(),
            from_at: one.last.at,
            from_value: one.last.value_milli,
            to_at: one.ended.map(|read| read.at),
            to_value: one.ended.map(|read| read.value),
            reason: known.unwrap_or_else(seen).as_str().to_owned(),
            noticed_at: now,
            back_fill: if wanted { FILL_WANTED } else { FILL_NONE }.to_owned(),
            filled_at: None,
            filled_value: None,
        }
    }

    async fn write(&self, house: &House, part: &[Found], rows: Vec<Gap>) -> Result<()> {
        let now = house.now();
        let fills = part.iter().zip(&rows).filter(|(_, row)| row.back_fill == FILL_WANTED);
        let fills = fills.map(|(one, row)| (one.meter.clone(), row.clone())).collect::<Vec<_>>();
        let long = |one: &&Found| one.ended.is_some_and(|read| read.at - one.last.at > GAP_LONG);
        let over = part.iter().filter(long);
        let over = over.flat_map(|one| subjects(&one.meter)).collect::<Vec<_>>();
        let inner = house.clone();
        house
            .store()
            .transact(move |tx| {
                Box::pin(async move {
                    gap::note(tx, &rows).await?;
                    for (meter, row) in &fills {
                        backfill::enqueue(tx, &inner, meter, row, fills.len()).await?;
                    }
                    for (project, _, subject) in &over {
                        let back = "the meter is read again";
                        work_item::clear(tx, *project, READING_GAP, subject, now).await?;
                        let kind = READING_GAP;
                        work_item::close_about(tx, *project, kind, subject, back, now).await?;
                    }
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }

    /// Tells a person of gaps that have become long: one item for a meter, one for a gateway whose
    /// meters all miss because it is away.
    pub(crate) async fn tell(&mut self, house: &House) -> Result<()> {
        let (now, meters) = (house.now(), house.meters());
        let long = |lasting: &Lasting| {
            let answered_for = lasting.told || lasting.cause == Cause::ServerDown;
            !answered_for && now - lasting.last.at > GAP_LONG
        };
        let untold = self.lasting.iter_mut().filter(|(_, lasting)| long(lasting)).take(LONG_MAX);
        for (id, lasting) in untold {
            if let Some(meter) = meters.get(id) {
                tell_of(house, meter, lasting.cause, lasting.last.at).await?;
            }
            lasting.told = true;
        }
        Ok(())
    }
}

/// Where several processes share the database another one may have read the meter meanwhile.
async fn still_true(house: &House, found: Vec<Found>) -> Result<Vec<Found>> {
    let (now, mut kept) = (house.now(), Vec::with_capacity(found.len()));
    for mut one in found {
        if one.noted {
            kept.push(one);
            continue;
        }
        let (project, id) = (one.meter.project, one.meter.id);
        let item = one.meter.billed.code();
        let newest = reading::latest(house.store().read(), project, id, item).await?;
        if let Some(newest) = newest.filter(|row| row.quality == Quality::Good.code()) {
            one.last = Reading { at: newest.at, value_milli: newest.value };
        }
        let until = one.ended.map_or(now, |read| read.at);
        if until - one.last.at > gap_after(one.meter.interval_s) {
            kept.push(one);
        }
    }
    Ok(kept)
}

/// What a long gap of a meter may have been told about: the meter, or its gateway.
fn subjects(meter: &MeterInUse) -> [(ProjectId, &'static str, String); 2] {
    [
        (meter.project, "meter", meter.id.to_string()),
        (meter.project, "gateway", meter.gateway.to_string()),
    ]
}

async fn tell_of(
    house: &House,
    meter: &MeterInUse,
    cause: Cause,
    from: DateTime<Utc>,
) -> Result<()> {
    let [of_meter, of_gateway] = subjects(meter);
    let away = cause == Cause::GatewayOffline;
    let (project, kind, subject) = if away { of_gateway } else { of_meter };
    let row = meter::by_id(house.store().read(), project, meter.id).await?;
    let meter_no = row.map(|row| row.meter_no);
    let detail = json!({ "meter_no": meter_no, "not_read_since": from, "reason": cause.as_str() });
    let alarm = work_item::Alarm {
        project_id: project.0,
        id: domain::CommandId::generate(house.clock(), house.rng()).0,
        kind: READING_GAP.to_owned(),
        subject_kind: kind.to_owned(),
        subject_id: subject.clone(),
        raised_at: house.now(),
        cleared_at: None,
        detail: detail.to_string(),
    };
    let titles = match away {
        true => ("网关下的表计超过 12 小时没有抄到", "Its meters were not read for 12 hours"),
        false => ("表计超过 12 小时没有可信读数", "The meter was not read for 12 hours"),
    };
    let item =
        notice::work_item_about(house, project, (kind, subject), READING_GAP, titles, &detail);
    house
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                if work_item::raise(tx, alarm).await? {
                    work_item::open(tx, item).await?;
                }
                Ok::<_, VendingError>(())
            })
        })
        .await
}

/// The lines as they are now, by gateway.
struct Lines(HashMap<Uuid, LineStatus>);

impl Lines {
    fn of(house: &House) -> Lines {
        let status = house.gateway().status();
        Lines(status.into_iter().map(|line| (line.gateway, line)).collect())
    }

    /// Whether the gateway has been connected ever since a moment.
    fn connected_throughout(&self, gateway: Uuid, since: DateTime<Utc>) -> bool {
        let line = self.0.get(&gateway).filter(|line| line.remote.is_some());
        line.and_then(|line| line.since).is_some_and(|at| at <= since)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::{GatewayId, MeterId};
    use gateway::Item;

    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    /// A line that was connected at this minute, or is not connected.
    fn line(connected: Option<i64>) -> LineStatus {
        LineStatus {
            gateway: Uuid::nil(),
            remote: connected.map(|_| ([127, 0, 0, 1], 1).into()),
            since: Some(at(connected.unwrap_or(0))),
            contested: false,
            waiting: 0,
            meters: 1,
            silent: 0,
            answers: 0,
            failures: 0,
            busy: Duration::ZERO,
        }
    }

    #[test]
    fn a_gap_has_the_cause_that_came_first() {
        use Cause::{GatewayOffline, MeterSilent, Quarantined, ServerDown};
        let meter = MeterInUse {
            epoch: 1,
            project: ProjectId(1),
            id: MeterId(Uuid::nil()),
            gateway: GatewayId(Uuid::nil()),
            room: None,
            profile: "dlt645-2007-prepaid".into(),
            interval_s: 900,
            billed: Item::ForwardEnergy,
            platform_held: false,
        };
        // Last read, line connected since, put aside, others last heard and this process started,
        // now, cause; all in minutes, and patience is 45 of them.
        let table = [
            (500, Some(0), None, None, 100, 560, MeterSilent),
            (500, Some(520), None, None, 100, 560, GatewayOffline),
            (500, None, None, None, 100, 560, GatewayOffline),
            (500, Some(0), Some(540), None, 100, 560, Quarantined),
            (500, Some(0), Some(490), None, 100, 560, MeterSilent),
            (500, Some(701), None, Some(505), 700, 720, ServerDown),
            (500, Some(701), None, Some(505), 700, 746, GatewayOffline),
            (300, Some(701), None, Some(505), 700, 720, GatewayOffline),
            (500, Some(0), None, Some(505), 509, 560, MeterSilent),
        ];
        for (last, connected, aside, heard, started, now, want) in table {
            let gaps = Gaps {
                started_at: at(started),
                heard_until: heard.map(at),
                lasting: HashMap::new(),
                aside: aside.map(|minute| (Uuid::nil(), at(minute))).into_iter().collect(),
            };
            let lines = Lines([(Uuid::nil(), line(connected))].into_iter().collect());
            let read = Reading { at: at(last), value_milli: 0 };
            let got = gaps.cause(&lines, &meter, &read, None, at(now));
            assert_eq!(got, want, "{last} {connected:?} {aside:?} {heard:?} {started} {now}");
        }
    }
}
