use chrono::{DateTime, Utc};
use gateway::item::state;
use store::{meter::Meter, supply::Supply};
use uuid::Uuid;

use super::{supply::Seen, *};

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn noon(minute: u32) -> DateTime<Utc> {
    at("2026-11-20T04:00:00Z") + TimeDelta::minutes(i64::from(minute))
}

fn meter(policy: &str) -> Meter {
    Meter {
        project_id: 1,
        id: Uuid::nil(),
        meter_no: "1".to_owned(),
        room_id: None,
        account_id: None,
        gateway_id: Uuid::nil(),
        bus: 0,
        address: "1".to_owned(),
        profile: "dlt645-2007-remote-fee".to_owned(),
        purpose: "electricity".to_owned(),
        money_model: "platform-held".to_owned(),
        tariff_id: None,
        epoch: 1,
        purchase_count: None,
        state: "in-service".to_owned(),
        quarantine_reason: None,
        ct: 1,
        pt: 1,
        base_reading: 0,
        reading_interval_s: 900,
        supply_policy: policy.to_owned(),
        created_at: noon(0),
        version: 1,
    }
}

fn steered(desired: &str, reason: &str, actual: &str, seen: u32) -> Supply {
    Supply {
        project_id: 1,
        meter_id: Uuid::nil(),
        desired: desired.to_owned(),
        desired_reason: reason.to_owned(),
        desired_seq: 1,
        desired_at: noon(1),
        actual: actual.to_owned(),
        actual_at: Some(noon(seen)),
        order_id: None,
        state: "{}".to_owned(),
        alarm_at: None,
        restored_at: Some(noon(2)),
        version: 1,
    }
}

/// One row: its name, the policy, the minute since which the gateway is gone, what was steered
/// (desired, why, actual, minute), what a scan read, whether the money is used up; and what the
/// page says: state, was, reason, wanted.
type Row = (
    &'static str,
    &'static str,
    Option<u32>,
    Option<(&'static str, &'static str, &'static str, u32)>,
    Option<(i64, u32)>,
    bool,
    &'static str,
);

const OFF: i64 = state::OFF;
const ON: i64 = state::ON;

const TABLE: &[Row] = &[
    ("nothing known", "auto", None, None, None, false, "unknown - - -"),
    ("scanned", "auto", None, None, Some((ON, 3)), false, "on - - -"),
    (
        "a scan before the trip",
        "auto",
        None,
        Some(("off", "arrears", "off", 5)),
        Some((ON, 4)),
        true,
        "off - arrears -",
    ),
    (
        "a scan after it tells",
        "auto",
        None,
        Some(("off", "arrears", "off", 5)),
        Some((ON, 6)),
        false,
        "on - - off",
    ),
    (
        "cut by an operator",
        "auto",
        None,
        Some(("off", "by-hand", "off", 5)),
        None,
        false,
        "off - by-operator -",
    ),
    (
        "cut by the tenant",
        "auto",
        None,
        Some(("off", "by-tenant", "off", 5)),
        None,
        false,
        "off - by-tenant -",
    ),
    ("paid, not back", "auto", None, Some(("on", "credited", "off", 5)), None, false, "off - - on"),
    (
        "waits for its button",
        "auto",
        None,
        Some(("on", "credited", "waiting", 5)),
        None,
        false,
        "waiting - - on",
    ),
    (
        "offline keeps what it was",
        "auto",
        Some(7),
        Some(("on", "credited", "on", 5)),
        None,
        false,
        "offline on - -",
    ),
    ("kept on", "keep-power", None, Some(("on", "kept", "on", 5)), None, true, "kept on - -"),
    ("kept, and dark all the same", "keep-power", None, None, Some((OFF, 5)), false, "off - - -"),
    ("a meter that cut itself", "auto", None, None, Some((OFF, 5)), true, "off - arrears -"),
    (
        "a stuck valve is not known",
        "auto",
        None,
        None,
        Some((state::FAULT, 5)),
        false,
        "unknown - - -",
    ),
];

#[test]
fn supply_is_told_in_one_word_that_is_true() {
    for (name, policy, offline, row, scanned, out_of_money, want) in TABLE {
        let meter = meter(policy);
        let row = row.map(|(desired, reason, actual, seen)| steered(desired, reason, actual, seen));
        let seen = Seen {
            meter: &meter,
            has_switch: true,
            offline_since: offline.map(noon),
            row: row.as_ref(),
            scanned: scanned.map(|(value, minute)| (value, noon(minute))),
            out_of_money: *out_of_money,
        };
        let view = seen.view();
        let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let rest = [&view.was, &view.reason, &view.wanted].map(word).join(" ");
        assert_eq!(format!("{} {rest}", view.state), *want, "{name}");
    }
}

#[test]
fn a_price_is_told_with_as_many_digits_as_it_has() {
    let version = |micro_yuan| Tariff {
        project_id: 1,
        id: Uuid::nil(),
        name: "居民".to_owned(),
        purpose: "electricity".to_owned(),
        valid_from: noon(0),
        micro_yuan,
        created_at: noon(0),
    };
    let table = [
        (600_000, "electricity", "¥0.6 /度", "¥0.6 per kWh", 60_000),
        (528_300, "electricity", "¥0.5283 /度", "¥0.5283 per kWh", 52_830),
        (3_000_000, "water", "¥3 /立方米", "¥3 per m³", 300_000),
    ];
    for (micro, purpose, zh, en, milli) in table {
        let got = price_of(&version(micro), purpose);
        let got = (got.text_zh.as_str(), got.text_en.as_str(), got.fen_per_unit_milli);
        assert_eq!(got, (zh, en, milli));
    }
}

#[test]
fn how_long_the_money_lasts_is_told_only_where_something_is_used() {
    let table = [(8640, 4320, Some(14)), (0, 4320, Some(0)), (-5, 10, Some(0)), (100, 0, None)];
    for (balance, week, want) in table {
        assert_eq!(days_left(balance, week), want, "{balance}");
    }
}
