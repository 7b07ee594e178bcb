//! Rooms and meters of the live page, and where everything is.

use super::*;

/// Everything about places: read once for a state.
pub(super) struct Directory {
    /// The projects with their rooms and meters.
    pub projects: Vec<Project>,
    /// Gateways that are connected.
    pub online: HashSet<Uuid>,
    /// Supplies that are paid for and not back.
    pub dark: Vec<supply::Supply>,
    places: HashMap<Uuid, String>,
}

/// What is known about meters, by meter.
struct Known {
    online: HashSet<Uuid>,
    supplies: HashMap<Uuid, supply::Supply>,
    readings: HashMap<(Uuid, i16), (i64, DateTime<Utc>)>,
    purses: HashMap<String, i64>,
    now: DateTime<Utc>,
}

impl Directory {
    /// Reads it.
    pub async fn read(house: &House, now: DateTime<Utc>) -> Result<Directory, StoreError> {
        let db = house.store().read();
        let items = [
            Item::ForwardEnergy,
            Item::Volume,
            Item::RemainingMoney,
            Item::RelayState,
            Item::ValveState,
        ];
        let readings = overview::latest_readings(db, &items.map(Item::code)).await?;
        let purses = overview::purse_balances(db).await?;
        let mut known = Known {
            online: overview::gateways_online(db).await?.into_iter().collect(),
            supplies: HashMap::new(),
            readings: readings
                .into_iter()
                .map(|row| ((row.meter_id, row.item), (row.value, row.at)))
                .collect(),
            purses: purses.into_iter().map(|row| (row.ledger_account, row.balance_fen)).collect(),
            now,
        };
        let (mut projects, mut places, mut dark) = (Vec::new(), HashMap::new(), Vec::new());
        for project in site::projects(db).await? {
            let id = ProjectId(project.id);
            for row in supply::list(db, id).await? {
                if is_dark(&row) {
                    dark.push(row.clone());
                }
                known.supplies.insert(row.meter_id, row);
            }
            let rooms = known.rooms(house, (id, &project.name), &mut places).await?;
            let (name, name_en) = (project.name, project.name_en);
            projects.push(Project { id: project.id, name, name_en, rooms });
        }
        Ok(Directory { projects, online: known.online, dark, places })
    }

    /// Where a meter is, as in `3栋 502`.
    pub fn place_of(&self, meter: Uuid) -> String {
        self.places.get(&meter).cloned().unwrap_or_default()
    }
}

impl Known {
    async fn rooms(
        &self,
        house: &House,
        (project, site): (ProjectId, &str),
        places: &mut HashMap<Uuid, String>,
    ) -> Result<Vec<Room>, StoreError> {
        let db = house.store().read();
        let mut by_room: HashMap<Uuid, Vec<Meter>> = HashMap::new();
        let mut room_of = Vec::new();
        for row in meter::list(db, project).await? {
            let Some(room) = row.room_id else { continue };
            room_of.push((row.id, room));
            by_room.entry(room).or_default().push(self.meter(row));
        }
        let rows = account::rooms(db, project).await?;
        let name = |row: &account::Room| format!("{site} {} {}", row.building, row.number);
        let names: HashMap<Uuid, String> = rows.iter().map(|row| (row.id, name(row))).collect();
        for (meter, room) in room_of {
            if let Some(name) = names.get(&room) {
                places.insert(meter, name.clone());
            }
        }
        let room = |row: account::Room| Room {
            meters: by_room.remove(&row.id).unwrap_or_default(),
            id: row.id,
            building: row.building,
            floor: row.floor,
            number: row.number,
        };
        Ok(rows.into_iter().take(ROOMS_MAX).map(room).collect())
    }

    fn meter(&self, row: meter::Meter) -> Meter {
        let register = if row.purpose == "water" { Item::Volume } else { Item::ForwardEnergy };
        let reading = |item: Item| self.readings.get(&(row.id, item.code())).copied();
        let balance_fen = match (row.money_model.as_str(), row.account_id) {
            ("platform-held", Some(account)) => {
                let purse = format!("purse:{account}:{}", row.purpose);
                Some(self.purses.get(&purse).copied().unwrap_or(0))
            }
            ("platform-held", None) => None,
            _ => reading(Item::RemainingMoney).map(|(value, _)| value),
        };
        Meter {
            supply: self.supply(&row),
            balance_fen,
            read_at: reading(register).map(|(_, at)| at.min(self.now)),
            meter_no: row.meter_no,
            purpose: row.purpose,
        }
    }

    /// One word for a window: paid-but-dark before everything, then what keeps us from knowing.
    fn supply(&self, row: &meter::Meter) -> &'static str {
        let steered = self.supplies.get(&row.id);
        if steered.is_some_and(is_dark) {
            return "dark";
        }
        if !self.online.contains(&row.gateway_id) {
            return "offline";
        }
        if row.supply_policy == "keep-power" {
            return "kept";
        }
        let item = if row.purpose == "water" { Item::ValveState } else { Item::RelayState };
        let read = self.readings.get(&(row.id, item.code()));
        let seen = steered.and_then(|row| Some((row.actual.as_str(), row.actual_at?)));
        match (seen, read) {
            // Whichever was read later tells.
            (Some((actual, at)), Some((_, read_at))) if at >= *read_at => word(actual),
            (_, Some((value, _))) => word_of_reading(*value),
            (Some((actual, _)), None) => word(actual),
            (None, None) => "unknown",
        }
    }
}

/// Paid for and not back: the alarm stands and supply was not read as on since.
fn is_dark(row: &supply::Supply) -> bool {
    row.desired == "on" && row.alarm_at.is_some() && row.restored_at < row.alarm_at
}

fn word(actual: &str) -> &'static str {
    match actual {
        "on" => "on",
        "off" => "off",
        "waiting" => "waiting",
        _ => "unknown",
    }
}

fn word_of_reading(value: i64) -> &'static str {
    match value {
        gateway::item::state::ON => "on",
        gateway::item::state::OFF => "off",
        gateway::item::state::WAITING => "waiting",
        _ => "unknown",
    }
}
