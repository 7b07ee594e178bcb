//! When the platform may cut a supply, and what brings it back.
//!
//! Every rule of trip safety is in one pure function, so that a wrong trip would have to get past
//! this page: I12, matrix step 17, B3 and S31.

pub mod refusal;
pub use refusal::TripRefusal;
pub mod hours;
pub use hours::Hours;

use std::{fmt, str::FromStr, time::Duration};

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Timelike, Utc};

use crate::{
    business_day::china_standard_time, id::IdError, plausibility::Quality, provider::named_enum,
};

/// How long a trip command lives from the decision on; then it is dropped (matrix 17K).
pub const TRIP_LIFE: Duration = Duration::from_secs(60);
/// How long after a step of the wall clock nothing is tripped (matrix 17C).
pub const CLOCK_STEP_PAUSE: Duration = Duration::from_secs(600);
/// How long after the daily time a daily trip may still happen.
pub const DAILY_WINDOW_MINUTES: u32 = 60;

/// When a project trips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TripMode {
    /// As soon as it may.
    AtOnce,
    /// Never.
    Never,
    /// Once a day from this minute of the local day on (0 is midnight).
    DailyAt {
        /// Minute of the day, China Standard Time.
        minute: u32,
    },
}

/// What a project has decided about trips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TripRules {
    /// When to trip.
    pub mode: TripMode,
    /// How old the reading and the balance behind a trip may be.
    pub freshness_max: Duration,
    /// Hours in which nobody is tripped, whoever it is.
    pub protected_hours: Vec<Hours>,
    /// Hours in which those who run out are left on until the end (友好时段).
    pub friendly_hours: Vec<Hours>,
    /// Days without trips: holidays.
    pub no_trip_dates: Vec<NaiveDate>,
    /// Days of the week without trips, Monday first.
    pub no_trip_weekdays: [bool; 7],
    /// Trips an hour in the whole project, for all nodes together.
    pub hourly_budget_project: u32,
    /// Trips an hour in one building.
    pub hourly_budget_building: u32,
}

/// Everything a decision about one meter rests on, read from the primary in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// The project's rules.
    pub rules: TripRules,
    /// The purse in fen, holds taken off; negative is arrears.
    pub balance_fen: i64,
    /// Emergency credit in fen, at or above zero: tripped only below minus this.
    pub overdraft_fen: i64,
    /// When the balance was read.
    pub balance_at: DateTime<Utc>,
    /// When money last came into the purse, if it ever did.
    pub credited_at: Option<DateTime<Utc>>,
    /// True while a payment for this account is with a provider and may turn out paid.
    pub payment_pending: bool,
    /// True while a vend of this meter is open or in doubt.
    pub vend_in_doubt: bool,
    /// When the reading the balance was billed up to was received; `None` without one.
    pub reading_at: Option<DateTime<Utc>>,
    /// What that reading is worth.
    pub reading_quality: Quality,
    /// True when the meter has been read for this decision and agreed with the billed reading.
    pub reading_verified: bool,
    /// True while the meter or a reading of it is in quarantine.
    pub meter_quarantined: bool,
    /// True for users who are never tripped (hospital bed, elderly, by law or by hand).
    pub user_protected: bool,
    /// True while keep power (保电) is set.
    pub keep_power: bool,
    /// True while supply is wanted and not read back yet: a close is under way.
    pub supply_wanted: bool,
    /// True when the relay or valve was last read as open.
    pub already_off: bool,
    /// The number of the newest wish about this supply, see [`crate::supply`].
    pub supply_seq: u64,
    /// Trips of the project in the last hour.
    pub tripped_project: u32,
    /// Trips of the building in the last hour.
    pub tripped_building: u32,
    /// When the wall clock last jumped, if it did.
    pub clock_stepped_at: Option<DateTime<Utc>>,
    /// True while a migration runs.
    pub migrating: bool,
    /// True after a restore, until a person has ended it (matrix 20B).
    pub safe_mode: bool,
    /// True while the big red switch is thrown: no trips at all.
    pub trips_stopped: bool,
    /// True while the database is failing over or its answers are not to be trusted (17B).
    pub database_doubtful: bool,
}

named_enum! {
    /// Why a supply is cut.
    TripCause, "cause of a trip",
    /// The purse ran out: by leave of [`may_trip`], void as soon as a rule forbids it.
    Arrears = "arrears",
    /// A person wants it so: it holds until a person wants supply again, whatever is paid.
    ByHand = "by-hand",
}

/// Leave to cut one supply, short-lived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TripOrder {
    /// Why.
    pub cause: TripCause,
    /// The number of the newest wish at the decision; a newer wish makes the order void.
    pub supply_seq: u64,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// The last moment its first byte may leave.
    pub not_after: DateTime<Utc>,
    /// What is owed, in fen.
    pub debt_fen: i64,
}

/// Whether this supply may be cut now.
///
/// Invariant: no trip on stale, unverified or in-doubt data, in protected hours, for protected
/// users, or after a credit (I12); proved by `each_rule_alone_forbids_a_trip`.
pub fn may_trip(situation: &Situation, now: DateTime<Utc>) -> Result<TripOrder, TripRefusal> {
    check_house(situation, now)?;
    check_debt(situation)?;
    check_meter(situation, now)?;
    check_money(situation, now)?;
    check_hours(&situation.rules, now)?;
    if situation.tripped_project >= situation.rules.hourly_budget_project {
        return Err(TripRefusal::ProjectBudgetSpent);
    }
    if situation.tripped_building >= situation.rules.hourly_budget_building {
        return Err(TripRefusal::BuildingBudgetSpent);
    }
    Ok(TripOrder {
        cause: TripCause::Arrears,
        supply_seq: situation.supply_seq,
        decided_at: now,
        not_after: now + TRIP_LIFE,
        debt_fen: situation.balance_fen.saturating_neg(),
    })
}

fn refuse_if(is_so: bool, refusal: TripRefusal) -> Result<(), TripRefusal> {
    if is_so { Err(refusal) } else { Ok(()) }
}

/// What stops every trip of the house.
fn check_house(s: &Situation, now: DateTime<Utc>) -> Result<(), TripRefusal> {
    refuse_if(s.trips_stopped, TripRefusal::TripsStopped)?;
    refuse_if(s.safe_mode, TripRefusal::SafeMode)?;
    refuse_if(s.migrating, TripRefusal::Migrating)?;
    refuse_if(s.database_doubtful, TripRefusal::DatabaseDoubtful)?;
    let stepped = s.clock_stepped_at.is_some_and(|at| !is_past(at, CLOCK_STEP_PAUSE, now));
    refuse_if(stepped, TripRefusal::ClockStepped)?;
    refuse_if(s.rules.mode == TripMode::Never, TripRefusal::NeverTrips)
}

fn check_debt(s: &Situation) -> Result<(), TripRefusal> {
    refuse_if(s.already_off, TripRefusal::AlreadyOff)?;
    refuse_if(s.balance_fen >= 0, TripRefusal::NotInArrears)?;
    let limit = s.overdraft_fen.max(0).saturating_neg();
    refuse_if(s.balance_fen >= limit, TripRefusal::WithinOverdraft)?;
    refuse_if(s.user_protected, TripRefusal::UserProtected)?;
    refuse_if(s.keep_power, TripRefusal::KeepPower)
}

fn check_meter(s: &Situation, now: DateTime<Utc>) -> Result<(), TripRefusal> {
    refuse_if(s.meter_quarantined, TripRefusal::MeterQuarantined)?;
    let reading_at = s.reading_at.ok_or(TripRefusal::NoReading)?;
    refuse_if(s.reading_quality != Quality::Good, TripRefusal::ReadingDoubtful)?;
    refuse_if(!is_fresh(reading_at, s.rules.freshness_max, now), TripRefusal::ReadingStale)?;
    refuse_if(!s.reading_verified, TripRefusal::ReadingNotVerified)?;
    refuse_if(s.vend_in_doubt, TripRefusal::VendInDoubt)
}

fn check_money(s: &Situation, now: DateTime<Utc>) -> Result<(), TripRefusal> {
    refuse_if(!is_fresh(s.balance_at, s.rules.freshness_max, now), TripRefusal::BalanceStale)?;
    refuse_if(s.payment_pending, TripRefusal::PaymentPending)?;
    let credited = s.credited_at.is_some_and(|at| at >= s.balance_at);
    refuse_if(credited, TripRefusal::CreditedSince)?;
    refuse_if(s.supply_wanted, TripRefusal::SupplyWanted)
}

fn check_hours(rules: &TripRules, now: DateTime<Utc>) -> Result<(), TripRefusal> {
    let local = now.with_timezone(&china_standard_time());
    let minute = local.hour() * 60 + local.minute();
    let day = local.date_naive();
    let weekday = day.weekday().num_days_from_monday() as usize;
    let holiday = rules.no_trip_dates.contains(&day) || rules.no_trip_weekdays[weekday];
    refuse_if(holiday, TripRefusal::NoTripDay)?;
    let within = |hours: &[Hours]| hours.iter().any(|h| h.contains(minute));
    refuse_if(within(&rules.protected_hours), TripRefusal::ProtectedHours)?;
    refuse_if(within(&rules.friendly_hours), TripRefusal::FriendlyHours)?;
    if let TripMode::DailyAt { minute: from } = rules.mode {
        let due = (from..from.saturating_add(DAILY_WINDOW_MINUTES)).contains(&minute);
        refuse_if(!due, TripRefusal::NotTheTime)?;
    }
    Ok(())
}

/// How far ahead the hour of a cut is looked for; a rule that forbids longer names none.
const AHEAD_MAX_MINUTES: i64 = 14 * 24 * 60;

/// The first full minute after now in which the hours of a project allow a trip; `None` when they
/// never do, or not within a fortnight.
pub fn first_trip_hour(rules: &TripRules, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if rules.mode == TripMode::Never {
        return None;
    }
    let past = i64::from(now.second());
    let start =
        now - TimeDelta::seconds(past) - TimeDelta::nanoseconds(i64::from(now.nanosecond()));
    let minutes = (1..=AHEAD_MAX_MINUTES).map(|ahead| start + TimeDelta::minutes(ahead));
    minutes.into_iter().find(|at| check_hours(rules, *at).is_ok())
}

/// True when `at` lies at least `by` before `now`. A moment in the future is not past.
fn is_past(at: DateTime<Utc>, by: Duration, now: DateTime<Utc>) -> bool {
    now.signed_duration_since(at).to_std().is_ok_and(|age| age >= by)
}

/// True when `at` is not in the future and at most `max` old.
fn is_fresh(at: DateTime<Utc>, max: Duration, now: DateTime<Utc>) -> bool {
    now.signed_duration_since(at).to_std().is_ok_and(|age| age <= max)
}

impl TripOrder {
    /// A person's order to cut, which lives as short as any other; `supply_seq` is the number of
    /// the newest wish they saw.
    pub fn by_hand(supply_seq: u64, now: DateTime<Utc>) -> Self {
        TripOrder {
            cause: TripCause::ByHand,
            supply_seq,
            decided_at: now,
            not_after: now + TRIP_LIFE,
            debt_fen: 0,
        }
    }

    /// True while the order's first byte may leave: not before its decision (the clock ran
    /// backwards) and not after its end.
    pub fn is_alive(&self, now: DateTime<Utc>) -> bool {
        (self.decided_at..=self.not_after).contains(&now)
    }
}

/// Which warning a balance has earned: the number of levels it lies below, 0 for none. The order
/// of the levels does not matter.
pub fn low_balance_level(balance_fen: i64, levels_fen: &[i64]) -> usize {
    levels_fen.iter().filter(|level| balance_fen < **level).count()
}

/// The least payment in fen that brings the light back: what is owed, the use since the last
/// bill, and the project's minimum to reconnect (T9). 0 when nothing is needed.
pub fn reconnect_amount_fen(balance_fen: i64, unbilled_fen: i64, minimum_fen: i64) -> i64 {
    let rest = balance_fen.saturating_sub(unbilled_fen.max(0));
    minimum_fen.max(1).saturating_sub(rest).max(0)
}

#[cfg(test)]
mod tests;
