//! Modbus RTU on a shared transparent line (`meters.md` B; functions 03, 04, 06, 10).
//!
//! RTU frames carry no length and, over TCP, no silence either: the expected length is known from
//! the request before it is sent, and the reply is looked for with the request in hand. An
//! unfitting header is then dropped at once instead of stalling the line (B.4).

mod request;
pub use request::{
    READ_REGISTERS_MAX, Registers, Request, RequestError, WRITE_REGISTERS_MAX, decode_request,
};
mod reply;
pub use reply::{
    Adu, Exception, FRAME_LEN_MAX, Mismatch, REPLY_LEN_MIN, Reply, decode_reply,
    decode_reply_at_end,
};
