use chrono::TimeDelta;

use super::*;

/// Tuesday, 2026-11-17, 10:00 in Shanghai.
fn morning() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-17T02:00:00Z").unwrap().to_utc()
}

fn ago(seconds: i64) -> DateTime<Utc> {
    morning() - TimeDelta::seconds(seconds)
}

/// A tenant who owes 1 yuan, with everything in order.
fn owing() -> Situation {
    Situation {
        rules: TripRules {
            mode: TripMode::AtOnce,
            freshness_max: Duration::from_secs(1800),
            protected_hours: vec![Hours::of(22, 8)],
            friendly_hours: vec![Hours::of(18, 20)],
            no_trip_dates: vec![NaiveDate::from_ymd_opt(2026, 10, 1).unwrap()],
            no_trip_weekdays: [false, false, false, false, false, true, true],
            hourly_budget_project: 10,
            hourly_budget_building: 3,
        },
        balance_fen: -100,
        overdraft_fen: 0,
        balance_at: ago(5),
        credited_at: Some(ago(86_400)),
        payment_pending: false,
        vend_in_doubt: false,
        reading_at: Some(ago(30)),
        reading_quality: Quality::Good,
        reading_verified: true,
        meter_quarantined: false,
        user_protected: false,
        keep_power: false,
        supply_wanted: false,
        already_off: false,
        supply_seq: 7,
        tripped_project: 9,
        tripped_building: 2,
        clock_stepped_at: Some(ago(600)),
        migrating: false,
        safe_mode: false,
        trips_stopped: false,
        database_doubtful: false,
    }
}

#[test]
fn the_hour_of_a_cut_is_the_first_minute_the_hours_allow() {
    let rules = |mode, protected: &[Hours]| TripRules {
        mode,
        freshness_max: Duration::from_secs(1),
        protected_hours: protected.to_vec(),
        friendly_hours: Vec::new(),
        no_trip_dates: Vec::new(),
        no_trip_weekdays: [false; 7],
        hourly_budget_project: 1,
        hourly_budget_building: 1,
    };
    let night = [Hours::of(22, 8)];
    let always = [Hours::of(0, 24)];
    // The rules, now, the hour of the cut (UTC; China is eight hours ahead).
    for (rules, now, want) in [
        (rules(TripMode::AtOnce, &night), "2026-11-21T15:30:20Z", Some("2026-11-22T00:00:00Z")),
        (rules(TripMode::AtOnce, &[]), "2026-11-21T15:30:20Z", Some("2026-11-21T15:31:00Z")),
        (
            rules(TripMode::DailyAt { minute: 600 }, &night),
            "2026-11-21T04:00:00Z",
            Some("2026-11-22T02:00:00Z"),
        ),
        (rules(TripMode::AtOnce, &always), "2026-11-21T15:30:20Z", None),
        (rules(TripMode::Never, &[]), "2026-11-21T15:30:20Z", None),
    ] {
        let want: Option<DateTime<Utc>> = want.map(|text| text.parse().unwrap());
        assert_eq!(first_trip_hour(&rules, now.parse().unwrap()), want, "{now} {rules:?}");
    }
}

#[test]
fn with_every_rule_kept_a_short_lived_order_is_given() {
    let order = may_trip(&owing(), morning()).unwrap();
    assert_eq!(order.supply_seq, 7);
    assert_eq!(order.debt_fen, 100);
    let table = [(-1, false), (0, true), (60, true), (61, false)];
    for (later, alive) in table {
        assert_eq!(order.is_alive(ago(-later)), alive, "{later} s later");
    }
}

#[test]
fn each_rule_alone_forbids_a_trip() {
    use TripRefusal::*;
    type Change = fn(&mut Situation);
    let table: &[(Change, TripRefusal)] = &[
        (|s| s.trips_stopped = true, TripsStopped),
        (|s| s.safe_mode = true, SafeMode),
        (|s| s.migrating = true, Migrating),
        (|s| s.database_doubtful = true, DatabaseDoubtful),
        (|s| s.clock_stepped_at = Some(ago(599)), ClockStepped),
        (|s| s.clock_stepped_at = Some(ago(-3600)), ClockStepped),
        (|s| s.rules.mode = TripMode::Never, NeverTrips),
        (|s| s.already_off = true, AlreadyOff),
        (|s| s.balance_fen = 0, NotInArrears),
        (|s| s.overdraft_fen = 100, WithinOverdraft),
        (|s| s.user_protected = true, UserProtected),
        (|s| s.keep_power = true, KeepPower),
        (|s| s.meter_quarantined = true, MeterQuarantined),
        (|s| s.reading_at = None, NoReading),
        (|s| s.reading_quality = Quality::Estimated, ReadingDoubtful),
        (|s| s.reading_quality = Quality::Doubtful, ReadingDoubtful),
        (|s| s.reading_at = Some(ago(1801)), ReadingStale),
        (|s| s.reading_at = Some(ago(-1)), ReadingStale),
        (|s| s.reading_verified = false, ReadingNotVerified),
        (|s| s.vend_in_doubt = true, VendInDoubt),
        (|s| s.balance_at = ago(1801), BalanceStale),
        (|s| s.payment_pending = true, PaymentPending),
        (|s| s.credited_at = Some(ago(5)), CreditedSince),
        (|s| s.credited_at = Some(ago(1)), CreditedSince),
        (|s| s.supply_wanted = true, SupplyWanted),
        (|s| s.rules.no_trip_weekdays[1] = true, NoTripDay),
        (|s| s.rules.no_trip_dates.push(NaiveDate::from_ymd_opt(2026, 11, 17).unwrap()), NoTripDay),
        (|s| s.rules.protected_hours = vec![Hours::of(10, 11)], ProtectedHours),
        (|s| s.rules.friendly_hours = vec![Hours::of(10, 11)], FriendlyHours),
        (|s| s.rules.mode = TripMode::DailyAt { minute: 601 }, NotTheTime),
        (|s| s.rules.mode = TripMode::DailyAt { minute: 540 }, NotTheTime),
        (|s| s.tripped_project = 10, ProjectBudgetSpent),
        (|s| s.tripped_building = 3, BuildingBudgetSpent),
    ];
    for (change, want) in table {
        let mut situation = owing();
        change(&mut situation);
        assert_eq!(may_trip(&situation, morning()), Err(*want), "{want}");
    }
    let named: std::collections::BTreeSet<TripRefusal> = table.iter().map(|row| row.1).collect();
    assert_eq!(named.len(), TripRefusal::ALL.len(), "every refusal has a row");
}

#[test]
fn the_hour_decides_by_the_clock_on_the_wall_in_shanghai() {
    // (UTC time, refusal)
    let table = [
        ("2026-11-17T01:00:00Z", Ok(())),
        ("2026-11-16T23:59:59Z", Err(TripRefusal::ProtectedHours)),
        ("2026-11-17T00:00:00Z", Ok(())),
        ("2026-11-17T10:30:00Z", Err(TripRefusal::FriendlyHours)),
        ("2026-11-17T14:00:00Z", Err(TripRefusal::ProtectedHours)),
        // Friday evening in Greenwich is Saturday morning in Shanghai.
        ("2026-11-20T16:30:00Z", Err(TripRefusal::NoTripDay)),
        ("2026-10-01T02:00:00Z", Err(TripRefusal::NoTripDay)),
    ];
    for (text, want) in table {
        let now = DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        assert_eq!(check_hours(&owing().rules, now), want, "{text}");
    }
}

#[test]
fn every_refusal_has_its_own_words() {
    let zh: std::collections::BTreeSet<&str> = TripRefusal::ALL.iter().map(|r| r.zh()).collect();
    let en: std::collections::BTreeSet<&str> = TripRefusal::ALL.iter().map(|r| r.en()).collect();
    assert_eq!((zh.len(), en.len()), (TripRefusal::ALL.len(), TripRefusal::ALL.len()));
}

#[test]
fn warnings_deepen_with_the_balance() {
    let levels = [2000, 500, 0];
    let table = [(2000, 0), (1999, 1), (500, 1), (499, 2), (0, 2), (-1, 3)];
    for (balance, want) in table {
        assert_eq!(low_balance_level(balance, &levels), want, "{balance}");
    }
}

#[test]
fn the_amount_that_brings_the_light_back_covers_debt_use_and_minimum() {
    // (balance, unbilled use, minimum, amount)
    let table = [
        (-1250, 30, 500, 1780),
        (-1250, 0, 0, 1251),
        (0, 0, 0, 1),
        (499, 0, 500, 1),
        (500, 0, 500, 0),
        (500, 10, 500, 10),
        (100_000, 10, 500, 0),
        (i64::MIN, 0, 0, i64::MAX),
    ];
    for (balance, unbilled, minimum, want) in table {
        assert_eq!(reconnect_amount_fen(balance, unbilled, minimum), want, "{balance}");
    }
}
