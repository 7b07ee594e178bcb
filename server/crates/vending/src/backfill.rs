//! Back-fill: after a gap the meter is asked what it froze by itself meanwhile (日冻结), and its use
//! is billed up to that moment first and from there on second.
//!
//! While the asking is open nothing of the gap is billed (`billing`), so that the lines come in the
//! order of time. It ends by itself: the meter answers, cannot, or [`BACK_FILL_MAX`] is over.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    MeterId, ProjectId,
    plausibility::{
        self, CLOCK_OFF_MAX, ImpossibleReason, PhysicalLimits, Plausibility, Quality, Sample,
        judge_reading,
    },
};
use gateway::{Action, CommandFailure, Exchange, Item, MeterCommand, Priority};
use store::{
    Tx,
    meter::{self, Meter},
    reading::{
        self, Quality as Kept, Quarantined, Reading as Row,
        gap::{self, FILL_WANTED, Gap},
    },
};

use crate::{
    billing::Register,
    directory::MeterInUse,
    house::House,
    job::{self, JobEnd},
    reading::limits,
    refusal::{Refusal, Result, VendingError},
};

/// So long after a gap has ended its meter is asked; then its use is billed without.
pub const BACK_FILL_MAX: TimeDelta = TimeDelta::hours(1);
/// Meters asked at once: most hands of a process stay free for money and light.
pub const BACK_FILLS_AT_ONCE: usize = 64;
/// How long one asking waits for its bus.
const ASK_MAX: Duration = Duration::from_secs(300);
/// The wait before a meter that did not answer is asked again.
const AGAIN: Duration = Duration::from_secs(60);
/// Meters that come back together are asked one after another, so far apart.
const SPREAD_MS: u64 = 40;

/// Has a meter asked what it kept, in the transaction that notes the end of its gap. `together`
/// gaps end in it.
pub(crate) async fn enqueue(
    tx: &Tx,
    house: &House,
    meter: &MeterInUse,
    gap: &Gap,
    together: usize,
) -> Result<()> {
    let spread = SPREAD_MS.saturating_mul(together.saturating_sub(1) as u64);
    let wait = Duration::from_millis(house.rng().below(spread + 1));
    job::enqueue_back_fill(tx, house, meter, gap.from_at, wait).await
}

/// What a meter answered about its last freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frozen {
    at: DateTime<Utc>,
    value: i64,
    /// The meter's clock minus ours.
    clock_off: TimeDelta,
}

/// What is to be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    /// It lies inside the gap and between its neighbours.
    Fill,
    /// It tells nothing about the gap, or its moment cannot be believed.
    Nothing,
    /// It cannot be true.
    Aside(ImpossibleReason),
}

impl House {
    /// The back-fill job of one gap.
    ///
    /// Invariant: what a meter kept is believed only between the readings on both sides of the
    /// gap, and a span is billed once whichever comes first; proved by
    /// `a_night_without_the_gateway_is_back_filled_from_the_daily_freeze_and_billed_once`.
    pub(crate) async fn run_back_fill_job(
        &self,
        project: ProjectId,
        id: MeterId,
        from: DateTime<Utc>,
    ) -> Result<JobEnd> {
        let known = gap::by_start(self.store().read(), project, id, from).await?;
        let Some(gap) = known.filter(|gap| gap.back_fill == FILL_WANTED) else {
            return Ok(JobEnd::Done);
        };
        let meter = meter::by_id(self.store().read(), project, id).await?;
        let meter = meter.ok_or(Refusal::NotFound { what: "meter" })?;
        let over = gap.to_at.is_none_or(|to| self.now() - to > BACK_FILL_MAX);
        let Ok(_place) = self.back_fills().try_acquire() else {
            return Ok(JobEnd::Again(self.paced(AGAIN)));
        };
        let frozen = if over { None } else { self.ask_frozen(&meter).await? };
        let Some(answer) = frozen.or(over.then_some(None)) else {
            return Ok(JobEnd::Again(self.paced(AGAIN)));
        };
        let verdict =
            answer.map_or(Verdict::Nothing, |it| judge(&gap, &it, &limits(self, &meter.profile)));
        self.settle_gap(&meter, &gap, answer, verdict).await?;
        self.bill_newest(&meter).await?;
        Ok(JobEnd::Done)
    }

    /// What the meter froze last. `None`: ask again. `Some(None)`: it has nothing to tell.
    async fn ask_frozen(&self, meter: &Meter) -> Result<Option<Option<Frozen>>> {
        let ask = async |items: Vec<Item>| {
            let command = MeterCommand {
                meter: meter.id,
                action: Action::Read(items),
                priority: Priority::Background,
                not_after: Some(self.clock().monotonic() + ASK_MAX),
                operator_tag: 0,
            };
            self.gateway().execute(command).await
        };
        let first = ask(vec![Item::Clock, Item::FrozenTime, Item::FrozenEnergy]).await;
        let (exchange, now) = match first {
            Ok(exchange) => (exchange, self.now()),
            Err(CommandFailure::Unsupported(_) | CommandFailure::Refused { .. }) => {
                return Ok(Some(None));
            }
            Err(_) => return Ok(None),
        };
        // The moment once more: between the two reads a midnight may have passed.
        let Ok(again) = ask(vec![Item::FrozenTime]).await else { return Ok(None) };
        if again.number(Item::FrozenTime) != exchange.number(Item::FrozenTime) {
            return Ok(None);
        }
        Ok(Some(frozen_of(&exchange, now)))
    }

    /// Ends the asking: stores and bills what is believed, in one transaction.
    async fn settle_gap(
        &self,
        meter: &Meter,
        gap: &Gap,
        answer: Option<Frozen>,
        verdict: Verdict,
    ) -> Result<()> {
        let fill = answer.filter(|_| verdict == Verdict::Fill);
        let (house, meter, gap) = (self.clone(), meter.clone(), gap.clone());
        let aside = match (&verdict, answer) {
            (Verdict::Aside(why), Some(answer)) => Some(put_aside(self, &gap, &answer, *why)),
            _ => None,
        };
        tracing::info!(meter = %meter.id, ?verdict, "a gap was asked about");
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    if !gap::settle(tx, &gap, fill.map(|fill| (fill.at, fill.value))).await? {
                        return Ok(());
                    }
                    if let Some(aside) = aside {
                        reading::quarantine(tx, aside).await?;
                    }
                    let Some(fill) = fill else { return Ok(()) };
                    reading::append(tx, &[row_of(&meter, &gap, &fill, house.now())]).await?;
                    let read = Register { value: fill.value, at: fill.at, frozen: true };
                    crate::billing::bill_in(tx, &house, &meter, read).await?;
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }

    /// Bills up to the newest believed reading, which had to wait.
    async fn bill_newest(&self, meter: &Meter) -> Result<()> {
        let item = crate::reading::billed_item(meter).code();
        let (project, id) = (meter.project(), meter.meter_id());
        let newest = reading::latest(self.store().read(), project, id, item).await?;
        let Some(newest) = newest.filter(|row| row.quality == Quality::Good.code()) else {
            return Ok(());
        };
        let read = Register { value: newest.value, at: newest.at, frozen: false };
        self.bill(project, id, read).await?;
        Ok(())
    }
}

fn frozen_of(exchange: &Exchange, now: DateTime<Utc>) -> Option<Frozen> {
    let moment = |item: Item| exchange.number(item).and_then(|s| DateTime::from_timestamp(s, 0));
    Some(Frozen {
        at: moment(Item::FrozenTime)?,
        value: exchange.number(Item::FrozenEnergy)?,
        clock_off: moment(Item::Clock)? - now,
    })
}

/// Judges a frozen value as any reading: against the one before, and the one after against it.
fn judge(gap: &Gap, frozen: &Frozen, limits: &PhysicalLimits) -> Verdict {
    let (Some(to_at), Some(to_value)) = (gap.to_at, gap.to_value) else { return Verdict::Nothing };
    let off = frozen.clock_off.abs().to_std().unwrap_or(Duration::MAX);
    if frozen.at <= gap.from_at || frozen.at >= to_at || off > CLOCK_OFF_MAX {
        return Verdict::Nothing;
    }
    let before = plausibility::Reading { at: gap.from_at, value_milli: gap.from_value };
    let kept = plausibility::Reading { at: frozen.at, value_milli: frozen.value };
    let sample = |at, value: i64| Sample { at, value_milli: Some(value), meter_clock: None };
    let steps = [
        judge_reading(Some(&before), &sample(frozen.at, frozen.value), limits),
        judge_reading(Some(&kept), &sample(to_at, to_value), limits),
    ];
    match steps {
        [Plausibility::Good, Plausibility::Good] => Verdict::Fill,
        [Plausibility::Quarantine(why), _] | [_, Plausibility::Quarantine(why)] => {
            Verdict::Aside(why)
        }
        _ => Verdict::Nothing,
    }
}

fn row_of(meter: &Meter, gap: &Gap, fill: &Frozen, now: DateTime<Utc>) -> Row {
    Row {
        project: meter.project(),
        meter: meter.meter_id(),
        item: gap.item,
        at: fill.at,
        value: fill.value,
        quality: Kept::Good,
        received_at: now,
    }
}

fn put_aside(house: &House, gap: &Gap, answer: &Frozen, why: ImpossibleReason) -> Quarantined {
    Quarantined {
        project_id: gap.project_id,
        id: domain::CommandId::generate(house.clock(), house.rng()).0,
        meter_id: gap.meter_id,
        item: Item::FrozenEnergy.code(),
        at: answer.at,
        value: answer.value,
        reason: why.as_str().to_owned(),
        previous_value: Some(gap.from_value),
        previous_at: Some(gap.from_at),
        settled_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn a_frozen_value_is_believed_only_between_its_neighbours() {
        let gap = Gap {
            project_id: 1,
            meter_id: uuid::Uuid::nil(),
            item: 1,
            from_at: at("2026-11-20T14:00:00Z"),
            from_value: 100_000,
            to_at: Some(at("2026-11-20T22:00:00Z")),
            to_value: Some(120_000),
            reason: "gateway-offline".to_owned(),
            noticed_at: at("2026-11-20T14:30:00Z"),
            back_fill: FILL_WANTED.to_owned(),
            filled_at: None,
            filled_value: None,
        };
        let limits = PhysicalLimits {
            rate_max: 6_000,
            register_max_milli: 999_999_990,
            step_milli: 10,
            clock_off_max: CLOCK_OFF_MAX,
        };
        use ImpossibleReason::{Backwards, Jump};
        let table = [
            ("2026-11-20T16:00:00Z", 108_000, 0, Verdict::Fill),
            ("2026-11-20T16:00:00Z", 100_000, 0, Verdict::Fill),
            ("2026-11-20T16:00:00Z", 99_990, 0, Verdict::Aside(Backwards)),
            ("2026-11-20T16:00:00Z", 120_010, 0, Verdict::Aside(Jump)),
            ("2026-11-20T16:00:00Z", 119_000, 0, Verdict::Aside(Jump)),
            ("2026-11-20T21:59:00Z", 120_010, 0, Verdict::Aside(Backwards)),
            ("2026-11-20T21:59:00Z", 118_000, 0, Verdict::Aside(Jump)),
            ("2026-11-19T16:00:00Z", 90_000, 0, Verdict::Nothing),
            ("2026-11-20T14:00:00Z", 100_000, 0, Verdict::Nothing),
            ("2026-11-20T22:00:00Z", 120_000, 0, Verdict::Nothing),
            ("2026-11-20T16:00:00Z", 108_000, 601, Verdict::Nothing),
            ("2026-11-20T16:00:00Z", 108_000, -600, Verdict::Fill),
        ];
        for (moment, value, off_s, want) in table {
            let clock_off = TimeDelta::seconds(off_s);
            let frozen = Frozen { at: at(moment), value, clock_off };
            assert_eq!(judge(&gap, &frozen, &limits), want, "{moment} {value} {off_s}");
        }
    }
}
