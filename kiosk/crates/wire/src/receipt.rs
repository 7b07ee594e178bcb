//! Receipts: what stands on them is the server's word, how it is laid out is the kiosk's.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most lines of a receipt.
pub const LINES_MAX: usize = 64;
/// The longest text of one line, in characters.
pub const LINE_CHARS_MAX: usize = 200;

/// A receipt without a layout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// From top to bottom.
    pub lines: Vec<Line>,
    /// The SHA-256 of the picture that stands above them, in hexadecimal: the logo of the home
    /// screen. A kiosk that has it prints it small enough for its paper; one that has not prints
    /// the lines alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo: Option<String>,
}

impl From<Vec<Line>> for Receipt {
    fn from(lines: Vec<Line>) -> Receipt {
        Receipt { lines, logo: None }
    }
}

/// One element of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub enum Line {
    /// Large and centred.
    Title {
        /// The text.
        text: String,
    },
    /// A name at the left and its value at the right, wrapped where they do not fit.
    Pair {
        /// The name.
        name: String,
        /// The value.
        value: String,
        /// Twice as large.
        strong: bool,
    },
    /// A rule across the paper.
    Rule,
    /// Plain text, wrapped.
    Text {
        /// The text.
        text: String,
        /// Centred.
        centred: bool,
    },
    /// A QR code with error correction M.
    Qr {
        /// What it says.
        content: String,
    },
    /// A picture of one bit, wide as the paper at most. Servers do not send any.
    Picture {
        /// Dots in a row.
        width: u16,
        /// Rows.
        height: u16,
        /// Rows of `width / 8` bytes rounded up, the highest bit at the left, 1 = black; base64.
        bits: String,
    },
    /// Empty lines.
    Feed {
        /// How many.
        lines: u8,
    },
    /// Cut the paper.
    Cut,
}

/// `POST /orders/{id}/prints`: a copy is to be printed. The kiosk asks before it prints, so that
/// the server's count is never behind the paper (KI5, KI6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintRequest {
    /// This print, made by the kiosk and in its journal; the same id finds the same print.
    pub print_id: Uuid,
    /// True for the one receipt that comes by itself, false where a person asked for a copy.
    pub automatic: bool,
}

/// What to print.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Print {
    /// From the request.
    pub print_id: Uuid,
    /// 0 for the first, n for 补打第 n 次.
    pub copy: u32,
    /// True where an automatic one was printed or tried before: nothing is printed by itself.
    pub already: bool,
    /// What stands on it.
    pub receipt: Receipt,
}

/// `POST /prints/{id}/outcome`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrintReport {
    /// How it ended.
    pub outcome: PrintOutcome,
    /// Millimetres of paper used.
    pub paper_mm: u32,
}

/// How a print ended, as far as the printer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrintOutcome {
    /// The printer has said that everything before its answer was carried out, and is well.
    Printed,
    /// It ran out of paper before it could say so.
    PaperOut,
    /// Its cover is open, its cutter is stuck, or it is gone.
    Failed,
    /// It says nothing: whether there is paper in the customer's hand nobody knows.
    Unknown,
}
