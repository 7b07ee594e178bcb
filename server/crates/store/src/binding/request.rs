//! Requests to be bound that staff decide, from persons without paper and without a number on
//! file.

use chrono::{DateTime, Utc};
use domain::{
    AccountId, BindingId, BindingProof, BindingRequestId, OperatorId, PersonId, ProjectId,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};

use super::{Bind, Bound, bind, take_open};
use crate::{StoreError, Tx, entity::binding_request, row};

/// A request as stored.
pub type Request = binding_request::Model;

/// The most requests of one person that wait at a time.
pub const OPEN_MAX: u64 = 5;
/// The most requests one list answers with.
pub const LIST_MAX: u64 = 200;

/// What became of a request that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Staff see it from now on.
    New,
    /// The person asked for this home before and waits.
    Already,
    /// [`OPEN_MAX`] of the person's requests wait already.
    TooMany,
    /// The account is closed.
    Closed,
}

impl Request {
    /// The typed id.
    pub fn request_id(&self) -> BindingRequestId {
        BindingRequestId(self.id)
    }
}

/// Keeps a request for staff to decide; one per person and home waits at a time.
pub async fn ask(tx: &Tx, new: Request) -> Result<Asked, StoreError> {
    let waiting = binding_request::Entity::find()
        .filter(binding_request::Column::PersonId.eq(new.person_id))
        .filter(binding_request::Column::State.eq("open"));
    if waiting.count(tx).await? >= OPEN_MAX {
        return Ok(Asked::TooMany);
    }
    if !take_open(tx, ProjectId(new.project_id), AccountId(new.account_id)).await? {
        return Ok(Asked::Closed);
    }
    Ok(if row::insert_once(tx, new).await? { Asked::New } else { Asked::Already })
}

/// A request by its id.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    id: BindingRequestId,
) -> Result<Option<Request>, StoreError> {
    Ok(binding_request::Entity::find_by_id((project.0, id.0)).one(db).await?)
}

/// The requests of a person over all projects, the latest first.
pub async fn of_person<C: ConnectionTrait>(
    db: &C,
    person: PersonId,
) -> Result<Vec<Request>, StoreError> {
    let found = binding_request::Entity::find()
        .filter(binding_request::Column::PersonId.eq(person.0))
        .order_by_desc(binding_request::Column::CreatedAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// The requests of a project that wait, the oldest first.
pub async fn open_of_project<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
) -> Result<Vec<Request>, StoreError> {
    let found = binding_request::Entity::find()
        .filter(binding_request::Column::ProjectId.eq(project.0))
        .filter(binding_request::Column::State.eq("open"))
        .order_by_asc(binding_request::Column::CreatedAt)
        .limit(LIST_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// Accepts a request and binds the person; refused if it no longer waits or the account is
/// closed. Where the home or the person is full the request goes on waiting.
pub async fn accept(
    tx: &Tx,
    project: ProjectId,
    request: BindingRequestId,
    binding: BindingId,
    operator: OperatorId,
    now: DateTime<Utc>,
) -> Result<Bound, StoreError> {
    let Some(found) = by_id(tx, project, request).await? else { return Ok(Bound::Refused) };
    let account = AccountId(found.account_id);
    if !take_open(tx, project, account).await? {
        return Ok(Bound::Refused);
    }
    let waits = by_id(tx, project, request).await?.is_some_and(|row| row.state == "open");
    if !waits {
        return Ok(Bound::Refused);
    }
    let wish = Bind {
        id: binding,
        project,
        account,
        person: PersonId(found.person_id),
        proof: BindingProof::Staff,
        invited_by: None,
    };
    let bound = bind(tx, &wish, now).await?;
    if matches!(bound, Bound::New(_) | Bound::Already(_)) {
        decide(tx, project, request, decided("accepted", Some(operator), None, now)).await?;
    }
    Ok(bound)
}

/// Refuses a request with a reason the person is shown; `false` if it no longer waits.
pub async fn refuse(
    tx: &Tx,
    project: ProjectId,
    request: BindingRequestId,
    operator: OperatorId,
    why: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let set = decided("refused", Some(operator), Some(why), now);
    decide(tx, project, request, set).await
}

async fn decide(
    tx: &Tx,
    project: ProjectId,
    request: BindingRequestId,
    set: binding_request::ActiveModel,
) -> Result<bool, StoreError> {
    let done = binding_request::Entity::update_many()
        .set(set)
        .filter(binding_request::Column::ProjectId.eq(project.0))
        .filter(binding_request::Column::Id.eq(request.0))
        .filter(binding_request::Column::State.eq("open"))
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}

/// Withdraws what waits for an account.
pub(super) async fn withdraw_of(
    tx: &Tx,
    project: ProjectId,
    account: AccountId,
    why: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    binding_request::Entity::update_many()
        .set(decided("withdrawn", None, Some(why), now))
        .filter(binding_request::Column::ProjectId.eq(project.0))
        .filter(binding_request::Column::AccountId.eq(account.0))
        .filter(binding_request::Column::State.eq("open"))
        .exec(tx)
        .await?;
    Ok(())
}

fn decided(
    state: &str,
    by: Option<OperatorId>,
    why: Option<&str>,
    now: DateTime<Utc>,
) -> binding_request::ActiveModel {
    binding_request::ActiveModel {
        state: Set(state.to_owned()),
        decided_at: Set(Some(now)),
        decided_by: Set(by.map(|operator| operator.0)),
        why: Set(why.map(str::to_owned)),
        ..Default::default()
    }
}
