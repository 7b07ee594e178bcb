//! From the words of the configuration to the values the house and the gateway work with.

use std::{path::PathBuf, time::Duration};

use chrono::NaiveDate;
use domain::{
    Money,
    arrears::{Hours, TripMode, TripRules},
};
use gateway::Timing;
use vending::Settings;

use crate::config::{Config, ConfigError};

/// Minutes of a day.
const DAY: u32 = 24 * 60;

/// The house's bounds and periods.
pub fn of(config: &Config) -> Result<Settings, ConfigError> {
    let (vending, arrears) = (&config.vending, &config.arrears);
    let wrong = |key: &str, text: &str| ConfigError::Content(format!("[arrears] {key}: {text:?}"));
    let mode = match arrears.mode.as_str() {
        "at-once" => TripMode::AtOnce,
        "never" => TripMode::Never,
        "daily" => {
            let minute = minute(&arrears.daily_at);
            TripMode::DailyAt { minute: minute.ok_or(wrong("daily_at", &arrears.daily_at))? }
        }
        other => return Err(wrong("mode", other)),
    };
    let mut protected_hours = Vec::new();
    for text in &arrears.protected_hours {
        protected_hours.push(hours(text).ok_or(wrong("protected_hours", text))?);
    }
    let mut no_trip_dates = Vec::new();
    for text in &arrears.no_trip_dates {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d");
        no_trip_dates.push(date.map_err(|_| wrong("no_trip_dates", text))?);
    }
    if vending.order_min_fen < 1 || vending.order_max_fen < vending.order_min_fen {
        let text = "[vending] order_min_fen and order_max_fen do not fit together";
        return Err(ConfigError::Content(text.to_owned()));
    }
    if arrears.overdraft_fen < 0 {
        // It would cut people off who still have money.
        return Err(wrong("overdraft_fen", &arrears.overdraft_fen.to_string()));
    }
    let defaults = Settings::default();
    Ok(Settings {
        order_min: Money::from_fen(vending.order_min_fen),
        order_max: Money::from_fen(vending.order_max_fen),
        order_lifetime: Duration::from_secs(vending.order_lifetime_s),
        jobs_at_once: vending.jobs_at_once.max(1),
        trip_rules: TripRules {
            mode,
            freshness_max: Duration::from_secs(arrears.fresh_reading_s),
            protected_hours,
            no_trip_dates,
            hourly_budget_project: arrears.trips_per_hour_max,
            hourly_budget_building: arrears.trips_per_hour_building_max,
            ..defaults.trip_rules
        },
        overdraft_fen: arrears.overdraft_fen,
        reconnect_minimum_fen: arrears.reconnect_minimum_fen.max(1),
        node: config.server.node.clone(),
        many_nodes: !config.server.node.is_empty(),
        meter_passwords: password_file(config),
        pace: vending.pace_percent as f32 / 100.0,
        ..defaults
    })
}

/// The file of meters' own passwords, if one is named.
pub fn password_file(config: &Config) -> Option<PathBuf> {
    let file = &config.gateway.passwords_file;
    (!file.is_empty()).then(|| PathBuf::from(file))
}

/// The buses' times at the configured pace.
pub fn timing(config: &Config) -> Timing {
    let percent = config.gateway.pace_percent.clamp(1, 1_000);
    let paced = |time: Duration| time * percent / 100;
    let real = Timing::default();
    Timing {
        path: paced(real.path),
        read_margin: paced(real.read_margin),
        turnaround_per_mille: real.turnaround_per_mille * percent / 100,
        gap: paced(real.gap),
        broadcast_pause: paced(real.broadcast_pause),
        exchange_max: paced(real.exchange_max),
        first_poll_within: Duration::from_secs(config.gateway.first_poll_max_s),
        ..real
    }
}

/// `HH:MM` as minutes since midnight.
fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    let (hour, minute): (u32, u32) =
        (two(hour).then(|| hour.parse().ok())??, two(minute).then(|| minute.parse().ok())??);
    let total = hour * 60 + minute;
    (minute < 60 && total <= DAY).then_some(total)
}

/// `HH:MM-HH:MM`.
fn hours(text: &str) -> Option<Hours> {
    let (from, to) = text.split_once('-')?;
    Some(Hours { from_minute: minute(from.trim())?, to_minute: minute(to.trim())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_configuration_are_usable() {
        let settings = of(&Config::default()).unwrap();
        assert_eq!(settings.trip_rules.protected_hours, [Hours::of(22, 8)]);
        assert_eq!(settings.order_lifetime, Duration::from_secs(900));
        assert_eq!(timing(&Config::default()).path, Timing::default().path);
    }

    #[test]
    fn what_is_no_time_or_mode_is_refused_and_named() {
        type Row = (&'static str, fn(&mut Config));
        let table: &[Row] = &[
            ("mode", |c| c.arrears.mode = "sometimes".to_owned()),
            ("daily_at", |c| {
                c.arrears.mode = "daily".to_owned();
                c.arrears.daily_at = "25:00".to_owned();
            }),
            ("protected_hours", |c| c.arrears.protected_hours = vec!["22-8".to_owned()]),
            ("no_trip_dates", |c| c.arrears.no_trip_dates = vec!["tomorrow".to_owned()]),
            ("order_min_fen", |c| c.vending.order_min_fen = 0),
        ];
        for (key, change) in table {
            let mut config = Config::default();
            change(&mut config);
            let error = of(&config).unwrap_err().to_string();
            assert!(error.contains(key), "{key}: {error}");
        }
    }

    #[test]
    fn a_negative_overdraft_is_refused() {
        for (fen, fine) in [(-1, false), (i64::MIN, false), (0, true), (5_000, true)] {
            let mut config = Config::default();
            config.arrears.overdraft_fen = fen;
            let settings = of(&config);
            assert_eq!(settings.is_ok(), fine, "{fen}");
            if let Err(error) = settings {
                assert!(error.to_string().contains("overdraft_fen"), "{error}");
            }
        }
    }

    #[test]
    fn times_are_read_to_the_minute() {
        let table = [
            ("00:00", Some(0)),
            ("23:59", Some(1439)),
            ("24:00", Some(1440)),
            ("24:01", None),
            ("7:30", None),
            ("07:60", None),
            ("+1:00", None),
            ("", None),
        ];
        for (text, want) in table {
            assert_eq!(minute(text), want, "{text:?}");
        }
    }
}
