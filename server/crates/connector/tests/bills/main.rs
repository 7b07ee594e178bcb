//! Bills from the simulator's book, over its real wire, through our readers.

// The whole crate is a test; the lint only sees the test functions themselves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod book;
mod lie;
mod oracle;
mod support;
