//! Cells found by the names of their columns, and what stands in them.

use std::{borrow::Cow, collections::HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use domain::{Money, business_day::china_standard_time};

use super::BillError;

/// WeChat writes fees with five decimals of a yuan: thousandths of a fen.
const FEE_DECIMALS: usize = 5;

/// Where each column stands. Unknown columns are passed over, so that a new one is no harm.
pub(crate) struct Header {
    columns: HashMap<String, usize>,
    /// How many cells a row has.
    pub(crate) width: usize,
}

/// A column that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    at: usize,
}

/// One line's cells.
pub(crate) struct Cells<'a> {
    line: usize,
    cells: Vec<Cow<'a, str>>,
}

impl Header {
    /// Takes the names; `None` if one is empty or stands twice.
    pub(crate) fn new(names: impl Iterator<Item = String>) -> Option<Self> {
        let (mut columns, mut width) = (HashMap::new(), 0);
        for name in names {
            if name.is_empty() || columns.insert(name, width).is_some() {
                return None;
            }
            width += 1;
        }
        (width > 0).then_some(Header { columns, width })
    }

    /// A column the bill may have.
    pub(crate) fn find(&self, name: &'static str) -> Option<Column> {
        self.columns.get(name).map(|&at| Column { name, at })
    }

    /// A column the bill must have.
    pub(crate) fn must(&self, name: &'static str) -> Result<Column, BillError> {
        self.find(name).ok_or(BillError::MissingColumn(name))
    }
}

impl<'a> Cells<'a> {
    pub(crate) fn new(
        line: usize,
        cells: Vec<Cow<'a, str>>,
        header: &Header,
    ) -> Result<Self, BillError> {
        if cells.len() == header.width {
            Ok(Cells { line, cells })
        } else {
            Err(BillError::Ragged { line })
        }
    }

    /// The line, counted from one.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// The cell as it stands.
    pub(crate) fn text(&self, column: Column) -> &str {
        self.cells.get(column.at).map_or("", |cell| cell)
    }

    /// A cell that must not be empty.
    pub(crate) fn name(&self, column: Column) -> Result<String, BillError> {
        let text = self.text(column);
        if text.is_empty() { Err(self.unreadable(column)) } else { Ok(text.to_owned()) }
    }

    /// A cell where nothing is written as nothing or as `0`.
    pub(crate) fn optional(&self, column: Column) -> Option<String> {
        Some(self.text(column)).filter(|text| !matches!(*text, "" | "0")).map(str::to_owned)
    }

    /// An amount of yuan.
    pub(crate) fn money(&self, column: Column) -> Result<Money, BillError> {
        Money::parse_yuan(self.text(column)).map_err(|_| self.unreadable(column))
    }

    /// An amount of yuan, where nothing is written as nothing.
    pub(crate) fn money_or_none(&self, column: Column) -> Result<Money, BillError> {
        if self.text(column).is_empty() { Ok(Money::ZERO) } else { self.money(column) }
    }

    /// An amount of yuan with up to five decimals, in thousandths of a fen.
    pub(crate) fn fee_millifen(&self, column: Column) -> Result<i64, BillError> {
        fee_millifen(self.text(column)).map(|(fee, _)| fee).ok_or_else(|| self.unreadable(column))
    }

    /// A moment, written in China Standard Time.
    pub(crate) fn moment(&self, column: Column) -> Result<DateTime<Utc>, BillError> {
        moment(self.text(column)).ok_or_else(|| self.unreadable(column))
    }

    /// A moment that may be missing.
    pub(crate) fn moment_or_none(
        &self,
        column: Column,
    ) -> Result<Option<DateTime<Utc>>, BillError> {
        if self.text(column).is_empty() { Ok(None) } else { self.moment(column).map(Some) }
    }

    /// A count.
    pub(crate) fn count(&self, column: Column) -> Result<usize, BillError> {
        self.text(column).parse().map_err(|_| self.unreadable(column))
    }

    /// The error that names a cell of this line.
    pub(crate) fn unreadable(&self, column: Column) -> BillError {
        BillError::Cell { line: self.line, column: column.name }
    }
}

/// Reads `2026-12-01 23:59:59` of China Standard Time. By hand, because a million of these by a
/// format text cost as much as all the rest of a bill.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let bytes: &[u8; 19] = text.as_bytes().try_into().ok()?;
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0_u32, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
        })
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if marks.iter().any(|&(at, mark)| bytes[at] != mark) {
        return None;
    }
    let year = i32::try_from(number(0, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(5, 7)?, number(8, 10)?)?;
    let local = date.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)?;
    local.and_local_timezone(china_standard_time()).single().map(|at| at.to_utc())
}

/// Reads a yuan text with up to five decimals as thousandths of a fen, together with the worth
/// of its last shown digit.
pub(crate) fn fee_millifen(text: &str) -> Option<(i64, i64)> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (yuan, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let dot_without_digits = digits.contains('.') && decimals.is_empty();
    if yuan.is_empty() || dot_without_digits || decimals.len() > FEE_DECIMALS {
        return None;
    }
    if !plain(yuan) || !plain(decimals) {
        return None;
    }
    let unit = 10_i64.pow(u32::try_from(FEE_DECIMALS - decimals.len()).ok()?);
    let fraction = if decimals.is_empty() { 0 } else { decimals.parse::<i64>().ok()? };
    let scale = 10_i64.pow(u32::try_from(FEE_DECIMALS).ok()?);
    let whole = yuan.parse::<i64>().ok()?.checked_mul(scale)?;
    let fee = whole.checked_add(fraction.checked_mul(unit)?)?;
    Some((if negative { -fee } else { fee }, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_are_read_to_the_thousandth_of_a_fen_or_refused() {
        let table = [
            ("0.00006", Some((6, 1))),
            ("-0.07200", Some((-7200, 1))),
            ("0.30", Some((30000, 1000))),
            ("0", Some((0, 100_000))),
            ("1.5", Some((150_000, 10_000))),
            ("0.000001", None),
            ("", None),
            ("-", None),
            (".5", None),
            ("1.", None),
            ("+1", None),
            ("0.60%", None),
            ("99999999999999999999", None),
        ];
        for (text, want) in table {
            assert_eq!(fee_millifen(text), want, "{text:?}");
        }
    }

    #[test]
    fn moments_of_a_bill_are_shanghais_whatever_the_machine_thinks() {
        for (text, utc) in [
            ("2026-12-01 00:00:00", Some("2026-11-30T16:00:00Z")),
            ("2026-12-01 23:59:59", Some("2026-12-01T15:59:59Z")),
            ("2026-12-01 24:00:00", None),
            ("2026-02-30 00:00:00", None),
            ("2026-12-01T00:00:00", None),
            ("2026-12-1 00:00:000", None),
            ("+026-12-01 00:00:00", None),
            ("", None),
        ] {
            let utc = utc.map(|utc| DateTime::parse_from_rfc3339(utc).unwrap().to_utc());
            assert_eq!(moment(text), utc, "{text}");
        }
    }
}
