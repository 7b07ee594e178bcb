//! What a refusal means: the explicit table of codes (A8–A10, A13, A14).
//!
//! A code that is not in the table means *unknown*, whatever its HTTP status.

use crate::outcome::{Doubt, Outcome, Rejection};

/// What was asked, where the same code means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Placing an order.
    Place,
    /// Querying an order.
    Query,
    /// Closing an order.
    Close,
    /// Asking for a refund.
    Refund,
    /// Querying a refund.
    QueryRefund,
    /// Fetching the platform certificates.
    Certificates,
    /// Asking for a bill.
    Bill,
}

/// What a code means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Refused for good.
    Declined,
    /// The provider does not know yet, or only a query can tell.
    Pending,
    /// There is no such order or refund, as far as anybody unsigned may say that.
    NotFound,
    /// Our request, key, account or clock.
    OurFault,
    /// Theirs to mend, or ours to wait for; nothing happened; the same request may come again.
    Theirs,
    /// Not in the table.
    Unlisted,
}

/// Older spellings that still arrive, and what they are called now (A14).
const ALIASES: &[(&str, &str)] = &[
    ("SYSTEMERROR", "SYSTEM_ERROR"),
    ("NOTENOUGH", "NOT_ENOUGH"),
    ("RULELIMIT", "RULE_LIMIT"),
    ("ORDERPAID", "ORDER_PAID"),
    ("ORDERCLOSED", "ORDER_CLOSED"),
    ("ORDERNOTEXIST", "ORDER_NOT_EXIST"),
    ("RESOURCE_NOT_EXIST", "RESOURCE_NOT_EXISTS"),
    ("USERPAYING", "USER_PAYING"),
    ("RATELIMIT_EXCEEDED", "FREQUENCY_LIMITED"),
    ("FREQUENCY_LIMIT_EXCEED", "FREQUENCY_LIMITED"),
];

/// Codes that mean the same whatever was asked.
const ANYWHERE: &[(&str, Class)] = &[
    ("PARAM_ERROR", Class::OurFault),
    ("INVALID_REQUEST", Class::OurFault),
    ("SIGN_ERROR", Class::OurFault),
    ("NO_AUTH", Class::OurFault),
    ("MCH_NOT_EXISTS", Class::OurFault),
    ("APPID_MCHID_NOT_MATCH", Class::OurFault),
    ("USER_PAYING", Class::Pending),
    ("SYSTEM_ERROR", Class::Pending),
    ("FREQUENCY_LIMITED", Class::Theirs),
];

/// Codes that mean something only, or something else, for one call.
const BY_CALL: &[(Call, &str, Class)] = &[
    (Call::Place, "RULE_LIMIT", Class::Declined),
    (Call::Place, "TRADE_ERROR", Class::Declined),
    (Call::Place, "ACCOUNT_ERROR", Class::Declined),
    (Call::Place, "REQUEST_BLOCKED", Class::Declined),
    (Call::Place, "ORDER_CLOSED", Class::Declined),
    (Call::Place, "OPENID_MISMATCH", Class::OurFault),
    // Paid already, or placed before with other words: only a query tells which order stands
    // under the number.
    (Call::Place, "ORDER_PAID", Class::Pending),
    (Call::Place, "OUT_TRADE_NO_USED", Class::Pending),
    (Call::Query, "ORDER_NOT_EXIST", Class::NotFound),
    (Call::Query, "RESOURCE_NOT_EXISTS", Class::NotFound),
    (Call::Close, "ORDER_NOT_EXIST", Class::NotFound),
    (Call::Close, "RESOURCE_NOT_EXISTS", Class::NotFound),
    // Paid, or closed before: the query after the close tells, under a signature.
    (Call::Close, "ORDER_PAID", Class::Pending),
    (Call::Close, "ORDER_CLOSED", Class::Pending),
    (Call::Refund, "ORDER_NOT_EXIST", Class::NotFound),
    (Call::Refund, "RESOURCE_NOT_EXISTS", Class::NotFound),
    (Call::Refund, "RULE_LIMIT", Class::Declined),
    (Call::Refund, "REQUEST_BLOCKED", Class::Declined),
    (Call::Refund, "USER_ACCOUNT_ABNORMAL", Class::Declined),
    (Call::Refund, "TRADE_OVERDUE", Class::Declined),
    (Call::Refund, "REFUND_FEE_MISMATCH", Class::OurFault),
    // The merchant's balance is short: the same number again once it is not.
    (Call::Refund, "NOT_ENOUGH", Class::Theirs),
    // "The refund may be in progress": a limit, and still no answer (F4 no. 17).
    (Call::Refund, "FREQUENCY_LIMITED", Class::Pending),
    (Call::QueryRefund, "RESOURCE_NOT_EXISTS", Class::NotFound),
    (Call::QueryRefund, "ORDER_NOT_EXIST", Class::NotFound),
    // 无可用的平台证书: a merchant with a public key only; the configuration is wrong.
    (Call::Certificates, "RESOURCE_NOT_EXISTS", Class::OurFault),
    (Call::Bill, "NO_STATEMENT_EXIST", Class::Declined),
    (Call::Bill, "STATEMENT_CREATING", Class::Theirs),
];

/// The present spelling of a code.
pub fn canonical(code: &str) -> &str {
    ALIASES.iter().find(|(old, _)| *old == code).map_or(code, |(_, new)| new)
}

/// Looks a refusal up. A 5xx is never more than "unknown", whatever code it carries.
pub fn classify(call: Call, status: u16, code: &str) -> Class {
    let code = canonical(code);
    if status >= 500 {
        return if code == "SYSTEM_ERROR" { Class::Pending } else { Class::Unlisted };
    }
    let special = BY_CALL.iter().find(|(c, name, _)| *c == call && *name == code);
    let general = ANYWHERE.iter().find(|(name, _)| *name == code);
    let class = special.map(|(_, _, class)| *class).or(general.map(|(_, class)| *class));
    class.unwrap_or(Class::Unlisted)
}

/// The outcome of a refusal.
pub(super) fn outcome<T>(call: Call, status: u16, rejection: Rejection) -> Outcome<T> {
    match classify(call, status, &rejection.code) {
        Class::Declined => Outcome::Declined(rejection),
        Class::Pending => Outcome::Unknown(Doubt::Pending(rejection)),
        Class::NotFound => Outcome::Unknown(Doubt::Unproven(rejection)),
        Class::OurFault => Outcome::OurFault(rejection),
        Class::Theirs => Outcome::Theirs(rejection),
        Class::Unlisted => Outcome::Unknown(Doubt::Unlisted(rejection)),
    }
}
