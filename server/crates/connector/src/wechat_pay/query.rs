//! Asking what became of an order (查单, A9).

use chrono::{DateTime, Utc};
use domain::Provider;

use super::{
    answer::{self, Undone},
    code::Call,
    merchant::{Merchant, Mode},
    sign::{OurFault, check_number, get, segment},
    transaction::{Misfit, Transaction},
};
use crate::{
    fact::{PaymentFact, PaymentStatus},
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome, Rejection},
};

/// The path of an order below which it is queried or closed.
pub(super) fn order_path(merchant: &Merchant, out_trade_no: &str) -> Result<String, OurFault> {
    check_number("out_trade_no", out_trade_no, 6..=32)?;
    let partner = match merchant.mode {
        Mode::Ordinary { .. } => "",
        Mode::Partner { .. } => "/partner",
    };
    Ok(format!("/v3/pay{partner}/transactions/out-trade-no/{}", segment(out_trade_no)))
}

/// The request that asks for an order by our number.
pub fn query(merchant: &Merchant, out_trade_no: &str, stamp: &Stamp) -> Result<Request, OurFault> {
    let path = order_path(merchant, out_trade_no)?;
    let account = match &merchant.mode {
        Mode::Ordinary { mchid, .. } => format!("mchid={}", segment(mchid)),
        Mode::Partner { sp_mchid, sub_mchid, .. } => {
            format!("sp_mchid={}&sub_mchid={}", segment(sp_mchid), segment(sub_mchid))
        }
    };
    get(merchant, &format!("{path}?{account}"), stamp)
}

/// Reads the answer to [`query`] for the same number.
///
/// "No such order" is `Unknown(Unproven)`, because WeChat signs no errors: it allows placing the
/// order again under the same number, and nothing else (F4 no. 28).
pub fn read_query(
    merchant: &Merchant,
    out_trade_no: &str,
    response: &Response,
    now: DateTime<Utc>,
) -> Outcome<PaymentFact> {
    let read = || -> Result<PaymentFact, Undone> {
        let body = answer::body(Call::Query, merchant, response, now)?;
        let transaction: Transaction = answer::value(body)?;
        if transaction.out_trade_no != out_trade_no {
            return Err(Outcome::Unknown(Doubt::Mismatch));
        }
        transaction.into_fact(merchant).map_err(misfit)
    };
    match read() {
        Err(Outcome::Unknown(Doubt::Unproven(rejection))) if rejection.authenticated => {
            Outcome::Done(not_found(merchant, out_trade_no))
        }
        reading => answer::settle(reading),
    }
}

/// What a genuine but unfitting resource means for a question.
pub(super) fn misfit(why: Misfit) -> Undone {
    Outcome::Unknown(match why {
        Misfit::WrongMerchant(_) => Doubt::Mismatch,
        Misfit::Unreadable => Doubt::Unreadable,
        Misfit::UnlistedState(state) => {
            Doubt::Unlisted(Rejection::new(state, "a state that is not in the table").signed())
        }
    })
}

fn not_found(merchant: &Merchant, out_trade_no: &str) -> PaymentFact {
    PaymentFact {
        provider: Provider::WechatPay,
        merchant_no: merchant.mode.merchant_no().to_owned(),
        app_id: merchant.mode.app_id().to_owned(),
        out_trade_no: out_trade_no.to_owned(),
        provider_trade_no: None,
        status: PaymentStatus::NotFound,
        total: None,
        payer_total: None,
        payer: None,
        paid_at: None,
    }
}
