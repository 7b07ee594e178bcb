//! The store on both databases.

// A whole binary of tests: what goes wrong here should end the test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backup;
mod base;
mod binding;
mod credit;
mod gateway;
mod job;
mod kiosk;
mod ledger;
mod lookup;
mod meter_tag;
mod notice;
mod order_tenant;
mod person;
mod rate;
mod reading;
mod retention;
mod schema;
mod shipping;
mod site;
mod sms_challenge;
mod stop;
mod timeline;
mod transact;
