//! WeChat Pay (微信支付) APIv3, ordinary merchant (直连商户) and partner (服务商).
//!
//! Clauses named "A…" are those of the project's fact sheet on payments, section A. Every
//! function builds a [`Request`](crate::Request) or reads a [`Response`](crate::Response); who
//! sends it, when, and how often is decided elsewhere.
//!
//! Invariant: only bytes under WeChat's signature become a fact
//! (`every_altered_byte_of_a_callback_is_refused`, `an_altered_answer_settles_nothing`).

pub mod merchant;
pub use merchant::{Merchant, Mode, Trust};
mod sign;
pub use sign::OurFault;
mod answer;
pub mod code;
mod verify;
pub use verify::SKEW_MAX_S;

mod place;
pub use place::{ATTACH_MAX, DESCRIPTION_MAX, Place, Placed, place, read_place};
mod payer;
pub use payer::{PayerParameters, payer_parameters};
mod query;
mod transaction;
pub use query::{query, read_query};
mod close;
pub use close::{close, read_close};
mod refund;
pub use refund::{REASON_MAX, RefundOrder, query_refund, read_query_refund, read_refund, refund};
mod callback;
mod resource;
pub use callback::{CALLBACK_MAX, Callback, CallbackError, Notified, read_payment_callback};
mod certificate;
pub use certificate::{CERTIFICATES_MAX, read_certificates, request_certificates};
pub mod bill;
