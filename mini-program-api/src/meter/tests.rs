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

/// One row: what is known, and what the page says: state, was, reason, wanted.
type Row<'a> = (
    &'a str,
    &'a str,
    Option<u32>,
    Option<Supply>,
    Option<(i64, u32)>,
    bool,
    (&'a str, Option<&'a str>, Option<&'a str>, Option<&'a str>),
);

#[test]
fn supply_is_told_in_one_word_that_is_true() {
    let auto = "auto";
    let table: &[Row<'_>] = &[
        ("nothing known", auto, None, None, None, false, ("unknown", None, None, None)),
        ("scanned", auto, None, None, Some((state::ON, 3)), false, ("on", None, None, None)),
        (
            "tripped, and a scan before it",
            auto,
            None,
            Some(steered("off", "arrears", "off", 5)),
            Some((state::ON, 4)),
            true,
            ("off", None, Some("arrears"), None),
        ),
        (
            "a scan after it tells",
            auto,
            None,
            Some(steered("off", "arrears", "off", 5)),
            Some((state::ON, 6)),
            false,
            ("on", None, None, Some("off")),
        ),
        (
            "cut by an operator",
            auto,
            None,
            Some(steered("off", "by-hand", "off", 5)),
            None,
            false,
            ("off", None, Some("by-operator"), None),
        ),
        (
            "cut by the tenant",
            auto,
            None,
            Some(steered("off", "by-tenant", "off", 5)),
            None,
            false,
            ("off", None, Some("by-tenant"), None),
        ),
        (
            "paid, not back",
            auto,
            None,
            Some(steered("on", "credited", "off", 5)),
            None,
            false,
            ("off", None, None, Some("on")),
        ),
        (
            "waits for its button",
            auto,
            None,
            Some(steered("on", "credited", "waiting", 5)),
            None,
            false,
            ("waiting", None, None, Some("on")),
        ),
        (
            "offline keeps what it was",
            auto,
            Some(7),
            Some(steered("on", "credited", "on", 5)),
            None,
            false,
            ("offline", Some("on"), None, None),
        ),
        (
            "kept on",
            "keep-power",
            None,
            Some(steered("on", "kept", "on", 5)),
            None,
            true,
            ("kept", Some("on"), None, None),
        ),
        (
            "kept, and dark all the same",
            "keep-power",
            None,
            None,
            Some((state::OFF, 5)),
            false,
            ("off", None, None, None),
        ),
        (
            "a meter that cut itself",
            auto,
            None,
            None,
            Some((state::OFF, 5)),
            true,
            ("off", None, Some("arrears"), None),
        ),
        (
            "a stuck valve is not known",
            auto,
            None,
            None,
            Some((state::FAULT, 5)),
            false,
            ("unknown", None, None, None),
        ),
    ];
    for (name, policy, offline, row, scanned, out_of_money, want) in table {
        let meter = meter(policy);
        let seen = Seen {
            meter: &meter,
            has_switch: true,
            offline_since: offline.map(noon),
            row: row.as_ref(),
            scanned: scanned.map(|(value, minute)| (value, noon(minute))),
            out_of_money: *out_of_money,
        };
        let view = seen.view();
        let got = (
            view.state.as_str(),
            view.was.as_deref(),
            view.reason.as_deref(),
            view.wanted.as_deref(),
        );
        assert_eq!(got, *want, "{name}");
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
