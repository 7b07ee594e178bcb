//! Asks what became of a payment (`payments.md` B9).

use chrono::{DateTime, Utc};
use domain::{Money, Provider};
use serde::{Deserialize, Serialize};

use super::{
    Merchant, OurFault,
    answer::Answers,
    class::{Class, Table},
    request::{Call, check_number},
    wire,
};
use crate::{
    fact::{PaymentFact, PaymentStatus},
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome, Rejection},
};

/// The business content of every call that only names a payment.
#[derive(Serialize)]
pub(super) struct Named<'a> {
    pub out_trade_no: &'a str,
}

const METHOD: &str = "alipay.trade.query";

/// Asks about one payment by our number.
///
/// # Errors
/// What is wrong with the number or our keys; nothing was sent then.
pub fn query(merchant: &Merchant, out_trade_no: &str, stamp: &Stamp) -> Result<Request, OurFault> {
    check_number(out_trade_no)?;
    let content = Named { out_trade_no };
    Call { method: METHOD, content: &content, notify: false, returns: false }
        .request(merchant, stamp)
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "wire::text")]
    out_trade_no: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    trade_no: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    trade_status: Option<String>,
    #[serde(default, deserialize_with = "wire::money")]
    total_amount: Option<Money>,
    #[serde(default, deserialize_with = "wire::text")]
    trans_currency: Option<String>,
    #[serde(default, deserialize_with = "wire::money")]
    buyer_pay_amount: Option<Money>,
    #[serde(default, deserialize_with = "wire::text")]
    buyer_open_id: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    buyer_user_id: Option<String>,
    #[serde(default, deserialize_with = "wire::time")]
    send_pay_date: Option<DateTime<Utc>>,
}

const REFUSALS: &Table = &[("TRADE_NOT_EXIST", Class::Absent)];

/// Reads what became of the payment with our number `out_trade_no`.
///
/// [`PaymentStatus::NotFound`] is a signed answer, yet no end: a QR code's trade exists only after
/// a scan, so until the payment has expired it can still be paid (F4 no. 19).
///
/// [`PaymentFact::total`] is `None` where the currency is not CNY or the amount cannot be read; it
/// then equals no order's amount.
pub fn read_query(
    merchant: &Merchant,
    out_trade_no: &str,
    response: &Response,
) -> Outcome<PaymentFact> {
    let done = |fields: Fields| {
        if fields.out_trade_no.as_deref() != Some(out_trade_no) {
            return Outcome::Unknown(Doubt::Unreadable);
        }
        let trade_status = fields.trade_status.unwrap_or_default();
        let Some(status) = status(&trade_status) else {
            let why = Rejection::new(trade_status, "an unlisted trade_status");
            return Outcome::Unknown(Doubt::Unlisted(why));
        };
        Outcome::Done(PaymentFact {
            provider_trade_no: fields.trade_no,
            total: fields.total_amount.filter(|_| is_cny(fields.trans_currency.as_deref())),
            payer_total: fields.buyer_pay_amount,
            payer: fields.buyer_open_id.or(fields.buyer_user_id),
            paid_at: fields.send_pay_date,
            ..bare_fact(merchant, out_trade_no, status)
        })
    };
    let absent = || Outcome::Done(bare_fact(merchant, out_trade_no, PaymentStatus::NotFound));
    Answers { method: METHOD, table: REFUSALS, bare: false }.read(merchant, response, done, absent)
}

/// A fact with nothing but a status.
pub(super) fn bare_fact(
    merchant: &Merchant,
    out_trade_no: &str,
    status: PaymentStatus,
) -> PaymentFact {
    PaymentFact {
        provider: Provider::Alipay,
        merchant_no: merchant.merchant_no().to_owned(),
        app_id: merchant.app_id.clone(),
        out_trade_no: out_trade_no.to_owned(),
        provider_trade_no: None,
        status,
        total: None,
        payer_total: None,
        payer: None,
        paid_at: None,
    }
}

/// What `trade_status` says. `TRADE_FINISHED` is a payment whose refund window has closed.
pub(super) fn status(trade_status: &str) -> Option<PaymentStatus> {
    match trade_status {
        "WAIT_BUYER_PAY" => Some(PaymentStatus::NotPaid),
        "TRADE_SUCCESS" | "TRADE_FINISHED" => Some(PaymentStatus::Paid),
        "TRADE_CLOSED" => Some(PaymentStatus::Closed),
        _ => None,
    }
}

/// Amounts are yuan unless the trade says otherwise.
pub(super) fn is_cny(currency: Option<&str>) -> bool {
    currency.is_none_or(|code| code == "CNY")
}
