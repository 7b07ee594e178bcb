//! The kiosk without a window, from outside: what it does with a server that is late, wrong or
//! gone, and with its own disk cut short.

// A whole binary of tests: what goes wrong here should end the test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod faulty;

mod advert;
mod command;
mod line;
mod link;
mod tls;
mod work;
