//! Closing an unpaid order (关单, A9).

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{
    answer,
    code::Call,
    merchant::{Merchant, Mode},
    query::order_path,
    sign::{OurFault, post},
};
use crate::{
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome},
};

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Ordinary { mchid: &'a str },
    Partner { sp_mchid: &'a str, sub_mchid: &'a str },
}

/// The request that closes an order by our number. May be sent again at will.
pub fn close(merchant: &Merchant, out_trade_no: &str, stamp: &Stamp) -> Result<Request, OurFault> {
    let body = match &merchant.mode {
        Mode::Ordinary { mchid, .. } => Body::Ordinary { mchid },
        Mode::Partner { sp_mchid, sub_mchid, .. } => Body::Partner { sp_mchid, sub_mchid },
    };
    let path = order_path(merchant, out_trade_no)?;
    post(merchant, &format!("{path}/close"), &body, stamp)
}

/// Reads the answer to [`close`]. `Done` means that WeChat accepted the close, not that nobody
/// paid: a payment can have raced it, so query once more and keep accepting callbacks (F4 no. 4).
pub fn read_close(merchant: &Merchant, response: &Response, now: DateTime<Utc>) -> Outcome<()> {
    let read = || match answer::body(Call::Close, merchant, response, now)? {
        [] if response.status == 204 => Ok(()),
        _ => Err(Outcome::Unknown(Doubt::Unreadable)),
    };
    answer::settle(read())
}
