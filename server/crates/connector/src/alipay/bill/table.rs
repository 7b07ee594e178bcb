//! A sheet's content: GBK text, remarks behind `#`, columns by name, closed by its own totals.

use std::{borrow::Cow, io::Read};

use domain::Money;

use crate::bill::{BillError, Cells, Header, LINE_MAX, Lines, ROWS_MAX};

/// One kind of sheet: which columns it needs and what its closing lines say.
pub(super) trait Sheet: Sized {
    /// What a line becomes.
    type Row;

    /// The labels of the two closing lines, and what stands before the amount of each.
    const TOTALS: [(&'static str, &'static str); 2];

    /// Finds the columns.
    fn columns(header: &Header) -> Result<Self, BillError>;

    /// Reads a line and counts it into the sums.
    fn row(&mut self, cells: &Cells<'_>) -> Result<Self::Row, BillError>;

    /// Holds the sums against the closing lines, in the order of [`Sheet::TOTALS`].
    fn check(&self, totals: [Total; 2]) -> Result<(), BillError>;
}

/// What a closing line says: how many, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Total {
    /// How many rows.
    pub(super) count: usize,
    /// How much, with its sign.
    pub(super) amount: Money,
}

/// Reads a whole sheet; answers the number of its rows and the length of its text.
///
/// Columns are found by name, so that a new or moved column is no harm.
pub(super) fn read<S: Sheet>(
    text: impl Read,
    mut each: impl FnMut(S::Row),
) -> Result<(usize, u64), BillError> {
    let mut lines = Lines::new(text);
    let mut sheet: Option<(Header, S)> = None;
    let mut closing = [None, None];
    let mut rows = 0;
    // A row whose quoted name goes on in the next line.
    let mut open: Option<(usize, String)> = None;
    while let Some((number, bytes)) = lines.next()? {
        let line = encoding_rs::GBK.decode_without_bom_handling_and_without_replacement(bytes);
        let line = line.ok_or(BillError::NotText { line: number })?;
        let mut line = Cow::Borrowed(line.trim_end_matches(' '));
        let mut at = number;
        if let Some((first, begun)) = open.take() {
            (at, line) = (first, Cow::Owned(format!("{begun}\n{line}")));
        } else if let Some(remark) = line.strip_prefix('#') {
            for (total, (label, before)) in closing.iter_mut().zip(S::TOTALS) {
                if let Some(rest) = remark.strip_prefix(label) {
                    *total = self::total(rest, before);
                }
            }
            continue;
        } else if line.is_empty() {
            continue;
        }
        let Some((header, sheet)) = &mut sheet else {
            let header = Header::new(line.split(',').map(plain_name)).ok_or(BillError::NoHeader)?;
            let columns = S::columns(&header)?;
            sheet = Some((header, columns));
            continue;
        };
        let Some(cells) = cells(&line, header.width) else {
            let is_open = line.matches('"').count() % 2 == 1 && line.len() < LINE_MAX;
            if !is_open {
                return Err(BillError::Ragged { line: at });
            }
            open = Some((at, line.into_owned()));
            continue;
        };
        if rows == ROWS_MAX {
            return Err(BillError::TooLarge);
        }
        rows += 1;
        each(sheet.row(&Cells::new(at, cells, header)?)?);
    }
    if let Some((line, _)) = open {
        return Err(BillError::Ragged { line });
    }
    let (_, sheet) = sheet.ok_or(BillError::NoHeader)?;
    let [Some(first), Some(second)] = closing else { return Err(BillError::CutOff) };
    sheet.check([first, second])?;
    Ok((rows, lines.bytes))
}

/// A column's name without its unit, whichever brackets it is written in: `（元）`, `(+元)`.
fn plain_name(name: &str) -> String {
    let name = name.trim();
    let unit = ["（元）", "(元)", "（+元）", "(+元)", "（-元）", "(-元)"]
        .into_iter()
        .find_map(|unit| name.strip_suffix(unit));
    unit.unwrap_or(name).to_owned()
}

/// The cells of a row, without the TABs and blanks around them. A name may hold a comma or a line
/// end and be quoted; the number of columns tells which reading is right, and if neither is, none
/// is taken.
fn cells(line: &str, count: usize) -> Option<Vec<Cow<'_, str>>> {
    let mut plain = Vec::with_capacity(count);
    plain.extend(line.split(',').map(|cell| Cow::Borrowed(cell.trim())));
    if plain.len() == count && !line.contains('\n') {
        return Some(plain);
    }
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    for character in line.chars() {
        match character {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            other => cells.last_mut()?.push(other),
        }
    }
    let fits = cells.len() == count && !is_quoted;
    fits.then(|| cells.iter().map(|cell| Cow::Owned(cell.trim().to_owned())).collect())
}

/// `：1笔，商家实收共50.00元，商家优惠共0.00元`, `：2笔，共-0.30元`
fn total(text: &str, before: &str) -> Option<Total> {
    let (count, rest) = text.strip_prefix('：')?.split_once('笔')?;
    let (_, rest) = rest.split_once(before)?;
    let (amount, _) = rest.split_once('元')?;
    Some(Total {
        count: count.trim().parse().ok()?,
        amount: Money::parse_yuan(amount.trim()).ok()?,
    })
}

#[cfg(test)]
mod tests;
