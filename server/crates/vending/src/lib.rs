//! What happens: one file per room, in the order money flows.
//!
//! An order is placed, paid, booked, carried to its meter and lit; readings come back, are billed,
//! and may put the light out again. This crate is the only caller of `Store::transact` where money
//! is concerned, and it never names the database library.

pub mod house;
pub use house::{House, Parts, Settings};
pub mod refusal;
pub use refusal::{Refusal, VendingError};
pub mod transport;
pub use transport::{Transport, TransportError};
pub mod merchant;

pub mod arrears;
pub mod backfill;
pub mod billing;
pub mod card;
pub mod counter;
pub mod directory;
pub mod gap;
pub mod job;
pub mod line;
pub mod live;
pub mod meter;
pub mod notice;
pub mod order;
pub mod password;
pub mod payment;
pub mod posting;
pub mod reading;
pub mod shipping;
pub mod supply;
pub mod upkeep;
pub mod vend;
