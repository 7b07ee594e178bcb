//! What the schema alone cannot say: which keys belong together, and what makes a profile safe.

use domain::MoneyModel;

use super::{Profile, Protocol, READS_MAX, Read, Relay, RelayCommand, RelayForm, TopUpForm};
use crate::item::{Item, Unit};

/// A key whose value is not allowed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub key: String,
    pub value: String,
    pub allowed: String,
}

fn wrong(key: impl Into<String>, value: impl ToString, allowed: impl Into<String>) -> Wrong {
    Wrong { key: key.into(), value: value.to_string(), allowed: allowed.into() }
}

/// The first thing that is wrong with a profile whose file is called `stem`.
pub(super) fn check(profile: &Profile, stem: &str) -> Result<(), Wrong> {
    if profile.name != stem {
        return Err(wrong("name", &profile.name, format!("the file's name, {stem:?}")));
    }
    if profile.max_rate == 0 {
        return Err(wrong("max_rate", 0, "a number above 0"));
    }
    if profile.read.is_empty() || profile.read.len() > READS_MAX {
        return Err(wrong("read", profile.read.len(), format!("1 to {READS_MAX} reads")));
    }
    for (at, read) in profile.read.iter().enumerate() {
        check_read(profile.protocol, read, &format!("read[{at}]"))?;
    }
    if let Some(log) = &profile.purchase_log {
        if log.records == 0 || log.step == 0 || !(1..=4).contains(&log.read.len()) {
            let allowed = "records and step above 0, 1 to 4 reads";
            return Err(wrong("purchase_log", format!("{} reads", log.read.len()), allowed));
        }
        for (at, read) in log.read.iter().enumerate() {
            check_read(profile.protocol, read, &format!("purchase_log.read[{at}]"))?;
        }
    }
    if let Some(item) = profile.identity
        && !(item.unit() == Unit::Name && profile.gives(item))
    {
        return Err(wrong("identity", item, "a number that names the meter, given by a read"));
    }
    check_quirks(profile)?;
    check_money(profile)?;
    profile.relay.as_ref().map_or(Ok(()), |relay| check_relay(profile, relay))?;
    let Some(clock) = &profile.clock else { return Ok(()) };
    if profile.protocol != Protocol::Dlt645 {
        return Err(wrong("clock", "a table", "none: only DL/T 645-2007 clocks can be set"));
    }
    check_password("clock.password", &clock.password)
}

fn check_read(protocol: Protocol, read: &Read, key: &str) -> Result<(), Wrong> {
    let digits = match protocol {
        Protocol::Dlt645 => 8,
        Protocol::Dlt645V1997 | Protocol::Cjt188 => 4,
        Protocol::Modbus => 0,
    };
    let given = read.identifier.map_or(0, |identifier| identifier.digits);
    if given != digits {
        let allowed = match digits {
            0 => "none: a Modbus read has `register` and `count`".to_owned(),
            _ => format!("{digits} hexadecimal digits"),
        };
        return Err(wrong(format!("{key}.identifier"), format!("{given} digits"), allowed));
    }
    let mut room = usize::MAX;
    if protocol == Protocol::Modbus {
        let count = read.count.unwrap_or(0);
        if read.register.is_none() {
            return Err(wrong(format!("{key}.register"), "nothing", "the first register"));
        }
        if !(1..=125).contains(&count) {
            return Err(wrong(format!("{key}.count"), count, "1 to 125 registers"));
        }
        if !matches!(read.function, None | Some(3 | 4)) {
            let given = read.function.unwrap_or(0);
            return Err(wrong(format!("{key}.function"), given, "3 or 4"));
        }
        room = usize::from(count) * 2;
    } else if read.register.is_some() || read.count.is_some() || read.function.is_some() {
        let allowed = "none: registers belong to Modbus";
        return Err(wrong(format!("{key}.register"), "a number", allowed));
    }
    if read.values.is_empty() {
        return Err(wrong(format!("{key}.values"), "[]", "at least one field"));
    }
    for (at, field) in read.values.iter().enumerate() {
        let key = format!("{key}.values[{at}]");
        match (field.format.fixed_len(), field.bytes) {
            (None, Some(1..=8)) => {}
            (None, bytes) => {
                let given = bytes.unwrap_or(0);
                return Err(wrong(format!("{key}.bytes"), given, "1 to 8 with this format"));
            }
            (Some(_), None) => {}
            (Some(len), Some(bytes)) => {
                let allowed = format!("none: this format always has {len}");
                return Err(wrong(format!("{key}.bytes"), bytes, allowed));
            }
        }
        if field.at.saturating_add(field.len()) > room.min(255) {
            let allowed = format!("a field inside {} bytes", room.min(255));
            return Err(wrong(format!("{key}.at"), field.at, allowed));
        }
        if field.divide < 1 || field.multiply == 0 {
            return Err(wrong(format!("{key}.divide"), field.divide, "a number above 0"));
        }
    }
    Ok(())
}

fn check_quirks(profile: &Profile) -> Result<(), Wrong> {
    let quirks = &profile.quirks;
    if quirks.preamble > 4 {
        return Err(wrong("quirks.preamble", quirks.preamble, "0 to 4"));
    }
    if !(20..=10_000).contains(&quirks.turnaround_ms) {
        return Err(wrong("quirks.turnaround_ms", quirks.turnaround_ms, "20 to 10000"));
    }
    if quirks.max_data < 44 {
        return Err(wrong("quirks.max_data", quirks.max_data, "44 to 255"));
    }
    Ok(())
}

fn check_money(profile: &Profile) -> Result<(), Wrong> {
    let form = profile.top_up.form;
    let takes_money = form != TopUpForm::None;
    if takes_money != (profile.money == MoneyModel::MeterHeld) {
        let allowed = "a form with `money = \"meter-held\"`, `none` with `platform-held`";
        return Err(wrong("top_up.form", format!("{form:?}"), allowed));
    }
    if takes_money && profile.protocol != Protocol::Dlt645 {
        let allowed = "`none`: only DL/T 645-2007 top-ups are known";
        return Err(wrong("top_up.form", format!("{form:?}"), allowed));
    }
    if let Some(item) = profile.proof.iter().find(|item| !profile.gives(**item)) {
        return Err(wrong("proof", item, "items that a read gives"));
    }
    let need: &[Item] = match form {
        TopUpForm::None => &[],
        TopUpForm::FeeControl => &[Item::PurchaseCount, Item::LastPurchaseAmount],
        TopUpForm::OrderNumber => &[Item::RemainingMoney, Item::ForwardEnergy],
    };
    match need.iter().find(|item| !profile.proof.contains(item)) {
        Some(item) => Err(wrong("proof", format!("no {item}"), "the items that prove a top-up")),
        None => Ok(()),
    }
}

fn check_relay(profile: &Profile, relay: &Relay) -> Result<(), Wrong> {
    let fits = matches!(
        (relay.form, profile.protocol),
        (RelayForm::Dlt645Control, Protocol::Dlt645)
            | (RelayForm::ModbusWrite, Protocol::Modbus)
            | (RelayForm::Cjt188Valve, Protocol::Cjt188)
    );
    if !fits {
        let allowed = "the form of the profile's protocol";
        return Err(wrong("relay.form", format!("{:?}", relay.form), allowed));
    }
    if !profile.gives(relay.read_back) {
        return Err(wrong("relay.read_back", relay.read_back, "an item that a read gives"));
    }
    let both = [RelayCommand::Close, RelayCommand::Trip];
    let known = relay
        .commands
        .iter()
        .all(|command| relay.form == RelayForm::Dlt645Control || both.contains(command));
    if relay.commands.is_empty() || !known {
        let allowed = "commands that the form can carry";
        return Err(wrong("relay.commands", format!("{:?}", relay.commands), allowed));
    }
    let modbus = relay.form == RelayForm::ModbusWrite;
    let values = [relay.close.as_ref(), relay.trip.as_ref()];
    let written = values.iter().flatten().filter(|v| (1..=8).contains(&v.len())).count();
    if modbus && (relay.register.is_none() || written != 2) {
        let allowed = "`register`, `close` and `trip` with 1 to 8 values each";
        return Err(wrong("relay.register", "incomplete", allowed));
    }
    if !modbus && (relay.register.is_some() || values.iter().any(Option::is_some)) {
        return Err(wrong("relay.register", "given", "none: registers belong to Modbus"));
    }
    if relay.form != RelayForm::Dlt645Control {
        if relay.level.is_some() || relay.password.is_some() || relay.check_clock {
            let allowed = "none: passwords and validity belong to DL/T 645-2007";
            return Err(wrong("relay.password", "given", allowed));
        }
        return Ok(());
    }
    if relay.level.is_none() {
        return Err(wrong("relay.level", "nothing", "the level of the password"));
    }
    check_password("relay.password", relay.password.as_deref().unwrap_or("nothing"))
}

fn check_password(key: &str, password: &str) -> Result<(), Wrong> {
    if password.len() == 6 && password.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(wrong(key, format!("{} characters", password.len()), "six digits"))
}
