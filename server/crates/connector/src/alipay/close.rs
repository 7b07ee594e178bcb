//! Ends a payment nobody made: close, and the kiosk's cancel that also gives money back
//! (`payments.md` B9).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{
    Merchant, OurFault,
    answer::Answers,
    class::{Class, Table},
    query::Named,
    request::{Call, check_number},
    wire,
};
use crate::{
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome},
};

const CLOSE: &str = "alipay.trade.close";
const CANCEL: &str = "alipay.trade.cancel";

/// Closes a trade that waits for its payer. A paid one is left alone.
///
/// # Errors
/// What is wrong with the number or our keys; nothing was sent then.
pub fn close(merchant: &Merchant, out_trade_no: &str, stamp: &Stamp) -> Result<Request, OurFault> {
    named(merchant, CLOSE, out_trade_no, stamp)
}

/// What a close came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// The trade is closed and will not be paid.
    ForGood,
    /// There is no trade *yet*: a QR code nobody scanned can still be scanned and paid until it
    /// expires (F4 no. 19).
    NothingThere,
}

const CLOSE_REFUSALS: &Table = &[
    ("TRADE_NOT_EXIST", Class::Absent),
    // Usually paid in the meantime.
    ("TRADE_STATUS_ERROR", Class::Query),
    ("REASON_TRADE_STATUS_INVALID", Class::Query),
    ("REASON_ILLEGAL_STATUS", Class::Query),
    ("TRADE_HAS_SUCCESS", Class::Query),
    ("TRADE_HAS_CLOSE", Class::Query),
];

#[derive(Deserialize)]
struct CloseFields {
    #[serde(default, deserialize_with = "wire::text")]
    out_trade_no: Option<String>,
}

/// Reads the answer to [`close`] for this number.
pub fn read_close(merchant: &Merchant, out_trade_no: &str, response: &Response) -> Outcome<Closed> {
    let done = |fields: CloseFields| match fields.out_trade_no.as_deref() {
        Some(number) if number == out_trade_no => Outcome::Done(Closed::ForGood),
        _ => Outcome::Unknown(Doubt::Unreadable),
    };
    let absent = || Outcome::Done(Closed::NothingThere);
    Answers { method: CLOSE, table: CLOSE_REFUSALS, bare: false }
        .read(merchant, response, done, absent)
}

/// Gives up a payment at the kiosk (撤销): closes it if unpaid and **refunds it if paid**.
///
/// # Errors
/// What is wrong with the number or our keys; nothing was sent then.
pub fn cancel(merchant: &Merchant, out_trade_no: &str, stamp: &Stamp) -> Result<Request, OurFault> {
    named(merchant, CANCEL, out_trade_no, stamp)
}

/// What a cancel came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// What Alipay did.
    pub action: CancelAction,
    /// True if Alipay asks for the same cancel again; until then nothing is settled.
    pub retry: bool,
    /// Alipay's number for the trade, where there is one.
    pub provider_trade_no: Option<String>,
    /// When the money went back, where it did and Alipay says so.
    pub refunded_at: Option<DateTime<Utc>>,
}

/// What Alipay did to cancel a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelAction {
    /// It was unpaid and is closed.
    Close,
    /// It was paid and the money goes back: the books need the payment *and* the refund
    /// (F4 no. 20).
    Refund,
    /// Nothing: there was no trade yet, or it was closed before. A QR code nobody scanned can
    /// still be paid until it expires.
    None,
}

const CANCEL_REFUSALS: &Table = &[
    ("TRADE_NOT_EXIST", Class::Absent),
    ("TRADE_CANCEL_TIME_OUT", Class::Declined),
    ("CANCEL_NOT_ALLOWED", Class::Declined),
    ("SELLER_BALANCE_NOT_ENOUGH", Class::Theirs),
    ("TRADE_HAS_FINISHED", Class::Declined),
    ("TRADE_STATUS_ERROR", Class::Query),
];

#[derive(Deserialize)]
struct CancelFields {
    #[serde(default, deserialize_with = "wire::text")]
    out_trade_no: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    trade_no: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    retry_flag: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    action: Option<String>,
    #[serde(default, deserialize_with = "wire::time")]
    gmt_refund_pay: Option<DateTime<Utc>>,
}

/// Reads the answer to [`cancel`] for this number.
pub fn read_cancel(
    merchant: &Merchant,
    out_trade_no: &str,
    response: &Response,
) -> Outcome<Cancelled> {
    let done = |fields: CancelFields| {
        if fields.out_trade_no.as_deref() != Some(out_trade_no) {
            return Outcome::Unknown(Doubt::Unreadable);
        }
        let action = match fields.action.as_deref() {
            Some("close") => CancelAction::Close,
            Some("refund") => CancelAction::Refund,
            None => CancelAction::None,
            Some(_) => return Outcome::Unknown(Doubt::Unreadable),
        };
        Outcome::Done(Cancelled {
            action,
            // Only a plain "N" ends it.
            retry: fields.retry_flag.as_deref() != Some("N"),
            provider_trade_no: fields.trade_no,
            refunded_at: fields.gmt_refund_pay,
        })
    };
    let absent = || {
        Outcome::Done(Cancelled {
            action: CancelAction::None,
            retry: false,
            provider_trade_no: None,
            refunded_at: None,
        })
    };
    Answers { method: CANCEL, table: CANCEL_REFUSALS, bare: false }
        .read(merchant, response, done, absent)
}

fn named(
    merchant: &Merchant,
    method: &'static str,
    out_trade_no: &str,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    check_number(out_trade_no)?;
    let content = Named { out_trade_no };
    Call { method, content: &content, notify: false, returns: false }.request(merchant, stamp)
}
