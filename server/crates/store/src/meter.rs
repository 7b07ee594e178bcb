//! Meters: where they hang, who pays for them, and whether money commands may reach them.

use std::collections::HashMap;

use domain::{AccountId, GatewayId, MeterId, MoneyModel, ProjectId, Purpose, RoomId, TariffId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::{StoreError, Tx, entity::meter, row};

/// A meter as stored.
pub type Meter = meter::Model;

/// The most meters one list answers with.
pub const LIST_MAX: u64 = 200_000;

impl Meter {
    /// The typed id.
    pub fn meter_id(&self) -> MeterId {
        MeterId(self.id)
    }

    /// The site the meter belongs to.
    pub fn project(&self) -> ProjectId {
        ProjectId(self.project_id)
    }

    /// The gateway the meter hangs on.
    pub fn gateway(&self) -> GatewayId {
        GatewayId(self.gateway_id)
    }

    /// The account that pays, if the room is let.
    pub fn account(&self) -> Option<AccountId> {
        self.account_id.map(AccountId)
    }

    /// The room the meter measures.
    pub fn room(&self) -> Option<RoomId> {
        self.room_id.map(RoomId)
    }

    /// The tariff it is priced by.
    pub fn tariff(&self) -> Option<TariffId> {
        self.tariff_id.map(TariffId)
    }

    /// What its money is for.
    pub fn purpose(&self) -> Result<Purpose, StoreError> {
        row::named("meter", "purpose", self.id, &self.purpose)
    }

    /// Who keeps the tenant's money.
    pub fn money_model(&self) -> Result<MoneyModel, StoreError> {
        row::named("meter", "money_model", self.id, &self.money_model)
    }

    /// True while money and relay commands to the meter are stopped until a person has looked.
    pub fn is_quarantined(&self) -> bool {
        self.state == "quarantined"
    }

    /// True while the meter is in use at all.
    pub fn is_in_service(&self) -> bool {
        self.state == "in-service"
    }

    /// True while an operator keeps the supply on, whatever the balance (保电).
    pub fn keeps_power(&self) -> bool {
        self.supply_policy == "keep-power"
    }
}

/// A meter by its id.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: MeterId,
) -> Result<Option<Meter>, StoreError> {
    Ok(meter::Entity::find_by_id((project.0, id.0)).one(db).await?)
}

/// A meter by the number on its face.
pub async fn by_no<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter_no: &str,
) -> Result<Option<Meter>, StoreError> {
    let found = meter::Entity::find()
        .filter(meter::Column::ProjectId.eq(project.0))
        .filter(meter::Column::MeterNo.eq(meter_no))
        .one(db)
        .await?;
    Ok(found)
}

/// Meters of a project by number.
pub async fn list<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<Meter>, StoreError> {
    let found = meter::Entity::find()
        .filter(meter::Column::ProjectId.eq(project.0))
        .order_by_asc(meter::Column::MeterNo)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Meters in use behind a gateway, or behind all of them.
pub async fn in_service<C: ConnectionTrait>(
    db: &C,
    gateway: Option<GatewayId>,
) -> Result<Vec<Meter>, StoreError> {
    let mut query = meter::Entity::find().filter(meter::Column::State.ne("removed"));
    if let Some(gateway) = gateway {
        query = query.filter(meter::Column::GatewayId.eq(gateway.0));
    }
    let query = query.order_by_asc(meter::Column::GatewayId).order_by_asc(meter::Column::Bus);
    Ok(query.order_by_asc(meter::Column::MeterNo).limit(LIST_MAX).all(db).await?)
}

/// Meters in use behind some gateways of a project.
pub async fn in_service_behind<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    gateways: &[GatewayId],
) -> Result<Vec<Meter>, StoreError> {
    let query = meter::Entity::find()
        .filter(meter::Column::ProjectId.eq(project.0))
        .filter(meter::Column::GatewayId.is_in(gateways.iter().map(|id| id.0)))
        .filter(meter::Column::State.ne("removed"));
    let query = query.order_by_asc(meter::Column::GatewayId).order_by_asc(meter::Column::Bus);
    Ok(query.order_by_asc(meter::Column::MeterNo).limit(LIST_MAX).all(db).await?)
}

/// The epoch of the first meter in a place.
pub const FIRST_LIFE: i32 = 1;

/// The epochs of the places of a project in which another than the first meter hangs.
pub async fn later_lives<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<HashMap<uuid::Uuid, i32>, StoreError> {
    let found = meter::Entity::find()
        .select_only()
        .columns([meter::Column::Id, meter::Column::Epoch])
        .filter(meter::Column::ProjectId.eq(project.0))
        .filter(meter::Column::Epoch.ne(FIRST_LIFE))
        .limit(LIST_MAX)
        .into_tuple::<(uuid::Uuid, i32)>()
        .all(db)
        .await?;
    Ok(found.into_iter().collect())
}

/// Meters of an account, by number. They are put in order here: asked to do it, SQLite walks the
/// numbers of the whole project instead of the few meters of the account.
pub async fn of_account<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    account: AccountId,
) -> Result<Vec<Meter>, StoreError> {
    let mut found = meter::Entity::find()
        .filter(meter::Column::ProjectId.eq(project.0))
        .filter(meter::Column::AccountId.eq(account.0))
        .limit(LIST_MAX)
        .all(db)
        .await?;
    found.sort_by(|one, other| one.meter_no.cmp(&other.meter_no));
    Ok(found)
}

/// Meters of a room that are in use, by number; put in order here like those of an account.
pub async fn of_room<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    room: RoomId,
) -> Result<Vec<Meter>, StoreError> {
    let mut found = meter::Entity::find()
        .filter(meter::Column::ProjectId.eq(project.0))
        .filter(meter::Column::RoomId.eq(room.0))
        .filter(meter::Column::State.ne("removed"))
        .limit(LIST_MAX)
        .all(db)
        .await?;
    found.sort_by(|one, other| one.meter_no.cmp(&other.meter_no));
    Ok(found)
}

/// The meter on a bus of a gateway that has an address, if one is in use there.
pub async fn by_address<C: ConnectionTrait>(
    db: &C,
    (gateway, bus): (GatewayId, i32),
    address: &str,
) -> Result<Option<Meter>, StoreError> {
    let found = meter::Entity::find()
        .filter(meter::Column::GatewayId.eq(gateway.0))
        .filter(meter::Column::Bus.eq(bus))
        .filter(meter::Column::Address.eq(address))
        .filter(meter::Column::State.ne("removed"))
        .one(db)
        .await?;
    Ok(found)
}

/// What of a meter may change; `None` leaves a field alone.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The account that pays, or nobody.
    pub account: Option<Option<AccountId>>,
    /// The count the platform believes the meter to hold; `Some(None)` = not known.
    pub purchase_count: Option<Option<i64>>,
    /// The meter's generation; raised when it was replaced or reset.
    pub epoch: Option<i32>,
    /// In service, quarantined or removed, with the reason.
    pub state: Option<(&'static str, Option<String>)>,
    /// Automatic, manual or keep-power.
    pub supply_policy: Option<&'static str>,
    /// The number on its face and its address on the bus, once another meter hangs in its place.
    pub identity: Option<(String, String)>,
}

/// Changes a meter if nobody changed it meanwhile.
pub async fn change(tx: &Tx, meter: &Meter, change: Change) -> Result<Meter, StoreError> {
    let mut new = meter.clone();
    new.version = meter.version + 1;
    if let Some(account) = change.account {
        new.account_id = account.map(|id| id.0);
    }
    if let Some(count) = change.purchase_count {
        new.purchase_count = count;
    }
    if let Some(epoch) = change.epoch {
        new.epoch = epoch;
    }
    if let Some((state, reason)) = change.state {
        new.state = state.to_owned();
        new.quarantine_reason = reason;
    }
    if let Some(policy) = change.supply_policy {
        new.supply_policy = policy.to_owned();
    }
    if let Some((meter_no, address)) = change.identity {
        (new.meter_no, new.address) = (meter_no, address);
    }
    let set = meter::ActiveModel {
        meter_no: Set(new.meter_no.clone()),
        address: Set(new.address.clone()),
        account_id: Set(new.account_id),
        purchase_count: Set(new.purchase_count),
        epoch: Set(new.epoch),
        state: Set(new.state.clone()),
        quarantine_reason: Set(new.quarantine_reason.clone()),
        supply_policy: Set(new.supply_policy.clone()),
        version: Set(new.version),
        ..Default::default()
    };
    let done = meter::Entity::update_many()
        .set(set)
        .filter(meter::Column::ProjectId.eq(meter.project_id))
        .filter(meter::Column::Id.eq(meter.id))
        .filter(meter::Column::Version.eq(meter.version))
        .exec(tx)
        .await?;
    if done.rows_affected == 1 { Ok(new) } else { Err(StoreError::Gone("meter")) }
}
