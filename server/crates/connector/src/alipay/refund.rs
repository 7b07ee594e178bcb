//! Gives money back, and asks whether it went (`payments.md` B9).

use chrono::{DateTime, Utc};
use domain::{Money, Provider};
use serde::{Deserialize, Serialize};

use super::{
    Merchant, OurFault,
    answer::Answers,
    class::{Class, Table},
    request::{Call, check_amount, check_number},
    wire,
};
use crate::{
    fact::{RefundFact, RefundStatus},
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome, Rejection},
};

const REFUND: &str = "alipay.trade.refund";
const QUERY: &str = "alipay.trade.fastpay.refund.query";

/// One refund: the same number with the same amount is the same refund, however often asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refund {
    /// Our number for the attempt that was paid.
    pub out_trade_no: String,
    /// Our number for the refund (`out_request_no`), one per intent.
    pub out_refund_no: String,
    /// What goes back.
    pub amount: Money,
    /// Why, for the payer.
    pub reason: String,
}

#[derive(Serialize)]
struct RefundContent<'a> {
    out_trade_no: &'a str,
    refund_amount: String,
    out_request_no: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    refund_reason: &'a str,
}

/// Asks for a refund. Two refunds of one trade need three seconds between them.
///
/// # Errors
/// What is wrong with the refund or our keys; nothing was sent then.
pub fn refund(merchant: &Merchant, refund: &Refund, stamp: &Stamp) -> Result<Request, OurFault> {
    check_number(&refund.out_trade_no)?;
    check_number(&refund.out_refund_no)?;
    check_amount(refund.amount)?;
    let content = RefundContent {
        out_trade_no: &refund.out_trade_no,
        refund_amount: refund.amount.to_yuan(),
        out_request_no: &refund.out_refund_no,
        refund_reason: &refund.reason,
    };
    Call { method: REFUND, content: &content, notify: false, returns: false }
        .request(merchant, stamp)
}

#[derive(Deserialize)]
struct RefundFields {
    #[serde(default, deserialize_with = "wire::text")]
    out_trade_no: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    fund_change: Option<String>,
    #[serde(default, deserialize_with = "wire::money")]
    refund_fee: Option<Money>,
}

const REFUND_REFUSALS: &Table = &[
    // The landlord's account is empty: the same number goes through once it is filled.
    ("SELLER_BALANCE_NOT_ENOUGH", Class::Theirs),
    ("REFUND_CHARGE_ERROR", Class::Theirs),
    // The same number with another amount.
    ("DISCORDANT_REPEAT_REQUEST", Class::OurFault),
    ("TRADE_HAS_CLOSE", Class::Query),
    ("TRADE_STATUS_ERROR", Class::Query),
    ("TRADE_NOT_EXIST", Class::Declined),
    ("REASON_TRADE_REFUND_FEE_ERR", Class::Declined),
    ("REFUND_AMT_NOT_EQUAL_TOTAL", Class::Declined),
    ("TRADE_HAS_FINISHED", Class::Declined),
    ("TRADE_NOT_ALLOW_REFUND", Class::Declined),
    ("REFUNDALLOC_UNAUTH_LIMIT", Class::Declined),
    ("ALLOC_AMOUNT_VALIDATE_ERROR", Class::Declined),
    ("BUYER_NOT_EXIST", Class::Declined),
    ("BUYER_ERROR", Class::Declined),
    ("CUSTOMER_VALIDATE_ERROR", Class::Declined),
];

/// Reads the answer to [`refund`].
///
/// Accepted is not refunded: only `fund_change=Y` is [`RefundStatus::Done`], everything else is
/// [`RefundStatus::Processing`] until [`read_query_refund`] says more. The answer's `refund_fee`
/// is the trade's total over all refunds, so the amount of the fact is the one asked for.
pub fn read_refund(
    merchant: &Merchant,
    refund: &Refund,
    response: &Response,
) -> Outcome<RefundFact> {
    let done = |fields: RefundFields| {
        if fields.out_trade_no.as_deref() != Some(&refund.out_trade_no) {
            return Outcome::Unknown(Doubt::Unreadable);
        }
        let moved = fields.fund_change.as_deref() == Some("Y");
        let covers = fields.refund_fee.is_some_and(|total| total.fen() >= refund.amount.fen());
        if moved && !covers {
            return Outcome::Unknown(Doubt::Unreadable);
        }
        let status = if moved { RefundStatus::Done } else { RefundStatus::Processing };
        let fact = bare_fact(merchant, &refund.out_trade_no, &refund.out_refund_no, status);
        Outcome::Done(RefundFact { amount: moved.then_some(refund.amount), ..fact })
    };
    let absent = || Outcome::Unknown(Doubt::Unreadable);
    Answers { method: REFUND, table: REFUND_REFUSALS, bare: false }
        .read(merchant, response, done, absent)
}

#[derive(Serialize)]
struct QueryContent<'a> {
    out_trade_no: &'a str,
    out_request_no: &'a str,
    query_options: [&'static str; 2],
}

/// Asks about one refund by our two numbers. After an open outcome, not before five seconds.
///
/// # Errors
/// What is wrong with the numbers or our keys; nothing was sent then.
pub fn query_refund(
    merchant: &Merchant,
    out_trade_no: &str,
    out_refund_no: &str,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    check_number(out_trade_no)?;
    check_number(out_refund_no)?;
    let content = QueryContent {
        out_trade_no,
        out_request_no: out_refund_no,
        query_options: ["gmt_refund_pay", "refund_detail_item_list"],
    };
    Call { method: QUERY, content: &content, notify: false, returns: false }
        .request(merchant, stamp)
}

#[derive(Deserialize)]
struct QueryFields {
    #[serde(default, deserialize_with = "wire::text")]
    out_trade_no: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    out_request_no: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    refund_status: Option<String>,
    #[serde(default, deserialize_with = "wire::money")]
    refund_amount: Option<Money>,
    #[serde(default, deserialize_with = "wire::time")]
    gmt_refund_pay: Option<DateTime<Utc>>,
}

const QUERY_REFUSALS: &Table =
    &[("TRADE_NOT_EXIST", Class::Absent), ("REFUND_NOT_EXIST", Class::Absent)];

/// Reads the answer to [`query_refund`].
///
/// [`RefundStatus::NotFound`] (no `refund_status`) means that the request never arrived or came to
/// nothing: the same number with the same amount is sent again, never another one.
pub fn read_query_refund(
    merchant: &Merchant,
    out_trade_no: &str,
    out_refund_no: &str,
    response: &Response,
) -> Outcome<RefundFact> {
    let fact = |status| bare_fact(merchant, out_trade_no, out_refund_no, status);
    let done = |fields: QueryFields| {
        // Where a number is named it must be ours; an empty answer names none.
        let foreign =
            |named: &Option<String>, ours: &str| named.as_ref().is_some_and(|n| n != ours);
        if foreign(&fields.out_trade_no, out_trade_no)
            || foreign(&fields.out_request_no, out_refund_no)
        {
            return Outcome::Unknown(Doubt::Unreadable);
        }
        let status = match fields.refund_status.as_deref() {
            Some("REFUND_SUCCESS") if fields.out_request_no.is_some() => RefundStatus::Done,
            Some("REFUND_PROCESSING") => RefundStatus::Processing,
            None => RefundStatus::NotFound,
            Some(other) => {
                let why = Rejection::new(other, "an unlisted refund_status");
                return Outcome::Unknown(Doubt::Unlisted(why));
            }
        };
        Outcome::Done(RefundFact {
            amount: fields.refund_amount,
            refunded_at: fields.gmt_refund_pay,
            ..fact(status)
        })
    };
    let absent = || Outcome::Done(fact(RefundStatus::NotFound));
    Answers { method: QUERY, table: QUERY_REFUSALS, bare: false }
        .read(merchant, response, done, absent)
}

fn bare_fact(
    merchant: &Merchant,
    out_trade_no: &str,
    out_refund_no: &str,
    status: RefundStatus,
) -> RefundFact {
    RefundFact {
        provider: Provider::Alipay,
        merchant_no: merchant.merchant_no().to_owned(),
        out_trade_no: out_trade_no.to_owned(),
        out_refund_no: out_refund_no.to_owned(),
        // Alipay gives refunds no number of its own.
        provider_refund_no: None,
        status,
        amount: None,
        refunded_at: None,
    }
}
