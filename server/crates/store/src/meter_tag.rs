//! The QR on a meter (表计二维码): a random tag that says nothing by itself.

use chrono::{DateTime, Utc};
use domain::{MeterId, ProjectId, Rng};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::{StoreError, Tx, entity::meter_tag, row};

/// A tag as stored.
pub type Tag = meter_tag::Model;

/// How many characters a tag has: 58 random bits.
pub const TAG_LEN: usize = 12;
/// Digits and capitals without those that look alike (0 O, 1 I L, U V).
pub const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";
/// How often a tag that is taken already is drawn again.
const DRAWS_MAX: usize = 3;

impl Tag {
    /// The project of the meter.
    pub fn project(&self) -> ProjectId {
        ProjectId(self.project_id)
    }

    /// The meter it hangs on. A meter that is replaced keeps its place and its tag.
    pub fn meter(&self) -> MeterId {
        MeterId(self.meter_id)
    }
}

/// Draws a code of the tag's alphabet; also good for codes a person types.
pub fn draw(rng: &dyn Rng, len: usize) -> String {
    (0..len).map(|_| char::from(ALPHABET[rng.below(ALPHABET.len() as u64) as usize])).collect()
}

/// What a person typed, as it was drawn: capitals, without spaces and dashes.
pub fn tidied(typed: &str) -> String {
    let kept = typed.chars().filter(|c| !c.is_whitespace() && *c != '-');
    kept.map(|c| c.to_ascii_uppercase()).collect()
}

/// The tag of a meter, or the one offered where it has none. `None` if the offered one is taken.
async fn offer(
    tx: &Tx,
    project: ProjectId,
    meter: MeterId,
    tag: String,
    now: DateTime<Utc>,
) -> Result<Option<Tag>, StoreError> {
    let new =
        Tag { tag, project_id: project.0, meter_id: meter.0, created_at: now, revoked_at: None };
    row::insert_once(tx, new).await?;
    of_meter(tx, project, meter).await
}

/// The tag of a meter; made if it has none.
///
/// Errors: [`StoreError::Conflict`] if every tag that was drawn is taken.
pub async fn ensure(
    tx: &Tx,
    project: ProjectId,
    meter: MeterId,
    rng: &dyn Rng,
    now: DateTime<Utc>,
) -> Result<Tag, StoreError> {
    for _ in 0..DRAWS_MAX {
        if let Some(tag) = offer(tx, project, meter, draw(rng, TAG_LEN), now).await? {
            return Ok(tag);
        }
    }
    Err(StoreError::Conflict)
}

/// The tag a meter carries now.
pub async fn of_meter<C: ConnectionTrait>(
    db: &C,
    project: ProjectId,
    meter: MeterId,
) -> Result<Option<Tag>, StoreError> {
    let found = meter_tag::Entity::find()
        .filter(meter_tag::Column::ProjectId.eq(project.0))
        .filter(meter_tag::Column::MeterId.eq(meter.0))
        .filter(meter_tag::Column::RevokedAt.is_null())
        .one(db)
        .await?;
    Ok(found)
}

/// The meter a tag hangs on, as it was scanned or typed. A revoked tag is as good as none.
pub async fn by_tag<C: ConnectionTrait>(db: &C, typed: &str) -> Result<Option<Tag>, StoreError> {
    let found = meter_tag::Entity::find_by_id(tidied(typed)).one(db).await?;
    Ok(found.filter(|tag| tag.revoked_at.is_none()))
}

/// Takes a tag out of use, because its print was lost or copied; `false` if the meter has none.
pub async fn revoke(
    tx: &Tx,
    project: ProjectId,
    meter: MeterId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let set = meter_tag::ActiveModel { revoked_at: Set(Some(now)), ..Default::default() };
    let done = meter_tag::Entity::update_many()
        .set(set)
        .filter(meter_tag::Column::ProjectId.eq(project.0))
        .filter(meter_tag::Column::MeterId.eq(meter.0))
        .filter(meter_tag::Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    Ok(done.rows_affected == 1)
}
