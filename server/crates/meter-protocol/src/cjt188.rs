//! CJ/T 188, water, heat and gas meters (`meters.md` C).
//!
//! No +33H, one start byte. Meters differ in the byte order of the data identifier and in the bit
//! order of the status byte, so both are flags of the meter profile ([`Dialect`]).

mod address;
pub use address::{Address, AddressError, MeterType};
mod frame;
pub use frame::{DATA_LEN_CEILING, DATA_LEN_MAX, FRAME_LEN_MAX, Frame, decode, decode_at_end};
mod dialect;
pub use dialect::{Di, DiError, DiOrder, Dialect, Status, Valve};
mod request;
pub use request::{Command, Request, RequestError};
mod reading;
pub use reading::{Flow, FlowReading, PurchaseRecord, ReadingError, Unit};
mod reply;
pub use reply::{Mismatch, Reply};
