//! What an import would change: worked out before anything is written.

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveTime, Utc};
use domain::{Clock, Rng};
use gateway::Profiles;
use store::{
    Store,
    account::{Account, Room},
    meter::Meter,
    site::{Gateway, Landlord, Project},
    tariff::Tariff,
};

use super::{
    Book, FAULTS_MAX, ImportError, Table,
    book::Sheet,
    cells::Cells,
    known::{Found, Known},
};

/// Chinese time: the day of a date column begins there.
const UTC_OFFSET_S: i32 = 8 * 3_600;

/// What happens to the rows of one table.
#[derive(Debug)]
pub struct Delta<T> {
    /// Rows that are new.
    pub added: Vec<T>,
    /// Rows of which a field that may change has changed.
    pub changed: Vec<T>,
    /// How many rows stay as they are.
    pub unchanged: usize,
}

impl<T> Default for Delta<T> {
    fn default() -> Self {
        Delta { added: Vec::new(), changed: Vec::new(), unchanged: 0 }
    }
}

/// How many rows of a table an import adds, changes and leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The table.
    pub table: Table,
    /// New rows.
    pub added: usize,
    /// Changed rows.
    pub changed: usize,
    /// Rows left alone.
    pub unchanged: usize,
}

/// Everything an import would write.
#[derive(Debug, Default)]
pub struct Plan {
    /// Sites.
    pub projects: Delta<Project>,
    /// Landlords.
    pub landlords: Delta<Landlord>,
    /// Rooms.
    pub rooms: Delta<Room>,
    /// Accounts.
    pub accounts: Delta<Account>,
    /// Gateways.
    pub gateways: Delta<Gateway>,
    /// Tariff versions.
    pub tariffs: Delta<Tariff>,
    /// Meters.
    pub meters: Delta<Meter>,
    /// Meters that were there and get the account opened in their room; not among `meters`.
    pub let_meters: Vec<Meter>,
}

impl Plan {
    /// The counts by table, in the order rows depend on each other.
    pub fn counts(&self) -> Vec<Count> {
        fn count<T>(table: Table, delta: &Delta<T>) -> Count {
            let (added, changed) = (delta.added.len(), delta.changed.len());
            Count { table, added, changed, unchanged: delta.unchanged }
        }
        vec![
            count(Table::Projects, &self.projects),
            count(Table::Landlords, &self.landlords),
            count(Table::Rooms, &self.rooms),
            count(Table::Accounts, &self.accounts),
            count(Table::Gateways, &self.gateways),
            count(Table::Tariffs, &self.tariffs),
            count(Table::Meters, &self.meters),
        ]
    }

    /// True if nothing would be written.
    pub fn is_empty(&self) -> bool {
        self.let_meters.is_empty()
            && self.counts().iter().all(|count| count.added + count.changed == 0)
    }
}

/// What every table's reading works with.
pub(super) struct Maker<'a> {
    pub known: Known,
    pub plan: Plan,
    pub profiles: &'a Profiles,
    pub clock: &'a dyn Clock,
    pub rng: &'a dyn Rng,
    pub now: DateTime<Utc>,
}

/// Reads every sheet against what there is.
pub(super) async fn make(
    book: Book,
    store: &Store,
    profiles: &Profiles,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<Plan, ImportError> {
    let known = Known::load(store).await?;
    let now = clock.now();
    let mut maker = Maker { known, plan: Plan::default(), profiles, clock, rng, now };
    let mut faults = book.faults;
    for sheet in &book.sheets {
        for (number, row) in &sheet.rows {
            let mut found = Vec::new();
            let mut cells = Cells::new(sheet, (*number, row), &mut found);
            maker.row(sheet, &mut cells);
            faults.extend(found);
            if faults.len() >= FAULTS_MAX {
                return Err(ImportError::Faults(faults));
            }
        }
    }
    if !faults.is_empty() {
        return Err(ImportError::Faults(faults));
    }
    maker.let_known_meters();
    Ok(maker.plan)
}

impl Maker<'_> {
    /// A row that cannot be used has said so in its cells; then there is nothing to add.
    fn row(&mut self, sheet: &Sheet, cells: &mut Cells<'_>) -> Option<()> {
        match sheet.table {
            Table::Projects => self.project(cells),
            Table::Landlords => self.landlord(cells),
            Table::Rooms => self.room(cells),
            Table::Accounts => self.account(cells),
            Table::Gateways => self.gateway(cells),
            Table::Tariffs => self.tariff(cells),
            Table::Meters => self.meter(cells),
            // A list of its own, read by `top_up`.
            Table::TopUps => None,
        }
    }

    /// The project a row belongs to.
    pub fn project_of(&self, cells: &mut Cells<'_>) -> Option<i64> {
        if cells.raw("project").is_empty() {
            let mut all = self.known.projects.iter();
            return match (all.next(), all.next()) {
                (Some((id, _)), None) => Some(*id),
                _ => {
                    cells.fault("project", "有多个项目，须写明", "it must be named");
                    None
                }
            };
        }
        let id = cells.integer("project", 1..=999_999)?;
        match self.known.projects.find(&id) {
            Found::Row(_) => Some(id),
            Found::Bad => None,
            Found::Missing => {
                cells.fault("project", "没有这个项目", "there is no such project");
                None
            }
        }
    }

    /// The room a row names by building and number.
    pub fn room_of(&self, cells: &mut Cells<'_>, project: i64) -> Option<Room> {
        let building = cells.name("building");
        let number = cells.name("room");
        let key = (project, building?, number?);
        match self.known.rooms.find(&key) {
            Found::Row(room) => Some(room.clone()),
            Found::Bad => None,
            Found::Missing => {
                cells.fault("room", "没有这个房间", "there is no such room");
                None
            }
        }
    }

    /// The first moment of a local day.
    pub fn day_start(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        let offset = FixedOffset::east_opt(UTC_OFFSET_S)?;
        let start = day.and_time(NaiveTime::MIN).and_local_timezone(offset).single()?;
        Some(start.to_utc())
    }

    /// Says that another row has the key already.
    pub fn twice(&self, cells: &mut Cells<'_>, key: &str, first: Option<u32>) -> Option<()> {
        let Some(first) = first else { return Some(()) };
        cells.fault(key, format!("与第 {first} 行重复"), format!("row {first} has it already"));
        None
    }

    /// Meters that were in a room before its account was opened are the account's from now on.
    fn let_known_meters(&mut self) {
        let opened: Vec<_> = self.plan.accounts.added.iter().map(|a| (a.room_id, a.id)).collect();
        if opened.is_empty() {
            return;
        }
        let fresh: Vec<_> = self.plan.meters.added.iter().map(|meter| meter.id).collect();
        for (_, meter) in self.known.meters.iter() {
            let room = opened.iter().find(|(room, _)| meter.room_id == Some(*room));
            let (Some((_, account)), None) = (room, meter.account_id) else { continue };
            if fresh.contains(&meter.id) {
                continue;
            }
            let changed = self.plan.meters.changed.iter_mut().find(|row| row.id == meter.id);
            match changed {
                Some(row) => row.account_id = Some(*account),
                None => {
                    let version = meter.version + 1;
                    let account_id = Some(*account);
                    self.plan.let_meters.push(Meter { account_id, version, ..meter.clone() });
                }
            }
        }
    }
}

/// Files a row under added, changed or unchanged. `same` compares what may change.
pub(super) fn file<T: Clone>(
    delta: &mut Delta<T>,
    old: Option<&T>,
    new: &T,
    same: impl Fn(&T, &T) -> bool,
) {
    match old {
        None => delta.added.push(new.clone()),
        Some(old) if same(old, new) => delta.unchanged += 1,
        Some(_) => delta.changed.push(new.clone()),
    }
}
