//! Everything the crate promises, in one binary: golden bytes first, then broken wires.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

mod acrel_4g;
mod cjt188;
mod compose;
mod describe;
mod dlt645_1997;
mod dtu;
mod encode;
mod follow_up;
mod fuzz;
mod golden;
mod mbus;
mod modbus;
mod properties;
mod reply;
mod stream;
