//! WeChat beside the payment: requests as the documents print them, answers as they show them.

// A broken row should stop a test where it is read, also inside a function tests share.
#![allow(clippy::unwrap_used)]

mod code;
mod message;
mod page;
mod session;
mod support;
