//! The daily bill: what Alipay says it did, to be compared with our books (`payments.md` B11).

use std::io::Cursor;

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
    bill::BillError,
    http::{BILL_MAX, Method, Request, Response, Stamp},
    outcome::{Doubt, Outcome},
};

mod archive;
pub use archive::ENTRIES_MAX;
mod table;
mod trade;
pub use trade::{RowKind, TradeRow, read_trade};
mod account;
pub use account::{AccountRow, read_account};

/// Which bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every payment and refund (业务): what [`read_trade`] reads.
    Trade,
    /// Every movement of the account (账务): what [`read_account`] reads.
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

/// Fetches a bill from where [`Link::At`] says.
pub fn request_download(url: &str) -> Request {
    Request {
        method: Method::Get,
        url: url.to_owned(),
        headers: vec![],
        body: vec![],
        response_max: BILL_MAX,
    }
}

/// The file of a download that was served, a ZIP; anything else is worth another link.
///
/// # Errors
/// [`BillError::NotServed`] for every status but 200.
pub fn file(response: &Response) -> Result<Cursor<&[u8]>, BillError> {
    match response.status {
        200 => Ok(Cursor::new(&response.body)),
        status => Err(BillError::NotServed(status)),
    }
}
