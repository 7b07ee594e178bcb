//! Import of a site from one workbook or a folder of CSV: every bad cell is named, nothing changes
//! on any error, and the same file told twice changes nothing. `docs/import.md` is the guide.

use std::path::Path;

use domain::{Clock, Rng};
use gateway::Profiles;
use store::Store;

pub mod table;
pub use table::{Column, Table};
pub mod book;
pub use book::{Book, BookError};
pub mod fault;
pub use fault::Fault;
pub mod template;

mod cells;
mod csv_folder;
mod workbook;

pub mod known;
pub mod plan;
pub use plan::{Count, Plan};
mod account;
mod apply;
mod device;
mod place;
mod tariff;
pub mod top_up;

/// The largest file read, in bytes.
pub const FILE_BYTES_MAX: u64 = 16 << 20;
/// The most data rows of one import, over all sheets.
pub const ROWS_MAX: usize = 50_000;
/// The most sheets or files.
pub const SHEETS_MAX: usize = 16;
/// The most columns of a sheet.
pub const COLUMNS_MAX: u32 = 64;
/// The longest cell, in characters.
pub const CELL_CHARS_MAX: usize = 200;
/// The most bytes a workbook may unpack to.
pub const UNPACKED_BYTES_MAX: u64 = 128 << 20;
/// The most faults that are listed.
pub const FAULTS_MAX: usize = 10_000;

/// Why an import changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file or folder cannot be read as one.
    #[error(transparent)]
    Book(#[from] BookError),
    /// Cells are wrong; all of them are listed.
    #[error("{} cells are wrong", .0.len())]
    Faults(Vec<Fault>),
    /// The store failed or changed meanwhile.
    #[error(transparent)]
    Store(#[from] store::StoreError),
}

/// Reads a file or folder and works out what it would change.
///
/// Errors: [`ImportError::Faults`] with every bad cell.
pub async fn prepare(
    path: &Path,
    store: &Store,
    profiles: &Profiles,
    clock: &dyn Clock,
    rng: &dyn Rng,
) -> Result<Plan, ImportError> {
    let book = book::read(path, &Table::ALL)?;
    plan::make(book, store, profiles, clock, rng).await
}

/// Applies a plan in one transaction.
///
/// Invariant: an import is applied wholly or not at all; proved by
/// `one_bad_cell_among_seven_hundred_changes_nothing`.
///
/// Errors: [`ImportError::Store`] if something changed since the plan was made.
pub async fn apply(plan: Plan, store: &Store, clock: &dyn Clock) -> Result<(), ImportError> {
    Ok(apply::apply(plan, store, clock.now()).await?)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod top_up_tests;
