//! The dialect of WeChat's bill files: comma-separated, a backtick before every value.
//!
//! The first line is the header, the last two are the summary's header and values. Commas in a
//! merchant's text arrive escaped, so `` ,` `` separates values and nothing else does.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use domain::{Money, business_day::china_standard_time};

use super::BillError;

/// The most rows read from one bill.
pub const ROWS_MAX: usize = 1_000_000;

/// A fee in thousandths of a fen: WeChat writes fees with five decimals of a yuan.
pub(super) const FEE_DECIMALS: usize = 5;

/// A bill's lines, taken apart but not understood.
pub(super) struct Table<'a> {
    header: Header<'a>,
    rows: Vec<(usize, &'a str)>,
    summary_header: Header<'a>,
    summary: (usize, &'a str),
}

struct Header<'a>(HashMap<&'a str, usize>);

/// One line's cells under their column names.
pub(super) struct Line<'t, 'a> {
    number: usize,
    header: &'t Header<'a>,
    cells: Vec<&'a str>,
}

impl<'a> Table<'a> {
    /// Takes a whole file apart. Both line ends are accepted; the byte order mark may be missing.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, BillError> {
        let text = std::str::from_utf8(bytes).map_err(|_| BillError::NotText)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let mut lines = lines.enumerate().map(|(at, line)| (at + 1, line)).peekable();
        let (_, first) = lines.next().ok_or(BillError::NotText)?;
        let header = Header::read(first).ok_or(BillError::NotText)?;
        let mut rows = Vec::new();
        while let Some(row) = lines.next_if(|(_, line)| line.starts_with('`')) {
            if rows.len() == ROWS_MAX {
                return Err(BillError::TooLarge);
            }
            rows.push(row);
        }
        let (_, caption) = lines.next().ok_or(BillError::Truncated)?;
        let summary_header = Header::read(caption).ok_or(BillError::Truncated)?;
        let summary = lines.next().filter(|(_, line)| line.starts_with('`'));
        let summary = summary.ok_or(BillError::Truncated)?;
        // After the summary only the last line's end; a row there would be counted nowhere.
        match lines.find(|(_, line)| !line.is_empty()) {
            Some((line, _)) => Err(BillError::Ragged { line }),
            None => Ok(Table { header, rows, summary_header, summary }),
        }
    }

    /// The data lines in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = Result<Line<'_, 'a>, BillError>> {
        self.rows.iter().map(|(number, text)| Line::read(*number, text, &self.header))
    }

    /// The summary line.
    pub(super) fn summary(&self) -> Result<Line<'_, 'a>, BillError> {
        Line::read(self.summary.0, self.summary.1, &self.summary_header)
    }
}

impl<'a> Header<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let columns: HashMap<&str, usize> =
            line.split(',').enumerate().map(|(at, name)| (name, at)).collect();
        // A header names each column once and holds no values.
        let is_header = columns.len() == line.split(',').count()
            && !columns.contains_key("")
            && !line.contains('`');
        is_header.then_some(Header(columns))
    }
}

impl<'t, 'a> Line<'t, 'a> {
    fn read(number: usize, text: &'a str, header: &'t Header<'a>) -> Result<Self, BillError> {
        let cells: Vec<&str> = text.strip_prefix('`').unwrap_or(text).split(",`").collect();
        if cells.len() == header.0.len() {
            Ok(Line { number, header, cells })
        } else {
            Err(BillError::Ragged { line: number })
        }
    }

    /// The cell of a column, if the bill has that column.
    pub(super) fn find(&self, column: &str) -> Option<&'a str> {
        self.header.0.get(column).and_then(|at| self.cells.get(*at)).copied()
    }

    /// The cell of a column the bill must have.
    pub(super) fn text(&self, column: &'static str) -> Result<&'a str, BillError> {
        self.find(column).ok_or(BillError::MissingColumn(column))
    }

    /// A cell that must not be empty.
    pub(super) fn name(&self, column: &'static str) -> Result<String, BillError> {
        let text = self.text(column)?;
        if text.is_empty() { Err(self.unreadable(column)) } else { Ok(text.to_owned()) }
    }

    /// A cell where nothing is written as nothing or as `0`.
    pub(super) fn optional(&self, column: &'static str) -> Result<Option<String>, BillError> {
        Ok(Some(self.text(column)?).filter(|t| !matches!(*t, "" | "0")).map(str::to_owned))
    }

    /// An amount of yuan.
    pub(super) fn money(&self, column: &'static str) -> Result<Money, BillError> {
        Money::parse_yuan(self.text(column)?).map_err(|_| self.unreadable(column))
    }

    /// An amount of yuan with up to five decimals, in thousandths of a fen.
    pub(super) fn fee_millifen(&self, column: &'static str) -> Result<i64, BillError> {
        let text = self.text(column)?;
        fee_millifen(text).map(|(fee, _)| fee).ok_or_else(|| self.unreadable(column))
    }

    /// A moment, written in China Standard Time.
    pub(super) fn moment(&self, column: &'static str) -> Result<DateTime<Utc>, BillError> {
        let text = self.text(column)?;
        let local = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S");
        local
            .ok()
            .and_then(|local| local.and_local_timezone(china_standard_time()).single())
            .map(|at| at.to_utc())
            .ok_or_else(|| self.unreadable(column))
    }

    /// A count.
    pub(super) fn count(&self, column: &'static str) -> Result<usize, BillError> {
        self.text(column)?.parse().map_err(|_| self.unreadable(column))
    }

    /// The error that names a cell of this line.
    pub(super) fn unreadable(&self, column: &'static str) -> BillError {
        BillError::Cell { line: self.number, column }
    }

    /// Holds a sum of the rows against the summary's cell, if the summary has that column.
    pub(super) fn check_sum(
        &self,
        column: &'static str,
        sum: Option<Money>,
    ) -> Result<(), BillError> {
        let fits = self.find(column).is_none() || sum == Some(self.money(column)?);
        if fits { Ok(()) } else { Err(BillError::SummaryMismatch(column)) }
    }

    /// The same for fees, which a summary may show with fewer decimals than its rows.
    pub(super) fn check_fee(
        &self,
        column: &'static str,
        sum_millifen: Option<i64>,
    ) -> Result<(), BillError> {
        let Some(text) = self.find(column) else { return Ok(()) };
        let (shown, unit) = fee_millifen(text).ok_or_else(|| self.unreadable(column))?;
        let fits = sum_millifen.is_some_and(|sum| sum.abs_diff(shown) < unit.unsigned_abs());
        if fits { Ok(()) } else { Err(BillError::SummaryMismatch(column)) }
    }
}

/// Reads a yuan text with up to five decimals as thousandths of a fen, together with the worth
/// of its last shown digit.
fn fee_millifen(text: &str) -> Option<(i64, i64)> {
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
}
