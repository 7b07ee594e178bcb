//! Meters, buses and DTUs on the far side of a real wire. This crate shares no code with the
//! product: it has its own encoding and decoding of every format and keeps its own books of what
//! was really applied, so that it can contradict the product.
//!
//! The core (meters, bus, faults) is pure: times and bytes in, bytes out, dice from a seed.
//! `site` and `session` put it behind sockets; `control` lets another process look inside;
//! `swarm` and `idle` are the large, simple populations of the benchmarks.

pub mod bcd;
pub mod cjt188;
pub mod clock;
pub mod command;
pub mod config;
pub mod control;
pub mod dlt645;
pub mod framing;
pub mod idle;
pub mod knob;
pub mod modbus;
pub mod site;
pub mod swarm;

mod acrel;
mod bus;
mod eastron;
mod exchange;
mod fault;
mod generic;
mod items;
mod listen;
mod load_record;
mod meter;
mod meter_1997;
mod meter_2007;
mod prepay;
mod purse;
mod relay;
mod session;
mod slave;
mod snapshot;
mod usage;
mod water;

pub use bus::BusCounters;
pub use config::{BusConfig, Firmware, KnobLine, MeterConfig, MeterKind, ScriptLine};
pub use config::{SiteConfig, SiteError};
pub use framing::Framing;
pub use knob::{Knob, Setting};
pub use purse::{AppliedTopup, Origin};
pub use relay::Cause;
pub use site::{MeterHandle, Oracle, Site};
pub use snapshot::{LoggedExchange, Outcome, RelayMove, Snapshot};

#[cfg(test)]
mod tests;
