//! In which channels a person wants to be told what, and when to be left in peace.

use domain::{NoticeChannel, PersonId, QuietHours};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    StoreError, Tx,
    entity::{notice_choice, notice_quiet},
    row,
};

/// The most kinds a person may choose channels for.
pub const KINDS_MAX: usize = 50;

/// What a person wants to be told, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// The channels of each kind the person has chosen for, by kind; no channel is a choice, too.
    pub kinds: Vec<(String, Vec<NoticeChannel>)>,
    /// When to be left in peace.
    pub quiet: Option<QuietHours>,
}

impl Choices {
    /// The channels chosen for a kind; `None` leaves it to the house.
    pub fn of(&self, kind: &str) -> Option<&[NoticeChannel]> {
        let found = self.kinds.iter().find(|(name, _)| name == kind);
        found.map(|(_, channels)| channels.as_slice())
    }
}

/// What a person chose.
pub async fn of_person<C: ConnectionTrait>(
    db: &C,
    person: PersonId,
) -> Result<Choices, StoreError> {
    let rows = notice_choice::Entity::find()
        .filter(notice_choice::Column::PersonId.eq(person.0))
        .order_by_asc(notice_choice::Column::Kind)
        .limit(KINDS_MAX as u64)
        .all(db)
        .await?;
    let mut kinds = Vec::new();
    for row in rows {
        let named = |name: &str| row::named("notice_choice", "channels", person, name);
        let names = row.channels.split(',').filter(|name| !name.is_empty());
        kinds.push((row.kind.clone(), names.map(named).collect::<Result<_, _>>()?));
    }
    let quiet = notice_quiet::Entity::find_by_id(person.0).one(db).await?;
    let hours = |row: notice_quiet::Model| {
        let minutes = (u16::try_from(row.from_minute), u16::try_from(row.until_minute));
        let (Ok(from), Ok(until)) = minutes else { return None };
        QuietHours::new(from, until)
    };
    Ok(Choices { kinds, quiet: quiet.and_then(hours) })
}

/// Replaces what a person chose; kinds above [`KINDS_MAX`] are the caller's to refuse.
pub async fn set(tx: &Tx, person: PersonId, wanted: &Choices) -> Result<(), StoreError> {
    notice_choice::Entity::delete_many()
        .filter(notice_choice::Column::PersonId.eq(person.0))
        .exec(tx)
        .await?;
    for (kind, channels) in wanted.kinds.iter().take(KINDS_MAX) {
        let names: Vec<_> = channels.iter().map(|channel| channel.as_str()).collect();
        let row = notice_choice::Model {
            person_id: person.0,
            kind: kind.clone(),
            channels: names.join(","),
        };
        row::insert(tx, row).await?;
    }
    notice_quiet::Entity::delete_by_id(person.0).exec(tx).await?;
    if let Some(quiet) = wanted.quiet {
        let row = notice_quiet::Model {
            person_id: person.0,
            from_minute: i32::from(quiet.from_minute()),
            until_minute: i32::from(quiet.until_minute()),
        };
        row::insert(tx, row).await?;
    }
    Ok(())
}
