//! A saga as named texts, so that the store can keep it without this crate knowing JSON.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

use chrono::{DateTime, Utc};

/// Named texts in a stable order. Whoever stores a saga writes them as it likes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(pub BTreeMap<String, String>);

/// Why stored texts are no saga. A row that fits no state is an error, never a guess.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A field the state needs is not there.
    #[error("the field {name} is missing")]
    Missing {
        /// The field.
        name: String,
    },
    /// A field holds a text of the wrong kind.
    #[error("the field {name} holds {text:?}, which is not what it should be")]
    Malformed {
        /// The field.
        name: String,
        /// What it holds.
        text: String,
    },
}

impl Fields {
    /// Sets a field.
    pub fn set(&mut self, name: &str, value: impl Display) {
        self.0.insert(name.to_owned(), value.to_string());
    }

    /// Sets a field when there is a value.
    pub fn set_some(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    /// Sets a moment, to the microsecond.
    pub fn set_time(&mut self, name: &str, value: DateTime<Utc>) {
        self.set(name, value.timestamp_micros());
    }

    /// A field's text.
    pub fn text(&self, name: &str) -> Result<&str, FieldError> {
        let found = self.0.get(name).map(String::as_str);
        found.ok_or_else(|| FieldError::Missing { name: name.to_owned() })
    }

    /// A field's value.
    pub fn get<T: FromStr>(&self, name: &str) -> Result<T, FieldError> {
        self.text(name)?.parse().map_err(|_| self.malformed(name))
    }

    /// A field's value, `None` where the field is not there.
    pub fn get_some<T: FromStr>(&self, name: &str) -> Result<Option<T>, FieldError> {
        if self.0.contains_key(name) { self.get(name).map(Some) } else { Ok(None) }
    }

    /// A moment.
    pub fn time(&self, name: &str) -> Result<DateTime<Utc>, FieldError> {
        let micros = self.get(name)?;
        DateTime::from_timestamp_micros(micros).ok_or_else(|| self.malformed(name))
    }

    /// A moment, `None` where the field is not there.
    pub fn time_some(&self, name: &str) -> Result<Option<DateTime<Utc>>, FieldError> {
        if self.0.contains_key(name) { self.time(name).map(Some) } else { Ok(None) }
    }

    /// The complaint about a field.
    pub fn malformed(&self, name: &str) -> FieldError {
        let text = self.0.get(name).cloned().unwrap_or_default();
        FieldError::Malformed { name: name.to_owned(), text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_read_and_what_is_wrong_is_named() {
        let mut fields = Fields::default();
        fields.set("count", 7);
        fields.set_some("note", Some("x"));
        fields.set_some("absent", None::<u32>);
        fields.set_time("at", DateTime::UNIX_EPOCH);
        assert_eq!(fields.get::<u32>("count"), Ok(7));
        assert_eq!(fields.get_some::<u32>("absent"), Ok(None));
        assert_eq!(fields.time("at"), Ok(DateTime::UNIX_EPOCH));
        let missing = FieldError::Missing { name: "absent".into() };
        assert_eq!(fields.get::<u32>("absent"), Err(missing));
        let malformed = FieldError::Malformed { name: "note".into(), text: "x".into() };
        assert_eq!(fields.get_some::<u32>("note"), Err(malformed));
    }
}
