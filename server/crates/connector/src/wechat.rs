//! WeChat beside the payment: who somebody is, and telling them something
//! (mini-program 小程序 and service account 服务号).
//!
//! Clauses named "C…" are those of the project's fact sheet on payments, section C. Every
//! function builds a [`Request`](crate::Request) or reads a [`Response`](crate::Response).
//!
//! None of these answers is signed: they come over TLS from WeChat's own host, which is all the
//! proof there is, so every [`Rejection`](crate::Rejection) here says `authenticated: false`. No
//! money is decided by them.
//!
//! Invariant: a `session_key` is read to be wiped and leaves this crate in no form
//! (`a_session_key_never_leaves_the_reader`).

pub mod app;
pub use app::{App, OurFault};
mod answer;
pub mod code;
pub use code::{wants_new_code, wants_new_token};

mod session;
pub use session::{Person, read_session, session};
mod phone;
pub use phone::{Phone, phone, read_phone};
mod token;
pub use token::{AccessToken, TOKEN_MAX, read_token, token};
mod page;
pub use page::{STATE_MAX, Scope, Visitor, authorize_link, exchange, read_exchange};
mod js_sdk;
pub use js_sdk::{PageSignature, Ticket, read_ticket, sign_page, ticket};

mod message;
pub mod value;
pub use message::{
    Language, Subscribed, Template, read_subscribed, read_template, send_subscribed, send_template,
};
mod order_notice;
pub use order_notice::{OrderNotice, PaidCheck, notify_order, read_notify_order};
mod shipping;
pub use shipping::{ITEM_DESC_MAX, OrderKey, Shipment, Shipped, read_ship, ship};
mod link;
pub use link::{LINK_DAYS_MAX, read_url_link, url_link};
