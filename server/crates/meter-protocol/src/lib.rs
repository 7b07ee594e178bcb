//! The bytes meters and their modems speak: DL/T 645, CJ/T 188, Modbus RTU and DTU framings.
//!
//! Every codec is a pure function over a buffer the caller owns. It answers [`Decoded`]: a frame,
//! *need more*, or *skip*; it always makes progress, never panics and never allocates past a named
//! bound. Golden bytes come from captures and standards (`tests/frames.json`), never from here.
//!
//! Invariant: this crate depends on no crate of the workspace, does no I/O, has no clock and knows
//! money only as integer fields of a frame; proved by
//! `dependencies_point_only_in_the_agreed_directions`.

pub mod decoded;
pub use decoded::Decoded;
pub mod payload;
pub use payload::{Payload, PayloadTooLong};
pub mod bcd;
pub mod checksum;
pub use bcd::{BcdError, bcd_from_u64, bcd_to_i64, bcd_to_u64};
pub mod meter_time;
pub use meter_time::{MeterTime, MeterTimeError};
pub mod scaled;
pub use scaled::Scaled;
pub mod hex;

pub mod dlt645;
pub mod dlt645_1997;

pub mod cjt188;

pub mod modbus;

pub mod mbus;

pub mod acrel_4g;
pub mod dtu;

pub mod protocol;
pub use protocol::Protocol;
pub mod compose;
pub mod describe;
