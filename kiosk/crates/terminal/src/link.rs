//! The line to the server: requests with an answer or a named reason for none, and the channel
//! beside the money with its fall-back.
//!
//! The link repeats nothing by itself but one request the server has refused to hear (401: greet
//! again); what may be repeated is the session's to know. It decides nothing about money.

mod backoff;
mod channel;
mod http;
mod line;
mod open;
mod outbox;
mod route;
mod server;
mod socket;
mod time;
mod trust;

pub use backoff::Backoff;
pub use channel::{
    ASK_EVERY_MS, Act, Channel, DEAF_MS, Input, PING_EVERY_MS, RECONNECT_MAX_MS, SILENCE_MAX_MS,
};
pub use http::{BODY_MAX, CHUNK_MS, Download};
pub use line::{Ears, Line, Mouth, Pulse, TURN_MAX_MS};
pub use open::{PairingEnd, pair};
pub use outbox::{OUTBOX_BYTES_MAX, OUTBOX_MAX, Outbox};
pub use route::{Kind, Route, route};
pub use server::{Link, LinkError, LinkSettings, RENEW_BEFORE_MS, Standing};
pub use time::{
    JUMP_MS, PUSH_LATE_MAX_MS, RTT_MAX_MS, SKEW_STOP_MS, SKEW_WARN_MS, ServerTime, Skew,
};
pub use trust::{Trust, TrustError};
