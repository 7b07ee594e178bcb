//! The dialect of WeChat's bill files: comma-separated, a backtick before every value.
//!
//! The first line is the header, the last two are the summary's header and values. Commas in a
//! merchant's text arrive escaped, so `` ,` `` separates values and nothing else does.

use std::{borrow::Cow, io::Read};

use domain::Money;

use crate::bill::{BillError, Cells, Header, Lines, ROWS_MAX, Sum, fee_millifen};

/// One kind of bill: which columns it needs and what its totals say.
pub(super) trait Sheet: Sized {
    /// What a line becomes.
    type Row;

    /// Finds the columns.
    fn columns(header: &Header) -> Result<Self, BillError>;

    /// Reads a line and counts it into the sums.
    fn row(&mut self, cells: &Cells<'_>) -> Result<Self::Row, BillError>;

    /// Holds the sums against the summary.
    fn check(&self, rows: usize, summary: &Summary<'_>) -> Result<(), BillError>;
}

/// The last line under its own column names.
pub(super) struct Summary<'a> {
    header: &'a Header,
    cells: Cells<'a>,
}

/// Reads a whole file; answers the number of its rows. Both line ends are accepted; the byte order
/// mark may be missing.
pub(super) fn read<S: Sheet>(
    lines: &mut Lines<impl Read>,
    mut each: impl FnMut(S::Row),
) -> Result<usize, BillError> {
    let (line, first) = lines.next()?.ok_or(BillError::NoHeader)?;
    let first = text(line, first)?;
    let header = header(first.strip_prefix('\u{feff}').unwrap_or(first));
    let header = header.ok_or(BillError::NoHeader)?;
    let mut sheet = None;
    let mut rows = 0;
    let caption = loop {
        let (line, bytes) = lines.next()?.ok_or(BillError::CutOff)?;
        let text = text(line, bytes)?;
        if !text.starts_with('`') {
            break self::header(text).ok_or(BillError::CutOff)?;
        }
        if rows == ROWS_MAX {
            return Err(BillError::TooLarge);
        }
        rows += 1;
        let sheet = match &mut sheet {
            Some(sheet) => sheet,
            none => none.insert(S::columns(&header)?),
        };
        each(sheet.row(&cells(line, text, &header)?)?);
    };
    let sheet = sheet.map_or_else(|| S::columns(&header), Ok)?;
    {
        let (line, bytes) = lines.next()?.ok_or(BillError::CutOff)?;
        let text = text(line, bytes)?;
        if !text.starts_with('`') {
            return Err(BillError::CutOff);
        }
        let cells = cells(line, text, &caption)?;
        sheet.check(rows, &Summary { header: &caption, cells })?;
    }
    // After the summary only the last line's end; a row there would be counted nowhere.
    while let Some((line, bytes)) = lines.next()? {
        if !bytes.is_empty() {
            return Err(BillError::Ragged { line });
        }
    }
    Ok(rows)
}

fn text(line: usize, bytes: &[u8]) -> Result<&str, BillError> {
    std::str::from_utf8(bytes).map_err(|_| BillError::NotText { line })
}

/// A header names each column once and holds no values.
fn header(line: &str) -> Option<Header> {
    let names = line.split(',').map(str::to_owned);
    if line.contains('`') { None } else { Header::new(names) }
}

fn cells<'a>(line: usize, text: &'a str, header: &Header) -> Result<Cells<'a>, BillError> {
    let mut cells = Vec::with_capacity(header.width);
    cells.extend(text.strip_prefix('`').unwrap_or(text).split(",`").map(Cow::Borrowed));
    Cells::new(line, cells, header)
}

impl Summary<'_> {
    /// Holds a count of the rows against the summary's cell, which must be there.
    pub(super) fn check_count(&self, name: &'static str, rows: usize) -> Result<(), BillError> {
        let shown = self.cells.count(self.header.must(name)?)?;
        if shown == rows { Ok(()) } else { Err(BillError::TotalsDiffer(name)) }
    }

    /// Holds a sum of the rows against the summary's cell, if the summary has that column.
    pub(super) fn check_sum(&self, name: &'static str, sum: Sum) -> Result<(), BillError> {
        let Some(column) = self.header.find(name) else { return Ok(()) };
        let shown: Money = self.cells.money(column)?;
        if sum.is(shown) { Ok(()) } else { Err(BillError::TotalsDiffer(name)) }
    }

    /// The same for fees, which a summary may show with fewer decimals than its rows.
    pub(super) fn check_fee(
        &self,
        name: &'static str,
        sum_millifen: Option<i64>,
    ) -> Result<(), BillError> {
        let Some(column) = self.header.find(name) else { return Ok(()) };
        let shown = fee_millifen(self.cells.text(column));
        let (shown, unit) = shown.ok_or_else(|| self.cells.unreadable(column))?;
        let fits = sum_millifen.is_some_and(|sum| sum.abs_diff(shown) < unit.unsigned_abs());
        if fits { Ok(()) } else { Err(BillError::TotalsDiffer(name)) }
    }
}
