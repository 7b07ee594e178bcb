//! The world in one process: the product, and simulators on the far side of real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

pub mod base;
pub mod clock;
pub mod fixture;
pub mod kiosk;
pub mod process;
pub mod still;
pub mod world;
