//! Notices (通知) to persons: one for each reason, in the channels the person wants.

use chrono::{DateTime, Utc};
use domain::{DeliveryState, NoticeChannel, NoticeId, PersonId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, sea_query::Expr,
};

use crate::{
    StoreError, Tx,
    entity::{notice, notice_delivery},
    row,
};

pub mod choice;
pub mod delivery;
pub mod quota;

/// A notice as stored.
pub type Notice = notice::Model;

/// The most notices one list answers with.
pub const LIST_MAX: u64 = 100;

impl Notice {
    /// The typed id.
    pub fn notice_id(&self) -> NoticeId {
        NoticeId(self.id)
    }

    /// The project it comes from.
    pub fn project(&self) -> ProjectId {
        ProjectId(self.project_id)
    }
}

/// How a notice begins in one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// The channel.
    pub channel: NoticeChannel,
    /// `waiting` to be sent, `delivered` where being listed is enough, or `skipped`.
    pub state: DeliveryState,
    /// When it is to be sent first, after quiet hours; only where it waits.
    pub next_at: Option<DateTime<Utc>>,
    /// Why it is skipped: a stable code.
    pub why: Option<String>,
}

/// Tells a person something, once for its reason; `false` if they were told before.
///
/// Invariant: a person is told once for a reason, however often and from wherever it is tried,
/// because the key decides; proved by `a_reason_is_told_once`.
pub async fn tell(tx: &Tx, new: Notice, sendings: &[Sending]) -> Result<bool, StoreError> {
    if !row::insert_once(tx, new.clone()).await? {
        return Ok(false);
    }
    for sending in sendings {
        let delivery = notice_delivery::Model {
            project_id: new.project_id,
            notice_id: new.id,
            channel: sending.channel.as_str().to_owned(),
            state: sending.state.as_str().to_owned(),
            attempts: 0,
            next_at: sending.next_at.filter(|_| sending.state.is_open()),
            provider_message: None,
            why: sending.why.clone(),
            updated_at: new.created_at,
        };
        row::insert(tx, delivery).await?;
    }
    Ok(true)
}

/// A notice by its id.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: NoticeId,
) -> Result<Option<Notice>, StoreError> {
    Ok(notice::Entity::find_by_id((project.0, id.0)).one(db).await?)
}

/// A person's notices over all projects, the latest first, from after one on.
pub async fn of_person<C: ConnectionTrait>(
    db: &C,
    person: PersonId,
    after: Option<NoticeId>,
    limit: u64,
) -> Result<Vec<Notice>, StoreError> {
    let mut query = notice::Entity::find()
        .filter(notice::Column::PersonId.eq(person.0))
        .order_by_desc(notice::Column::Id)
        .limit(limit.clamp(1, LIST_MAX));
    if let Some(after) = after {
        query = query.filter(notice::Column::Id.lt(after.0));
    }
    Ok(query.all(db).await?)
}

/// How many notices a person has not read.
pub async fn unread<C: ConnectionTrait>(db: &C, person: PersonId) -> Result<u64, StoreError> {
    let query = notice::Entity::find()
        .filter(notice::Column::PersonId.eq(person.0))
        .filter(Expr::cust("read_at is null"));
    Ok(query.count(db).await?)
}

/// Notes that a person has read one of their notices, or all of them; answers how many were new.
/// One of somebody else is none of theirs.
pub async fn read(
    tx: &Tx,
    person: PersonId,
    one: Option<NoticeId>,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let set = notice::ActiveModel { read_at: Set(Some(now)), ..Default::default() };
    let mut query = notice::Entity::update_many()
        .set(set)
        .filter(notice::Column::PersonId.eq(person.0))
        .filter(Expr::cust("read_at is null"));
    if let Some(one) = one {
        query = query.filter(notice::Column::Id.eq(one.0));
    }
    Ok(query.exec(tx).await?.rows_affected)
}

/// A notice of a person by its id, whatever project it comes from.
pub async fn own<C: ConnectionTrait>(
    db: &C,
    person: PersonId,
    id: NoticeId,
) -> Result<Option<Notice>, StoreError> {
    let found = notice::Entity::find()
        .filter(notice::Column::PersonId.eq(person.0))
        .filter(notice::Column::Id.eq(id.0))
        .one(db)
        .await?;
    Ok(found)
}
