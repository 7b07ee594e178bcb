//! Arrears: a meter whose purse ran out is looked at, read once more, and perhaps cut off.

mod trip;
pub(crate) use trip::{SWITCHES, is_on};

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Clock, MeterId, NoticeKind, ProjectId,
    arrears::{CLOCK_STEP_PAUSE, Situation, TripRefusal, first_trip_hour},
    plausibility::{self, Plausibility, Quality, Sample, judge_reading},
    supply::Actual,
};
use gateway::{Action, Item, MeterCommand, Priority};
use store::{
    account, billing,
    meter::{self, Meter},
    order::{self, Filter},
    reading, supply, vend,
};

use crate::{
    billing::Register,
    house::House,
    job::JobEnd,
    notice::{self, fact::Fact},
    posting,
    refusal::{Refusal, Result, VendingError},
};

/// How long a look at a meter before a cut may wait for the bus.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// The hour whose trips are counted against the budgets (S31).
const BUDGET_HOUR: TimeDelta = TimeDelta::hours(1);

/// Switches an operator may throw, as settings of the site.
pub const SETTING_TRIPS_STOPPED: &str = "trips_stopped";
/// Set after a restore, until a person has ended it (20B).
pub const SETTING_SAFE_MODE: &str = "safe_mode";
/// Set while a migration runs.
pub const SETTING_MIGRATING: &str = "migrating";

impl House {
    /// The arrears job of one meter: reads it now, bills what is new, and asks every rule.
    ///
    /// Invariant: supply is cut only by leave of `may_trip`, on data read for this very decision
    /// (I12); proved by `nobody_is_cut_off_while_any_rule_forbids_it`.
    pub(crate) async fn run_arrears_job(&self, project: ProjectId, id: MeterId) -> Result<JobEnd> {
        let meter = meter::by_id(self.store().read(), project, id).await?;
        let meter = meter.ok_or(Refusal::NotFound { what: "meter" })?;
        let Some(actuator) = self.actuator(&meter) else { return Ok(JobEnd::Done) };
        let seen = self.look(&meter).await?;
        let situation = self.situation(&meter, seen).await?;
        match self.order_trip(&meter, actuator, situation).await? {
            Ok(()) => Ok(JobEnd::Done),
            Err(refusal) => {
                tracing::info!(meter = %id, why = refusal.en(), "not cut off");
                self.warn(&meter, refusal).await?;
                Ok(comes_again(refusal))
            }
        }
    }

    /// Tells the people behind a meter the hour it will be cut at, once for each such hour. Only
    /// where nothing but the hour forbids it: every other rule was asked before.
    async fn warn(&self, meter: &Meter, refusal: TripRefusal) -> Result<()> {
        use TripRefusal::{FriendlyHours, NoTripDay, NotTheTime, ProtectedHours};
        if !matches!(refusal, ProtectedHours | FriendlyHours | NoTripDay | NotTheTime) {
            return Ok(());
        }
        let now = self.now();
        let cut_at = first_trip_hour(&self.settings().trip_rules, now);
        let told = Fact::of_meter(NoticeKind::Warning, meter, now);
        let (Some(cut_at), Some(told)) = (cut_at, told) else { return Ok(()) };
        let told = Fact { cut_at: Some(cut_at), restore: true, ..told };
        let reason = format!("warning:{}:{}", meter.id, cut_at.timestamp());
        let (house, project) = (self.clone(), meter.project());
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    notice::fact::note(tx, &house, project, (&told, &reason)).await?;
                    Ok::<_, VendingError>(())
                })
            })
            .await
    }

    /// Reads the meter's register for this decision and bills what is new. `None` when it could
    /// not be read or cannot be true.
    async fn look(&self, meter: &Meter) -> Result<Option<Register>> {
        let item = if meter.purpose == "water" { Item::Volume } else { Item::ForwardEnergy };
        let command = MeterCommand {
            meter: meter.id,
            action: Action::Read(vec![item]),
            priority: Priority::Trip,
            not_after: Some(self.clock().monotonic() + LOOK_MAX),
            operator_tag: 0,
        };
        let Ok(exchange) = self.gateway().execute(command).await else { return Ok(None) };
        let Some(value) = exchange.number(item) else { return Ok(None) };
        let read = Register::read(value, self.now());
        let cursor = billing::cursor(self.store().read(), meter.project(), meter.meter_id());
        let last = cursor.await?.map(|c| plausibility::Reading { at: c.at, value_milli: c.value });
        let sample = Sample { at: read.at, value_milli: Some(value), meter_clock: None };
        let limits = crate::reading::limits(self, &meter.profile);
        if judge_reading(last.as_ref(), &sample, &limits) != Plausibility::Good {
            return Ok(None);
        }
        self.bill(meter.project(), meter.meter_id(), read).await?;
        Ok(Some(read))
    }

    async fn situation(&self, meter: &Meter, seen: Option<Register>) -> Result<Situation> {
        let db = self.store().read();
        let (project, id) = (meter.project(), meter.meter_id());
        let account = meter.account().ok_or(Refusal::MeterUnassigned)?;
        let holder = account::by_id(db, project, account).await?;
        let holder = holder.ok_or(Refusal::MeterUnassigned)?;
        let purse = posting::purse_of(account, meter.purpose()?);
        let balance = store::ledger::balance(db, project, purse).await?;
        let cursor = billing::cursor(db, project, id).await?;
        let known = supply::of_meter(db, project, id).await?;
        let saga = known.as_ref().map(crate::supply::load).transpose()?;
        let spent = supply::trips_spent(db, project, id, self.now() - BUDGET_HOUR).await?;
        let verified = match (&cursor, seen) {
            (Some(cursor), Some(seen)) => cursor.value == seen.value || cursor.at >= seen.at,
            _ => false,
        };
        Ok(Situation {
            rules: self.settings().trip_rules.clone(),
            balance_fen: balance.posted.fen(),
            overdraft_fen: self.settings().overdraft_fen,
            balance_at: self.now(),
            credited_at: None,
            payment_pending: self.payment_pending(meter).await?,
            vend_in_doubt: !vend::open(db, project, Some(id)).await?.is_empty(),
            reading_at: cursor.map(|cursor| cursor.at),
            reading_quality: if seen.is_some() { Quality::Good } else { Quality::Doubtful },
            reading_verified: verified,
            meter_quarantined: meter.is_quarantined()
                || !reading::quarantined(db, project, Some(id)).await?.is_empty(),
            user_protected: holder.protected,
            keep_power: meter.keeps_power(),
            supply_wanted: saga.as_ref().is_some_and(|saga| saga.is_being_restored()),
            already_off: saga.as_ref().is_some_and(|saga| saga.actual == Actual::Off),
            supply_seq: saga.as_ref().map_or(0, |saga| saga.seq),
            tripped_project: u32::try_from(spent.project).unwrap_or(u32::MAX),
            tripped_building: u32::try_from(spent.building).unwrap_or(u32::MAX),
            clock_stepped_at: self.clock_stepped_at(),
            migrating: self.setting_is_on(SETTING_MIGRATING).await?,
            safe_mode: self.setting_is_on(SETTING_SAFE_MODE).await?,
            trips_stopped: self.setting_is_on(SETTING_TRIPS_STOPPED).await?,
            database_doubtful: false,
        })
    }

    /// True while a payment for the meter is with a provider and may turn out paid.
    async fn payment_pending(&self, meter: &Meter) -> Result<bool> {
        let open = Filter {
            meter: Some(meter.meter_id()),
            states: vec![domain::OrderState::Placed],
            since: None,
            limit: 50,
        };
        let orders = order::list(self.store().read(), meter.project(), &open).await?;
        Ok(orders.iter().any(|order| order.channel().is_ok_and(|c| c.provider().is_some())))
    }

    /// True when a switch of the site is thrown.
    pub async fn setting_is_on(&self, key: &str) -> Result<bool> {
        let value = store::setting::get(self.store().read(), key).await?;
        Ok(value.is_some_and(|value| value == "on"))
    }
}

/// A refusal that time may lift is looked at again; the others wait for the next bill line.
fn comes_again(refusal: TripRefusal) -> JobEnd {
    use TripRefusal::*;
    match refusal {
        ProtectedHours | FriendlyHours | NoTripDay | NotTheTime | ClockStepped | SafeMode
        | Migrating | TripsStopped | ProjectBudgetSpent | BuildingBudgetSpent | PaymentPending
        | ReadingStale | ReadingDoubtful | ReadingNotVerified | NoReading | DatabaseDoubtful => {
            JobEnd::Again(Duration::from_secs(15 * 60))
        }
        _ => JobEnd::Done,
    }
}

/// Watches the wall clock against the monotonic one: the two only part when somebody sets the
/// clock (17C).
#[derive(Debug)]
pub struct ClockWatch {
    start: DateTime<Utc>,
    started: Duration,
    wall: DateTime<Utc>,
    monotonic: Duration,
    /// When the wall clock last stepped, by itself and by the monotonic one.
    stepped: Option<(DateTime<Utc>, Duration)>,
}

/// A difference between the clocks that is a step and not drift.
const STEP_MIN: TimeDelta = TimeDelta::seconds(5);

impl ClockWatch {
    /// A watch that starts now.
    pub fn new(clock: &dyn Clock) -> Self {
        let (wall, monotonic) = (clock.now(), clock.monotonic());
        ClockWatch { start: wall, started: monotonic, wall, monotonic, stepped: None }
    }

    /// Looks at both clocks; answers when the wall clock last stepped.
    pub fn look(&mut self, clock: &dyn Clock) -> Option<DateTime<Utc>> {
        let (wall, monotonic) = (clock.now(), clock.monotonic());
        let passed = monotonic.saturating_sub(self.monotonic);
        let expected = self.wall + TimeDelta::from_std(passed).unwrap_or_default();
        if (wall - expected).abs() > STEP_MIN {
            self.stepped = Some((wall, monotonic));
        }
        (self.wall, self.monotonic) = (wall, monotonic);
        self.stepped.map(|(at, _)| at)
    }

    /// True unless the wall clock stepped less than [`CLOCK_STEP_PAUSE`] ago.
    pub fn is_settled(&mut self, clock: &dyn Clock) -> bool {
        self.look(clock);
        let passed = |at: Duration| self.monotonic.saturating_sub(at);
        self.stepped.is_none_or(|(_, at)| passed(at) >= CLOCK_STEP_PAUSE)
    }

    /// The present moment by the monotonic clock, counted from the wall clock's at the start.
    pub fn steady(&self, clock: &dyn Clock) -> DateTime<Utc> {
        let passed = clock.monotonic().saturating_sub(self.started);
        self.start + TimeDelta::from_std(passed).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use domain::ManualClock;

    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_and_one_that_runs_is_not() {
        let clock = ManualClock::at("2026-11-20T06:00:00Z");
        let mut watch = ClockWatch::new(&clock);
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(watch.look(&clock), None);
        let set_to = clock.now() + TimeDelta::minutes(6);
        clock.jump_to(set_to);
        assert_eq!(watch.look(&clock), Some(set_to));
        assert!(!watch.is_settled(&clock));
        clock.advance(CLOCK_STEP_PAUSE);
        assert!(watch.is_settled(&clock));
    }

    #[test]
    fn a_steady_clock_counts_from_the_start_whatever_the_wall_clock_shows() {
        let clock = ManualClock::at("2026-11-20T06:00:00Z");
        let watch = ClockWatch::new(&clock);
        let start = clock.now();
        clock.jump_to(start + TimeDelta::days(400));
        clock.advance(Duration::from_secs(90));
        assert_eq!(watch.steady(&clock), start + TimeDelta::seconds(90));
    }
}
