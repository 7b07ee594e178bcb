//! Gateways and meters: checked as the gateway crate will check them when it runs them.

use domain::{GatewayId, MeterId};
use gateway::{
    line::Registration,
    profile::{Profile, Protocol},
};
use meter_protocol::{cjt188, dlt645};
use store::{meter::Meter, site::Gateway};
use vending::line::LineSettings;

use super::{
    cells::Cells,
    known::Found,
    plan::{Maker, file},
};

const LINKS: &[(&str, &[&str])] =
    &[("dial-in", &["拨入"]), ("dial-out", &["拨出"]), ("modbus-tcp", &["modbus tcp"])];
const FRAMINGS: &[(&str, &[&str])] = &[
    ("plain", &["透传"]),
    ("usr", &["有人"]),
    ("ebyte", &["亿佰特"]),
    ("four-faith", &["四信"]),
    ("hongdian", &["宏电"]),
    ("acrel-4g", &["安科瑞", "安科瑞4g"]),
];
const BAUDS: &[(&str, &[&str])] = &[
    ("1200", &[]),
    ("2400", &[]),
    ("4800", &[]),
    ("9600", &[]),
    ("19200", &[]),
    ("38400", &[]),
    ("57600", &[]),
    ("115200", &[]),
];
const POLICIES: &[(&str, &[&str])] =
    &[("auto", &["自动"]), ("manual", &["手动"]), ("keep-power", &["保电"])];

/// A fresh gateway as an empty row would make it.
fn blank_gateway() -> Gateway {
    Gateway {
        id: uuid::Uuid::nil(),
        project_id: 0,
        name: String::new(),
        registration: None,
        link: "dial-in".to_owned(),
        address: None,
        framing: "plain".to_owned(),
        heartbeat_s: 60,
        settings: "{}".to_owned(),
        owner: None,
        owner_token: 0,
        lease_until: None,
    }
}

/// What a row says about a meter, as far as it says anything.
struct Told {
    bus: Option<i32>,
    ct: Option<i32>,
    pt: Option<i32>,
    base_reading: Option<i64>,
    interval_s: Option<i32>,
    policy: Option<&'static str>,
}

impl Maker<'_> {
    pub fn gateway(&mut self, cells: &mut Cells<'_>) -> Option<()> {
        let project = self.project_of(cells);
        let name = cells.name("name");
        let registration = cells.matching("registration", is_registration);
        let link = cells.choice("link", LINKS);
        let address = cells.matching("address", is_address);
        let framing = cells.choice("framing", FRAMINGS);
        let heartbeat_s = cells.integer("heartbeat_s", 0..=3_600);
        let baud = cells.choice("baud", BAUDS);
        let heartbeat = cells.matching("heartbeat", |text| text.chars().count() <= 40);
        let key = (project?, name?);
        let first = self.known.gateways.mention(&key, cells.number);
        self.twice(cells, "name", first)?;
        let old = self.known.gateways.get(&key).cloned();
        let mut new = old.clone().unwrap_or_else(|| Gateway {
            id: GatewayId::generate(self.clock, self.rng).0,
            project_id: key.0,
            name: key.1.clone(),
            ..blank_gateway()
        });
        new.registration = registration.or(new.registration);
        new.link = link.map_or(new.link, ToOwned::to_owned);
        new.address = address.or(new.address);
        new.framing = framing.map_or(new.framing, ToOwned::to_owned);
        // A serial server we dial sends no heartbeat, so its silence means nothing by itself.
        let usual = if old.is_none() && new.link != "dial-in" { 0 } else { new.heartbeat_s };
        new.heartbeat_s = heartbeat_s.and_then(|s| i32::try_from(s).ok()).unwrap_or(usual);
        new.settings = settings(&new.settings, baud, heartbeat);
        self.check_line(cells, &new)?;
        file(&mut self.plan.gateways, old.as_ref(), &new, |a, b| a == b);
        self.known.put_gateway(new);
        Some(())
    }

    fn check_line(&self, cells: &mut Cells<'_>, new: &Gateway) -> Option<()> {
        let dials_in = new.link == "dial-in";
        // A cell that holds something has been complained about already.
        if dials_in && new.registration.is_none() {
            if !cells.raw("registration").is_empty() {
                return None;
            }
            cells.fault("registration", "拨入的网关须有注册号", "a modem that dials in needs one");
            return None;
        }
        if !dials_in && new.address.is_none() {
            if !cells.raw("address").is_empty() {
                return None;
            }
            cells.fault("address", "这种接入方式须有地址", "this link needs an address");
            return None;
        }
        let owner = new.registration.as_ref().and_then(|r| self.known.registrations.get(r));
        if owner.is_some_and(|owner| *owner != new.id) {
            cells.fault("registration", "注册号已被别的网关使用", "another gateway has it");
            return None;
        }
        Some(())
    }

    pub fn meter(&mut self, cells: &mut Cells<'_>) -> Option<()> {
        let project = self.project_of(cells);
        cells.needed("meter_no");
        let number = cells.matching("meter_no", |text| {
            let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            (1..=32).contains(&text.len()) && text.bytes().all(legal)
        });
        let small = |n: Option<i64>| n.and_then(|n| i32::try_from(n).ok());
        let told = Told {
            bus: small(cells.integer("bus", 0..=31)),
            ct: small(cells.integer("ct", 1..=10_000)),
            pt: small(cells.integer("pt", 1..=10_000)),
            base_reading: cells.decimal("base_reading", 3, i64::MAX / 2),
            interval_s: small(cells.integer("reading_interval_s", 60..=86_400)),
            policy: cells.choice("supply_policy", POLICIES),
        };
        let profile = self.profile_of(cells);
        let address = self.address_of(cells, profile.as_deref());
        let project = project?;
        let gateway = self.gateway_of(cells, project, profile.as_deref());
        let room = self.meter_room(cells, project);
        let tariff = self.tariff_of(cells, project, profile.as_deref());
        let key = (project, number?);
        let first = self.known.meters.mention(&key, cells.number);
        self.twice(cells, "meter_no", first)?;
        let (profile, address, gateway) = (profile?, address?, gateway?);
        let (room, tariff) = (room?, tariff?);
        let old = self.known.meters.get(&key).cloned();
        let new = match &old {
            Some(old) => self.changed_meter(cells, old, (&profile, &address), &told)?,
            None => self.new_meter(key, &profile, address, &told),
        };
        let new = self.placed(cells, new, (room, gateway, tariff))?;
        self.check_address(cells, &new)?;
        file(&mut self.plan.meters, old.as_ref(), &new, |a, b| {
            a == &Meter { version: a.version, ..b.clone() }
        });
        self.known.put_meter(new);
        Some(())
    }

    fn profile_of(&self, cells: &mut Cells<'_>) -> Option<std::sync::Arc<Profile>> {
        let name = cells.needed("profile")?;
        let profile = self.profiles.get(name).cloned();
        if profile.is_none() {
            let known = self.profiles.iter().map(|p| p.name.as_str()).collect::<Vec<_>>();
            let known = known.join(", ");
            let (zh, en) = (format!("没有这个型号，已有 {known}"), format!("known are {known}"));
            cells.fault("profile", zh, en);
        }
        profile
    }

    /// The address as the profile's protocol wants it.
    fn address_of(&self, cells: &mut Cells<'_>, profile: Option<&Profile>) -> Option<String> {
        let text = cells.needed("address")?;
        let protocol = profile?.protocol;
        let fits = match protocol {
            Protocol::Dlt645 | Protocol::Dlt645V1997 => {
                text.parse::<dlt645::Address>().is_ok_and(|address| address.is_exact())
            }
            Protocol::Cjt188 => {
                text.parse::<cjt188::Address>().is_ok_and(|address| address.is_exact())
            }
            Protocol::Modbus => text.parse::<u8>().is_ok_and(|slave| (1..=247).contains(&slave)),
        };
        if !fits {
            let (zh, en) = match protocol {
                Protocol::Dlt645 | Protocol::Dlt645V1997 => ("不是 12 位表地址", "not 12 digits"),
                Protocol::Cjt188 => ("不是 14 位表地址", "not 14 digits"),
                Protocol::Modbus => ("不是 1–247 的从站号", "not a slave number 1 to 247"),
            };
            // A spreadsheet drops leading zeros of what it takes for a number.
            let zh = format!("{zh}（首位的零丢了？请把这一列设为文本）");
            cells.fault("address", zh, format!("{en}; were leading zeros lost? format as text"));
            return None;
        }
        Some(text.to_owned())
    }

    fn gateway_of(
        &self,
        cells: &mut Cells<'_>,
        project: i64,
        profile: Option<&Profile>,
    ) -> Option<uuid::Uuid> {
        let name = cells.name("gateway")?;
        let row = match self.known.gateways.find(&(project, name)) {
            Found::Row(row) => row,
            Found::Bad => return None,
            Found::Missing => {
                cells.fault("gateway", "没有这个网关", "there is no such gateway");
                return None;
            }
        };
        let modbus = profile.is_none_or(|profile| profile.protocol == Protocol::Modbus);
        if row.link == "modbus-tcp" && !modbus {
            let zh = "Modbus TCP 网关只能接 Modbus 表计";
            cells.fault("gateway", zh, "a Modbus TCP gateway carries Modbus meters only");
            return None;
        }
        Some(row.id)
    }

    /// No room (`Some(None)`), the room, or a fault (`None`).
    fn meter_room(&self, cells: &mut Cells<'_>, project: i64) -> Option<Option<uuid::Uuid>> {
        if cells.raw("building").is_empty() && cells.raw("room").is_empty() {
            return Some(None);
        }
        self.room_of(cells, project).map(|room| Some(room.id))
    }

    /// No tariff (`Some(None)`), the tariff, or a fault (`None`).
    fn tariff_of(
        &self,
        cells: &mut Cells<'_>,
        project: i64,
        profile: Option<&Profile>,
    ) -> Option<Option<uuid::Uuid>> {
        if cells.raw("tariff").is_empty() {
            return Some(None);
        }
        let key = (project, cells.optional_name("tariff")?);
        let Some((id, purpose)) = self.known.tariff_names.get(&key) else {
            if !self.known.bad_tariffs.contains(&key) {
                cells.fault("tariff", "没有这个费率", "there is no such tariff");
            }
            return None;
        };
        let fits = profile.is_none_or(|profile| profile.purpose.as_str() == purpose);
        if !fits {
            cells.fault("tariff", "费率与表计的用途不同", "the tariff is for another purpose");
            return None;
        }
        Some(Some(*id))
    }

    fn new_meter(
        &self,
        (project, number): (i64, String),
        profile: &Profile,
        address: String,
        told: &Told,
    ) -> Meter {
        Meter {
            project_id: project,
            id: MeterId::generate(self.clock, self.rng).0,
            meter_no: number,
            room_id: None,
            account_id: None,
            gateway_id: uuid::Uuid::nil(),
            bus: told.bus.unwrap_or(0),
            address,
            profile: profile.name.clone(),
            purpose: profile.purpose.as_str().to_owned(),
            money_model: profile.money.as_str().to_owned(),
            tariff_id: None,
            epoch: 1,
            purchase_count: None,
            state: "in-service".to_owned(),
            quarantine_reason: None,
            ct: told.ct.unwrap_or(1),
            pt: told.pt.unwrap_or(1),
            base_reading: told.base_reading.unwrap_or(0),
            reading_interval_s: told.interval_s.unwrap_or(900),
            supply_policy: told.policy.unwrap_or("auto").to_owned(),
            created_at: self.now,
            version: 1,
        }
    }

    /// What makes the meter this meter is changed by replacing it, never by an import.
    fn changed_meter(
        &self,
        cells: &mut Cells<'_>,
        old: &Meter,
        (profile, address): (&Profile, &str),
        told: &Told,
    ) -> Option<Meter> {
        let other = |told: Option<i32>, kept: i32| told.is_some_and(|told| told != kept);
        let fixed = [
            ("profile", profile.name != old.profile),
            ("address", address != old.address),
            ("ct", other(told.ct, old.ct)),
            ("pt", other(told.pt, old.pt)),
            ("base_reading", told.base_reading.is_some_and(|base| base != old.base_reading)),
            ("meter_no", old.state == "removed"),
        ];
        if let Some((key, _)) = fixed.iter().find(|(_, differs)| *differs) {
            let zh = "已建档的表计不能用导入改这一项，请走换表";
            cells.fault(key, zh, "a known meter keeps it: replace the meter instead");
            return None;
        }
        Some(Meter {
            bus: told.bus.unwrap_or(old.bus),
            reading_interval_s: told.interval_s.unwrap_or(old.reading_interval_s),
            supply_policy: told.policy.unwrap_or(&old.supply_policy).to_owned(),
            version: old.version + 1,
            ..old.clone()
        })
    }

    /// Puts a meter into its room, on its gateway and under its tariff.
    fn placed(
        &self,
        cells: &mut Cells<'_>,
        mut meter: Meter,
        (room, gateway, tariff): (Option<uuid::Uuid>, uuid::Uuid, Option<uuid::Uuid>),
    ) -> Option<Meter> {
        meter.gateway_id = gateway;
        if let Some(room) = room {
            if meter.account_id.is_some() && meter.room_id.is_some_and(|kept| kept != room) {
                let zh = "表计已有户在用，不能用导入换房间";
                cells.fault("room", zh, "an account uses the meter: it stays in its room");
                return None;
            }
            meter.room_id = Some(room);
        }
        if meter.account_id.is_none() {
            let tenant = meter.room_id.and_then(|room| self.known.open_in_room.get(&room));
            meter.account_id = tenant.copied();
        }
        if let Some(tariff) = tariff {
            let name =
                |id| self.known.tariffs.iter().find(|(_, t)| t.id == id).map(|(_, t)| &t.name);
            // Versions of one name are one tariff: its id stays whichever version it was set by.
            let same = meter.tariff_id.is_some_and(|kept| name(kept) == name(tariff));
            meter.tariff_id = if same { meter.tariff_id } else { Some(tariff) };
        }
        Some(meter)
    }

    fn check_address(&self, cells: &mut Cells<'_>, meter: &Meter) -> Option<()> {
        let place = (meter.gateway_id, meter.bus, meter.address.clone());
        let holder = self.known.addresses.get(&place).filter(|no| **no != meter.meter_no);
        if let Some(no) = holder {
            let zh = format!("同一总线上表计 {no} 已用这个地址");
            cells.fault("address", zh, format!("the meter {no} has it on the same bus"));
            return None;
        }
        Some(())
    }
}

/// Whether a modem can be known by this text.
fn is_registration(text: &str) -> bool {
    text.chars().count() <= 60 && text.parse::<Registration>().is_ok()
}

/// Whether a text is a host and a port.
fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let legal = |b: u8| b.is_ascii_alphanumeric() || b".-[]:".contains(&b);
    !host.is_empty() && host.bytes().all(legal) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

/// A gateway's settings with what the row says put in.
fn settings(kept: &str, baud: Option<&str>, heartbeat: Option<String>) -> String {
    if baud.is_none() && heartbeat.is_none() {
        return kept.to_owned();
    }
    let mut settings: LineSettings = serde_json::from_str(kept).unwrap_or_default();
    let before = settings.clone();
    settings.baud = baud.and_then(|baud| baud.parse().ok()).unwrap_or(settings.baud);
    settings.heartbeat = heartbeat.unwrap_or(settings.heartbeat);
    if (settings.baud, &settings.heartbeat) == (before.baud, &before.heartbeat) {
        return kept.to_owned();
    }
    serde_json::to_string(&settings).unwrap_or_else(|_| kept.to_owned())
}
