//! Giving money back (退款, A10).

use chrono::{DateTime, Utc};
use domain::{Money, Provider};
use serde::{Deserialize, Serialize};

use super::{
    answer::{self, Undone},
    code::Call,
    merchant::Merchant,
    query::misfit,
    sign::{OurFault, check_number, check_text, get, post, segment},
    transaction::{Account, Misfit, moment},
};
use crate::{
    fact::{RefundFact, RefundStatus},
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome},
};

/// The longest reason, in characters; the payer reads it.
pub const REASON_MAX: usize = 80;

/// What to give back. The number is chosen once per intent and never changed to try again: a new
/// number is a second refund (F4 no. 17).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundOrder {
    /// Our number for the attempt that was paid.
    pub out_trade_no: String,
    /// Our number for the refund, 1 to 64 of `[0-9A-Za-z_]`.
    pub out_refund_no: String,
    /// What the payer reads; empty for none.
    pub reason: String,
    /// How much goes back.
    pub amount: Money,
    /// How much was paid.
    pub total: Money,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a str>,
    out_trade_no: &'a str,
    out_refund_no: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    notify_url: &'a str,
    amount: BodyAmount,
}

#[derive(Serialize)]
struct BodyAmount {
    refund: i64,
    total: i64,
    currency: &'static str,
}

/// The request that asks for a refund.
pub fn refund(
    merchant: &Merchant,
    order: &RefundOrder,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    check_number("out_trade_no", &order.out_trade_no, 6..=32)?;
    check_number("out_refund_no", &order.out_refund_no, 1..=64)?;
    if !order.reason.is_empty() {
        check_text("reason", &order.reason, REASON_MAX)?;
    }
    let left = order.total.checked_sub(order.amount);
    if !order.amount.is_positive() || left.is_ok_and(Money::is_negative) || left.is_err() {
        return Err(OurFault::Amount { field: "amount.refund" });
    }
    let body = Body {
        sub_mchid: merchant.mode.sub_mchid(),
        out_trade_no: &order.out_trade_no,
        out_refund_no: &order.out_refund_no,
        reason: &order.reason,
        notify_url: &merchant.refund_notify_url,
        amount: BodyAmount {
            refund: order.amount.fen(),
            total: order.total.fen(),
            currency: order.amount.currency().code(),
        },
    };
    post(merchant, "/v3/refund/domestic/refunds", &body, stamp)
}

/// The request that asks what became of a refund.
pub fn query_refund(
    merchant: &Merchant,
    out_refund_no: &str,
    stamp: &Stamp,
) -> Result<Request, OurFault> {
    check_number("out_refund_no", out_refund_no, 1..=64)?;
    let mut path = format!("/v3/refund/domestic/refunds/{}", segment(out_refund_no));
    if let Some(sub_mchid) = merchant.mode.sub_mchid() {
        path = format!("{path}?sub_mchid={}", segment(sub_mchid));
    }
    get(merchant, &path, stamp)
}

/// Reads the answer to [`refund`] for the same number. `Done` means that WeChat has the refund;
/// the money went back only if the fact says so.
pub fn read_refund(
    merchant: &Merchant,
    out_refund_no: &str,
    response: &Response,
    now: DateTime<Utc>,
) -> Outcome<RefundFact> {
    read(Call::Refund, merchant, out_refund_no, response, now)
}

/// Reads the answer to [`query_refund`] for the same number. `Unknown(Unproven)` allows asking
/// for the refund again under the same number, and nothing else.
pub fn read_query_refund(
    merchant: &Merchant,
    out_refund_no: &str,
    response: &Response,
    now: DateTime<Utc>,
) -> Outcome<RefundFact> {
    read(Call::QueryRefund, merchant, out_refund_no, response, now)
}

fn read(
    call: Call,
    merchant: &Merchant,
    out_refund_no: &str,
    response: &Response,
    now: DateTime<Utc>,
) -> Outcome<RefundFact> {
    let read = || -> Result<RefundFact, Undone> {
        let body = answer::body(call, merchant, response, now)?;
        let wire: RefundResource = answer::value(body)?;
        if wire.out_refund_no != out_refund_no {
            return Err(Outcome::Unknown(Doubt::Mismatch));
        }
        let status = wire.status.clone().ok_or(Outcome::Unknown(Doubt::Unreadable))?;
        wire.into_fact(merchant, &status).map_err(misfit)
    };
    answer::settle(read())
}

/// One refund as answers (`status`) and callbacks (`refund_status`) write it.
#[derive(Deserialize)]
pub(super) struct RefundResource {
    #[serde(flatten)]
    account: Account,
    out_trade_no: String,
    out_refund_no: String,
    refund_id: Option<String>,
    status: Option<String>,
    refund_status: Option<String>,
    success_time: Option<String>,
    amount: ResourceAmount,
}

#[derive(Deserialize)]
struct ResourceAmount {
    refund: i64,
    currency: Option<String>,
}

impl RefundResource {
    /// The refund inside a callback: the status has another name there, and the merchant is
    /// named and must be ours.
    pub(super) fn into_notified(self, merchant: &Merchant) -> Result<(RefundFact, String), Misfit> {
        self.account.check(&merchant.mode, false)?;
        let status = self.refund_status.clone().ok_or(Misfit::Unreadable)?;
        Ok((self.into_fact(merchant, &status)?, status))
    }

    fn into_fact(self, merchant: &Merchant, status: &str) -> Result<RefundFact, Misfit> {
        let status = match status {
            "SUCCESS" => RefundStatus::Done,
            "PROCESSING" => RefundStatus::Processing,
            "ABNORMAL" => RefundStatus::Abnormal,
            "CLOSED" => RefundStatus::Closed,
            other => return Err(Misfit::UnlistedState(other.to_owned())),
        };
        let provider_refund_no = self.refund_id.filter(|number| !number.is_empty());
        let is_whole = provider_refund_no.is_some()
            && !self.out_trade_no.is_empty()
            && !self.out_refund_no.is_empty()
            && self.amount.refund > 0;
        if !is_whole {
            return Err(Misfit::Unreadable);
        }
        let is_yuan = self.amount.currency.as_deref().is_none_or(|currency| currency == "CNY");
        let success_time = self.success_time.as_deref().filter(|text| !text.is_empty());
        Ok(RefundFact {
            provider: Provider::WechatPay,
            merchant_no: merchant.mode.merchant_no().to_owned(),
            out_trade_no: self.out_trade_no,
            out_refund_no: self.out_refund_no,
            provider_refund_no,
            status,
            amount: is_yuan.then(|| Money::from_fen(self.amount.refund)),
            refunded_at: success_time.map(moment).transpose()?,
        })
    }
}
