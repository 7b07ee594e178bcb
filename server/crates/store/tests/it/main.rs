//! The store on both databases.

mod base;
mod credit;
mod schema;
mod site;
mod transact;
