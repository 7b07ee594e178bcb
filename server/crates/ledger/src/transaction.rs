//! One business event in the books, under a key that makes a replay harmless.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::{
    hold::HoldChange,
    posting::{Posting, PostingError},
    template::Template,
};

/// The idempotency key of a transaction: made by the caller from the fact itself (a provider's
/// trade number, a vend's id), kept for ever, unique in a project.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to {max} visible ASCII characters", max = Key::LENGTH_MAX)]
pub struct KeyError;

impl Key {
    /// The longest key, in bytes.
    pub const LENGTH_MAX: usize = 160;

    /// A key of 1 to [`Key::LENGTH_MAX`] visible ASCII characters.
    pub fn new(text: impl Into<String>) -> Result<Self, KeyError> {
        let text = text.into();
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        let fits = (1..=Key::LENGTH_MAX).contains(&text.len());
        if visible && fits { Ok(Key(text)) } else { Err(KeyError) }
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key:{}", self.0)
    }
}

/// Which event it was, and when: what every template starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The event's idempotency key.
    pub key: Key,
    /// When it was booked.
    pub at: DateTime<Utc>,
}

/// One business event: its postings and what it does to a hold, all or nothing.
///
/// Templates make transactions; [`Transaction::from_rows`] exists for the store alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The idempotency key.
    pub key: Key,
    /// Which template made it.
    pub template: Template,
    /// The movements, in order; none where only a hold changes.
    pub postings: Vec<Posting>,
    /// What happens to a hold.
    pub hold: Option<HoldChange>,
    /// When it was booked.
    pub at: DateTime<Utc>,
}

/// The part of a transaction in which a replay contradicts the original.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The template.
    Template,
    /// The number of postings.
    Postings,
    /// The debited account of a line (0 is the first).
    Debit(usize),
    /// The credited account of a line.
    Credit(usize),
    /// The amount of a line.
    Amount(usize),
    /// The change of a hold.
    Hold,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Template => f.write_str("template"),
            Field::Postings => f.write_str("postings"),
            Field::Debit(line) => write!(f, "postings[{line}].debit"),
            Field::Credit(line) => write!(f, "postings[{line}].credit"),
            Field::Amount(line) => write!(f, "postings[{line}].amount"),
            Field::Hold => f.write_str("hold"),
        }
    }
}

impl Transaction {
    /// The most postings one transaction may have.
    pub const POSTINGS_MAX: usize = 16;

    /// A transaction as the store kept it.
    pub fn from_rows(
        occurrence: Occurrence,
        template: Template,
        postings: Vec<Posting>,
        hold: Option<HoldChange>,
    ) -> Self {
        Transaction { key: occurrence.key, template, postings, hold, at: occurrence.at }
    }

    /// The first field in which another transaction of the same key differs; `None` for a true
    /// replay. The time is not compared: a replay is later by nature.
    pub fn contradicts(&self, replay: &Transaction) -> Option<Field> {
        if self.template != replay.template {
            return Some(Field::Template);
        }
        for (line, (was, is)) in self.postings.iter().zip(&replay.postings).enumerate() {
            if was.debit() != is.debit() {
                return Some(Field::Debit(line));
            }
            if was.credit() != is.credit() {
                return Some(Field::Credit(line));
            }
            if was.amount() != is.amount() {
                return Some(Field::Amount(line));
            }
        }
        if self.postings.len() != replay.postings.len() {
            return Some(Field::Postings);
        }
        (self.hold != replay.hold).then_some(Field::Hold)
    }

    /// A transaction of one posting.
    pub(crate) fn of(
        occurrence: Occurrence,
        template: Template,
        posting: Result<Posting, PostingError>,
        hold: Option<HoldChange>,
    ) -> Result<Self, PostingError> {
        Ok(Transaction::from_rows(occurrence, template, vec![posting?], hold))
    }

    /// A transaction that only changes a hold.
    pub(crate) fn of_hold(occurrence: Occurrence, template: Template, hold: HoldChange) -> Self {
        Transaction::from_rows(occurrence, template, Vec::new(), Some(hold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_visible() {
        let table = [
            ("payment:wechat-pay:1900000001:4200001", true),
            (&"x".repeat(160), true),
            (&"x".repeat(161), false),
            ("", false),
            ("a b", false),
            ("a\n", false),
            ("支付", false),
        ];
        for (text, want) in table {
            assert_eq!(Key::new(text).is_ok(), want, "{text:?}");
        }
    }
}
