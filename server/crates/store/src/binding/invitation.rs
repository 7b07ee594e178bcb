//! An owner's invitation to the home: a code that binds one person once.

use chrono::{DateTime, Utc};
use domain::{AccountId, BindingId, BindingProof, HomeRole, PersonId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
};

use super::{Bind, Bound, bind, of_account, take_open};
use crate::{StoreError, Tx, entity::invitation, row};

/// An invitation as stored.
pub type Invitation = invitation::Model;

/// The most invitations of an account that wait at a time.
pub const OPEN_MAX: u64 = 10;

/// What became of the wish to invite somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invited {
    /// The code works from now on.
    Made,
    /// Whoever asks is not the owner of this home.
    NotOwner,
    /// [`OPEN_MAX`] invitations wait already.
    TooMany,
}

/// Keeps an invitation of the owner.
pub async fn invite(tx: &Tx, new: Invitation, now: DateTime<Utc>) -> Result<Invited, StoreError> {
    let (project, account) = (ProjectId(new.project_id), AccountId(new.account_id));
    if !take_open(tx, project, account).await? {
        return Ok(Invited::NotOwner);
    }
    let owner = HomeRole::Owner.as_str();
    let people = of_account(tx, project, account).await?;
    if !people.iter().any(|one| one.person_id == new.invited_by && one.role == owner) {
        return Ok(Invited::NotOwner);
    }
    let waiting = invitation::Entity::find()
        .filter(invitation::Column::ProjectId.eq(project.0))
        .filter(invitation::Column::AccountId.eq(account.0))
        .filter(invitation::Column::UsedAt.is_null())
        .filter(invitation::Column::EndedAt.is_null())
        .filter(invitation::Column::ExpiresAt.gt(now));
    if waiting.count(tx).await? >= OPEN_MAX {
        return Ok(Invited::TooMany);
    }
    row::insert(tx, new).await?;
    Ok(Invited::Made)
}

/// An invitation by the hash of its code, good or not.
pub async fn by_hash<C: ConnectionTrait>(
    db: &C,
    code_hash: &str,
) -> Result<Option<Invitation>, StoreError> {
    Ok(invitation::Entity::find_by_id(code_hash.to_owned()).one(db).await?)
}

/// Binds a person with an invitation and uses it up. Whoever belongs to the home already does
/// not use it up.
///
/// Invariant: an invitation binds one person; proved by `an_invitation_binds_one_person_once`.
pub async fn redeem(
    tx: &Tx,
    id: BindingId,
    person: PersonId,
    code_hash: &str,
    now: DateTime<Utc>,
) -> Result<Bound, StoreError> {
    let Some(found) = by_hash(tx, code_hash).await? else { return Ok(Bound::Refused) };
    let (project, account) = (ProjectId(found.project_id), AccountId(found.account_id));
    if !take_open(tx, project, account).await? {
        return Ok(Bound::Refused);
    }
    // Read again: whoever took the account before may have used or ended it.
    let found = by_hash(tx, code_hash).await?;
    let good = |i: &Invitation| i.used_at.is_none() && i.ended_at.is_none() && i.expires_at > now;
    let Some(found) = found.filter(good) else { return Ok(Bound::Refused) };
    let invited_by = Some(PersonId(found.invited_by));
    let proof = BindingProof::Invitation;
    let bound = bind(tx, &Bind { id, project, account, person, proof, invited_by }, now).await?;
    if matches!(bound, Bound::New(_)) {
        let set = invitation::ActiveModel {
            used_by: Set(Some(person.0)),
            used_at: Set(Some(now)),
            ..Default::default()
        };
        let query = invitation::Entity::update_many().set(set);
        query.filter(invitation::Column::CodeHash.eq(code_hash)).exec(tx).await?;
    }
    Ok(bound)
}

/// Ends the invitations to an account that wait: all of them, or those one person made.
pub(super) async fn end_of(
    tx: &Tx,
    project: ProjectId,
    account: AccountId,
    by: Option<PersonId>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let set = invitation::ActiveModel { ended_at: Set(Some(now)), ..Default::default() };
    let mut query = invitation::Entity::update_many()
        .set(set)
        .filter(invitation::Column::ProjectId.eq(project.0))
        .filter(invitation::Column::AccountId.eq(account.0))
        .filter(invitation::Column::UsedAt.is_null())
        .filter(invitation::Column::EndedAt.is_null());
    if let Some(by) = by {
        query = query.filter(invitation::Column::InvitedBy.eq(by.0));
    }
    query.exec(tx).await?;
    Ok(())
}
