//! The store on both databases.

mod base;
mod schema;
