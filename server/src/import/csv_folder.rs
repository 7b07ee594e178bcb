//! A folder of CSV: one file per table, UTF-8 with or without a mark, or GB18030 as spreadsheets
//! in China write it.

use std::path::Path;

use encoding_rs::GB18030;

use super::{
    ROWS_MAX, SHEETS_MAX,
    book::{self, BookError, Content, RawSheet},
};

/// Reads every `*.csv` of the folder.
pub(super) fn read(folder: &Path) -> Result<Vec<RawSheet>, BookError> {
    let unreadable = |source| BookError::Unreadable { path: folder.to_path_buf(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_csv = path
            .extension()
            .and_then(|e| e.to_str())
            .is_some_and(|e| e.eq_ignore_ascii_case("csv"));
        if is_csv {
            files.push(path);
        }
        if files.len() > SHEETS_MAX {
            return Err(BookError::TooManySheets);
        }
    }
    files.sort();
    if files.is_empty() {
        let why = "it holds no .csv file".to_owned();
        return Err(BookError::Kind { path: folder.to_path_buf(), why });
    }
    files.iter().map(|file| sheet(file)).collect()
}

pub(super) fn sheet(file: &Path) -> Result<RawSheet, BookError> {
    let kind = |why: String| BookError::Kind { path: file.to_path_buf(), why };
    let name = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let mut raw = RawSheet { name: name.to_owned(), ..RawSheet::default() };
    let bytes = book::bytes(file)?;
    let text =
        decoded(&bytes).ok_or_else(|| kind("it is neither UTF-8 nor GB18030 text".to_owned()))?;
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    for record in reader.records() {
        let record = record.map_err(|error| kind(error.to_string()))?;
        // Where the record starts: blank lines and line breaks in quotes count as a person counts.
        let line = record.position().map_or(1, csv::Position::line);
        let line = u32::try_from(line).unwrap_or(u32::MAX);
        for (column, cell) in record.iter().enumerate() {
            let column = u32::try_from(column).unwrap_or(u32::MAX);
            raw.put(line, column, Content::Text(cell.trim().to_owned()));
        }
        if raw.rows.len() > ROWS_MAX + 1 {
            return Err(BookError::TooManyRows);
        }
    }
    Ok(raw)
}

/// The text of a file: UTF-8 where it is valid, else GB18030, which contains GBK and GB2312.
fn decoded(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let text = GB18030.decode_without_bom_handling_and_without_replacement(bytes)?;
    Some(text.into_owned())
}
