//! The far side of a kiosk's cables, looked at from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod command;
mod picture;
mod reader;
