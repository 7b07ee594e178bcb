//! What modems (DTU) put around the meter's bytes (`meters.md` D).
//!
//! A [`Deframer`] lives as long as one connection: it takes the received bytes and answers events,
//! and it wraps what goes down. It never parses meter frames and never hands any bytes on before
//! the modem has named itself.

mod event;
pub use event::{Event, Line};
mod pattern;
pub use pattern::{Charset, IdLength, Match, Pattern};
mod deframer;
pub use deframer::{DOWNLINK_LEN_MAX, Deframer, DownlinkError, Framing, UNREGISTERED_LEN_MAX};
mod plain;
pub use plain::{Plain, STRIP_LEN_MIN};
mod four_faith;
mod hongdian;
