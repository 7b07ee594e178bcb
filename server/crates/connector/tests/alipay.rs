//! Alipay, as an outside implementation sees it: the fixtures beside this file were made by the
//! official Node SDK and node's own crypto (`tests/oracles/alipay/make-vectors.mjs`).

// The whole crate is a test; the lint only sees the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "alipay/support.rs"]
mod support;

#[path = "alipay/answer.rs"]
mod answer;
#[path = "alipay/bill.rs"]
mod bill;
#[path = "alipay/notify.rs"]
mod notify;
#[path = "alipay/refund.rs"]
mod refund;
#[path = "alipay/request.rs"]
mod request;
#[path = "alipay/sign_in.rs"]
mod sign_in;
