//! The site file of the meter simulator: what hangs on which bus, and what the meters remember.

use std::{collections::HashMap, path::Path};

use gateway::Item;
use serde::{Deserialize, Serialize};
use store::{Store, StoreError, overview};
use uuid::Uuid;

use super::town::{SILENT, Start};

/// How many times faster than real the buses run.
pub const SPEED: u32 = 10;
/// What an unknown meter of a continued demo starts with.
const FORGOTTEN: Start = Start { balance_fen: 1_000, register: 1_000_000, load: 150, dark: false };

#[derive(Deserialize, Serialize)]
struct SiteFile {
    seed: u64,
    speed: u32,
    buses: Vec<Bus>,
}

#[derive(Deserialize, Serialize)]
struct Bus {
    registration: String,
    baud: u32,
    turnaround_ms: u64,
    rtt_ms: u64,
    redial_ms: u64,
    meters: Vec<SimulatedMeter>,
}

#[derive(Deserialize, Serialize)]
struct SimulatedMeter {
    kind: String,
    address: String,
    name: String,
    customer_no: String,
    balance_fen: i64,
    count: i64,
    price_e4: i64,
    load_w: u32,
    energy_wh: i64,
    relay_open: bool,
    valve_travel_ms: u64,
}

/// The simulator's word for a profile.
fn kind(profile: &str) -> &'static str {
    match profile {
        "dlt645-2007-prepaid" => "dlt645-2007-prepaid",
        "dlt645-2007-remote-fee" => "dlt645-2007-remote",
        "acrel-ddsy1352" => "acrel-ddsy1352",
        _ => "cjt188-water",
    }
}

/// How the meters began the last time, and over it what they showed when they were last read: a
/// continued demo goes on from there.
pub async fn remembered(store: &Store, file: &Path) -> Result<HashMap<Uuid, Start>, StoreError> {
    let db = store.read();
    let items = [
        Item::ForwardEnergy,
        Item::Volume,
        Item::RemainingMoney,
        Item::RelayState,
        Item::ValveState,
    ];
    let codes = items.map(Item::code);
    let mut starts = begun(file);
    for reading in overview::latest_readings(db, &codes).await? {
        let start = starts.entry(reading.meter_id).or_insert(FORGOTTEN);
        match Item::from_code(reading.item) {
            Some(Item::ForwardEnergy | Item::Volume) => start.register = reading.value,
            Some(Item::RemainingMoney) => start.balance_fen = reading.value.max(0),
            Some(Item::RelayState | Item::ValveState) => {
                start.dark = reading.value == gateway::item::state::OFF;
            }
            _ => {}
        }
    }
    Ok(starts)
}

/// What the site file of the last run says; nothing where there is none.
fn begun(file: &Path) -> HashMap<Uuid, Start> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let Ok(site) = toml::from_str::<SiteFile>(&text) else { return HashMap::new() };
    let meters = site.buses.into_iter().flat_map(|bus| bus.meters);
    let start = |meter: SimulatedMeter| {
        let id = Uuid::try_parse(&meter.name).ok()?;
        let start = Start {
            balance_fen: meter.balance_fen,
            register: meter.energy_wh,
            load: meter.load_w,
            dark: meter.relay_open,
        };
        Some((id, start))
    };
    meters.filter_map(start).collect()
}

/// Writes the simulator's site file from the stored meters.
pub async fn write(
    store: &Store,
    starts: &HashMap<Uuid, Start>,
    file: &Path,
) -> Result<(), super::DemoError> {
    let db = store.read();
    let meters = store::meter::in_service(db, None).await?;
    let mut customers = HashMap::new();
    for project in store::site::projects(db).await? {
        for account in store::account::list(db, domain::ProjectId(project.id)).await? {
            customers.insert(account.id, account.customer_no);
        }
    }
    let mut buses = Vec::new();
    for gateway in store::site::gateways(db, None).await? {
        let registration = gateway.registration.unwrap_or_default();
        if SILENT.contains(&registration.as_str()) {
            continue;
        }
        let on_bus = meters.iter().filter(|meter| meter.gateway_id == gateway.id);
        let meters = on_bus.map(|meter| {
            let start = starts.get(&meter.id).unwrap_or(&FORGOTTEN);
            let held = meter.money_model == "meter-held";
            SimulatedMeter {
                kind: kind(&meter.profile).to_owned(),
                address: meter.address.clone(),
                name: meter.id.to_string(),
                customer_no: meter
                    .account_id
                    .and_then(|id| customers.get(&id).cloned())
                    .unwrap_or_default(),
                balance_fen: if held { start.balance_fen } else { 0 },
                count: meter.purchase_count.unwrap_or(3),
                price_e4: 5_883,
                load_w: start.load,
                energy_wh: start.register,
                relay_open: start.dark,
                valve_travel_ms: 8_000,
            }
        });
        buses.push(Bus {
            registration,
            baud: 2_400,
            turnaround_ms: 30,
            rtt_ms: 40,
            redial_ms: 500,
            meters: meters.collect(),
        });
    }
    let text = toml::to_string(&SiteFile { seed: 7, speed: SPEED, buses })?;
    std::fs::write(file, text)?;
    Ok(())
}
