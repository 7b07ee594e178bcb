//! Turns a command to a meter into an answered exchange: sessions, buses, turns, profiles.
//!
//! This crate carries integers to meters and back. It knows no money, no order and no database;
//! whether a top-up counts as applied is decided elsewhere, from what is read back.
//!
//! A [`Gateway`] runs one task per [`line::Line`]. The task owns the line's connection and asks
//! one thing at a time ([`schedule`]); answers are tied to requests by address, function and
//! identifier; what answers nothing becomes a [`GatewayEvent`].

mod gateway;
pub use gateway::Gateway;
pub mod command;
pub mod line;
pub use command::{Action, CommandFailure, Exchange, MeterCommand};
pub mod event;
pub use event::GatewayEvent;
pub mod item;
pub use item::{Item, Value};
pub mod profile;
pub use profile::Profiles;

mod bus;
mod registration;
pub mod schedule;
mod session;
pub use schedule::Priority;
mod conn;
mod mbap;
mod password;
mod query;
mod socket;
mod wire;

pub mod timing;
pub use timing::Timing;
pub mod counter;
pub mod outbox;
mod shared;
pub mod status;
