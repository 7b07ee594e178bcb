//! What an `errcode` means: the explicit table (C1–C9).
//!
//! A code that is not in the table means *unknown*.

use crate::outcome::{Doubt, Outcome, Rejection};

/// What was asked, where the same code means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `jscode2session` (C1).
    Session,
    /// `getuserphonenumber` (C2).
    Phone,
    /// `stable_token` (C3).
    Token,
    /// A subscription message (C4).
    Subscribed,
    /// A template message of a service account (C5).
    Template,
    /// Shipping information (C6).
    Shipping,
    /// The exchange of a page's code (C7).
    Exchange,
    /// The ticket of the JS-SDK (C8).
    Ticket,
    /// A notice by order number (C9).
    OrderNotice,
    /// A link that opens the mini-program (C9).
    Link,
}

/// What a code means for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Refused for good, without effect.
    Declined,
    /// It may have happened all the same.
    Pending,
    /// Our request, secret, account or configuration.
    OurFault,
    /// Nothing happened; the same request may come again later.
    Theirs,
    /// Not in the table.
    Unlisted,
}

/// Codes that mean the same whatever was asked.
const ANYWHERE: &[(&str, Class)] = &[
    // Busy. A message is another matter, see below.
    ("-1", Class::Theirs),
    // The access token: fetch it again once (not forced), ask once more (C3).
    ("40001", Class::Theirs),
    ("40014", Class::Theirs),
    ("42001", Class::Theirs),
    ("40013", Class::OurFault),
    ("40125", Class::OurFault),
    ("40164", Class::OurFault),
    ("41002", Class::OurFault),
    ("41004", Class::OurFault),
    ("47001", Class::OurFault),
    ("48001", Class::OurFault),
    ("45009", Class::Theirs),
    ("45011", Class::Theirs),
];

/// Codes that mean something only, or something else, for one call.
const BY_CALL: &[(Call, &str, Class)] = &[
    (Call::Session, "40029", Class::Declined),
    (Call::Session, "40163", Class::Declined),
    (Call::Session, "40226", Class::Declined),
    (Call::Phone, "40029", Class::Declined),
    // There is no token in this request: a wrong AppSecret.
    (Call::Token, "40001", Class::OurFault),
    // The message may be on its way.
    (Call::Subscribed, "-1", Class::Pending),
    (Call::Subscribed, "40003", Class::Declined),
    (Call::Subscribed, "40037", Class::OurFault),
    (Call::Subscribed, "41030", Class::OurFault),
    // No (more) subscription: one tap is one message, and no repetition helps.
    (Call::Subscribed, "43101", Class::Declined),
    (Call::Subscribed, "47003", Class::OurFault),
    (Call::Template, "-1", Class::Pending),
    (Call::Template, "40003", Class::Declined),
    (Call::Template, "40037", Class::OurFault),
    (Call::Template, "43004", Class::Declined),
    (Call::Template, "47003", Class::OurFault),
    // Not known yet, right after the payment: later (community tables for C6).
    (Call::Shipping, "10060001", Class::Theirs),
    (Call::Shipping, "10060004", Class::Declined),
    (Call::Exchange, "40029", Class::Declined),
    (Call::Exchange, "40163", Class::Declined),
    (Call::Exchange, "42003", Class::Declined),
    (Call::Exchange, "41008", Class::OurFault),
    (Call::Exchange, "50002", Class::Declined),
    (Call::OrderNotice, "40003", Class::Declined),
    (Call::OrderNotice, "85431", Class::Theirs),
    (Call::OrderNotice, "85433", Class::OurFault),
    (Call::OrderNotice, "85434", Class::OurFault),
    // Right after the payment the number is not there yet; the same again after a minute.
    (Call::OrderNotice, "85437", Class::Theirs),
    (Call::OrderNotice, "85438", Class::Declined),
    (Call::OrderNotice, "85447", Class::OurFault),
    (Call::Link, "40002", Class::OurFault),
    (Call::Link, "40165", Class::OurFault),
    (Call::Link, "40212", Class::OurFault),
    (Call::Link, "85079", Class::OurFault),
    (Call::Link, "85400", Class::Theirs),
];

/// Looks a code up.
pub fn classify(call: Call, code: &str) -> Class {
    let special = BY_CALL.iter().find(|(c, listed, _)| *c == call && *listed == code);
    let general = ANYWHERE.iter().find(|(listed, _)| *listed == code);
    let class = special.map(|(_, _, class)| *class).or(general.map(|(_, class)| *class));
    class.unwrap_or(Class::Unlisted)
}

/// The outcome of a refusal.
pub(super) fn outcome<T>(call: Call, why: Rejection) -> Outcome<T> {
    match classify(call, &why.code) {
        Class::Declined => Outcome::Declined(why),
        Class::Pending => Outcome::Unknown(Doubt::Pending(why)),
        Class::OurFault => Outcome::OurFault(why),
        Class::Theirs => Outcome::Theirs(why),
        Class::Unlisted => Outcome::Unknown(Doubt::Unlisted(why)),
    }
}

/// True if the access token was refused: fetch it once more, not forced, and ask once more (C3).
/// A second refusal of the same request is not a token's fault (F4 no. 29).
pub fn wants_new_token(why: &Rejection) -> bool {
    matches!(why.code.as_str(), "40001" | "40014" | "42001")
}

/// True if the visitor's code is used, expired or wrong: the sign-in starts again, once (C7).
pub fn wants_new_code(why: &Rejection) -> bool {
    matches!(why.code.as_str(), "40029" | "40163" | "42003")
}
