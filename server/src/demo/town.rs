//! The demo's town: three sites, 120 rooms, and the meters in them. Names and numbers are made up;
//! the same seed makes the same town.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountId, Clock, GatewayId, LandlordId, MeterId, Rng, RoomId, TariffId};
use store::{
    account::{Account, Room},
    meter::Meter,
    site::{Gateway, Landlord, Project},
    tariff::Tariff,
};

/// Meters on one bus.
const METERS_PER_BUS: usize = 12;
/// How often a meter of the demo is read, in seconds.
const READING_INTERVAL_S: i32 = 120;
/// Registrations of gateways nobody simulates: their meters stay offline.
pub const SILENT: [&str; 3] = ["YF-01-E-06", "YF-02-E-11", "YF-03-W-17"];

const SURNAMES: [&str; 24] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林",
    "何", "郭", "马", "罗", "梁", "宋", "郑", "谢",
];
const GIVEN: [&str; 20] = [
    "建国", "秀英", "伟", "芳", "娜", "敏", "静", "强", "磊", "洋", "艳", "勇", "军", "杰", "娟",
    "涛", "明", "超", "霞", "平",
];
const SHOPS: [&str; 12] = [
    "鲜果时光",
    "老街面馆",
    "安心药房",
    "青禾书店",
    "一剪美发",
    "晨光文具",
    "阿婆小厨",
    "蓝鲸健身",
    "暖暖洗衣",
    "茶语时分",
    "数码快修",
    "童趣乐园",
];

/// What meters a building has.
#[derive(Clone, Copy)]
struct Building {
    name: &'static str,
    floors: usize,
    rooms: usize,
    electricity: &'static str,
    water: bool,
}

/// A site of the town.
struct Plan {
    name: &'static str,
    name_en: &'static str,
    shops: bool,
    landlords: &'static [&'static str],
    buildings: &'static [Building],
}

const PREPAID: &str = "dlt645-2007-prepaid";
const REMOTE: &str = "dlt645-2007-remote-fee";
const ACREL: &str = "acrel-ddsy1352";
const WATER: &str = "cjt188-valve-water";

const PLANS: [Plan; 3] = [
    Plan {
        name: "和园公寓",
        name_en: "Heyuan Apartments",
        shops: false,
        landlords: &["沈玉兰", "和园物业"],
        buildings: &[
            Building { name: "1 号楼", floors: 6, rooms: 4, electricity: PREPAID, water: true },
            Building { name: "2 号楼", floors: 6, rooms: 4, electricity: PREPAID, water: true },
        ],
    },
    Plan {
        name: "滨江商铺",
        name_en: "Riverside Shops",
        shops: true,
        landlords: &["滨江资产"],
        buildings: &[
            Building { name: "A 座", floors: 3, rooms: 8, electricity: REMOTE, water: false },
            Building { name: "B 座", floors: 2, rooms: 6, electricity: REMOTE, water: false },
        ],
    },
    Plan {
        name: "学府公寓",
        name_en: "Campus Lodge",
        shops: false,
        landlords: &["钱文斌", "学府后勤"],
        buildings: &[Building {
            name: "3 号楼",
            floors: 6,
            rooms: 6,
            electricity: ACREL,
            water: true,
        }],
    },
];

/// How a meter starts on the far side.
#[derive(Clone, Debug)]
pub struct Start {
    /// What the meter, or the purse, holds, in fen.
    pub balance_fen: i64,
    /// The register: Wh, or litres.
    pub register: i64,
    /// The load while supplied: W, or litres an hour.
    pub load: u32,
    /// True when the supply is cut.
    pub dark: bool,
}

/// A meter with its beginning.
pub struct Place {
    /// The row.
    pub meter: Meter,
    /// The beginning.
    pub start: Start,
}

/// Every row of the town.
#[derive(Default)]
pub struct Town {
    /// The sites.
    pub projects: Vec<Project>,
    /// Who owns the rooms.
    pub landlords: Vec<Landlord>,
    /// The rooms.
    pub rooms: Vec<Room>,
    /// The tenants.
    pub accounts: Vec<Account>,
    /// The prices.
    pub tariffs: Vec<Tariff>,
    /// The gateways.
    pub gateways: Vec<Gateway>,
    /// The meters.
    pub places: Vec<Place>,
}

/// Builds the town as it stands now.
pub fn build(clock: &dyn Clock, rng: &dyn Rng) -> Town {
    let mut town = Town::default();
    let builder = Builder { clock, rng, now: clock.now() };
    for (index, plan) in PLANS.iter().enumerate() {
        builder.site(&mut town, index as i64 + 1, plan);
    }
    town
}

struct Builder<'a> {
    clock: &'a dyn Clock,
    rng: &'a dyn Rng,
    now: DateTime<Utc>,
}

/// A site being built.
struct Ground<'p> {
    project: i64,
    plan: &'p Plan,
    landlords: Vec<LandlordId>,
    tariffs: [TariffId; 2],
}

impl Builder<'_> {
    fn site(&self, town: &mut Town, project: i64, plan: &Plan) {
        town.projects.push(Project {
            id: project,
            name: plan.name.to_owned(),
            name_en: plan.name_en.to_owned(),
            currency: "CNY".to_owned(),
            timezone: "+08:00".to_owned(),
            created_at: self.now - TimeDelta::days(400),
        });
        let landlords = plan.landlords.iter().map(|name| {
            let id = LandlordId::generate(self.clock, self.rng);
            town.landlords.push(Landlord {
                project_id: project,
                id: id.0,
                name: (*name).to_owned(),
                phone: Some(self.phone()),
            });
            id
        });
        let landlords = landlords.collect();
        let tariffs = [false, true].map(|water| self.tariff(town, project, plan, water));
        let ground = Ground { project, plan, landlords, tariffs };
        for building in plan.buildings {
            self.building(town, &ground, *building);
        }
    }

    fn tariff(&self, town: &mut Town, project: i64, plan: &Plan, water: bool) -> TariffId {
        let (name, micro_yuan) = match (water, plan.shops) {
            (true, _) => ("居民用水", 3_450_000),
            (false, false) => ("居民合表用电", 588_300),
            (false, true) => ("工商业用电", 872_500),
        };
        let id = TariffId::generate(self.clock, self.rng);
        town.tariffs.push(Tariff {
            project_id: project,
            id: id.0,
            name: name.to_owned(),
            purpose: if water { "water" } else { "electricity" }.to_owned(),
            valid_from: self.now - TimeDelta::days(365),
            micro_yuan,
            created_at: self.now - TimeDelta::days(365),
        });
        id
    }

    fn building(&self, town: &mut Town, ground: &Ground<'_>, building: Building) {
        let mut rooms = Vec::new();
        for floor in 1..=building.floors {
            for number in 1..=building.rooms {
                rooms.push(self.room(town, ground, building, (floor, number)));
            }
        }
        for chunk in rooms.chunks(METERS_PER_BUS) {
            self.bus(town, ground, building.electricity, chunk);
        }
        if building.water {
            for chunk in rooms.chunks(METERS_PER_BUS) {
                self.bus(town, ground, WATER, chunk);
            }
        }
    }

    fn room(
        &self,
        town: &mut Town,
        ground: &Ground<'_>,
        building: Building,
        (floor, number): (usize, usize),
    ) -> (RoomId, AccountId) {
        let (room, account) =
            (RoomId::generate(self.clock, self.rng), AccountId::generate(self.clock, self.rng));
        let index = town.rooms.len();
        let landlord = ground.landlords[index % ground.landlords.len()];
        town.rooms.push(Room {
            project_id: ground.project,
            id: room.0,
            building: building.name.to_owned(),
            floor: floor as i32,
            number: format!("{}", floor * 100 + number),
            area_m2_e2: Some(2_800 + 100 * (self.below(40) as i32)),
            landlord_id: Some(landlord.0),
            tags: "[]".to_owned(),
        });
        town.accounts.push(Account {
            project_id: ground.project,
            id: account.0,
            account_no: format!("{}{:05}", ground.project, 10_001 + index),
            room_id: room.0,
            name: self.tenant(ground.plan.shops, index),
            phone: Some(self.phone()),
            customer_no: format!("{:012}", ground.project * 1_000_000 + 10_001 + index as i64),
            state: "open".to_owned(),
            opened_at: self.now - TimeDelta::days(30 + self.below(300) as i64),
            closed_at: None,
            protected: false,
            version: 1,
        });
        (room, account)
    }

    fn bus(
        &self,
        town: &mut Town,
        ground: &Ground<'_>,
        profile: &str,
        rooms: &[(RoomId, AccountId)],
    ) {
        let water = profile == WATER;
        let number = town.gateways.len() + 1;
        let kind = if water { "W" } else { "E" };
        let gateway = GatewayId::generate(self.clock, self.rng);
        town.gateways.push(Gateway {
            id: gateway.0,
            project_id: ground.project,
            name: format!("GW-{number:02}"),
            registration: Some(format!("YF-{:02}-{kind}-{number:02}", ground.project)),
            link: "dial-in".to_owned(),
            address: None,
            framing: "plain".to_owned(),
            heartbeat_s: 60,
            settings: r#"{"baud":2400}"#.to_owned(),
            owner: None,
            owner_token: 0,
            lease_until: None,
        });
        for (on_bus, (room, account)) in rooms.iter().enumerate() {
            let index = town.places.len();
            let address = match profile {
                ACREL => format!("{}", on_bus + 1),
                WATER => format!("{:014}", 33_020_000_000 + index),
                _ => format!("{:012}", 202_603_000_000 + index),
            };
            let meter_no = match profile {
                ACREL => format!("{:012}", 135_226_000_000_u64 + index as u64),
                _ => address.clone(),
            };
            let start = self.start(profile, index);
            let meter = Meter {
                project_id: ground.project,
                id: MeterId::generate(self.clock, self.rng).0,
                meter_no,
                room_id: Some(room.0),
                account_id: Some(account.0),
                gateway_id: gateway.0,
                bus: 0,
                address,
                profile: profile.to_owned(),
                purpose: if water { "water" } else { "electricity" }.to_owned(),
                money_model: if profile == PREPAID { "meter-held" } else { "platform-held" }
                    .to_owned(),
                tariff_id: Some(ground.tariffs[usize::from(water)].0),
                epoch: 1,
                purchase_count: None,
                state: "in-service".to_owned(),
                quarantine_reason: None,
                ct: 1,
                pt: 1,
                base_reading: 0,
                reading_interval_s: READING_INTERVAL_S,
                supply_policy: "auto".to_owned(),
                created_at: self.now,
                version: 1,
            };
            town.places.push(Place { meter, start });
        }
    }

    /// Every eleventh electricity meter has run out and is dark; the first one is the demo's own.
    fn start(&self, profile: &str, index: usize) -> Start {
        let water = profile == WATER;
        let dark = !water && index.is_multiple_of(11);
        Start {
            balance_fen: if dark { 0 } else { 800 + self.below(14_000) as i64 },
            register: if water { 40_000 } else { 900_000 } + self.below(400_000) as i64,
            load: if water { 2 + self.below(12) } else { 40 + self.below(420) } as u32,
            dark,
        }
    }

    fn tenant(&self, shop: bool, index: usize) -> String {
        if shop {
            return SHOPS[index % SHOPS.len()].to_owned();
        }
        let surname = SURNAMES[self.below(SURNAMES.len() as u64) as usize];
        format!("{surname}{}", GIVEN[self.below(GIVEN.len() as u64) as usize])
    }

    /// A number of the block that is never given out.
    fn phone(&self) -> String {
        format!("1380000{:04}", self.below(10_000))
    }

    fn below(&self, bound: u64) -> u64 {
        self.rng.below(bound)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::{ManualClock, SeededRng};

    use super::*;
    use crate::demo::{founding::PAYING_PROJECT, tenant::GUESTS_MAX};

    #[test]
    fn the_town_has_three_sites_and_120_rooms_with_meters_lit_dark_and_silent() {
        let town = build(&ManualClock::at("2026-11-20T06:30:00Z"), &SeededRng::new(1));
        assert_eq!((town.projects.len(), town.rooms.len()), (3, 120));
        assert!(town.places[0].start.dark, "the demo's own room starts dark");
        let lit = town.places.iter().filter(|place| !place.start.dark).count();
        assert!(lit > 150 && lit < town.places.len());
        let registrations: Vec<_> =
            town.gateways.iter().filter_map(|g| g.registration.as_deref()).collect();
        assert!(SILENT.iter().all(|silent| registrations.contains(silent)), "{registrations:?}");
        let silent = |place: &Place| {
            let mut gateways = town.gateways.iter();
            let own = gateways.find(|gateway| gateway.id == place.meter.gateway_id);
            own.and_then(|gateway| gateway.registration.as_deref())
                .is_none_or(|r| SILENT.contains(&r))
        };
        let paying = town.places.iter().filter(|p| p.meter.project() == PAYING_PROJECT);
        let dark = paying.filter(|place| place.start.dark && !silent(place)).count();
        assert_eq!(dark, 1 + GUESTS_MAX, "the demo's own room and one for each visitor");
        let numbers: BTreeSet<_> =
            town.places.iter().map(|p| (p.meter.project_id, &p.meter.meter_no)).collect();
        assert_eq!(numbers.len(), town.places.len());
    }
}
