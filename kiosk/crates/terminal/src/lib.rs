//! The kiosk without a window: everything that has to be right while nobody looks, testable
//! without a screen. The page draws a [`view::View`] and sends [`intent::Intent`]s; it holds no
//! truth, so it may be killed and drawn again at any moment.

pub mod calendar;
pub mod call;
pub mod card;
pub mod intent;
pub mod printer;
pub mod receipt;
pub mod view;
