//! The simulator over its own wire: a small signing merchant on one side, a receiver of callbacks
//! on the other.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod alipay;
mod alipay_merchant;
mod bill;
mod callback;
mod control;
mod fault;
mod notice;
mod oracle_sms;
mod receiver;
mod refund;
mod sign_in;
mod sms;
mod wallet;
mod wechat;
mod wechat_merchant;
mod wechat_pay;
