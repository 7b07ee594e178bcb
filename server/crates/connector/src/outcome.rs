//! What a provider's answer means for us.

/// Every answer falls into one of five classes. There is no sixth: an answer nobody listed is
/// [`Outcome::Unknown`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The provider says, provably, that it is so.
    Done(T),
    /// The provider refused for good; nothing happened and nothing will. Look at
    /// [`Rejection::authenticated`] before spending the same money again.
    Declined(Rejection),
    /// It may or may not have happened. Only a query with the same number ends this (I6).
    Unknown(Doubt),
    /// Our request, key or clock is wrong; repeating it will not help, a person has to look.
    OurFault(Rejection),
    /// Theirs to mend or to wait for: busy, rate limit, maintenance; nothing happened.
    Theirs(Rejection),
}

/// A refusal in the provider's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The provider's stable code, as sent.
    pub code: String,
    /// The provider's text; for the log and the operator, never for a decision.
    pub message: String,
    /// True only if the provider's signature covered it. WeChat Pay signs no errors, so its
    /// refusals are hints from whoever answered: they may start a query or a retry with the same
    /// number, and never alone end a doubt or allow a second payment or refund (F4 no. 28).
    pub authenticated: bool,
}

/// Why an answer settles nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No answer came: time-out, broken connection, answer too large.
    NoAnswer,
    /// The answer's signature is missing or wrong.
    BadSignature,
    /// The answer names a verification key we do not hold: fetch the certificates, ask again.
    UnknownSerial(String),
    /// The answer's signed time is too far from our clock: a replay, or one clock is wrong.
    StaleTimestamp,
    /// The answer is provably the provider's, but about another merchant or order.
    Mismatch,
    /// The answer is not of the documented shape.
    Unreadable,
    /// The provider itself says that it does not know yet.
    Pending(Rejection),
    /// Somebody says, without a signature, that there is no such order or refund. Asking again
    /// with the same number is safe; believing it is not.
    Unproven(Rejection),
    /// A code nobody listed.
    Unlisted(Rejection),
}

impl Rejection {
    /// A refusal nobody signed: its code and text.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Rejection { code: code.into(), message: message.into(), authenticated: false }
    }

    /// The same refusal, its signature verified.
    pub fn signed(self) -> Self {
        Rejection { authenticated: true, ..self }
    }
}

impl<T> Outcome<T> {
    /// The same class with another content.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Done(value) => Outcome::Done(f(value)),
            Outcome::Declined(why) => Outcome::Declined(why),
            Outcome::Unknown(why) => Outcome::Unknown(why),
            Outcome::OurFault(why) => Outcome::OurFault(why),
            Outcome::Theirs(why) => Outcome::Theirs(why),
        }
    }

    /// The stable name of the class, for logs and metrics.
    pub fn class(&self) -> &'static str {
        match self {
            Outcome::Done(_) => "done",
            Outcome::Declined(_) => "declined",
            Outcome::Unknown(_) => "unknown",
            Outcome::OurFault(_) => "our-fault",
            Outcome::Theirs(_) => "theirs",
        }
    }
}
