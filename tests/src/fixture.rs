//! Believable rows, and the simulated meters that stand for them.

use std::net::SocketAddr;

use chrono::{DateTime, Utc};
use domain::{AccountId, GatewayId, MerchantId, MeterId, ProjectId, RoomId, TariffId};
use meter_simulator::{BusConfig, MeterConfig, MeterKind, SiteConfig};
use store::{
    Store,
    account::{Account, Room},
    meter::Meter,
    site::{Gateway, Merchant, Project},
    tariff::Tariff,
};
use uuid::Uuid;

/// The one project of a test world.
pub const PROJECT: ProjectId = ProjectId(1);

/// Rooms written in one transaction.
const PORTION_MAX: usize = 100;

/// How many meters of which kind hang on one bus.
#[derive(Clone, Copy, Debug)]
pub struct Bus {
    /// DL/T 645-2007 meters that hold their own money.
    pub prepaid: usize,
    /// DL/T 645-2007 meters whose money the platform holds.
    pub remote: usize,
    /// CJ/T 188 valve water meters.
    pub water: usize,
}

impl Bus {
    /// A bus of prepaid meters only.
    pub const fn prepaid(count: usize) -> Self {
        Bus { prepaid: count, remote: 0, water: 0 }
    }

    /// One of each kind.
    pub const fn mixed() -> Self {
        Bus { prepaid: 1, remote: 1, water: 1 }
    }
}

/// One meter as the product and the simulator know it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The meter's row.
    pub meter: Meter,
    /// The account that pays for it.
    pub account: AccountId,
}

/// Everything of a site: the rows, and the meters on the far side.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The meters, bus by bus.
    pub places: Vec<Place>,
    gateways: Vec<Gateway>,
    rooms: Vec<Room>,
    accounts: Vec<Account>,
    tariffs: Vec<Tariff>,
    /// The simulated site; `connect` is filled in when the server's address is known.
    pub site: SiteConfig,
}

fn id(kind: u128, number: usize) -> Uuid {
    Uuid::from_u128((7 << 76) | (kind << 64) | (2 << 62) | number as u128)
}

/// The ids of the two tariffs.
pub fn tariff_id(water: bool) -> TariffId {
    TariffId(id(0x50, usize::from(water)))
}

impl Layout {
    /// A site with these buses; `speed` is how many times faster than real they run.
    pub fn new(buses: &[Bus], seed: u64, speed: u32, now: DateTime<Utc>) -> Self {
        let mut layout = Layout {
            places: Vec::new(),
            gateways: Vec::new(),
            rooms: Vec::new(),
            accounts: Vec::new(),
            tariffs: tariffs(now),
            site: SiteConfig { seed, speed, ..Default::default() },
        };
        for (number, bus) in buses.iter().enumerate() {
            layout.add_bus(number, *bus, now);
        }
        layout
    }

    fn add_bus(&mut self, number: usize, bus: Bus, now: DateTime<Utc>) {
        let registration = format!("YF-GW-{number:04}");
        let gateway = GatewayId(id(0x20, number));
        self.gateways.push(Gateway {
            id: gateway.0,
            project_id: PROJECT.0,
            name: format!("GW-{number:04}"),
            registration: Some(registration.clone()),
            link: "dial-in".to_owned(),
            address: None,
            framing: "plain".to_owned(),
            heartbeat_s: 60,
            settings: "{}".to_owned(),
            owner: None,
            owner_token: 0,
            lease_until: None,
        });
        let mut simulated =
            BusConfig { registration, baud: 2_400, turnaround_ms: 20, ..Default::default() };
        let kinds = [
            (bus.prepaid, MeterKind::Prepaid2007),
            (bus.remote, MeterKind::Remote2007),
            (bus.water, MeterKind::Cjt188Water),
        ];
        for (count, kind) in kinds {
            for _ in 0..count {
                let config = self.add_meter(number, gateway, kind, now);
                simulated.meters.push(config);
            }
        }
        self.site.buses.push(simulated);
    }

    fn add_account(&mut self, bus: usize, number: usize, customer_no: &str, now: DateTime<Utc>) {
        let (room, account) = (RoomId(id(0x30, number)), AccountId(id(0x40, number)));
        self.rooms.push(Room {
            project_id: PROJECT.0,
            id: room.0,
            building: format!("{} 号楼", bus + 1),
            floor: i32::try_from(number / 4 + 1).unwrap(),
            number: format!("{:04}", number + 101),
            area_m2_e2: Some(4_500),
            landlord_id: None,
            tags: "[]".to_owned(),
        });
        self.accounts.push(Account {
            project_id: PROJECT.0,
            id: account.0,
            account_no: format!("A{number:06}"),
            room_id: room.0,
            name: format!("住户 {number}"),
            phone: None,
            customer_no: customer_no.to_owned(),
            state: "open".to_owned(),
            opened_at: now,
            closed_at: None,
            protected: false,
            version: 1,
        });
    }

    fn add_meter(
        &mut self,
        bus: usize,
        gateway: GatewayId,
        kind: MeterKind,
        now: DateTime<Utc>,
    ) -> MeterConfig {
        let number = self.places.len();
        let customer_no = format!("{:012}", 100_000 + number);
        let (room, account) = (RoomId(id(0x30, number)), AccountId(id(0x40, number)));
        self.add_account(bus, number, &customer_no, now);
        let water = kind == MeterKind::Cjt188Water;
        let (profile, model, address) = match kind {
            MeterKind::Prepaid2007 => {
                ("dlt645-2007-prepaid", "meter-held", format!("{:012}", 20_220_000 + number))
            }
            MeterKind::Remote2007 => {
                ("dlt645-2007-remote-fee", "platform-held", format!("{:012}", 30_220_000 + number))
            }
            _ => ("cjt188-valve-water", "platform-held", format!("{:014}", 40_220_000 + number)),
        };
        self.places.push(Place {
            account,
            meter: Meter {
                project_id: PROJECT.0,
                id: MeterId(id(0x10, number)).0,
                meter_no: address.clone(),
                room_id: Some(room.0),
                account_id: Some(account.0),
                gateway_id: gateway.0,
                bus: 0,
                address: address.clone(),
                profile: profile.to_owned(),
                purpose: if water { "water" } else { "electricity" }.to_owned(),
                money_model: model.to_owned(),
                tariff_id: Some(tariff_id(water).0),
                epoch: 1,
                purchase_count: None,
                state: "in-service".to_owned(),
                quarantine_reason: None,
                ct: 1,
                pt: 1,
                base_reading: 0,
                reading_interval_s: 900,
                supply_policy: "auto".to_owned(),
                created_at: now,
                version: 1,
            },
        });
        MeterConfig {
            customer_no,
            count: 3,
            balance_fen: 500,
            price_e4: 6_000,
            load_w: if water { 0 } else { 200 },
            energy_wh: 1_000_000,
            valve_travel_ms: 8_000,
            ..MeterConfig::at(kind, &address)
        }
    }

    /// How often every meter is scanned, in seconds.
    pub fn set_interval(&mut self, seconds: i32) {
        for place in &mut self.places {
            place.meter.reading_interval_s = seconds;
        }
    }

    /// The price of electricity, in micro-yuan per kWh.
    pub fn set_price(&mut self, micro_yuan: i64) {
        self.tariffs[0].micro_yuan = micro_yuan;
    }

    /// Where the modems dial in.
    pub fn dial(&mut self, address: SocketAddr) {
        for bus in &mut self.site.buses {
            bus.connect = Some(address);
        }
    }

    /// Writes every row.
    pub async fn store(&self, store: &Store, merchants: Vec<Merchant>) {
        let project = Project {
            id: PROJECT.0,
            name: "和园公寓".to_owned(),
            name_en: "Heyuan Apartments".to_owned(),
            currency: "CNY".to_owned(),
            timezone: "+08:00".to_owned(),
            created_at: DateTime::UNIX_EPOCH,
        };
        let all = self.clone();
        store
            .transact(move |tx| {
                Box::pin(async move {
                    store::insert(tx, project).await?;
                    for row in merchants {
                        store::insert(tx, row).await?;
                    }
                    for row in all.gateways {
                        store::insert(tx, row).await?;
                    }
                    for row in all.tariffs {
                        store::insert(tx, row).await?;
                    }
                    Ok::<_, store::StoreError>(())
                })
            })
            .await
            .unwrap();
        // A room, its account and its meter have the same place in their lists; a large site is
        // written in portions, because one unit of work has a time to keep.
        let rooms = self.rooms.iter().zip(&self.accounts).zip(&self.places);
        let rows: Vec<_> =
            rooms.map(|((r, a), p)| (r.clone(), a.clone(), p.meter.clone())).collect();
        for portion in rows.chunks(PORTION_MAX) {
            let portion = portion.to_vec();
            let stored = store.transact(move |tx| {
                Box::pin(async move {
                    for (room, account, meter) in portion {
                        store::insert(tx, room).await?;
                        store::insert(tx, account).await?;
                        store::insert(tx, meter).await?;
                    }
                    Ok::<_, store::StoreError>(())
                })
            });
            stored.await.unwrap();
        }
    }
}

fn tariffs(now: DateTime<Utc>) -> Vec<Tariff> {
    let tariff = |water: bool, name: &str, micro_yuan: i64| Tariff {
        project_id: PROJECT.0,
        id: tariff_id(water).0,
        name: name.to_owned(),
        purpose: if water { "water" } else { "electricity" }.to_owned(),
        valid_from: now - chrono::TimeDelta::days(365),
        micro_yuan,
        created_at: now,
    };
    vec![tariff(false, "居民用电", 600_000), tariff(true, "居民用水", 3_500_000)]
}

/// The WeChat Pay merchant of the provider simulator's defaults.
pub fn wechat_merchant(key_dir: &std::path::Path, now: DateTime<Utc>) -> Merchant {
    Merchant {
        id: MerchantId(id(0x60, 1)).0,
        project_id: PROJECT.0,
        provider: "wechat-pay".to_owned(),
        mode: "ordinary".to_owned(),
        merchant_no: "1900000001".to_owned(),
        sub_merchant_no: String::new(),
        app_id: "wx8888888888888888".to_owned(),
        sub_app_id: None,
        path_token: "wechat-token-1".to_owned(),
        key_dir: key_dir.display().to_string(),
        config: "{}".to_owned(),
        active: true,
        created_at: now,
    }
}

/// The Alipay application of the provider simulator's defaults.
pub fn alipay_merchant(key_dir: &std::path::Path, now: DateTime<Utc>) -> Merchant {
    Merchant {
        id: MerchantId(id(0x60, 2)).0,
        provider: "alipay".to_owned(),
        merchant_no: "2088000000000001".to_owned(),
        app_id: "2021000000000001".to_owned(),
        path_token: "alipay-token-1".to_owned(),
        config: r#"{"seller_id":"2088000000000001"}"#.to_owned(),
        ..wechat_merchant(key_dir, now)
    }
}
