//! Projects, landlords and rooms.

use domain::{LandlordId, RoomId};
use store::{
    account::Room,
    site::{Landlord, Project},
};

use super::{
    cells::Cells,
    known::{Found, room_key},
    plan::{Maker, file},
};

impl Maker<'_> {
    pub fn project(&mut self, cells: &mut Cells<'_>) -> Option<()> {
        cells.needed("number");
        let id = cells.integer("number", 1..=999_999);
        let name = cells.name("name");
        let name_en = cells.optional_name("name_en");
        let id = id?;
        let first = self.known.projects.mention(&id, cells.number);
        self.twice(cells, "number", first)?;
        let old = self.known.projects.get(&id).cloned();
        let name = name?;
        let kept = old.as_ref().map(|old| old.name_en.clone());
        let new = Project {
            id,
            name_en: name_en.or(kept).unwrap_or_else(|| name.clone()),
            name,
            currency: "CNY".to_owned(),
            timezone: "+08:00".to_owned(),
            created_at: old.as_ref().map_or(self.now, |old| old.created_at),
        };
        file(&mut self.plan.projects, old.as_ref(), &new, |a, b| {
            (&a.name, &a.name_en) == (&b.name, &b.name_en)
        });
        self.known.projects.put(id, new);
        Some(())
    }

    pub fn landlord(&mut self, cells: &mut Cells<'_>) -> Option<()> {
        let project = self.project_of(cells);
        let name = cells.name("name");
        let phone = cells.phone("phone");
        let key = (project?, name?);
        let first = self.known.landlords.mention(&key, cells.number);
        self.twice(cells, "name", first)?;
        let old = self.known.landlords.get(&key).cloned();
        let new = Landlord {
            project_id: key.0,
            id: old
                .as_ref()
                .map_or_else(|| LandlordId::generate(self.clock, self.rng).0, |old| old.id),
            name: key.1.clone(),
            phone: phone.or_else(|| old.as_ref().and_then(|old| old.phone.clone())),
        };
        file(&mut self.plan.landlords, old.as_ref(), &new, |a, b| a.phone == b.phone);
        self.known.landlords.put(key, new);
        Some(())
    }

    pub fn room(&mut self, cells: &mut Cells<'_>) -> Option<()> {
        let project = self.project_of(cells);
        let (building, number) = (cells.name("building"), cells.name("room"));
        cells.needed("floor");
        let floor = cells.integer("floor", -9..=200);
        let area = cells.decimal("area", 2, i64::from(i32::MAX));
        let tags = cells.optional_name("tags").map(|text| tags(&text));
        let project = project?;
        let landlord = self.landlord_of(cells, project);
        let key = (project, building?, number?);
        let first = self.known.rooms.mention(&key, cells.number);
        self.twice(cells, "room", first)?;
        let old = self.known.rooms.get(&key).cloned();
        let kept = old.as_ref();
        let new = Room {
            project_id: project,
            id: kept.map_or_else(|| RoomId::generate(self.clock, self.rng).0, |old| old.id),
            building: key.1,
            floor: i32::try_from(floor?).ok()?,
            number: key.2,
            area_m2_e2: area
                .and_then(|area| i32::try_from(area).ok())
                .or(kept.and_then(|old| old.area_m2_e2)),
            landlord_id: landlord.or(kept.and_then(|old| old.landlord_id)),
            tags: tags.or_else(|| kept.map(|old| old.tags.clone())).unwrap_or("[]".to_owned()),
        };
        file(&mut self.plan.rooms, kept, &new, |a, b| a == b);
        self.known.rooms.put(room_key(&new), new);
        Some(())
    }

    fn landlord_of(&self, cells: &mut Cells<'_>, project: i64) -> Option<uuid::Uuid> {
        let name = cells.optional_name("landlord")?;
        match self.known.landlords.find(&(project, name)) {
            Found::Row(landlord) => Some(landlord.id),
            Found::Bad => None,
            Found::Missing => {
                cells.fault("landlord", "没有这个房东", "there is no such landlord");
                None
            }
        }
    }
}

/// Tags as they are stored: a JSON list of texts.
fn tags(text: &str) -> String {
    let list: Vec<&str> =
        text.split([',', '，', '、']).map(str::trim).filter(|tag| !tag.is_empty()).collect();
    serde_json::to_string(&list).unwrap_or_else(|_| "[]".to_owned())
}
