//! What WeChat calls us with (支付通知, 退款通知; A7).

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{
    merchant::Merchant,
    refund::RefundResource,
    resource::Resource,
    transaction::{Misfit, Transaction, moment},
    verify::{self, Disbelief},
};
use crate::{
    fact::{PaymentFact, RefundFact},
    http::Headers,
    json,
};

/// The largest callback we read, in bytes. A payment with a page of coupons has some 8 KiB.
pub const CALLBACK_MAX: usize = 256 << 10;

/// One believed callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// WeChat's number for the notification; for the log. Whether it stays the same over
    /// retries is not documented, so nothing is keyed by it.
    pub id: String,
    /// WeChat's name for the event.
    pub event_type: String,
    /// When the event happened, also on a late retry.
    pub created_at: DateTime<Utc>,
    /// What was sealed inside, for the inbox of facts.
    pub plaintext: Vec<u8>,
    /// What it says.
    pub fact: Notified,
}

/// What a callback says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notified {
    /// An order of ours was paid.
    Payment(PaymentFact),
    /// A refund of ours reached a state that lasts.
    Refund(RefundFact),
}

/// Why a callback is not believed. Nothing of it may change any state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// The body is larger than [`CALLBACK_MAX`].
    #[error("the callback is too large")]
    TooLarge,
    /// A signature header is missing: anybody could have sent this.
    #[error("the callback lacks the header {0}")]
    MissingHeader(&'static str),
    /// A signature header stands twice or is not in WeChat's form.
    #[error("the callback's header {0} is repeated or malformed")]
    BadHeader(&'static str),
    /// Signed too long ago or ahead: a recording, or our clock is wrong.
    #[error("the callback's time is more than five minutes from ours")]
    StaleTimestamp,
    /// Signed with a key we do not hold. In certificate mode fetch the certificates once and
    /// read again; in public-key mode tell a person.
    #[error("the callback is signed with an unknown key, serial {0}")]
    UnknownSerial(String),
    /// The signature does not fit the bytes. WeChat does this on purpose now and then
    /// (验签探测) and sends the genuine one afterwards.
    #[error("the callback's signature is wrong")]
    BadSignature,
    /// Genuine, but not of the documented shape.
    #[error("the callback cannot be read")]
    Unreadable,
    /// Genuine, about something we never asked for.
    #[error("the callback tells of an event that is not in the table: {0}")]
    UnknownEvent(String),
    /// Genuine, but none of our APIv3 keys opens it: usually a wrong key, so tell a person.
    #[error("no APIv3 key opens the callback")]
    NotDecryptable,
    /// Genuine, about another merchant or application: tell a person.
    #[error("the callback is about another merchant: {0} differs")]
    WrongMerchant(&'static str),
    /// Genuine, but the event's name and its content disagree.
    #[error("the callback's event and its content disagree")]
    Contradiction,
}

impl CallbackError {
    /// The HTTP status to answer: never a 2xx, so that WeChat sends again.
    pub fn http_status(&self) -> u16 {
        match self {
            CallbackError::TooLarge => 413,
            CallbackError::MissingHeader(_)
            | CallbackError::BadHeader(_)
            | CallbackError::Unreadable
            | CallbackError::NotDecryptable => 400,
            CallbackError::StaleTimestamp
            | CallbackError::UnknownSerial(_)
            | CallbackError::BadSignature => 401,
            CallbackError::WrongMerchant(_) => 403,
            CallbackError::UnknownEvent(_) | CallbackError::Contradiction => 422,
        }
    }

    /// True if a person should hear of it: it was WeChat speaking, and we could not use it.
    /// Everything before the signature check is noise anybody can make.
    pub fn is_alarming(&self) -> bool {
        matches!(
            self,
            CallbackError::Unreadable
                | CallbackError::UnknownEvent(_)
                | CallbackError::NotDecryptable
                | CallbackError::WrongMerchant(_)
                | CallbackError::Contradiction
        )
    }
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    create_time: String,
    event_type: String,
    resource_type: String,
    resource: Sealed,
}

#[derive(Deserialize)]
struct Sealed {
    original_type: String,
    #[serde(flatten)]
    resource: Resource,
}

/// Reads a payment or refund callback: clock, signature over the raw bytes, shape, seal,
/// merchant, in this order. Which order it is about and whether the amount fits is the
/// reducer's to check.
pub fn read_payment_callback(
    merchant: &Merchant,
    headers: &Headers,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<Callback, CallbackError> {
    if body.len() > CALLBACK_MAX {
        return Err(CallbackError::TooLarge);
    }
    verify::verify(&merchant.trust, headers, body, now)?;
    let envelope: Envelope = json::read(body).map_err(|_| CallbackError::Unreadable)?;
    let created_at = moment(&envelope.create_time)?;
    if envelope.resource_type != "encrypt-resource" {
        return Err(CallbackError::Unreadable);
    }
    let expected_type = match envelope.event_type.as_str() {
        "TRANSACTION.SUCCESS" => "transaction",
        "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => "refund",
        _ => return Err(CallbackError::UnknownEvent(envelope.event_type)),
    };
    if envelope.resource.original_type != expected_type {
        return Err(CallbackError::Contradiction);
    }
    let plaintext = envelope.resource.resource.open(&merchant.api_v3_keys);
    let plaintext = plaintext.ok_or(CallbackError::NotDecryptable)?;
    let fact = match expected_type {
        "transaction" => payment(merchant, &plaintext)?,
        _ => refund(merchant, &envelope.event_type, &plaintext)?,
    };
    let (id, event_type) = (envelope.id, envelope.event_type);
    Ok(Callback { id, event_type, created_at, plaintext, fact })
}

fn payment(merchant: &Merchant, plaintext: &[u8]) -> Result<Notified, CallbackError> {
    let transaction: Transaction = json::read(plaintext).map_err(|_| CallbackError::Unreadable)?;
    // Only success is notified; anything else under this name is not what it says.
    let is_success = transaction.trade_state == "SUCCESS";
    let fact = transaction.into_fact(merchant)?;
    if is_success { Ok(Notified::Payment(fact)) } else { Err(CallbackError::Contradiction) }
}

fn refund(
    merchant: &Merchant,
    event_type: &str,
    plaintext: &[u8],
) -> Result<Notified, CallbackError> {
    let resource: RefundResource = json::read(plaintext).map_err(|_| CallbackError::Unreadable)?;
    let (fact, status) = resource.into_notified(merchant)?;
    let agrees = event_type.strip_prefix("REFUND.") == Some(status.as_str());
    if agrees { Ok(Notified::Refund(fact)) } else { Err(CallbackError::Contradiction) }
}

impl From<Disbelief> for CallbackError {
    fn from(why: Disbelief) -> Self {
        match why {
            Disbelief::MissingHeader(name) => CallbackError::MissingHeader(name),
            Disbelief::BadHeader(name) => CallbackError::BadHeader(name),
            Disbelief::StaleTimestamp => CallbackError::StaleTimestamp,
            Disbelief::UnknownSerial(serial) => CallbackError::UnknownSerial(serial),
            Disbelief::BadSignature => CallbackError::BadSignature,
        }
    }
}

impl From<Misfit> for CallbackError {
    fn from(why: Misfit) -> Self {
        match why {
            Misfit::WrongMerchant(field) => CallbackError::WrongMerchant(field),
            Misfit::Unreadable => CallbackError::Unreadable,
            Misfit::UnlistedState(_) => CallbackError::Contradiction,
        }
    }
}
