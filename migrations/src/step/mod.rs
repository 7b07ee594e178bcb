//! The steps, in the order they are applied.

pub mod append_only;
pub mod binding;
pub mod call;
pub mod challenge;
pub mod directory;
pub mod framing;
pub mod job;
pub mod kiosk;
pub mod kiosk_sale;
pub mod kiosk_sequence;
pub mod ledger;
pub mod lookup;
pub mod meter_epoch;
pub mod notice;
pub mod operator;
pub mod order;
pub mod person;
pub mod premises;
pub mod reading;
pub mod reading_gap;
pub mod tenant_look;
pub mod tenant_order;
pub mod truncate;
pub mod vend;
