//! Asks for money: QR code, mini-program trade, or a page (`payments.md` B7).

use chrono::{DateTime, Utc};
use domain::{Channel, Money};
use serde::{Deserialize, Serialize};

use super::{
    Merchant, OurFault,
    answer::Answers,
    class::{Class, Table},
    request::{Call, check_amount, check_number},
    wire,
};
use crate::{
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome},
};

/// One payment to be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// One of Alipay's three doors.
    pub channel: Channel,
    /// Our number: 1 to 64 of `[A-Za-z0-9_]`, stored before this is called.
    pub out_trade_no: String,
    /// What the payer reads. Signs Alipay refuses (`/ = &`) are written full-width, and what is
    /// longer than 256 characters is cut: a room's name must never stop a payment.
    pub subject: String,
    /// The amount.
    pub amount: Money,
    /// After this moment nobody can pay any more; always sent, because Alipay's own default is
    /// anything from hours to fifteen days.
    pub expires_at: DateTime<Utc>,
    /// The payer; required for [`Channel::AlipayCreate`], ignored elsewhere.
    pub buyer: Option<Buyer>,
    /// Where the page's "back" leads ([`Channel::AlipayWap`] only).
    pub quit_url: Option<String>,
}

/// A payer, by one of the two names Alipay has for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Buyer {
    /// `buyer_open_id`: the name within our application (what new applications get).
    OpenId(String),
    /// `buyer_id`: 2088….
    UserId(String),
}

/// How a payment is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// A call to make; [`read_place`] reads its answer.
    Call(Request),
    /// A page the payer's browser opens; there is no call and no answer. It is signed, and what
    /// it asks for expires with the payment.
    Page {
        /// The whole address.
        url: String,
    },
}

/// What the payer needs to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placed {
    /// The text of the QR code. No trade exists before somebody scans it.
    QrCode(String),
    /// The trade for the mini-program's `my.tradePay({tradeNO})`.
    TradeNo(String),
}

const SUBJECT_CHARS_MAX: usize = 256;

#[derive(Serialize)]
struct Content<'a> {
    out_trade_no: &'a str,
    total_amount: String,
    subject: String,
    product_code: &'static str,
    time_expire: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    op_app_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_open_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quit_url: Option<&'a str>,
}

/// Asks for a payment through one of Alipay's doors.
///
/// # Errors
/// What is wrong with the payment or our keys; nothing was sent then.
pub fn place(merchant: &Merchant, place: &Place, stamp: &Stamp) -> Result<Placement, OurFault> {
    let (method, product_code) = door(place.channel)?;
    check_number(&place.out_trade_no)?;
    check_amount(place.amount)?;
    if place.expires_at <= stamp.now {
        return Err(OurFault::AlreadyExpired);
    }
    let mut content = Content {
        out_trade_no: &place.out_trade_no,
        total_amount: place.amount.to_yuan(),
        subject: subject(&place.subject)?,
        product_code,
        time_expire: wire::moment(place.expires_at),
        op_app_id: None,
        buyer_open_id: None,
        buyer_id: None,
        quit_url: None,
    };
    match place.channel {
        Channel::AlipayCreate => {
            content.op_app_id = Some(merchant.op_app_id.as_ref().unwrap_or(&merchant.app_id));
            match place.buyer.as_ref().ok_or(OurFault::NoBuyer)? {
                Buyer::OpenId(id) => content.buyer_open_id = Some(id),
                Buyer::UserId(id) => content.buyer_id = Some(id),
            }
        }
        Channel::AlipayWap => content.quit_url = place.quit_url.as_deref(),
        _ => {}
    }
    let is_page = place.channel == Channel::AlipayWap;
    let call = Call { method, content: &content, notify: true, returns: is_page };
    if is_page {
        Ok(Placement::Page { url: call.page(merchant, stamp)? })
    } else {
        Ok(Placement::Call(call.request(merchant, stamp)?))
    }
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "wire::text")]
    out_trade_no: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    qr_code: Option<String>,
    #[serde(default, deserialize_with = "wire::text")]
    trade_no: Option<String>,
}

const REFUSALS: &Table = &[
    ("TRADE_HAS_SUCCESS", Class::Query),
    ("TRADE_HAS_CLOSE", Class::Query),
    // The same QR code asked for twice.
    ("APPLY_PC_MERCHANT_CODE_ERROR", Class::Query),
    // Our number already stands for something else.
    ("CONTEXT_INCONSISTENT", Class::OurFault),
    ("TOTAL_FEE_EXCEED", Class::Declined),
    ("BUYER_SELLER_EQUAL", Class::Declined),
    ("EXIST_FORBIDDEN_WORD", Class::Declined),
];

/// Reads the answer to a [`Placement::Call`] for this channel and number.
///
/// An answer about another number is signed too, but not ours to believe: it is unreadable.
pub fn read_place(
    merchant: &Merchant,
    channel: Channel,
    out_trade_no: &str,
    response: &Response,
) -> Outcome<Placed> {
    let Ok((method, _)) = door(channel) else {
        return Outcome::Unknown(Doubt::Unreadable);
    };
    let done = |fields: Fields| {
        let handle = match channel {
            Channel::AlipayPrecreate => fields.qr_code.map(Placed::QrCode),
            _ => fields.trade_no.map(Placed::TradeNo),
        };
        match handle {
            Some(placed) if fields.out_trade_no.as_deref() == Some(out_trade_no) => {
                Outcome::Done(placed)
            }
            _ => Outcome::Unknown(Doubt::Unreadable),
        }
    };
    let absent = || Outcome::Unknown(Doubt::Unreadable);
    Answers { method, table: REFUSALS, bare: false }.read(merchant, response, done, absent)
}

fn door(channel: Channel) -> Result<(&'static str, &'static str), OurFault> {
    match channel {
        Channel::AlipayPrecreate => Ok(("alipay.trade.precreate", "FACE_TO_FACE_PAYMENT")),
        Channel::AlipayCreate => Ok(("alipay.trade.create", "JSAPI_PAY")),
        Channel::AlipayWap => Ok(("alipay.trade.wap.pay", "QUICK_WAP_PAY")),
        _ => Err(OurFault::ForeignChannel),
    }
}

fn subject(wanted: &str) -> Result<String, OurFault> {
    let full_width = |c| match c {
        '/' => '／',
        '=' => '＝',
        '&' => '＆',
        c if c.is_control() => ' ',
        c => c,
    };
    let text: String = wanted.trim().chars().take(SUBJECT_CHARS_MAX).map(full_width).collect();
    if text.is_empty() { Err(OurFault::NoSubject) } else { Ok(text) }
}
