//! The minimum of M-Bus, EN 13757-2 and -3 (`meters.md` E): link frames, and the answer of a meter
//! as a list of records. Enough for a gas or heat meter; Chinese "M-Bus" water meters usually carry
//! CJ/T 188 over the same wires.

mod frame;
pub use frame::{ADDRESS_ALL, ADDRESS_SELECTED, FRAME_LEN_MAX, Frame, decode};
mod record;
pub use record::{Header, RECORDS_MAX, Record, RecordError, VariableData, Volume};
