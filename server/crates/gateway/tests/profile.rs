//! Profiles: what is built in loads, what is wrong is refused with the place and what is allowed.

use std::fs;

use domain::{MoneyModel, Purpose};
use gateway::{item::Item, profile::Profiles};

#[test]
fn the_built_in_profiles_say_who_keeps_the_money() {
    let profiles = Profiles::embedded().expect("built-in profiles");
    let table = [
        ("dlt645-2007-prepaid", MoneyModel::MeterHeld, Purpose::Electricity, true),
        ("dlt645-2007-remote-fee", MoneyModel::PlatformHeld, Purpose::Electricity, false),
        ("dlt645-1997-read-only", MoneyModel::PlatformHeld, Purpose::Electricity, false),
        ("acrel-ddsy1352", MoneyModel::PlatformHeld, Purpose::Electricity, false),
        ("eastron-sdm530y", MoneyModel::PlatformHeld, Purpose::Electricity, false),
        ("cjt188-valve-water", MoneyModel::PlatformHeld, Purpose::Water, false),
    ];
    for (name, money, purpose, counts) in table {
        let profile = profiles.get(name).expect(name);
        let found = (profile.money, profile.purpose, profile.supports_count_readback());
        assert_eq!(found, (money, purpose, counts), "{name}");
    }
    assert_eq!(profiles.iter().count(), table.len());
}

#[test]
fn a_plan_asks_for_the_fewest_reads() {
    use Item::*;
    let profiles = Profiles::embedded().expect("built-in profiles");
    let table: &[(&str, &[Item], Result<usize, Item>)] = &[
        ("dlt645-2007-prepaid", &[ForwardEnergy], Ok(1)),
        ("dlt645-2007-prepaid", &[ForwardEnergy, ForwardEnergyPeak], Ok(1)),
        ("dlt645-2007-prepaid", &[RelayState, KeepPower], Ok(1)),
        ("dlt645-2007-prepaid", &[PurchaseCount, LastPurchaseAmount], Ok(2)),
        ("dlt645-2007-prepaid", &[Volume], Err(Volume)),
        ("dlt645-1997-read-only", &[Clock], Ok(2)),
        ("acrel-ddsy1352", &[ForwardEnergy], Ok(1)),
        ("acrel-ddsy1352", &[ForwardEnergy, VoltageA, CurrentA], Ok(1)),
        ("cjt188-valve-water", &[Volume, ValveState, Clock], Ok(1)),
    ];
    for (name, items, want) in table {
        let got = profiles.get(name).expect(name).plan(items);
        assert_eq!(&got.as_ref().map(Vec::len).map_err(|i| *i), want, "{name} {items:?}");
    }
    // The short read wins when it is enough.
    let acrel = profiles.get("acrel-ddsy1352").expect("acrel");
    assert_eq!(acrel.plan(&[ForwardEnergy]), Ok(vec![0]));
}

const GOOD: &str = r#"
name = "x"
title = { zh = "x", en = "x" }
protocol = "dlt645-2007"
purpose = "electricity"
money = "platform-held"
max_rate = 60000
[[read]]
identifier = "00010000"
values = [{ item = "forward-energy", format = "bcd", bytes = 4, multiply = 10 }]
"#;

#[test]
fn a_wrong_profile_is_refused_with_file_key_value_and_what_is_allowed() {
    let table: &[(&str, &str, &[&str])] = &[
        ("max_rate", "max_rte", &["x.toml", "unknown field `max_rte`", "expected one of"]),
        ("\"bcd\"", "\"bdc\"", &["x.toml", "line 10", "`bdc`", "expected one of", "`bcd`"]),
        ("\"forward-energy\"", "\"energy\"", &["unknown variant `energy`", "`reverse-energy`"]),
        ("platform-held", "bank-held", &["line 6", "\"bank-held\"", "`meter-held`"]),
        ("platform-held", "meter-held", &["top_up.form", "None", "`none` with `platform-held`"]),
        ("60000", "0", &["x.toml", "max_rate", "0 is not allowed", "above 0"]),
        ("60000", "\"lots\"", &["line 7", "invalid type: string \"lots\"", "u32"]),
        ("\"00010000\"", "\"9010\"", &["read[0].identifier", "4 digits", "8 hexadecimal"]),
        ("\"00010000\"", "\"0001000G\"", &["\"0001000G\"", "hexadecimal digits"]),
        (", bytes = 4", "", &["read[0].values[0].bytes", "1 to 8"]),
        ("bytes = 4", "bytes = 9", &["read[0].values[0].bytes", "9 is not allowed"]),
        ("multiply = 10", "divide = 0", &["read[0].values[0].divide", "0 is not allowed"]),
        ("name = \"x\"", "name = \"y\"", &["name", "y is not allowed", "\"x\""]),
        ("max_rate", "proof = [\"volume\"]\nmax_rate", &["proof", "volume is not allowed"]),
        ("max_rate", "identity = \"meter-number\"\nmax_rate", &["identity", "given by a read"]),
        ("max_rate", "identity = \"forward-energy\"\nmax_rate", &["identity", "names the meter"]),
        ("[[read]]", "[quirks]\npreamble = 5\n[[read]]", &["quirks.preamble", "0 to 4"]),
        ("[[read]]", "[clock]\nlevel = 2\npassword = \"12\"\n[[read]]", &["six digits"]),
        ("electricity", "steam", &["\"steam\"", "`water`"]),
    ];
    Profiles::default().add("x.toml", GOOD).expect("the good text is good");
    for (from, to, words) in table {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD, "{from} stands in the good text");
        let error = Profiles::default().add("x.toml", &text).expect_err(to).to_string();
        for word in *words {
            assert!(error.contains(word), "{to}: {word:?} is missing in: {error}");
        }
    }
}

#[test]
fn a_relay_that_cannot_be_commanded_safely_is_refused() {
    let relay = r#"[relay]
form = "dlt645-control"
commands = ["close", "trip"]
read_back = "forward-energy"
level = 2
password = "000000"
[[read]]"#;
    let table = [
        ("level = 2\n", "", "relay.level"),
        ("\"000000\"", "\"0000\"", "relay.password"),
        ("dlt645-control", "modbus-write", "relay.form"),
        ("dlt645-control", "cjt188-valve", "relay.form"),
        ("\"forward-energy\"", "\"relay-state\"", "relay.read_back"),
        ("[\"close\", \"trip\"]", "[]", "relay.commands"),
        ("level = 2", "level = 2\nregister = 1", "relay.register"),
    ];
    for (from, to, key) in table {
        let text = GOOD.replace("[[read]]", &relay.replace(from, to));
        let error = Profiles::default().add("x.toml", &text).expect_err(key).to_string();
        assert!(error.contains(key), "{key} is missing in: {error}");
    }
}

#[test]
fn a_folder_adds_models_and_one_bad_file_loads_nothing() {
    let folder = std::env::temp_dir().join(format!("yufu-profiles-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("x.toml"), GOOD).expect("a file");
    fs::write(folder.join("readme.txt"), "not a profile").expect("a file");
    let profiles = Profiles::with_folder(&folder).expect("profiles");
    assert!(profiles.get("x").is_some() && profiles.get("acrel-ddsy1352").is_some());

    fs::write(folder.join("y.toml"), "name = 1").expect("a file");
    let error = Profiles::with_folder(&folder).expect_err("y.toml is wrong").to_string();
    assert!(error.contains("y.toml"), "{error}");
    fs::remove_dir_all(&folder).expect("removed");
    assert!(Profiles::with_folder(&folder).is_err(), "a missing folder is an error");
}
