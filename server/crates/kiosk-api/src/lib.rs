//! The server's side of a kiosk under `/api/kiosk/v1`: pairing, greeting, look-ups, sales,
//! receipts, cards, the channel beside the money, and what operators do with all of it.
//!
//! What travels is `kiosk_wire`, the same types the kiosk is built from. Handlers translate between
//! them and `vending`; they decide nothing about money or light. The server mounts the registry
//! ([`ROUTES`]) and is the only one that speaks HTTP.
//!
//! Which kiosk calls comes from its session alone ([`greeting`]); a kiosk belongs to one project,
//! and no handler takes a project from a request.

pub mod call;
pub use call::{Answer, Call, Need, Route, Verb};
pub mod desk;
pub use desk::{Desk, Keys};
pub mod failure;
pub use failure::{Failure, Result};
pub mod board;
pub mod handle;
pub mod settings;

pub mod greeting;
pub mod pairing;

pub mod account;
pub mod card;
pub mod lookup;
pub mod order;
pub mod print;
pub mod receipt;
pub mod state;
pub mod voucher;

pub mod channel;
pub mod command;
pub mod content;
pub mod file;
pub mod upload;
pub mod watch;

/// Every route that takes and answers JSON.
pub const ROUTES: &[&[Route]] = &[
    pairing::ROUTES,
    greeting::ROUTES,
    lookup::ROUTES,
    account::ROUTES,
    order::ROUTES,
    print::ROUTES,
    card::ROUTES,
    voucher::ROUTES,
    channel::ROUTES,
    content::ROUTES,
];

/// The path in front of every route here.
pub const PREFIX: &str = "/api/kiosk/v1";
