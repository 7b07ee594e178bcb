//! What the payment providers, WeChat and the SMS gateways want to hear and what their answers
//! mean.
//!
//! A connector is two pure functions around a call somebody else makes: one builds a [`Request`],
//! the other reads the [`Response`]. This crate does no I/O and has no clock and no dice; the
//! moment and the nonce of a request come in as a [`Stamp`].
//!
//! Invariant: nothing about money is believed that did not pass its signature over the raw bytes,
//! and no default decides trust; proved by `every_altered_byte_of_a_callback_is_refused`,
//! `an_altered_answer_settles_nothing` and `no_altered_byte_of_an_answer_gets_through`.

pub mod http;
pub use http::{Headers, Method, Request, Response, Stamp};
pub mod outcome;
pub use outcome::{Doubt, Outcome, Rejection};
pub mod fact;
pub use fact::{PaymentFact, PaymentStatus, RefundFact, RefundStatus};
pub mod secret;
pub use secret::Secret;
pub mod json;
pub mod key;

pub mod bill;

pub mod alipay;
pub mod wechat_pay;

pub mod sms;
pub mod wechat;
