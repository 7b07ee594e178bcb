//! Codes sent by SMS and waiting to be said back (S17, S18).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use chrono::{DateTime, Utc};
use domain::{AccountId, ChallengeId, CodePurpose, DeliveryState, MeterId, PersonId, ProjectId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, QueryFilter,
    sea_query::Expr,
};

use crate::{StoreError, Tx, entity::sms_challenge, row};

/// A code that was sent, as stored.
pub type Challenge = sms_challenge::Model;

/// How often a code may be said wrong before it is good for nothing (S18).
pub const TRIES_MAX: i64 = 5;

impl Challenge {
    /// The typed id.
    pub fn challenge_id(&self) -> ChallengeId {
        ChallengeId(self.id)
    }

    /// What the code is good for.
    pub fn purpose(&self) -> Result<CodePurpose, StoreError> {
        row::named("sms_challenge", "purpose", self.id, &self.purpose)
    }

    /// What became of the message.
    pub fn delivery(&self) -> Result<DeliveryState, StoreError> {
        row::named("sms_challenge", "delivery", self.id, &self.delivery)
    }

    /// The person it was made for, where somebody is signed in.
    pub fn person(&self) -> Option<PersonId> {
        self.person_id.map(PersonId)
    }

    /// The home it opens: project, account and the meter that was scanned.
    pub fn home(&self) -> Option<(ProjectId, AccountId, MeterId)> {
        let (project, account, meter) = (self.project_id?, self.account_id?, self.meter_id?);
        Some((ProjectId(project), AccountId(account), MeterId(meter)))
    }
}

/// Keeps a code before it is sent. Where nothing is sent, because there is no number on file, it is
/// kept all the same without a number and as skipped: the answers look alike, and no code fits.
pub async fn insert(tx: &Tx, challenge: Challenge) -> Result<(), StoreError> {
    row::insert(tx, challenge).await
}

/// A code by its id.
pub async fn by_id<C: ConnectionTrait>(
    db: &C,
    id: ChallengeId,
) -> Result<Option<Challenge>, StoreError> {
    Ok(sms_challenge::Entity::find_by_id(id.0).one(db).await?)
}

/// What is said back.
#[derive(Clone, Debug)]
pub struct Said {
    /// The challenge it answers.
    pub id: ChallengeId,
    /// What it is to be good for.
    pub purpose: CodePurpose,
    /// Who says it, where somebody is signed in.
    pub person: Option<PersonId>,
    /// The keyed hash of the code.
    pub code_hash: String,
}

/// What became of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It fits and is used up. (Boxed: it is larger than the others together.)
    Right(Box<Challenge>),
    /// It does not fit; so many tries are left.
    Wrong {
        /// Tries that are left.
        left: i64,
    },
    /// There is no such challenge for this purpose and person, or it is used up, run out or tried
    /// too often: they look alike.
    Dead,
}

/// Says a code back. The caller answers `Ok` whatever it is told, because the try has to be
/// counted.
///
/// Invariant: a code is looked at [`TRIES_MAX`] times at most and fits once, because every look
/// raises the count first; proved by `a_thousand_guesses_at_once_are_five`.
pub async fn try_code(tx: &Tx, said: &Said, now: DateTime<Utc>) -> Result<Tried, StoreError> {
    let mut counted = sms_challenge::Entity::update_many()
        .col_expr(sms_challenge::Column::Tries, Expr::col(sms_challenge::Column::Tries).add(1))
        .filter(sms_challenge::Column::Id.eq(said.id.0))
        .filter(sms_challenge::Column::Purpose.eq(said.purpose.as_str()))
        .filter(sms_challenge::Column::UsedAt.is_null())
        .filter(sms_challenge::Column::ExpiresAt.gt(now))
        .filter(sms_challenge::Column::Tries.lt(TRIES_MAX));
    counted = match said.person {
        Some(person) => counted.filter(sms_challenge::Column::PersonId.eq(person.0)),
        None => counted.filter(sms_challenge::Column::PersonId.is_null()),
    };
    if counted.exec(tx).await?.rows_affected != 1 {
        return Ok(Tried::Dead);
    }
    // The row is ours until the end of the transaction: nobody else counts in between.
    let Some(found) = by_id(tx, said.id).await? else { return Ok(Tried::Dead) };
    let fits = verify_slices_are_equal(found.code_hash.as_bytes(), said.code_hash.as_bytes());
    if fits.is_err() || found.delivery()? == DeliveryState::Skipped {
        return Ok(Tried::Wrong { left: TRIES_MAX - found.tries });
    }
    let set = sms_challenge::ActiveModel { used_at: Set(Some(now)), ..Default::default() };
    let query = sms_challenge::Entity::update_many().set(set);
    query.filter(sms_challenge::Column::Id.eq(said.id.0)).exec(tx).await?;
    Ok(Tried::Right(Box::new(Challenge { used_at: Some(now), ..found })))
}

/// Notes what became of the message: its provider's number, or why it failed.
pub async fn set_delivery(
    tx: &Tx,
    id: ChallengeId,
    state: DeliveryState,
    provider_message: Option<String>,
    why: Option<String>,
) -> Result<(), StoreError> {
    let set = sms_challenge::ActiveModel {
        delivery: Set(state.as_str().to_owned()),
        provider_message: Set(provider_message),
        why: Set(why),
        ..Default::default()
    };
    let query = sms_challenge::Entity::update_many().set(set);
    query.filter(sms_challenge::Column::Id.eq(id.0)).exec(tx).await?;
    Ok(())
}
