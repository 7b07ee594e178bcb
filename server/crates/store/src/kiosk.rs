//! Kiosks (终端): the register of a site, and what else is kept about them, one file each.
//!
//! A kiosk belongs to one project. Outside of it only its id is known ([`locate`]), and what it may
//! be asked for is looked up in its own project afterwards.

use chrono::{DateTime, Utc};
use domain::ProjectId;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};
use uuid::Uuid;

use crate::{
    StoreError, Tx,
    entity::{kiosk, kiosk_locator},
    row,
};

pub mod card;
pub mod command;
pub mod content;
pub mod event;
pub mod file;
pub mod pairing;
pub mod play;
pub mod premises;
pub mod presence;
pub mod sale;
pub mod session;

/// A kiosk as stored.
pub type Kiosk = kiosk::Model;

/// The most kiosks one list answers with.
pub const LIST_MAX: u64 = 5_000;

/// In service.
pub const ACTIVE: &str = "active";
/// One key spoke for two processes at once: neither is let in until a person has looked.
pub const QUARANTINED: &str = "quarantined";
/// Not let in any more.
pub const REVOKED: &str = "revoked";

impl Kiosk {
    /// Its project.
    pub fn project(&self) -> ProjectId {
        ProjectId(self.project_id)
    }

    /// True while it is let in.
    pub fn is_active(&self) -> bool {
        self.state == ACTIVE
    }
}

/// Enters a kiosk into the register of its site.
pub async fn insert(tx: &Tx, new: Kiosk) -> Result<(), StoreError> {
    let locator = kiosk_locator::Model {
        kiosk_id: new.id,
        project_id: new.project_id,
        public_key: new.public_key.clone(),
    };
    row::insert(tx, locator).await?;
    row::insert(tx, new).await
}

/// The project of a kiosk, whoever asks.
pub async fn locate<C: ConnectionTrait>(db: &C, id: Uuid) -> Result<Option<ProjectId>, StoreError> {
    let found = kiosk_locator::Entity::find_by_id(id).one(db).await?;
    Ok(found.map(|row| ProjectId(row.project_id)))
}

/// The kiosk that holds a key, in whatever project.
pub async fn by_key<C: ConnectionTrait>(
    db: &C,
    public_key: &str,
) -> Result<Option<(ProjectId, Uuid)>, StoreError> {
    let found = kiosk_locator::Entity::find()
        .filter(kiosk_locator::Column::PublicKey.eq(public_key))
        .one(db)
        .await?;
    Ok(found.map(|row| (ProjectId(row.project_id), row.kiosk_id)))
}

/// A kiosk of a project.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: Uuid,
) -> Result<Option<Kiosk>, StoreError> {
    Ok(kiosk::Entity::find_by_id((project.0, id)).one(db).await?)
}

/// A kiosk by what stands on its foot.
pub async fn by_number<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    number: &str,
) -> Result<Option<Kiosk>, StoreError> {
    let found = kiosk::Entity::find()
        .filter(kiosk::Column::ProjectId.eq(project.0))
        .filter(kiosk::Column::Number.eq(number))
        .one(db)
        .await?;
    Ok(found)
}

/// The kiosks of a project, or of all, by number.
pub async fn list<C: ConnectionTrait>(
    db: &C,
    project: Option<ProjectId>,
) -> Result<Vec<Kiosk>, StoreError> {
    let mut query = kiosk::Entity::find();
    if let Some(project) = project {
        query = query.filter(kiosk::Column::ProjectId.eq(project.0));
    }
    let query = query.order_by_asc(kiosk::Column::ProjectId).order_by_asc(kiosk::Column::Number);
    Ok(query.limit(LIST_MAX).all(db).await?)
}

/// What of a kiosk may change; `None` leaves a field alone.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Its name.
    pub name: Option<String>,
    /// Active, quarantined or revoked, with the reason.
    pub state: Option<(&'static str, Option<String>)>,
    /// When it was put out, or that it is in again.
    pub ended_at: Option<Option<DateTime<Utc>>>,
    /// The settings, as the text of a JSON object; their version grows by one.
    pub settings: Option<String>,
    /// The start of its process that speaks for it, and since when.
    pub boot: Option<(Uuid, DateTime<Utc>)>,
    /// What it runs.
    pub software: Option<String>,
    /// Another machine takes its place: key, hardware and when.
    pub machine: Option<(String, String, DateTime<Utc>)>,
}

/// Changes a kiosk if nobody changed it meanwhile.
pub async fn change(tx: &Tx, known: &Kiosk, change: Change) -> Result<Kiosk, StoreError> {
    let mut new = known.clone();
    new.version += 1;
    new.name = change.name.unwrap_or(new.name);
    if let Some((state, reason)) = change.state {
        new.state = state.to_owned();
        new.reason = reason;
    }
    new.ended_at = change.ended_at.unwrap_or(new.ended_at);
    if let Some(settings) = change.settings {
        new.settings = settings;
        new.settings_version += 1;
    }
    if let Some((boot, at)) = change.boot {
        (new.boot_id, new.boot_at) = (Some(boot), Some(at));
    }
    new.software = change.software.unwrap_or(new.software);
    if let Some((key, hardware, at)) = change.machine {
        (new.public_key, new.hardware, new.paired_at) = (key, hardware, at);
        (new.boot_id, new.boot_at) = (None, None);
        let set = kiosk_locator::ActiveModel {
            public_key: Set(new.public_key.clone()),
            ..Default::default()
        };
        let query = kiosk_locator::Entity::update_many().set(set);
        query.filter(kiosk_locator::Column::KioskId.eq(known.id)).exec(tx).await?;
    }
    let set = kiosk::ActiveModel {
        name: Set(new.name.clone()),
        public_key: Set(new.public_key.clone()),
        state: Set(new.state.clone()),
        reason: Set(new.reason.clone()),
        settings: Set(new.settings.clone()),
        settings_version: Set(new.settings_version),
        hardware: Set(new.hardware.clone()),
        software: Set(new.software.clone()),
        boot_id: Set(new.boot_id),
        boot_at: Set(new.boot_at),
        paired_at: Set(new.paired_at),
        ended_at: Set(new.ended_at),
        version: Set(new.version),
        ..Default::default()
    };
    let done = kiosk::Entity::update_many()
        .set(set)
        .filter(kiosk::Column::ProjectId.eq(known.project_id))
        .filter(kiosk::Column::Id.eq(known.id))
        .filter(kiosk::Column::Version.eq(known.version))
        .exec(tx)
        .await?;
    if done.rows_affected == 1 { Ok(new) } else { Err(StoreError::Gone("kiosk")) }
}
