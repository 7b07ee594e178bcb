//! WeChat Pay against bytes made by an unrelated implementation.

// A broken vector should stop a test where it is read, also inside a function tests share.
#![allow(clippy::unwrap_used)]

mod vectors;

mod answer;
mod bill;
mod callback;
mod certificate;
mod code;
mod request;
