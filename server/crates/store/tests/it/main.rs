//! The store on both databases.

mod backup;
mod base;
mod credit;
mod gateway;
mod job;
mod ledger;
mod reading;
mod schema;
mod site;
mod stop;
mod transact;
