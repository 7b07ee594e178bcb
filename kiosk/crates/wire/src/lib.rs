//! What the kiosk and the server say to each other, as types both are built from: a field that one
//! side renames no longer compiles on the other.
//!
//! Money is fen, energy Wh, water litres, all `i64`. Durations are `*_ms`, counted by the
//! receiver's own monotonic clock: a moment of the server is never compared with the wall clock of
//! a kiosk. Binary values are lower-case hexadecimal. Unknown fields are ignored, so that an older
//! kiosk understands a newer server; unknown verbs of a command are refused by name.

pub mod account;
pub mod card;
pub mod card_format;
pub mod channel;
pub mod command;
pub mod content;
pub mod device;
pub mod heartbeat;
pub mod order;
pub mod receipt;
pub mod signed;
pub mod text;
