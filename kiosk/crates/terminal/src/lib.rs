//! The kiosk without a window: everything that has to be right while nobody looks, testable
//! without a screen. The page draws a [`view::View`] and sends [`intent::Intent`]s; it holds no
//! truth, so it may be killed and drawn again at any moment.

pub mod advert;
pub mod ambient;
pub mod calendar;
pub mod call;
pub mod card;
pub mod clock;
pub mod command;
pub mod config;
pub mod device;
pub mod disk;
pub mod engine;
pub mod health;
pub mod hex;
pub mod intent;
pub mod join;
pub mod journal;
pub mod kiosk;
pub mod link;
pub mod printer;
pub mod receipt;
pub mod remote;
pub mod screen;
pub mod session;
pub mod view;
pub mod words;
