//! The kiosk's cables against simulators and readers that share no code with it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod advert;
mod card;
#[cfg(feature = "pcsc")]
mod card_pcsc;
mod command;
mod faulty;
mod join;
mod kiosk;
mod line;
mod link;
mod logo;
mod printer;
mod receipt;
mod tls;
mod work;
