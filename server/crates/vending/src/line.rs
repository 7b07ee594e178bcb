//! Lines: the gateways a site has, as the gateway crate wants them configured, and what they tell
//! about themselves.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use domain::{GatewayId, ProjectId};
use gateway::{
    GatewayEvent, Item,
    event::OfflineReason,
    line::{Framing, Line, Link, Meter as MeterOnLine, Password, Registration},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{
    meter::{self, Meter},
    site, work_item,
};

use crate::{
    directory::{Directory, MeterInUse},
    house::House,
    notice,
    refusal::{Result, VendingError},
};

/// Gateways whose meters are looked up at once.
const GATEWAYS_AT_ONCE: usize = 64;

/// Lines that came or went, at most so many in one transaction.
pub(crate) const LINES_MAX: usize = 256;

/// A line that came or went.
#[derive(Clone)]
pub(crate) enum Told {
    Online { gateway: uuid::Uuid, remote: String, at: DateTime<Utc> },
    Offline { gateway: uuid::Uuid, reason: OfflineReason, at: DateTime<Utc> },
}

impl Told {
    /// Takes an event that is about the line itself; any other comes back.
    pub(crate) fn of(event: GatewayEvent) -> std::result::Result<Told, GatewayEvent> {
        match event {
            GatewayEvent::Online { gateway, remote, at } => {
                Ok(Told::Online { gateway, remote, at })
            }
            GatewayEvent::Offline { gateway, reason, at } => {
                Ok(Told::Offline { gateway, reason, at })
            }
            other => Err(other),
        }
    }

    async fn note(self, tx: &store::Tx) -> Result<()> {
        let gateway = match &self {
            Told::Online { gateway, .. } | Told::Offline { gateway, .. } => GatewayId(*gateway),
        };
        let Some(project) = site::project_of_gateway(tx, gateway).await? else { return Ok(()) };
        match self {
            Told::Online { remote, at, .. } => {
                site::gateway_online(tx, project, gateway, at, Some(remote)).await?;
                // What waited for the line goes on at once.
                store::job::wake_gateway(tx, project, gateway, at).await?;
            }
            Told::Offline { reason, at, .. } => {
                site::gateway_offline(tx, project, gateway, at, reason.as_str()).await?;
            }
        }
        Ok(())
    }
}

/// Notes lines that came or went, in their order and in one transaction: after an outage thousands
/// come back at once, and the readings wait behind them.
pub(crate) async fn note_lines(house: &House, told: Vec<Told>) -> Result<()> {
    if told.is_empty() {
        return Ok(());
    }
    let each = told.clone();
    let Err(error) = note_together(house, told).await else { return Ok(()) };
    tracing::warn!(%error, "lines that came or went are noted one by one");
    let mut last = Ok(());
    for line in each {
        // One that cannot be noted takes no neighbour with it.
        last = note_together(house, vec![line]).await.and(last);
    }
    last
}

async fn note_together(house: &House, told: Vec<Told>) -> Result<()> {
    house
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                for line in told {
                    line.note(tx).await?;
                }
                Ok::<_, VendingError>(())
            })
        })
        .await
}

/// Notes what a gateway told that is not about its line, where a person has to see it.
pub(crate) async fn note(house: &House, event: GatewayEvent) -> Result<()> {
    let meters = house.meters();
    match event {
        GatewayEvent::AddressClash { meter, answered, .. } => {
            let detail = json!({ "answered": answered });
            let titles = ("总线上表号冲突", "Another meter answers in its place");
            alarm_about(house, meters.get(&meter), "meter.address_clash", titles, detail).await
        }
        GatewayEvent::ClockOff { meter, seconds } => {
            let detail = json!({ "seconds": seconds });
            let titles = ("电表时钟不准", "The meter's clock is wrong");
            alarm_about(house, meters.get(&meter), "meter.clock", titles, detail).await
        }
        GatewayEvent::PasswordRefused { meter } => {
            let titles = ("电表密码被拒，24 小时内不再下发", "The meter refuses our password");
            alarm_about(house, meters.get(&meter), "meter.password", titles, json!({})).await
        }
        GatewayEvent::DuplicateRegistration { gateway, present, claimant } => {
            let detail = json!({ "present": present, "claimant": claimant });
            tracing::warn!(%gateway, %detail, "two connections claim one gateway");
            duplicate(house, gateway, detail).await
        }
        GatewayEvent::LateAnswer { meter, .. } => {
            // A late answer decides nothing; it is a reason to look at once (H.1 no. 8).
            let Some(known) = meters.get(&meter) else { return Ok(()) };
            crate::job::wake_meter(house, known).await
        }
        GatewayEvent::UnknownRegistration { remote, bytes } => {
            tracing::warn!(remote, length = bytes.len(), "an unknown gateway registered");
            Ok(())
        }
        other => {
            tracing::debug!(event = ?other, "gateway event");
            Ok(())
        }
    }
}

async fn project_of(house: &House, gateway: uuid::Uuid) -> Result<Option<ProjectId>> {
    Ok(site::project_of_gateway(house.store().read(), GatewayId(gateway)).await?)
}

async fn duplicate(house: &House, gateway: uuid::Uuid, detail: serde_json::Value) -> Result<()> {
    let Some(project) = project_of(house, gateway).await? else { return Ok(()) };
    let titles = ("两个网关用同一注册号上线", "Two connections claim one gateway");
    let subject = ("gateway", gateway.to_string());
    let kind = "gateway.duplicate";
    let item = notice::work_item_about(house, project, subject, kind, titles, &detail);
    // A twin redials every few seconds; one item a day is told, so that it buries no other.
    let day = domain::BusinessDay::of(house.now()).date().to_string();
    let id = work_item::id_of(&[kind, &gateway.to_string(), &day]).0;
    let item = work_item::WorkItem { id, ..item };
    house
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                work_item::open_once(tx, item).await?;
                Ok::<_, VendingError>(())
            })
        })
        .await
}

/// Raises an alarm about a meter, once, with a work item beside it.
async fn alarm_about(
    house: &House,
    meter: Option<&MeterInUse>,
    kind: &'static str,
    titles: (&'static str, &'static str),
    detail: serde_json::Value,
) -> Result<()> {
    let Some(meter) = meter else { return Ok(()) };
    let alarm = work_item::Alarm {
        project_id: meter.project.0,
        id: domain::CommandId::generate(house.clock(), house.rng()).0,
        kind: kind.to_owned(),
        subject_kind: "meter".to_owned(),
        subject_id: meter.id.to_string(),
        raised_at: house.now(),
        cleared_at: None,
        detail: detail.to_string(),
    };
    let subject = ("meter", meter.id.to_string());
    let item = notice::work_item_about(house, meter.project, subject, kind, titles, &detail);
    house
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                if work_item::raise(tx, alarm).await? {
                    work_item::open(tx, item).await?;
                }
                Ok::<_, VendingError>(())
            })
        })
        .await
}

/// What is scanned of a meter: the register it is billed by and where its supply stands.
pub(crate) fn scan_items(meter: &Meter, has_relay: bool) -> Vec<Item> {
    let water = meter.purpose == "water";
    let mut items = vec![if water { Item::Volume } else { Item::ForwardEnergy }];
    if has_relay {
        items.push(if water { Item::ValveState } else { Item::RelayState });
    }
    if meter.money_model == "meter-held" {
        items.push(Item::RemainingMoney);
    }
    items
}

/// What a gateway's `settings` column may say.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LineSettings {
    /// The bus's speed in bit/s.
    pub baud: u32,
    /// The heartbeat text of a plain modem, if it sends one.
    pub heartbeat: String,
    /// The modem puts its registration in front of every packet (Ebyte `EMBMAC`, USR `both`).
    pub registration_prefixes_packets: bool,
}

impl Default for LineSettings {
    fn default() -> Self {
        let heartbeat = String::new();
        LineSettings { baud: 2400, heartbeat, registration_prefixes_packets: false }
    }
}

/// A stored gateway that cannot be run as a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("gateway {name}: {field} is not usable: {value:?}")]
pub struct LineError {
    /// The gateway's name.
    pub name: String,
    /// The field.
    pub field: &'static str,
    /// What it holds.
    pub value: String,
}

/// What a stored meter's row does not say of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside {
    /// Its model has a relay or valve.
    pub has_relay: bool,
    /// Its own password, where it has one.
    pub password: Option<Password>,
}

/// A stored gateway with its meters, as the gateway crate runs it.
pub fn line_of(
    beside: &dyn Fn(&Meter) -> Beside,
    row: &site::Gateway,
    meters: &[Meter],
) -> std::result::Result<Line, LineError> {
    let wrong = |field: &'static str, value: &str| LineError {
        name: row.name.clone(),
        field,
        value: value.to_owned(),
    };
    let settings: LineSettings =
        serde_json::from_str(&row.settings).map_err(|_| wrong("settings", &row.settings))?;
    let framing = match row.framing.as_str() {
        "plain" | "usr" | "ebyte" => Framing::Plain {
            heartbeat: settings.heartbeat.clone().into_bytes(),
            registration_prefixes_packets: settings.registration_prefixes_packets,
        },
        "four-faith" => Framing::FourFaith,
        "hongdian" => Framing::Hongdian,
        "acrel-4g" => Framing::Acrel4g,
        other => return Err(wrong("framing", other)),
    };
    let registration = row.registration.clone().unwrap_or_default();
    let address = row.address.clone().unwrap_or_default();
    // These name themselves in a frame of the vendor's.
    let vendor = !matches!(framing, Framing::Plain { .. });
    let link = match row.link.as_str() {
        "dial-in" if vendor && !registration.is_empty() => {
            Link::DialIn { registration: Registration::Vendor(registration) }
        }
        "dial-in" => {
            let parsed = registration.parse().map_err(|_| wrong("registration", &registration))?;
            Link::DialIn { registration: parsed }
        }
        "dial-out" => Link::DialOut { address },
        "modbus-tcp" => Link::ModbusTcp { address },
        other => return Err(wrong("link", other)),
    };
    let meters = meters.iter().map(|meter| {
        let Beside { has_relay, password } = beside(meter);
        MeterOnLine {
            key: meter.id,
            bus: u16::try_from(meter.bus).unwrap_or_default(),
            address: meter.address.clone(),
            profile: meter.profile.clone(),
            password,
            scan: scan_items(meter, has_relay),
            interval: Duration::from_secs(u64::try_from(meter.reading_interval_s).unwrap_or(900)),
        }
    });
    Ok(Line {
        gateway: row.id,
        link,
        framing,
        heartbeat: Duration::from_secs(u64::try_from(row.heartbeat_s).unwrap_or_default()),
        baud: settings.baud,
        meters: meters.collect(),
    })
}

impl House {
    /// Configures the gateway with every stored line; answers what could not be used.
    pub async fn configure_lines(&self) -> Result<Vec<String>> {
        let gateways = site::gateways(self.store().read(), None).await?;
        let (mut lines, mut faults) = (Vec::with_capacity(gateways.len()), Vec::new());
        if let Err(error) = self.read_passwords() {
            faults.push(error.to_string());
        }
        let passwords = self.passwords();
        let beside = |meter: &Meter| Beside {
            has_relay: self.actuator(meter).is_some(),
            password: passwords.of(meter.project_id, &meter.meter_no),
        };
        let mut directory = Directory::default();
        // A part at a time: the rows of a large site are many times what is kept of them.
        for part in gateways.chunk_by(|a, b| a.project_id == b.project_id) {
            for part in part.chunks(GATEWAYS_AT_ONCE) {
                let mut by_gateway = self.meters_behind(part).await?;
                for row in part {
                    let meters = by_gateway.remove(&row.id).unwrap_or_default();
                    directory.enter(&meters);
                    match line_of(&beside, row, &meters) {
                        Ok(line) => lines.push(line),
                        Err(error) => faults.push(error.to_string()),
                    }
                }
            }
        }
        self.use_meters(directory);
        let refused = self.gateway().configure(lines).await;
        faults.extend(refused.iter().map(ToString::to_string));
        Ok(faults)
    }

    /// The meters in use behind gateways of one project.
    async fn meters_behind(
        &self,
        gateways: &[site::Gateway],
    ) -> Result<HashMap<uuid::Uuid, Vec<Meter>>> {
        let Some(first) = gateways.first() else { return Ok(HashMap::new()) };
        let (db, project) = (self.store().read(), ProjectId(first.project_id));
        let ids: Vec<_> = gateways.iter().map(|row| GatewayId(row.id)).collect();
        let mut by_gateway: HashMap<uuid::Uuid, Vec<Meter>> = HashMap::new();
        for meter in meter::in_service_behind(db, project, &ids).await? {
            by_gateway.entry(meter.gateway_id).or_default().push(meter);
        }
        Ok(by_gateway)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(link: &str, framing: &str, settings: &str) -> site::Gateway {
        site::Gateway {
            id: uuid::Uuid::nil(),
            project_id: 1,
            name: "GW-01".to_owned(),
            registration: Some("12307210720085".to_owned()),
            link: link.to_owned(),
            address: None,
            framing: framing.to_owned(),
            heartbeat_s: 60,
            settings: settings.to_owned(),
            owner: None,
            owner_token: 0,
            lease_until: None,
        }
    }

    #[test]
    fn a_stored_gateway_is_run_with_the_framing_it_names() {
        let plain = Framing::BARE;
        let packet: Registration = "12307210720085".parse().expect("a registration");
        let vendor = Registration::Vendor("12307210720085".to_owned());
        let table = [
            ("plain", plain.clone(), packet.clone()),
            ("usr", plain.clone(), packet.clone()),
            ("ebyte", plain, packet),
            ("four-faith", Framing::FourFaith, vendor.clone()),
            ("hongdian", Framing::Hongdian, vendor.clone()),
            ("acrel-4g", Framing::Acrel4g, vendor),
        ];
        for (name, framing, registration) in table {
            let line = line_of(&|_| Beside::default(), &row("dial-in", name, "{}"), &[]);
            let line = line.expect(name);
            assert_eq!((line.framing, line.link), (framing, Link::DialIn { registration }));
        }
        for (link, framing, settings, field) in [
            ("dial-in", "acrel", "{}", "framing"),
            ("by-mail", "plain", "{}", "link"),
            ("dial-in", "plain", "{\"speed\":1}", "settings"),
        ] {
            let error = line_of(&|_| Beside::default(), &row(link, framing, settings), &[]);
            assert_eq!(error.expect_err(field).field, field);
        }
    }
}
