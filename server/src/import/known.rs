//! What there is already, in the database and in the sheets read so far, by the names people use.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::Hash,
};

use domain::ProjectId;
use store::{
    Store, StoreError,
    account::{self, Account, Room},
    meter::{self, Meter},
    site::{self, Gateway, Landlord, Project},
    tariff::{self, Tariff},
};
use uuid::Uuid;

/// Rows of one kind by their key.
#[derive(Debug)]
pub struct Register<K, T> {
    rows: HashMap<K, T>,
    /// Keys of this import, with the row that names them first; some of those rows are bad.
    mentioned: HashMap<K, u32>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug)]
pub enum Found<'a, T> {
    /// A row.
    Row(&'a T),
    /// A row of this import that is bad itself: saying more would only repeat it.
    Bad,
    /// Nothing.
    Missing,
}

impl<K: Eq + Hash + Clone, T> Register<K, T> {
    fn of(rows: impl IntoIterator<Item = (K, T)>) -> Self {
        Register { rows: rows.into_iter().collect(), mentioned: HashMap::new() }
    }

    /// Notes that a row of this import has this key; answers the row that had it before.
    pub fn mention(&mut self, key: &K, row: u32) -> Option<u32> {
        match self.mentioned.get(key) {
            Some(first) => Some(*first),
            None => {
                self.mentioned.insert(key.clone(), row);
                None
            }
        }
    }

    /// A row by its key.
    pub fn get(&self, key: &K) -> Option<&T> {
        self.rows.get(key)
    }

    /// What a name stands for.
    pub fn find(&self, key: &K) -> Found<'_, T> {
        match self.rows.get(key) {
            Some(row) => Found::Row(row),
            None if self.mentioned.contains_key(key) => Found::Bad,
            None => Found::Missing,
        }
    }

    /// Puts a row in, or in the place of the one before.
    pub fn put(&mut self, key: K, row: T) {
        self.rows.insert(key, row);
    }

    /// Every row.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.rows.iter()
    }
}

/// Everything a row may refer to.
pub struct Known {
    /// By number.
    pub projects: Register<i64, Project>,
    /// By project and name.
    pub landlords: Register<(i64, String), Landlord>,
    /// By project, building and number.
    pub rooms: Register<(i64, String, String), Room>,
    /// By project and account number.
    pub accounts: Register<(i64, String), Account>,
    /// By project and name.
    pub gateways: Register<(i64, String), Gateway>,
    /// By project, name and first day in seconds.
    pub tariffs: Register<(i64, String, i64), Tariff>,
    /// By project and meter number.
    pub meters: Register<(i64, String), Meter>,
    /// The open account of a room.
    pub open_in_room: HashMap<Uuid, Uuid>,
    /// Whose registration is whose.
    pub registrations: HashMap<String, Uuid>,
    /// The first version of each tariff name with its purpose.
    pub tariff_names: BTreeMap<(i64, String), (Uuid, String)>,
    /// Names of tariffs whose only rows are bad.
    pub bad_tariffs: HashSet<(i64, String)>,
    /// Addresses in use: gateway, bus, address.
    pub addresses: HashMap<(Uuid, i32, String), String>,
}

impl Known {
    /// Everything that is stored.
    pub async fn load(store: &Store) -> Result<Known, StoreError> {
        let db = store.read();
        let projects = site::projects(db).await?;
        let gateways = site::gateways(db, None).await?;
        let (mut landlords, mut rooms, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
        let (mut tariffs, mut meters) = (Vec::new(), Vec::new());
        for project in &projects {
            let id = ProjectId(project.id);
            landlords.extend(site::landlords(db, id).await?);
            rooms.extend(account::rooms(db, id).await?);
            accounts.extend(account::list(db, id).await?);
            tariffs.extend(tariff::list(db, id).await?);
            meters.extend(meter::list(db, id).await?);
        }
        let mut known = Known {
            projects: Register::of(projects.into_iter().map(|row| (row.id, row))),
            landlords: Register::of(
                landlords.into_iter().map(|row| ((row.project_id, row.name.clone()), row)),
            ),
            rooms: Register::of(rooms.into_iter().map(|row| (room_key(&row), row))),
            accounts: Register::of([]),
            gateways: Register::of([]),
            tariffs: Register::of([]),
            meters: Register::of([]),
            open_in_room: HashMap::new(),
            registrations: HashMap::new(),
            tariff_names: BTreeMap::new(),
            bad_tariffs: HashSet::new(),
            addresses: HashMap::new(),
        };
        accounts.into_iter().for_each(|row| known.put_account(row));
        gateways.into_iter().for_each(|row| known.put_gateway(row));
        tariffs.into_iter().for_each(|row| known.put_tariff(row));
        meters.into_iter().for_each(|row| known.put_meter(row));
        Ok(known)
    }

    /// Puts an account in, and its room's tenant with it.
    pub fn put_account(&mut self, row: Account) {
        if row.is_open() {
            self.open_in_room.insert(row.room_id, row.id);
        }
        self.accounts.put((row.project_id, row.account_no.clone()), row);
    }

    /// Puts a gateway in, and its registration with it.
    pub fn put_gateway(&mut self, row: Gateway) {
        self.registrations.retain(|_, id| *id != row.id);
        if let Some(registration) = &row.registration {
            self.registrations.insert(registration.clone(), row.id);
        }
        self.gateways.put((row.project_id, row.name.clone()), row);
    }

    /// Puts a tariff version in.
    pub fn put_tariff(&mut self, row: Tariff) {
        let name = (row.project_id, row.name.clone());
        self.tariff_names.entry(name).or_insert_with(|| (row.id, row.purpose.clone()));
        let key = (row.project_id, row.name.clone(), row.valid_from.timestamp());
        self.tariffs.put(key, row);
    }

    /// Puts a meter in, and its address with it.
    pub fn put_meter(&mut self, row: Meter) {
        if row.state != "removed" {
            let place = (row.gateway_id, row.bus, row.address.clone());
            self.addresses.insert(place, row.meter_no.clone());
        }
        self.meters.put((row.project_id, row.meter_no.clone()), row);
    }
}

/// A room's key.
pub fn room_key(row: &Room) -> (i64, String, String) {
    (row.project_id, row.building.clone(), row.number.clone())
}
