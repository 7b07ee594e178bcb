//! Pages of long lists: how many, and behind what.

use std::fmt;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::failure::{Failure, Result};

/// Rows of a page when nobody says how many.
pub const LIMIT: u64 = 20;
/// The most rows of a page.
pub const LIMIT_MAX: u64 = 100;

/// How many rows a page shall have.
pub fn bounds(limit: Option<u64>) -> Result<u64> {
    let limit = limit.unwrap_or(LIMIT);
    if (1..=LIMIT_MAX).contains(&limit) { Ok(limit) } else { Err(Failure::Malformed("limit")) }
}

/// The last row of a page, behind which the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Its moment.
    pub at: DateTime<Utc>,
    /// Its id, among rows of one moment.
    pub id: Uuid,
}

impl Cursor {
    /// Reads what a page gave out as `next`.
    pub fn read(text: Option<&str>) -> Result<Option<Cursor>> {
        let Some(text) = text else { return Ok(None) };
        let wrong = || Failure::Malformed("after");
        let (micros, id) = text.split_once('.').ok_or_else(wrong)?;
        let at = micros.parse().ok().and_then(DateTime::from_timestamp_micros);
        let (at, id) = (at.ok_or_else(wrong)?, id.parse().map_err(|_| wrong())?);
        Ok(Some(Cursor { at, id }))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.timestamp_micros(), self.id.simple())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_given_out_and_anything_else_is_refused() {
        let at = DateTime::from_timestamp_micros(1_795_000_000_123_456).unwrap();
        let cursor = Cursor { at, id: Uuid::from_u128(7) };
        assert_eq!(Cursor::read(Some(&cursor.to_string())).unwrap(), Some(cursor));
        assert_eq!(Cursor::read(None).unwrap(), None);
        for text in
            ["", ".", "1.", "1.x", "x.00000000000000000000000000000007", "9999999999999999999.0"]
        {
            assert!(Cursor::read(Some(text)).is_err(), "{text}");
        }
        for (limit, fine) in [(0, false), (1, true), (100, true), (101, false)] {
            assert_eq!(bounds(Some(limit)).is_ok(), fine, "{limit}");
        }
    }
}
