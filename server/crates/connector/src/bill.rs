//! What the bills (对账单) of both providers have in common.
//!
//! A bill is read while it is unpacked, line by line, and each row is handed on as soon as it
//! stands: a million rows need no more memory than one. So a row is *provisional* until the
//! reading ends well; only then were the file's hash, its end, its count and its sums proven.
//! Whoever keeps rows keeps them in one transaction that a [`BillError`] undoes.
//!
//! Invariant: a file that is cut, altered or does not add up never ends in a [`Whole`]
//! (`a_file_is_proven_by_the_hash_of_its_unpacked_bytes`, `rows_that_do_not_add_up_are_no_bill`,
//! `a_damaged_archive_is_refused_at_every_length`).

mod error;
pub use error::BillError;
mod source;
pub use source::UNPACKED_MAX;
pub(crate) use source::{Bounded, Hashed, Tap};
mod lines;
pub(crate) use lines::Lines;
pub use lines::{LINE_MAX, ROWS_MAX};
mod cells;
pub(crate) use cells::{Cells, Column, Header, fee_millifen};
mod sum;
pub(crate) use sum::Sum;

/// A bill that was read to its end and found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// How many rows it has.
    pub rows: usize,
    /// The length of its text, in bytes.
    pub unpacked_bytes: u64,
    /// SHA-256 of the file as it was served: our own mark on the file we keep.
    pub sha256: [u8; 32],
}
