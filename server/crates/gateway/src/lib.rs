//! gateway
pub mod command;
pub mod counter;
pub mod event;
pub mod item;
pub mod profile;
pub mod schedule;
pub mod timing;
