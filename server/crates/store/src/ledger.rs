//! The books on disk: transactions, postings, purses and holds.
//!
//! Which accounts a business event moves is decided by the crate `ledger` and `vending::posting`;
//! here the same rules as in `ledger::Book` meet rows, on either database.

use domain::{OrderId, ProjectId, TransactionId, VendId};
use ledger::Transaction;

mod rows;
pub(crate) use rows::{Movement, movements};
mod post;
pub use post::{by_key, post};
mod balance;
pub use balance::{after_order, balance, hold, open_holds};
mod audit;
pub mod statement;
pub use audit::{AuditError, AuditReport};

/// A transaction of the ledger with what the rows say besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Its id, made by the caller.
    pub id: TransactionId,
    /// The project whose books they are.
    pub project: ProjectId,
    /// The order it belongs to.
    pub order: Option<OrderId>,
    /// The vend it belongs to.
    pub vend: Option<VendId>,
    /// A remark for people.
    pub memo: Option<String>,
    /// The event itself.
    pub transaction: Transaction,
}
