//! The server in process, over a real socket, on a database of its own; nothing here needs a
//! payment provider or a meter.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod base;
mod world;

mod access;
mod callback;
mod kiosk;
mod live;
mod problem;
mod replace;
mod sale;
mod shipping;
mod sign_in;
mod tenant;
mod tls;
mod upkeep;
