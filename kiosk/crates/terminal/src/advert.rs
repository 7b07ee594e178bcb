//! What stands on the kiosk while nobody pays: the home screen's content, its files by their
//! digests, the playlist by the clock, the proof of what was shown, and the loopback server the
//! page plays them from.
//!
//! It knows no customer and no money. New content replaces the last good one only when a page has
//! said that it shows it.

mod billboard;
mod check;
mod desk;
mod fetch;
mod keeper;
mod media;
mod playlist;
mod proof;
mod sniff;
mod store;

pub use billboard::{Billboard, Poster, QUICK_MAX, Seen};
pub use check::{SECONDS_MAX, TEXT_CHARS_MAX, TIPS_MAX, check};
pub use desk::{CONFIRM_MS, Desk, TRIES_MAX};
pub use fetch::{Broken, FetchEnd, fetch};
pub use keeper::{Keeper, RETRY_MAX_MS};
pub use media::{CONNECTIONS_MAX, Media};
pub use playlist::{Rota, is_due, local};
pub use proof::{PLAYS_MAX, Proof, TELL_EVERY_MS};
pub use sniff::{HEAD_BYTES, media_type};
pub(crate) use store::free;
pub use store::{FREE_MIN, QUOTA, Store};
