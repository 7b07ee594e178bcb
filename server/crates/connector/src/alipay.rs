//! Alipay (支付宝), the open API behind one gateway address (`payments.md` B).
//!
//! Requests: [`place`], [`query`], [`close`], [`cancel`], [`refund`], [`query_refund`],
//! [`bill::request_link`]. Each has a `read_…` twin for the answer. Callbacks: [`read_notify`].
//!
//! Beside the payment: [`authorize_link`] and [`sign_in`] tell who a visitor is, [`tell`] sends
//! them a mini-program message (`payments.md` C10).
//!
//! Invariant: [`Outcome::Done`](crate::Outcome::Done), `Declined` and `Theirs` only ever come from
//! bytes whose signature held; an unsigned answer is `Unknown` or `OurFault`, and its code starts
//! with [`UNSIGNED`] (`an_unsigned_error_never_decides_anything`).
//!
//! Invariant: every request names `charset=utf-8` in the query and every moment is written in
//! China Standard Time (`moments_are_written_in_shanghai_time_whatever_the_machine_thinks`).

mod merchant;
pub use merchant::{Merchant, Trust, TrustError};
pub mod certificate;

mod place;
pub use place::{Buyer, Place, Placed, Placement, place, read_place};
mod query;
pub use query::{query, read_query};
mod close;
pub use close::{CancelAction, Cancelled, Closed, cancel, close, read_cancel, read_close};
mod refund;
pub use refund::{Refund, query_refund, read_query_refund, read_refund, refund};

mod notify;
pub use notify::{NOTIFY_MAX, NOTIFY_REPLY, Notify, NotifyError, RefundNotice, read_notify};
mod form;

pub mod bill;

mod sign_in;
pub use sign_in::{Visitor, authorize_link, read_sign_in, sign_in, wants_new_code};

mod tell;
pub use tell::{Message, read_tell, tell};

mod request;
pub use request::OurFault;
mod answer;
pub use answer::{UNKNOWN_CERTIFICATE, UNSIGNED};
mod class;
mod content;
mod scan;
mod wire;
