//! A workbook or a folder of CSV as sheets of text cells, with every bound checked on the way in.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use super::{
    CELL_CHARS_MAX, COLUMNS_MAX, FAULTS_MAX, FILE_BYTES_MAX, ROWS_MAX, SHEETS_MAX, Table,
    UNPACKED_BYTES_MAX, csv_folder,
    fault::{Fault, shortened},
    table::Column,
    workbook,
};

/// Why a file or folder cannot be read as a book.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// It is not there or may not be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the machine said.
        source: io::Error,
    },
    /// The file is larger than [`FILE_BYTES_MAX`].
    #[error("{0} is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge(PathBuf),
    /// The workbook unpacks to more than [`UNPACKED_BYTES_MAX`].
    #[error("the workbook unpacks to more than {UNPACKED_BYTES_MAX} bytes")]
    Bomb,
    /// It is no .xlsx workbook and no folder of CSV.
    #[error("{path} is neither an .xlsx workbook nor a folder of CSV: {why}")]
    Kind {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// More sheets than [`SHEETS_MAX`].
    #[error("more than {SHEETS_MAX} sheets")]
    TooManySheets,
    /// More data rows than [`ROWS_MAX`].
    #[error("more than {ROWS_MAX} rows")]
    TooManyRows,
    /// There is not one sheet to import.
    #[error("there is no sheet to import")]
    Empty,
}

/// A cell's content as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text, trimmed.
    Text(String),
    /// An error of the spreadsheet, such as `#N/A`.
    Error(String),
}

/// A sheet before its header was understood: rows by number (from 1), cells by column (from 0).
#[derive(Clone, Debug, Default)]
pub struct RawSheet {
    /// Its name, or the file's.
    pub name: String,
    /// Its rows that hold anything.
    pub rows: BTreeMap<u32, BTreeMap<u32, Content>>,
    /// Cells that could not even be read.
    pub faults: Vec<Fault>,
}

impl RawSheet {
    /// Puts a cell in; what is empty is left out, what is out of bounds is a fault.
    pub fn put(&mut self, row: u32, column: u32, content: Content) {
        let text = match &content {
            Content::Text(text) | Content::Error(text) => text.as_str(),
        };
        if text.is_empty() {
            return;
        }
        if column >= COLUMNS_MAX {
            let problem = ["列太多".to_owned(), "too many columns".to_owned()];
            let allowed = [format!("最多 {COLUMNS_MAX} 列"), format!("at most {COLUMNS_MAX}")];
            return self.fault(row, column, text, problem, allowed);
        }
        if text.chars().count() > CELL_CHARS_MAX {
            let problem = ["单元格内容太长".to_owned(), "the cell is too long".to_owned()];
            let allowed = [
                format!("最多 {CELL_CHARS_MAX} 个字符"),
                format!("at most {CELL_CHARS_MAX} characters"),
            ];
            let text = text.to_owned();
            self.fault(row, column, &text, problem, allowed);
            // Kept shortened, so that the rest of the row is still checked.
            let content = Content::Text(text.chars().take(1).collect());
            self.rows.entry(row).or_default().insert(column, content);
            return;
        }
        self.rows.entry(row).or_default().insert(column, content);
    }

    fn fault(
        &mut self,
        row: u32,
        column: u32,
        text: &str,
        problem: [String; 2],
        allowed: [String; 2],
    ) {
        if self.faults.len() >= FAULTS_MAX {
            return;
        }
        let (sheet, value) = (self.name.clone(), shortened(text));
        let name = super::fault::letters(column);
        self.faults.push(Fault { sheet, row, column: Some(column), name, value, problem, allowed });
    }
}

/// A sheet whose columns are known.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// What its rows are.
    pub table: Table,
    /// Its name, or the file's.
    pub name: String,
    /// Where the columns are.
    pub columns: BTreeMap<&'static str, u32>,
    /// The rows below the header.
    pub rows: BTreeMap<u32, BTreeMap<u32, Content>>,
}

/// Everything of an import before its cells are understood.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// The sheets in the order of [`Table::ALL`].
    pub sheets: Vec<Sheet>,
    /// What is wrong with sheets and headers.
    pub faults: Vec<Fault>,
}

/// Reads a workbook, a folder of CSV or one file of it, in which these tables may stand.
pub fn read(path: &Path, tables: &[Table]) -> Result<Book, BookError> {
    let is_csv = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    let raw = match (path.is_dir(), is_csv) {
        (true, _) => csv_folder::read(path)?,
        (false, true) => vec![csv_folder::sheet(path)?],
        (false, false) => workbook::read(path)?,
    };
    if raw.len() > SHEETS_MAX {
        return Err(BookError::TooManySheets);
    }
    // A header per sheet comes on top.
    if raw.iter().map(|sheet| sheet.rows.len()).sum::<usize>() > ROWS_MAX + raw.len() {
        return Err(BookError::TooManyRows);
    }
    let mut book = Book::default();
    for sheet in raw {
        book.add(sheet, tables);
    }
    book.sheets.sort_by_key(|sheet| sheet.table);
    if book.sheets.is_empty() && book.faults.is_empty() {
        return Err(BookError::Empty);
    }
    Ok(book)
}

/// Reads a file within the bound.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, BookError> {
    let unreadable = |source| BookError::Unreadable { path: path.to_path_buf(), source };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > FILE_BYTES_MAX {
        return Err(BookError::TooLarge(path.to_path_buf()));
    }
    std::fs::read(path).map_err(unreadable)
}

/// Sheets for people only.
fn is_note(name: &str) -> bool {
    let name = name.trim().to_lowercase();
    name.starts_with("说明") || name.starts_with("readme")
}

impl Book {
    fn add(&mut self, raw: RawSheet, tables: &[Table]) {
        if is_note(&raw.name) {
            return;
        }
        let Some(table) = Table::named(&raw.name, tables) else {
            if !raw.rows.is_empty() {
                let known = tables.iter().map(|t| format!("{} {}", t.zh(), t.en()));
                let known = known.collect::<Vec<_>>().join("、");
                self.sheet_fault(&raw.name, 1, ["没有这种工作表", "there is no such sheet"], known);
            }
            return;
        };
        if self.sheets.iter().any(|sheet| sheet.table == table) {
            let problem = ["同一种工作表出现两次", "the same kind of sheet stands here twice"];
            return self.sheet_fault(&raw.name, 1, problem, String::new());
        }
        self.faults.extend(raw.faults);
        let mut rows = raw.rows;
        let Some((header_row, header)) = rows.pop_first() else { return };
        let mut columns = BTreeMap::new();
        for (at, content) in header {
            let text = match content {
                Content::Text(text) | Content::Error(text) => text,
            };
            let place = (raw.name.as_str(), header_row, at, text.as_str());
            match table.column(&text) {
                None => self.header_fault(place, table, ["没有这一列", "there is no such column"]),
                Some(column) if columns.contains_key(column.key) => {
                    let problem = ["这一列出现两次", "the column stands here twice"];
                    self.header_fault(place, table, problem);
                }
                Some(column) => {
                    columns.insert(column.key, at);
                }
            }
        }
        let missing = |column: &&Column| column.required && !columns.contains_key(column.key);
        for column in table.columns().iter().filter(missing) {
            let zh = format!("缺少列 {} {}", column.zh, column.key);
            let en = format!("the column {} is missing", column.key);
            self.sheet_fault(&raw.name, header_row, [&zh, &en], String::new());
        }
        self.sheets.push(Sheet { table, name: raw.name, columns, rows });
    }

    fn header_fault(
        &mut self,
        (sheet, row, column, text): (&str, u32, u32, &str),
        table: Table,
        problem: [&str; 2],
    ) {
        let known = table.columns().iter().map(|c| format!("{} {}", c.zh, c.key));
        let known = known.collect::<Vec<_>>().join("、");
        self.faults.push(Fault {
            sheet: sheet.to_owned(),
            row,
            column: Some(column),
            name: "表头 header".to_owned(),
            value: shortened(text),
            problem: problem.map(ToOwned::to_owned),
            allowed: [known.clone(), known],
        });
    }

    fn sheet_fault(&mut self, sheet: &str, row: u32, problem: [&str; 2], allowed: String) {
        self.faults.push(Fault {
            sheet: sheet.to_owned(),
            row,
            column: None,
            name: String::new(),
            value: String::new(),
            problem: problem.map(ToOwned::to_owned),
            allowed: [allowed.clone(), allowed],
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_beyond_the_last_column_are_bounded() {
        let mut raw = RawSheet::default();
        for row in 1..=u32::try_from(FAULTS_MAX).unwrap() + 500 {
            raw.put(row, COLUMNS_MAX, Content::Text("x".to_owned()));
            raw.put(row, 0, Content::Text("x".repeat(CELL_CHARS_MAX + 1)));
        }
        assert_eq!(raw.faults.len(), FAULTS_MAX);
        assert_eq!(raw.faults[0].row, 1, "the first ones are kept");
    }
}
