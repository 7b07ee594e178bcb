//! The store: entities, the one way to write (`Store::transact`), the hot path of money, jobs and
//! readings, on SQLite or PostgreSQL.
//!
//! Only this crate and `migrations` name the database libraries. Nothing here decides what a
//! payment means; `vending` decides, the store applies it at once or not at all.

pub mod store;
pub use store::{Store, StoreOptions};
pub mod tx;
pub use tx::Tx;
pub mod error;
pub use error::StoreError;
pub mod entity;

pub mod row;
pub use row::insert;
pub mod attempt;
pub mod credit;
pub mod fact;
pub mod order;
pub mod timeline;
pub use credit::{Credit, Credited};
pub mod account;
pub mod billing;
pub mod job;
pub mod ledger;
pub mod meter;
pub mod meter_epoch;
pub mod setting;
pub mod site;
pub mod supply;
pub mod tariff;
pub mod vend;
pub mod work_item;

pub mod binding;
pub mod meter_tag;
pub mod notice;
pub mod order_tenant;
pub mod person;
pub mod rate;
pub mod shipping;
pub mod sms_challenge;

pub mod kiosk;

pub mod idempotency;
pub mod operation_log;
pub mod operator;
pub mod overview;

pub mod backup;
pub mod gateway;
pub mod reading;
pub mod retention;
pub mod roster;
pub mod story;

pub mod clock;

mod bulk;
mod checkpoint;
mod postgres;
mod signal;
mod sqlite;
mod unit;
mod writer;
