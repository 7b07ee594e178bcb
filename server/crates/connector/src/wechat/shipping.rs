//! Shipping information of an order paid in the mini-program (发货信息, C6). Without it the money
//! stays frozen.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::business_day::china_standard_time;
use serde::{Deserialize, Serialize};

use super::{
    answer,
    app::{App, OPENID_MAX, OurFault, check_text, post},
    code::Call,
};
use crate::{
    http::{Request, Response},
    outcome::Outcome,
    secret::Secret,
};

/// The longest description, in characters; longer ones are cut.
pub const ITEM_DESC_MAX: usize = 120;

/// Which order it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderKey {
    /// WeChat's number of the payment.
    TransactionId(String),
    /// Ours, with the merchant it was placed at.
    OutTradeNo {
        /// The merchant number.
        mchid: String,
        /// Our number for the attempt.
        out_trade_no: String,
    },
}

/// One delivery of something virtual, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipment {
    /// Which order.
    pub order: OrderKey,
    /// What was delivered: `电费充值 50.00 元`.
    pub item_desc: String,
    /// The payer.
    pub openid: String,
    /// When it was delivered.
    pub delivered_at: DateTime<Utc>,
}

#[derive(Serialize)]
struct Body<'a> {
    order_key: Key<'a>,
    // Virtual goods, in one piece.
    logistics_type: u8,
    delivery_mode: u8,
    shipping_list: [Item; 1],
    upload_time: String,
    payer: Payer<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Key<'a> {
    Theirs { order_number_type: u8, transaction_id: &'a str },
    Ours { order_number_type: u8, mchid: &'a str, out_trade_no: &'a str },
}

#[derive(Serialize)]
struct Item {
    item_desc: String,
}

#[derive(Serialize)]
struct Payer<'a> {
    openid: &'a str,
}

/// Uploads the information.
///
/// # Errors
/// What is wrong with the shipment; nothing was sent then.
pub fn ship(app: &App, token: &Secret, shipment: &Shipment) -> Result<Request, OurFault> {
    check_text("payer.openid", &shipment.openid, OPENID_MAX)?;
    let item_desc: String = shipment.item_desc.chars().take(ITEM_DESC_MAX).collect();
    check_text("item_desc", &item_desc, ITEM_DESC_MAX)?;
    let order_key = match &shipment.order {
        OrderKey::TransactionId(transaction_id) => {
            check_text("transaction_id", transaction_id, 64)?;
            Key::Theirs { order_number_type: 2, transaction_id }
        }
        OrderKey::OutTradeNo { mchid, out_trade_no } => {
            check_text("mchid", mchid, 32)?;
            check_text("out_trade_no", out_trade_no, 32)?;
            Key::Ours { order_number_type: 1, mchid, out_trade_no }
        }
    };
    let at = shipment.delivered_at.with_timezone(&china_standard_time());
    let body = Body {
        order_key,
        logistics_type: 3,
        delivery_mode: 1,
        shipping_list: [Item { item_desc }],
        upload_time: at.to_rfc3339_opts(SecondsFormat::Millis, false),
        payer: Payer { openid: &shipment.openid },
    };
    post(app, "/wxa/sec/order/upload_shipping_info", Some(token), &body)
}

/// What an upload came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shipped {
    /// Taken now.
    Now,
    /// Taken before: WeChat has the information and wants no more of it.
    Before,
}

/// Codes that mean "I have it" (from public code; the document's list was not seen).
const HAS_IT: [&str; 3] = ["10060002", "10060003", "10060023"];

#[derive(Deserialize)]
struct Nothing {}

/// Reads the answer to [`ship`]. `Theirs` with 10060001 only means that WeChat's order centre
/// does not know the payment yet: again later.
pub fn read_ship(response: &Response) -> Outcome<Shipped> {
    let outcome = answer::settle(answer::fields::<Nothing>(Call::Shipping, response).map(drop));
    match outcome {
        Outcome::Done(()) => Outcome::Done(Shipped::Now),
        Outcome::Unknown(crate::Doubt::Unlisted(why)) if HAS_IT.contains(&why.code.as_str()) => {
            Outcome::Done(Shipped::Before)
        }
        other => other.map(|()| Shipped::Now),
    }
}
