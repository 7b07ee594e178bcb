//! Persons (租户): who signs in to the tenant's pages, and by what they are known.

use chrono::{DateTime, Utc};
use domain::{IdentityKind, Language, PersonId, Theme};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use crate::{
    StoreError, Tx,
    entity::{identity, person},
    row,
};

pub mod session;
pub mod ticket;

/// A person as stored.
pub type Person = person::Model;
/// Something a person is known by, as stored.
pub type Identity = identity::Model;

/// The most identities one list answers with.
pub const IDENTITIES_MAX: u64 = 50;

impl Person {
    /// The typed id.
    pub fn person_id(&self) -> PersonId {
        PersonId(self.id)
    }

    /// The language of the person's pages and notices.
    pub fn language(&self) -> Result<Language, StoreError> {
        row::named("person", "language", self.id, &self.language)
    }

    /// Light or dark pages.
    pub fn theme(&self) -> Result<Theme, StoreError> {
        row::named("person", "theme", self.id, &self.theme)
    }
}

impl Identity {
    /// Whose it is.
    pub fn person(&self) -> PersonId {
        PersonId(self.person_id)
    }

    /// What it is.
    pub fn kind(&self) -> Result<IdentityKind, StoreError> {
        row::named("identity", "kind", &self.value, &self.kind)
    }
}

/// Something a person is known by. Only who proved it may hand it in: the openid of the provider's
/// own answer (S20), the phone number of a code that was said back.
#[derive(Clone, PartialEq, Eq)]
pub struct KnownBy {
    /// What it is.
    pub kind: IdentityKind,
    /// The app id it belongs to; empty where there is none.
    pub scope: String,
    /// The openid, user id, unionid or number.
    pub value: String,
}

impl std::fmt::Debug for KnownBy {
    // The value is personal and stays out of logs (S13).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}:***", self.kind, self.scope)
    }
}

impl KnownBy {
    /// A phone number that was proved.
    pub fn phone(number: &str) -> KnownBy {
        KnownBy { kind: IdentityKind::Phone, scope: String::new(), value: number.to_owned() }
    }

    fn union(id: &str) -> KnownBy {
        KnownBy { kind: IdentityKind::WechatUnion, scope: String::new(), value: id.to_owned() }
    }

    fn key(&self) -> (String, String, String) {
        (self.kind.as_str().to_owned(), self.scope.clone(), self.value.clone())
    }
}

/// Who signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The person.
    pub person: PersonId,
    /// True if nobody was known by this before.
    pub first: bool,
}

/// The person known by something, or a new one. Where the provider tells a unionid, a visitor who
/// is known by it from another app is the same person (C7).
///
/// Invariant: sign-ins at the same moment make one person, because the key of `identity` decides
/// and who lost takes the winner's; proved by `parallel_first_sign_ins_make_one_person`.
pub async fn sign_in(
    tx: &Tx,
    by: &KnownBy,
    union_id: Option<&str>,
    new: PersonId,
    now: DateTime<Utc>,
) -> Result<SignedIn, StoreError> {
    let union = union_id.map(KnownBy::union);
    let own = known_by(tx, by).await?;
    let joined = match &union {
        Some(union) => known_by(tx, union).await?,
        None => None,
    };
    if let Some(person) = own.or(joined) {
        if own.is_none() {
            hold(tx, by, person, now).await?;
        }
        if let (Some(union), None) = (&union, joined) {
            hold(tx, union, person, now).await?;
        }
        // Somebody may have been faster with the identity itself: it is theirs then.
        let person = known_by(tx, by).await?.unwrap_or(person);
        return Ok(SignedIn { person, first: false });
    }
    row::insert(tx, fresh(new, now)).await?;
    let mut person = new;
    for known in union.iter().chain([by]) {
        person = hold(tx, known, person, now).await?;
    }
    if person != new {
        // What the new one got meanwhile goes with the identity to its holder.
        identity::Entity::update_many()
            .col_expr(identity::Column::PersonId, Expr::value(person.0))
            .filter(identity::Column::PersonId.eq(new.0))
            .exec(tx)
            .await?;
        person::Entity::delete_by_id(new.0).exec(tx).await?;
    }
    Ok(SignedIn { person, first: person == new })
}

fn fresh(id: PersonId, now: DateTime<Utc>) -> Person {
    Person {
        id: id.0,
        name: None,
        language: Language::ZhCn.as_str().to_owned(),
        elder: false,
        theme: Theme::System.as_str().to_owned(),
        created_at: now,
        session_version: 0,
    }
}

/// Gives an identity to a person unless somebody holds it; answers the holder.
async fn hold(
    tx: &Tx,
    by: &KnownBy,
    person: PersonId,
    now: DateTime<Utc>,
) -> Result<PersonId, StoreError> {
    let (kind, scope, value) = by.key();
    let new = Identity { kind, scope, value, person_id: person.0, since: now };
    if row::insert_once(tx, new).await? {
        return Ok(person);
    }
    // Whoever held it may have let go between the two statements: the unit is tried again.
    known_by(tx, by).await?.ok_or(StoreError::Conflict)
}

/// The person known by something.
pub async fn known_by<C: ConnectionTrait>(
    db: &C,
    by: &KnownBy,
) -> Result<Option<PersonId>, StoreError> {
    let found = identity::Entity::find_by_id(by.key()).one(db).await?;
    Ok(found.map(|row| row.person()))
}

/// What became of the wish to add an identity to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// The person is known by it from now on.
    New,
    /// The person was known by it already.
    Already,
    /// Somebody else is known by it. Two persons are never made one behind their backs.
    Taken,
}

/// Adds an identity to a person who is signed in.
pub async fn link(
    tx: &Tx,
    person: PersonId,
    by: &KnownBy,
    now: DateTime<Utc>,
) -> Result<Linked, StoreError> {
    match known_by(tx, by).await? {
        Some(holder) if holder == person => return Ok(Linked::Already),
        Some(_) => return Ok(Linked::Taken),
        None => {}
    }
    let holder = hold(tx, by, person, now).await?;
    Ok(if holder == person { Linked::New } else { Linked::Taken })
}

/// Gives a person this phone number and no other one; the number before it is given up.
pub async fn set_phone(
    tx: &Tx,
    person: PersonId,
    number: &str,
    now: DateTime<Utc>,
) -> Result<Linked, StoreError> {
    let linked = link(tx, person, &KnownBy::phone(number), now).await?;
    if linked != Linked::Taken {
        identity::Entity::delete_many()
            .filter(identity::Column::PersonId.eq(person.0))
            .filter(identity::Column::Kind.eq(IdentityKind::Phone.as_str()))
            .filter(identity::Column::Value.ne(number))
            .exec(tx)
            .await?;
    }
    Ok(linked)
}

/// A person by id.
pub async fn by_id<C: ConnectionTrait>(db: &C, id: PersonId) -> Result<Option<Person>, StoreError> {
    Ok(person::Entity::find_by_id(id.0).one(db).await?)
}

/// Persons by their ids.
pub async fn by_ids<C: ConnectionTrait>(
    db: &C,
    ids: impl IntoIterator<Item = PersonId> + Send,
) -> Result<Vec<Person>, StoreError> {
    let ids: Vec<_> = ids.into_iter().map(|id| id.0).collect();
    Ok(person::Entity::find().filter(person::Column::Id.is_in(ids)).all(db).await?)
}

/// What a person is known by, the oldest first; unions are left out.
pub async fn identities<C: ConnectionTrait>(
    db: &C,
    person: PersonId,
) -> Result<Vec<Identity>, StoreError> {
    let found = identity::Entity::find()
        .filter(identity::Column::PersonId.eq(person.0))
        .filter(identity::Column::Kind.ne(IdentityKind::WechatUnion.as_str()))
        .order_by_asc(identity::Column::Since)
        .limit(IDENTITIES_MAX)
        .all(db)
        .await?;
    Ok(found)
}

/// How a person wants to be shown the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// The language of pages and notices.
    pub language: Language,
    /// Larger type and fewer things on a page (长辈版).
    pub elder: bool,
    /// Light or dark.
    pub theme: Theme,
}

/// Sets how a person wants to be shown the pages; `false` if there is no such person.
pub async fn set_preferences(
    tx: &Tx,
    id: PersonId,
    wanted: Preferences,
) -> Result<bool, StoreError> {
    let set = person::ActiveModel {
        language: Set(wanted.language.as_str().to_owned()),
        elder: Set(wanted.elder),
        theme: Set(wanted.theme.as_str().to_owned()),
        ..Default::default()
    };
    let query = person::Entity::update_many().set(set).filter(person::Column::Id.eq(id.0));
    Ok(query.exec(tx).await?.rows_affected == 1)
}

/// Sets or takes away the name a person gave; `false` if there is no such person.
pub async fn set_name(tx: &Tx, id: PersonId, name: Option<String>) -> Result<bool, StoreError> {
    let set = person::ActiveModel { name: Set(name), ..Default::default() };
    let query = person::Entity::update_many().set(set).filter(person::Column::Id.eq(id.0));
    Ok(query.exec(tx).await?.rows_affected == 1)
}
