//! The daily bill: what Alipay says it did, to be compared with our books (`payments.md` B11).

use domain::BusinessDay;
use serde::{Deserialize, Serialize};

use super::{
    Merchant, OurFault,
    answer::Answers,
    class::{Class, Table},
    request::Call,
    wire,
};
use crate::{
    http::{BILL_MAX, Method, Request, Response, Stamp},
    outcome::{Doubt, Outcome},
};

mod archive;
pub use archive::{ENTRIES_MAX, UNPACKED_MAX};
mod table;
pub use table::{Bill, BillRow, ROWS_MAX, RowKind, Totals, open};

/// Which bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every payment and refund (业务): what [`open`] reads.
    Trade,
    /// Every movement of the account (账务).
    Account,
}

/// Where a day's bill is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// At this address, for thirty seconds.
    At(String),
    /// There is none: nothing happened that day, or it is before nine in the morning of the next.
    NoBill,
}

/// Why a bill cannot be used. Nothing of it is used then; the day stays open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// Not a ZIP file, damaged or cut off.
    #[error("the file is not a whole ZIP archive")]
    NotAnArchive,
    /// More entries, bytes or rows than any real bill.
    #[error("the bill is larger than any real one")]
    TooLarge,
    /// An entry's name would leave its folder.
    #[error("an entry of the archive has a forged name")]
    ForgedName,
    /// The archive holds no detail sheet, or several.
    #[error("the archive does not hold exactly one detail sheet")]
    NoSheet,
    /// The sheet is not GBK text.
    #[error("the sheet is not GBK text")]
    NotGbk,
    /// The sheet has no line of column names, or lacks a column we need.
    #[error("the sheet has no column {column}")]
    NoColumn {
        /// The column that is missing.
        column: &'static str,
    },
    /// A row cannot be read.
    #[error("line {line} of the sheet cannot be read: {column}")]
    BadRow {
        /// Its line, counted from one.
        line: usize,
        /// The column, or `columns` where their number is wrong.
        column: &'static str,
    },
    /// The sheet ends before its closing lines.
    #[error("the sheet is cut off: its closing lines are missing")]
    CutOff,
    /// The rows do not add up to the sheet's own totals.
    #[error("the rows do not add up to the totals line: {what}")]
    TotalsDiffer {
        /// Which total.
        what: &'static str,
    },
}

const METHOD: &str = "alipay.data.dataservice.bill.downloadurl.query";

#[derive(Serialize)]
struct Content {
    bill_type: &'static str,
    bill_date: String,
}

/// Asks where a day's bill is.
///
/// # Errors
/// What is wrong with our keys; nothing was sent then.
pub fn request_link(
    merchant: &Merchant,
    kind: Kind,
    day: BusinessDay,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    let bill_type = match kind {
        Kind::Trade => "trade",
        Kind::Account => "signcustomer",
    };
    let content = Content { bill_type, bill_date: day.date().to_string() };
    Call { method: METHOD, content: &content, notify: false, returns: false }
        .request(merchant, stamp)
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "wire::text")]
    bill_download_url: Option<String>,
}

// The documents write the codes in capitals and misspell one; production does neither.
const REFUSALS: &Table = &[
    ("bill_not_exist", Class::Absent),
    ("BILL_NOT_EXIST", Class::Absent),
    ("RATE_LIMIT", Class::Theirs),
    ("invalid_arguments", Class::OurFault),
    ("INVAILID_ARGUMENTS", Class::OurFault),
    ("INVALID_ARGUMENTS", Class::OurFault),
];

/// Reads the answer to [`request_link`].
pub fn read_link(merchant: &Merchant, response: &Response) -> Outcome<Link> {
    let done = |fields: Fields| match fields.bill_download_url {
        Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
            Outcome::Done(Link::At(url))
        }
        _ => Outcome::Unknown(Doubt::Unreadable),
    };
    let absent = || Outcome::Done(Link::NoBill);
    Answers { method: METHOD, table: REFUSALS, bare: false }.read(merchant, response, done, absent)
}

/// Fetches a bill from where [`Link::At`] says. The answer is a ZIP for [`open`]; anything but
/// status 200 is worth another link.
pub fn request_download(url: &str) -> Request {
    Request {
        method: Method::Get,
        url: url.to_owned(),
        headers: vec![],
        body: vec![],
        response_max: BILL_MAX,
    }
}
