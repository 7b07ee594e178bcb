//! Use by the hour, the day or the month: from the registers, so that what nobody read stays a gap.

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use domain::{BusinessDay, Carry, MeterId};
use serde::{Deserialize, Serialize};
use store::{
    account::Account,
    meter::{FIRST_LIFE, Meter},
    meter_epoch,
    reading::{self, Point},
    tariff::{self, Tariff},
};
use utoipa::{IntoParams, ToSchema};

use crate::{
    answer::Answer,
    call::Call,
    failure::{Failure, Result},
    meter::{self, unit_of, used::register_of},
    route::{Need, Route},
};

/// The longest stretch by the hour, in days.
const HOURS_DAYS_MAX: i64 = 7;
/// The longest stretch by the day, in days.
const DAYS_MAX: i64 = 62;
/// The longest stretch by the month, in months.
const MONTHS_MAX: u32 = 12;

/// The route.
pub const ROUTES: &[Route] =
    &[Route::get("/homes/{home}/meters/{meter}/usage", "usage.show", |call| Box::pin(show(call)))
        .needs(Need::Home)
        .says("用量", "Use by hour, day or month, with the period before")
        .query::<Wanted>()
        .answers::<UsageView>(200)];

/// Which use.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// `hour` (7 days at most), `day` (62 days) or `month` (12 months, from a first to a first).
    #[param(example = "day")]
    pub by: String,
    /// The first day.
    #[param(example = "2026-11-01")]
    pub from: NaiveDate,
    /// The day after the last one.
    #[param(example = "2026-12-01")]
    pub until: NaiveDate,
}

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UsagePoint {
    /// From when.
    pub from: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
    /// How much; `null` where nobody read the meter.
    #[schema(example = 3650)]
    pub quantity: Option<i64>,
    /// What it costs, in fen.
    #[schema(example = 203)]
    pub amount_fen: Option<i64>,
    /// True where it begins or ends at a reading beside its hour.
    pub estimated: bool,
}

/// Use of a stretch of time.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UsageView {
    /// `wh` or `l`.
    #[schema(example = "wh")]
    pub unit: String,
    /// `hour`, `day` or `month`.
    #[schema(example = "day")]
    pub by: String,
    /// The moment up to which use is known.
    pub as_of: Option<DateTime<Utc>>,
    /// The whole, gaps included; `null` where nobody can tell.
    #[schema(example = 133_970)]
    pub total_quantity: Option<i64>,
    /// What the whole costs, in fen.
    #[schema(example = 10_642)]
    pub total_amount_fen: Option<i64>,
    /// The bars, oldest first.
    pub points: Vec<UsagePoint>,
    /// The bars of the period before.
    pub before: Vec<UsagePoint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Hour,
    Day,
    Month,
}

/// The beginnings of the bars from one day to another, and the end of the last one.
fn edges(by: By, from: NaiveDate, until: NaiveDate) -> Vec<DateTime<Utc>> {
    let (start, end) =
        (BusinessDay::from_date(from).start(), BusinessDay::from_date(until).start());
    let mut edges = vec![start];
    let mut number = 0u32;
    while let Some(last) = edges.last().copied().filter(|last| *last < end) {
        number += 1;
        let next = match by {
            By::Hour => last + TimeDelta::hours(1),
            By::Day => last + TimeDelta::days(1),
            By::Month => {
                let next = from.checked_add_months(Months::new(number));
                BusinessDay::from_date(next.unwrap_or(until)).start()
            }
        };
        edges.push(next.min(end));
    }
    edges
}

/// The period before one: as many months where it goes from a first to a first, else as many days.
fn before(from: NaiveDate, until: NaiveDate) -> Option<(NaiveDate, NaiveDate)> {
    let months = (until.year() - from.year()) * 12 + until.month0().cast_signed()
        - from.month0().cast_signed();
    if from.day() == 1 && until.day() == 1 {
        let months = u32::try_from(months).ok()?;
        return Some((from.checked_sub_months(Months::new(months))?, from));
    }
    Some((from.checked_sub_signed(until - from)?, from))
}

fn bounds(wish: &Wanted) -> Result<By> {
    if wish.until <= wish.from || wish.from.year() < 2000 || wish.until.year() > 2200 {
        return Err(Failure::Malformed("until"));
    }
    let days = (wish.until - wish.from).num_days();
    let firsts = wish.from.day() == 1 && wish.until.day() == 1;
    let longest = wish.from.checked_add_months(Months::new(MONTHS_MAX));
    match wish.by.as_str() {
        "hour" if days <= HOURS_DAYS_MAX => Ok(By::Hour),
        "day" if days <= DAYS_MAX => Ok(By::Day),
        "month" if firsts && longest.is_some_and(|longest| wish.until <= longest) => Ok(By::Month),
        "hour" | "day" | "month" => Err(Failure::Malformed("until")),
        _ => Err(Failure::Malformed("by")),
    }
}

async fn show(call: Call) -> Result<Answer> {
    let wish: Wanted = call.query()?;
    let by = bounds(&wish)?;
    let (account, row) = meter::own(&call.desk, call.home()?, call.id::<MeterId>("meter")?).await?;
    let earlier = before(wish.from, wish.until).ok_or(Failure::Malformed("from"))?;
    let now = call.desk.clock.now();
    let (first, last) = (edges(by, earlier.0, earlier.1), edges(by, wish.from, wish.until));
    let series = Series::read(&call, &account, &row, (first[0], last[last.len() - 1])).await?;
    let (points, total) = series.bars(&last, now)?;
    let (before, _) = series.bars(&first, now)?;
    let amounts = points.iter().filter_map(|point| point.amount_fen).sum::<i64>();
    let known = points.iter().filter_map(|point| point.quantity).sum::<i64>();
    Answer::ok(&UsageView {
        unit: unit_of(&row.purpose).to_owned(),
        by: wish.by,
        as_of: series.points.iter().rev().find(|p| p.at < last[last.len() - 1]).map(|p| p.at),
        total_quantity: total,
        // What lies in a gap has no price of its own.
        total_amount_fen: total.filter(|total| *total == known).map(|_| amounts),
        points,
        before,
    })
}

/// A meter's readings over all the meters that hung in its place, as one register that grows.
struct Series {
    points: Vec<Point>,
    versions: Vec<Tariff>,
    ratio: i64,
    floor: DateTime<Utc>,
    interval: TimeDelta,
}

impl Series {
    async fn read(
        call: &Call,
        account: &Account,
        meter: &Meter,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Series> {
        let db = call.desk.house.store().read();
        let (project, id) = (meter.project(), meter.meter_id());
        let interval = TimeDelta::seconds(i64::from(meter.reading_interval_s).max(60));
        let floor = account.opened_at;
        let (from, until) = ((from - interval * 2).max(floor), until + interval * 2);
        let item = register_of(meter).code();
        let mut points = match from < until {
            true => reading::range(db, project, id, item, from, until).await?,
            false => Vec::new(),
        };
        let mut offset = 0i64;
        let mut until = None;
        for epoch in (FIRST_LIFE..meter.epoch).rev() {
            let Some(life) = meter_epoch::by_epoch(db, project, id, epoch).await? else { break };
            if life.ended_at <= from {
                break;
            }
            shift(&mut points, (Some(life.ended_at), until), offset);
            until = Some(life.ended_at);
            let (Some(new), Some(old)) = (life.new_register, life.old_register) else {
                points.retain(|point| point.at >= life.ended_at);
                break;
            };
            offset = offset.saturating_add(new).saturating_sub(old);
        }
        shift(&mut points, (None, until), offset);
        let versions = match meter.tariff() {
            Some(tariff) => tariff::versions_of(db, project, tariff).await?,
            None => Vec::new(),
        };
        let ratio = i64::from(meter.ct).saturating_mul(i64::from(meter.pt));
        Ok(Series { points, versions, ratio, floor, interval })
    }

    /// The reading that stands for a moment: the last one before it, else the first one after it,
    /// within two periods; and whether it lies beside it.
    fn at(&self, at: DateTime<Utc>) -> Option<(i64, bool)> {
        let near = self.interval * 2;
        let split = self.points.partition_point(|point| point.at <= at);
        let earlier = split.checked_sub(1).and_then(|index| self.points.get(index));
        let fits = |point: &&Point| (point.at - at).abs() <= near;
        let found = earlier.filter(fits).or_else(|| self.points.get(split).filter(fits))?;
        Some((found.value, (found.at - at).abs() > self.interval))
    }

    /// The bars between edges, and the whole from the first known value to the last one.
    fn bars(
        &self,
        edges: &[DateTime<Utc>],
        now: DateTime<Utc>,
    ) -> Result<(Vec<UsagePoint>, Option<i64>)> {
        let (mut bars, mut carry) = (Vec::with_capacity(edges.len()), Carry::NONE);
        for pair in edges.windows(2) {
            let (from, until) = (pair[0], pair[1]);
            let mut bar =
                UsagePoint { from, until, quantity: None, amount_fen: None, estimated: false };
            // What has begun and not ended is told up to the newest reading.
            let end = if until > now { self.points.last().map(|p| p.at) } else { Some(until) };
            if let Some(end) = end.filter(|end| *end > from.max(self.floor) && from < now)
                && let (Some(a), Some(b)) = (self.at(from.max(self.floor)), self.at(end))
            {
                bar.quantity = self.used(a.0, b.0);
                bar.estimated = a.1 || b.1;
                bar.amount_fen = self.cost((from, end), bar.quantity, &mut carry)?;
            }
            bars.push(bar);
        }
        let (first, last) = (edges[0].max(self.floor), edges[edges.len() - 1].min(now));
        let inside = |point: &&Point| point.at >= first && point.at <= last;
        let start = self.at(first).map(|(value, _)| value);
        let start = start.or_else(|| self.points.iter().find(inside).map(|point| point.value));
        let end = self.at(last).map(|(value, _)| value);
        let end = end.or_else(|| self.points.iter().rev().find(inside).map(|point| point.value));
        Ok((bars, start.zip(end).and_then(|(start, end)| self.used(start, end))))
    }

    fn used(&self, start: i64, end: i64) -> Option<i64> {
        // A register that fell cannot tell what was used.
        end.checked_sub(start).filter(|used| *used >= 0)?.checked_mul(self.ratio)
    }

    /// What a bar costs, each part by the price in force then. The part of a fen that is left over
    /// goes into the next bar, so that the bars add up.
    fn cost(
        &self,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
        quantity: Option<i64>,
        carry: &mut Carry,
    ) -> Result<Option<i64>> {
        let (Some(mut rest), Some(mut price)) =
            (quantity, tariff::in_force_of(&self.versions, from))
        else {
            return Ok(None);
        };
        let mut sum = 0i64;
        let changes = self.versions.iter().filter(|v| v.valid_from > from && v.valid_from < until);
        for version in changes {
            let (Some(mid), Some(end)) = (self.at(version.valid_from), self.at(until)) else {
                return Ok(None);
            };
            let Some(later) = self.used(mid.0, end.0) else { return Ok(None) };
            sum += charged(price, (rest - later).max(0), carry)?;
            (rest, price) = (later, version);
        }
        Ok(Some(sum + charged(price, rest, carry)?))
    }
}

fn charged(version: &Tariff, quantity: i64, carry: &mut Carry) -> Result<i64> {
    let charge = version.price()?.charge(quantity, *carry);
    let charge = charge.map_err(|error| Failure::internal(&error))?;
    *carry = charge.carry;
    Ok(charge.amount.fen())
}

/// Lifts the values of one life onto the scale of the newest one.
fn shift(
    points: &mut [Point],
    (from, until): (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    offset: i64,
) {
    let of_life = |at: DateTime<Utc>| {
        from.is_none_or(|from| at >= from) && until.is_none_or(|until| at < until)
    };
    for point in points.iter_mut().filter(|point| of_life(point.at)) {
        point.value = point.value.saturating_add(offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    #[test]
    fn the_edges_of_the_bars_are_hours_days_and_firsts_in_shanghai() {
        let hours = edges(By::Hour, day("2026-11-20"), day("2026-11-21"));
        assert_eq!((hours.len(), hours[0]), (25, at("2026-11-19T16:00:00Z")));
        assert_eq!(edges(By::Day, day("2026-11-01"), day("2026-12-01")).len(), 31);
        let months = edges(By::Month, day("2026-01-01"), day("2027-01-01"));
        assert_eq!((months.len(), months[12]), (13, at("2026-12-31T16:00:00Z")));
        let table = [
            ("2026-11-01", "2026-12-01", "2026-10-01"),
            ("2026-01-01", "2027-01-01", "2025-01-01"),
            ("2026-11-20", "2026-11-21", "2026-11-19"),
        ];
        for (from, until, want) in table {
            assert_eq!(before(day(from), day(until)), Some((day(want), day(from))));
        }
    }

    #[test]
    fn a_stretch_has_a_bound_for_each_kind_of_bar() {
        let table = [
            ("hour", "2026-11-01", "2026-11-08", true),
            ("hour", "2026-11-01", "2026-11-09", false),
            ("day", "2026-11-01", "2026-12-01", true),
            ("day", "2026-11-01", "2027-11-01", false),
            ("month", "2026-01-01", "2027-01-01", true),
            ("month", "2026-01-01", "2027-02-01", false),
            ("month", "2026-01-02", "2026-03-01", false),
            ("day", "2026-11-02", "2026-11-02", false),
            ("week", "2026-11-01", "2026-11-08", false),
        ];
        for (by, from, until, fine) in table {
            let wish = Wanted { by: by.to_owned(), from: day(from), until: day(until) };
            assert_eq!(bounds(&wish).is_ok(), fine, "{by} {from} {until}");
        }
    }

    fn series(points: &[(&str, i64)]) -> Series {
        let version = |from: &str, micro_yuan| Tariff {
            project_id: 1,
            id: uuid::Uuid::nil(),
            name: "居民".to_owned(),
            purpose: "electricity".to_owned(),
            valid_from: at(from),
            micro_yuan,
            created_at: at(from),
        };
        Series {
            points: points.iter().map(|(t, value)| Point { at: at(t), value: *value }).collect(),
            versions: vec![
                version("2026-01-01T00:00:00Z", 600_000),
                version("2026-11-20T02:00:00Z", 1_000_000),
            ],
            ratio: 1,
            floor: at("2026-11-19T16:00:00Z"),
            interval: TimeDelta::minutes(15),
        }
    }

    #[test]
    fn gaps_stay_gaps_and_the_whole_knows_what_was_used_in_them() {
        let read = series(&[
            ("2026-11-19T16:00:00Z", 1_000),
            ("2026-11-19T17:00:00Z", 1_500),
            // Nobody read it at two and three.
            ("2026-11-19T20:00:00Z", 3_000),
            ("2026-11-19T20:30:00Z", 3_100),
        ]);
        let hours = edges(By::Hour, day("2026-11-20"), day("2026-11-21"));
        let (bars, total) = read.bars(&hours, at("2026-11-19T20:40:00Z")).unwrap();
        let got: Vec<_> = bars[..6].iter().map(|bar| bar.quantity).collect();
        assert_eq!(got, [Some(500), None, None, None, Some(100), None]);
        assert_eq!(total, Some(2_100), "the gap's use is in the whole");
        assert!(bars[5..].iter().all(|bar| bar.quantity.is_none()), "the future is not zero");
    }

    #[test]
    fn a_price_that_changes_inside_a_bar_prices_each_part() {
        let read = series(&[
            ("2026-11-19T16:00:00Z", 0),
            ("2026-11-20T02:00:00Z", 5_000),
            ("2026-11-20T16:00:00Z", 7_000),
        ]);
        let days = edges(By::Day, day("2026-11-20"), day("2026-11-21"));
        let (bars, _) = read.bars(&days, at("2026-11-21T00:00:00Z")).unwrap();
        assert_eq!((bars[0].quantity, bars[0].amount_fen), (Some(7_000), Some(300 + 200)));
    }

    #[test]
    fn another_meter_in_the_same_place_goes_on_where_the_last_one_ended() {
        let mut points = vec![
            Point { at: at("2026-11-19T16:00:00Z"), value: 900_000 },
            Point { at: at("2026-11-20T10:00:00Z"), value: 1_000 },
        ];
        let change = at("2026-11-20T08:00:00Z");
        // It showed 901,000 when it was taken off, and the new one zero.
        shift(&mut points, (Some(change), None), 0);
        shift(&mut points, (None, Some(change)), 0 - 901_000);
        assert_eq!(points[1].value - points[0].value, 2_000);
    }
}
