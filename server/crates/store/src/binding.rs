//! Bindings (绑定): which persons belong to which home. A home is an account; when its tenant
//! leaves, the account is closed, every binding ends, and the next tenant's home is another one.
//!
//! Every change of who belongs to an account first takes the account's row, so that binds at the
//! same moment and the account's end stand in one order on every database.

use chrono::{DateTime, Utc};
use domain::{AccountId, BindingId, BindingProof, HomeRole, PersonId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Statement, Value,
};

use crate::{
    StoreError, Tx, account,
    entity::{binding, home},
    row,
};

pub mod code;
pub mod invitation;
pub mod request;

/// A binding as stored.
pub type Binding = binding::Model;
/// A home of a person, as found over all projects.
pub type Home = home::Model;

/// The most persons of one account.
pub const PEOPLE_MAX: u64 = 20;
/// The most homes of one person.
pub const HOMES_MAX: u64 = 50;

/// Why a binding ended with its account.
pub const ACCOUNT_CLOSED: &str = "account-closed";

impl Binding {
    /// The typed id.
    pub fn binding_id(&self) -> BindingId {
        BindingId(self.id)
    }

    /// The home.
    pub fn account(&self) -> AccountId {
        AccountId(self.account_id)
    }

    /// Who belongs to it.
    pub fn person(&self) -> PersonId {
        PersonId(self.person_id)
    }

    /// What the person is there.
    pub fn role(&self) -> Result<HomeRole, StoreError> {
        row::named("binding", "role", self.id, &self.role)
    }
}

impl Home {
    /// The project it is in.
    pub fn project(&self) -> ProjectId {
        ProjectId(self.project_id)
    }

    /// The account it is.
    pub fn account(&self) -> AccountId {
        AccountId(self.account_id)
    }
}

/// Who is to belong to a home, and by what proof. The caller has checked the proof; a code, an
/// invitation and a request have functions of their own, which check and bind at once.
#[derive(Clone, Copy, Debug)]
pub struct Bind {
    /// The id the binding gets.
    pub id: BindingId,
    /// The project of the home.
    pub project: ProjectId,
    /// The home.
    pub account: AccountId,
    /// Who is to belong to it.
    pub person: PersonId,
    /// By what proof.
    pub proof: BindingProof,
    /// Who invited the person.
    pub invited_by: Option<PersonId>,
}

/// What became of a wish to belong to a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The person belongs to it from now on.
    New(Binding),
    /// The person belonged to it already; perhaps they are its owner only now.
    Already(Binding),
    /// The home has [`PEOPLE_MAX`] persons or the person [`HOMES_MAX`] homes.
    Full,
    /// The proof is wrong, used up or too old, or the account is closed: they look alike (S19).
    Refused,
}

/// Binds a person to a home. The first who proves to live there is its owner; whoever comes with
/// an invitation, or after the owner, is a member. A member with a proof becomes the owner where
/// there is none any more; nobody does so by waiting.
///
/// Invariant: one person has one binding to an account and an account one owner, however many ask
/// at once; proved by `a_hundred_binds_at_once_are_one_binding` and
/// `of_a_hundred_who_prove_at_once_one_is_the_owner`.
pub async fn bind(tx: &Tx, wish: &Bind, now: DateTime<Utc>) -> Result<Bound, StoreError> {
    if !take_open(tx, wish.project, wish.account).await? {
        return Ok(Bound::Refused);
    }
    let people = of_account(tx, wish.project, wish.account).await?;
    let owned = people.iter().any(|one| one.role == HomeRole::Owner.as_str());
    let owner = wish.proof.makes_owner() && !owned;
    if let Some(mine) = people.iter().find(|one| one.person_id == wish.person.0) {
        let mine = if owner { make_owner(tx, mine).await? } else { mine.clone() };
        return Ok(Bound::Already(mine));
    }
    let homes = home::Entity::find().filter(home::Column::PersonId.eq(wish.person.0));
    if people.len() as u64 >= PEOPLE_MAX || homes.count(tx).await? >= HOMES_MAX {
        return Ok(Bound::Full);
    }
    let role = if owner { HomeRole::Owner } else { HomeRole::Member };
    let new = Binding {
        project_id: wish.project.0,
        id: wish.id.0,
        account_id: wish.account.0,
        person_id: wish.person.0,
        role: role.as_str().to_owned(),
        proof: wish.proof.as_str().to_owned(),
        invited_by: wish.invited_by.map(|person| person.0),
        since: now,
        ended_at: None,
        why: None,
    };
    row::insert(tx, new.clone()).await?;
    let place = Home {
        person_id: new.person_id,
        project_id: new.project_id,
        account_id: new.account_id,
        binding_id: new.id,
        since: now,
    };
    row::insert(tx, place).await?;
    Ok(Bound::New(new))
}

/// Takes the account's row until the transaction ends; `false` if the account is not open. SQLite
/// has one writer, so there is nobody to wait for.
pub(crate) async fn take_open(
    tx: &Tx,
    project: ProjectId,
    account: AccountId,
) -> Result<bool, StoreError> {
    let backend = tx.get_database_backend();
    if backend != DbBackend::Sqlite {
        let sql = "select id from account where project_id = $1 and id = $2 for no key update";
        let values: [Value; 2] = [project.0.into(), account.0.into()];
        tx.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
    let found = account::by_id(tx, project, account).await?;
    Ok(found.is_some_and(|account| account.is_open()))
}

async fn make_owner(tx: &Tx, mine: &Binding) -> Result<Binding, StoreError> {
    let role = HomeRole::Owner.as_str().to_owned();
    let set = binding::ActiveModel { role: Set(role.clone()), ..Default::default() };
    binding::Entity::update_many()
        .set(set)
        .filter(binding::Column::ProjectId.eq(mine.project_id))
        .filter(binding::Column::Id.eq(mine.id))
        .exec(tx)
        .await?;
    Ok(Binding { role, ..mine.clone() })
}

/// Who belongs to a home now, the longest first.
pub async fn of_account<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    account: AccountId,
) -> Result<Vec<Binding>, StoreError> {
    let found = binding::Entity::find()
        .filter(binding::Column::ProjectId.eq(project.0))
        .filter(binding::Column::AccountId.eq(account.0))
        .filter(binding::Column::EndedAt.is_null())
        .order_by_asc(binding::Column::Since)
        .order_by_asc(binding::Column::Id)
        .limit(PEOPLE_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// The homes of a person over all projects, the longest first.
pub async fn homes<C: ConnectionTrait>(db: &C, person: PersonId) -> Result<Vec<Home>, StoreError> {
    let found = home::Entity::find()
        .filter(home::Column::PersonId.eq(person.0))
        .order_by_asc(home::Column::Since)
        .order_by_asc(home::Column::AccountId)
        .limit(HOMES_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// A person's binding to a home, if it is in force: what every look at a home begins with (8.2.2).
/// A home of somebody else answers as one that does not exist.
pub async fn held<C: ConnectionTrait>(
    db: &C,
    person: PersonId,
    account: AccountId,
) -> Result<Option<Binding>, StoreError> {
    let place = home::Entity::find()
        .filter(home::Column::PersonId.eq(person.0))
        .filter(home::Column::AccountId.eq(account.0))
        .one(db)
        .await?;
    let Some(place) = place else { return Ok(None) };
    let key = (place.project_id, place.binding_id);
    let found = binding::Entity::find_by_id(key).one(db).await?;
    Ok(found.filter(|binding| binding.ended_at.is_none()))
}

/// Ends a person's binding to a home, with the invitations they made for it; `false` if there is
/// none in force. Who may ask for it is the caller's business.
pub async fn end(
    tx: &Tx,
    project: ProjectId,
    account: AccountId,
    person: PersonId,
    why: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    take_open(tx, project, account).await?;
    let done = binding::Entity::update_many()
        .set(ended(why, now))
        .filter(binding::Column::ProjectId.eq(project.0))
        .filter(binding::Column::AccountId.eq(account.0))
        .filter(binding::Column::PersonId.eq(person.0))
        .filter(binding::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    home::Entity::delete_by_id((person.0, project.0, account.0)).exec(tx).await?;
    invitation::end_of(tx, project, account, Some(person), now).await?;
    Ok(done.rows_affected == 1)
}

/// Ends everything that ties persons to an account, in the transaction that closes it: bindings,
/// homes, the printed code, invitations, requests. Answers how many bindings it were. The
/// account is closed first, so that nobody binds in between.
///
/// Invariant: whoever comes after a tenant sees nothing of theirs, and the old tenant nothing of
/// whoever comes; proved by `the_new_tenant_sees_nothing_of_the_old_one`.
pub async fn end_account(
    tx: &Tx,
    project: ProjectId,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    let done = binding::Entity::update_many()
        .set(ended(ACCOUNT_CLOSED, now))
        .filter(binding::Column::ProjectId.eq(project.0))
        .filter(binding::Column::AccountId.eq(account.0))
        .filter(binding::Column::EndedAt.is_null())
        .exec(tx)
        .await?;
    home::Entity::delete_many()
        .filter(home::Column::ProjectId.eq(project.0))
        .filter(home::Column::AccountId.eq(account.0))
        .exec(tx)
        .await?;
    code::remove(tx, project, account).await?;
    invitation::end_of(tx, project, account, None, now).await?;
    request::withdraw_of(tx, project, account, ACCOUNT_CLOSED, now).await?;
    Ok(done.rows_affected)
}

fn ended(why: &str, now: DateTime<Utc>) -> binding::ActiveModel {
    binding::ActiveModel {
        ended_at: Set(Some(now)),
        why: Set(Some(why.to_owned())),
        ..Default::default()
    }
}
