//! Why a bill is not used.

use std::io::ErrorKind;

/// Why a bill is not used. Nothing of it may be reconciled; the day stays open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// The download was refused, usually because the link is too old: ask for another.
    #[error("the bill was not served, HTTP status {0}")]
    NotServed(u16),
    /// The file we kept cannot be read.
    #[error("the file cannot be read: {0}")]
    Source(ErrorKind),
    /// The packing breaks off or is damaged: fetch it again.
    #[error("the bill's packing is damaged")]
    Damaged,
    /// More bytes, entries or rows, or a longer line, than any real bill has.
    #[error("the bill is larger than any real one")]
    TooLarge,
    /// The bytes are not those the provider announced: fetch it again, tell a person if it stays.
    #[error("the bill's hash differs from the announced one")]
    HashMismatch,
    /// An entry's name in an archive would leave its folder.
    #[error("an entry of the archive has a forged name")]
    ForgedName,
    /// The archive holds no detail sheet, or several.
    #[error("the archive does not hold exactly one detail sheet")]
    NoSheet,
    /// A line is not text in the bill's character set.
    #[error("line {line} of the bill is not text")]
    NotText {
        /// The line, counted from one.
        line: usize,
    },
    /// There is no line of column names, or it names one twice.
    #[error("the bill has no line of column names")]
    NoHeader,
    /// A column we need is not in the header.
    #[error("the bill has no column {0}")]
    MissingColumn(&'static str),
    /// A line has another number of cells than the header.
    #[error("line {line} of the bill does not fit its header")]
    Ragged {
        /// The line, counted from one.
        line: usize,
    },
    /// A cell does not hold what its column promises.
    #[error("line {line} of the bill: column {column} cannot be read")]
    Cell {
        /// The line, counted from one.
        line: usize,
        /// The column.
        column: &'static str,
    },
    /// The file ends without its closing totals.
    #[error("the bill ends without its totals")]
    CutOff,
    /// The totals do not agree with the rows above them.
    #[error("the bill's totals disagree with its rows on {0}")]
    TotalsDiffer(&'static str),
}

impl BillError {
    /// The stable name of the error, for logs, work items and the operator's screen.
    pub fn code(&self) -> &'static str {
        match self {
            BillError::NotServed(_) => "bill_not_served",
            BillError::Source(_) => "bill_source",
            BillError::Damaged => "bill_damaged",
            BillError::TooLarge => "bill_too_large",
            BillError::HashMismatch => "bill_hash_differs",
            BillError::ForgedName => "bill_forged_name",
            BillError::NoSheet => "bill_no_sheet",
            BillError::NotText { .. } => "bill_not_text",
            BillError::NoHeader => "bill_no_header",
            BillError::MissingColumn(_) => "bill_column_missing",
            BillError::Ragged { .. } => "bill_ragged",
            BillError::Cell { .. } => "bill_cell",
            BillError::CutOff => "bill_cut_off",
            BillError::TotalsDiffer(_) => "bill_totals_differ",
        }
    }

    /// Whether another download may give another file. The rest is the provider's own work: the
    /// same file would come again, so a person has to look.
    pub fn is_worth_another_download(&self) -> bool {
        matches!(
            self,
            BillError::NotServed(_)
                | BillError::Source(_)
                | BillError::Damaged
                | BillError::HashMismatch
                | BillError::CutOff
        )
    }
}
