//! The store: entities, the one way to write (`Store::transact`), the hot path of money, jobs and
//! readings, on SQLite or PostgreSQL.
//!
//! Only this crate and `migrations` name the database libraries. Nothing here decides what a
//! payment means; `vending` decides, the store applies it at once or not at all.

pub mod store;
pub use store::{Store, StoreOptions};
pub mod error;
pub use error::StoreError;
pub mod entity;

mod postgres;
mod sqlite;
