//! Text messages (短信) through Aliyun or Tencent Cloud (`payments.md` D).
//!
//! [`send`] builds one request for one number, [`read_send`] reads its answer. Neither gateway is
//! idempotent: an answer that did not come means that the message may be on its way, so an
//! [`Unknown`](Outcome::Unknown) is never sent again by itself (D3). `Declined` and `OurFault`
//! are definite: nothing was accepted; `Theirs` is a limit or an outage before acceptance. After
//! either the other gateway may be tried.
//!
//! No answer is signed; TLS is all the proof there is, and no money is decided here.

use chrono::{DateTime, Utc};

use crate::{
    http::{Request, Response, Stamp},
    outcome::{Doubt, Outcome, Rejection},
};

pub mod aliyun;
pub mod tencent;
mod wire;

/// One message to one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// A number in mainland China: `+8613800000000` or `13800000000`.
    pub phone: String,
    /// The gateway's own number of an approved template.
    pub template: String,
    /// The template's variables by name, in the order they stand in it: Aliyun goes by name,
    /// Tencent by place.
    pub params: Vec<(String, String)>,
}

/// The most variables a template may have.
pub const PARAMS_MAX: usize = 20;

/// An account at one of the two gateways.
#[derive(Clone, Debug)]
pub enum Gateway {
    /// Aliyun, dysmsapi (阿里云短信).
    Aliyun(aliyun::Account),
    /// Tencent Cloud SMS (腾讯云短信).
    Tencent(tencent::Account),
}

impl Gateway {
    /// The gateway's stable name, for configuration, logs and books.
    pub fn name(&self) -> &'static str {
        match self {
            Gateway::Aliyun(_) => "aliyun",
            Gateway::Tencent(_) => "tencent",
        }
    }
}

/// Why no request could be made; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OurFault {
    /// Not a mobile number of mainland China.
    #[error("the number is no mobile number of mainland China")]
    Phone,
    /// No template, or more variables than [`PARAMS_MAX`].
    #[error("the template is missing or has too many variables")]
    Template,
    /// The base address is not scheme and host.
    #[error("the base address must be http(s) scheme and host only")]
    BaseUrl,
    /// The moment cannot be written.
    #[error("the moment is out of range")]
    Moment,
}

/// A message the gateway took. Taken is not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The gateway's number of the message (`BizId`, `SerialNo`).
    pub provider_no: String,
}

/// The request that sends a text.
///
/// # Errors
/// [`OurFault`]; nothing was sent then.
pub fn send(gateway: &Gateway, text: &Text, stamp: &Stamp) -> Result<Request, OurFault> {
    if text.template.is_empty() || text.params.len() > PARAMS_MAX {
        return Err(OurFault::Template);
    }
    match gateway {
        Gateway::Aliyun(account) => aliyun::send(account, text, stamp),
        Gateway::Tencent(account) => tencent::send(account, text, stamp),
    }
}

/// Reads the answer to [`send`] for the same text.
pub fn read_send(gateway: &Gateway, text: &Text, response: &Response) -> Outcome<Accepted> {
    match gateway {
        Gateway::Aliyun(_) => aliyun::read_send(response),
        Gateway::Tencent(_) => tencent::read_send(text, response),
    }
}

/// What a gateway's code means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Refused for this number for good.
    Declined,
    /// Our account, signature, template, key or clock.
    OurFault,
    /// A limit: nothing was accepted, later it may be.
    Limit,
    /// It may have been accepted.
    Pending,
    /// Not in the table: the same as [`Class::Pending`], and worth a look.
    Unlisted,
}

/// A gateway's codes; one that ends in `*` stands for all that start with what is before it. The
/// first match counts.
type Table = [(&'static str, Class)];

fn classify(table: &Table, code: &str) -> Class {
    let fits = |listed: &str| match listed.strip_suffix('*') {
        Some(start) => code.starts_with(start),
        None => code == listed,
    };
    table.iter().find(|(listed, _)| fits(listed)).map_or(Class::Unlisted, |(_, class)| *class)
}

fn outcome<T>(class: Class, why: Rejection) -> Outcome<T> {
    match class {
        Class::Declined => Outcome::Declined(why),
        Class::OurFault => Outcome::OurFault(why),
        Class::Limit => Outcome::Theirs(why),
        Class::Pending => Outcome::Unknown(Doubt::Pending(why)),
        Class::Unlisted => Outcome::Unknown(Doubt::Unlisted(why)),
    }
}

/// The eleven digits of a mainland mobile number.
fn mainland(phone: &str) -> Result<&str, OurFault> {
    let digits = phone.strip_prefix("+86").unwrap_or(phone);
    let is_mobile = digits.len() == 11
        && digits.starts_with('1')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_mobile { Ok(digits) } else { Err(OurFault::Phone) }
}

/// Seconds since 1970 and the day in Greenwich.
fn day_of(now: DateTime<Utc>) -> (i64, String) {
    (now.timestamp(), now.format("%Y-%m-%d").to_string())
}
