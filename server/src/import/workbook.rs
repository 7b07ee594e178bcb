//! An .xlsx workbook, cell by cell: a sheet with one cell in its last corner costs one cell.

use std::{
    io::{Cursor, Read, sink},
    path::Path,
};

use calamine::{Cell, DataRef, Reader, Xlsx};

use super::{
    ROWS_MAX, SHEETS_MAX, UNPACKED_BYTES_MAX,
    book::{self, BookError, Content, RawSheet},
};

/// The most parts a workbook's archive may hold.
const PARTS_MAX: usize = 2_000;
/// Whole numbers a double holds exactly.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Reads every sheet.
pub(super) fn read(path: &Path) -> Result<Vec<RawSheet>, BookError> {
    let kind = |why: String| BookError::Kind { path: path.to_path_buf(), why };
    let bytes = book::bytes(path)?;
    guard(&bytes).map_err(|error| match error {
        Packed::TooMuch => BookError::Bomb,
        Packed::Broken(why) => kind(why),
    })?;
    let mut workbook: Xlsx<_> =
        Xlsx::new(Cursor::new(bytes)).map_err(|error| kind(error.to_string()))?;
    let names = workbook.sheet_names();
    if names.len() > SHEETS_MAX {
        return Err(BookError::TooManySheets);
    }
    let mut sheets = Vec::new();
    for name in names {
        let mut raw = RawSheet { name: name.clone(), ..RawSheet::default() };
        let mut cells = match workbook.worksheet_cells_reader(&name) {
            Ok(cells) => cells,
            // A sheet of charts has no cells.
            Err(calamine::XlsxError::WorksheetNotFound(_)) => continue,
            Err(error) => return Err(kind(error.to_string())),
        };
        while let Some(cell) = cells.next_cell().map_err(|error| kind(error.to_string()))? {
            let (row, column) = cell.get_position();
            if let Some(content) = content(&cell) {
                raw.put(row.saturating_add(1), column, content);
            }
            if raw.rows.len() > ROWS_MAX + 1 {
                return Err(BookError::TooManyRows);
            }
        }
        sheets.push(raw);
    }
    Ok(sheets)
}

enum Packed {
    TooMuch,
    Broken(String),
}

/// Unpacks every part into nothing and counts: what an archive says about its sizes is not
/// believed.
fn guard(bytes: &[u8]) -> Result<(), Packed> {
    let broken = |error: &dyn std::fmt::Display| Packed::Broken(error.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    if archive.len() > PARTS_MAX {
        return Err(Packed::TooMuch);
    }
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|e| broken(&e))?;
        let counted = std::io::copy(&mut part.take(left + 1), &mut sink());
        let counted = counted.map_err(|e| broken(&e))?;
        left = left.checked_sub(counted).ok_or(Packed::TooMuch)?;
    }
    Ok(())
}

/// A cell as the text a person sees in it. Of a formula it is the value the spreadsheet computed.
fn content(cell: &Cell<DataRef<'_>>) -> Option<Content> {
    let text = match cell.get_value() {
        DataRef::Empty => return None,
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => plain(*number),
        DataRef::String(text) => text.trim().to_owned(),
        DataRef::SharedString(text) => text.trim().to_owned(),
        DataRef::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        DataRef::DateTime(at) if at.is_datetime() => {
            let (year, month, day, ..) = at.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        DataRef::DateTime(span) => plain(span.as_f64()),
        DataRef::DateTimeIso(text) => text.chars().take(10).collect(),
        DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => return Some(Content::Error(format!("{error:?}"))),
    };
    Some(Content::Text(text))
}

/// A number without exponent; whole ones without a point, as typed.
fn plain(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < EXACT_MAX {
        format!("{number:.0}")
    } else {
        format!("{number}")
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn numbers_read_as_they_were_typed() {
        let table = [
            (202_603_000_001.0, "202603000001"),
            (33_020_000_000_001.0, "33020000000001"),
            (0.5883, "0.5883"),
            (-2.0, "-2"),
            (45.5, "45.5"),
        ];
        for (number, text) in table {
            assert_eq!(plain(number), text);
        }
    }
}
